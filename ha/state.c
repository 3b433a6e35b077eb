/* What is known of the members: who is lost, silent or back, and what each has said of itself. */
#include "ha/group_inside.h"
#include "ha/pick.h"
#include "base/log.h"
#include <string.h>

#define BACKOFF_FIRST_SHIFT 3  /* an eighth of the interval */
#define BACKOFF_LAST_SHIFT 6   /* eight intervals */

void news_tell(const struct news *news)
{
	switch (news->what) {
	case NEWS_NONE:
		break;
	case NEWS_LOST:
		log_warn("ha", "member lost name=%s err=%s inflight=%u", news->member->name, err_name(news->err), news->outstanding);
		news->member->ops->drop(news->member);
		break;
	case NEWS_OUT:
		log_error("ha", "no member left members=%zu", news->count);
		break;
	case NEWS_BACK:
		log_info("ha", "member back name=%s", news->member->name);
		break;
	case NEWS_SILENT:
		log_debug("ha", "member silent name=%s inflight=%u", news->member->name, news->outstanding);
		break;
	case NEWS_STRANGER:
		log_error("ha", "member belongs to another cluster than the others: correct [member %s] in craton.conf name=%s",
		          news->member->name, news->member->name);
		break;
	}
}

/* A quarter more or less by chance, so that many processes do not knock in step. */
static int64_t jittered(int64_t delay)
{
	uint16_t chance;
	random_bytes(&chance, sizeof chance);
	return delay - delay / 4 + delay * chance / (2 * (UINT16_MAX + 1)) + 1;
}

static bool is_everybody_lost(const struct group *group)
{
	return group->lost_count == group->count;
}

/* Exponential while others are there; while nobody is, once per interval. */
static int64_t delay_ms(const struct group *group, unsigned probes)
{
	unsigned shift = probes < BACKOFF_LAST_SHIFT ? probes : BACKOFF_LAST_SHIFT;
	int64_t interval = group->settings.recovery_interval_ms;
	return jittered(is_everybody_lost(group) ? interval : (interval << shift) >> BACKOFF_FIRST_SHIFT);
}

static void plan_probe(const struct group *group, struct member *member)
{
	int64_t retries = group->settings.recovery_retries;
	bool is_given_up = retries >= 0 && (int64_t)member->probes >= retries;
	member->failed_at_ms = clock_ms();
	member->probe_at_ms = is_given_up ? DEADLINE_NEVER : member->failed_at_ms + delay_ms(group, member->probes);
}

/* When the last member known to be there is lost, another may have come back since it was last tried: each is tried at once. */
static void try_everybody(struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		group->members[i]->probe_at_ms = 0;
}

/* Not so before each was tried since the last loss: others may be back and not noticed yet. */
static bool is_nobody_there(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!group->members[i]->lost || group->members[i]->tried != group->losses)
			return false;
	return true;
}

struct news member_still_lost_locked(struct group *group, struct member *member, uint64_t losses)
{
	member->probes++;
	member->tried = losses;
	plan_probe(group, member);
	if (is_everybody_lost(group) && losses != group->losses)
		member->probe_at_ms = 0; /* it began too early to tell */
	if (group->is_out || !is_nobody_there(group))
		return (struct news){ .what = NEWS_NONE };
	group->is_out = true;
	group->out_at_ms = clock_ms();
	group->total_losses++;
	pthread_cond_broadcast(&group->news);
	return (struct news){ .what = NEWS_OUT, .count = group->count };
}

struct news member_lose_locked(struct group *group, struct member *member, enum err err)
{
	if (member->lost)
		return (struct news){ .what = NEWS_NONE };
	member->lost = true;
	member->suspect = false;
	member->probes = 0;
	group->losses++;
	group->lost_count++;
	plan_probe(group, member);
	if (is_everybody_lost(group))
		try_everybody(group);
	recovery_start_locked(group);
	pthread_cond_broadcast(&group->news);
	return (struct news){ NEWS_LOST, member, err, member->outstanding, group->count };
}

void member_look_again_locked(struct group *group, struct member *member)
{
	bool is_forgotten = member->probe_at_ms == DEADLINE_NEVER && !member->is_probed && !group->has_thread;
	if ((member->lost || member->suspect) && is_forgotten)
		member->probe_at_ms = clock_ms() + jittered(group->settings.recovery_interval_ms);
}

struct news member_suspect_locked(struct group *group, struct member *member)
{
	if (member->lost || member->suspect)
		return (struct news){ .what = NEWS_NONE };
	member->suspect = true;
	member->probe_at_ms = 0;
	recovery_start_locked(group);
	return (struct news){ .what = NEWS_SILENT, .member = member, .outstanding = member->outstanding };
}

/* When one is back after nobody was there, the others may be about to be: the time between looks for them grows from the beginning. */
static void look_anew(struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		group->members[i]->probes = 0;
	try_everybody(group);
	recovery_start_locked(group);
}

struct news member_back_locked(struct group *group, struct member *member)
{
	bool was_nobody = is_everybody_lost(group);
	member->suspect = false;
	if (!member->lost)
		return (struct news){ .what = NEWS_NONE };
	member->lost = false;
	member->rests_until_ms = member->rest_ms = 0;
	group->lost_count--;
	group->is_out = false;
	if (was_nobody)
		look_anew(group);
	pthread_cond_broadcast(&group->news);
	return (struct news){ .what = NEWS_BACK, .member = member };
}

void member_heard_locked(struct group *group, struct member *member, const Craton__Reply *reply)
{
	member->duty = reply->duty;
	member_index_heard(member, reply->index, clock_ms());
	if (reply->index > group->index_seen)
		group->index_seen = reply->index;
}

/* A cluster that is so new that it has no id yet says nothing of it. */
static bool is_stranger_locked(struct group *group, const ProtobufCBinaryData *cluster)
{
	struct id id;
	if (!id_from_bytes(&id, cluster->data, cluster->len) || id_is_zero(&id))
		return false;
	if (id_is_zero(&group->cluster))
		group->cluster = id;
	return !id_equal(&group->cluster, &id);
}

enum err member_welcomes(struct group *group, struct member *member, const Craton__Reply *reply)
{
	struct news news = { .what = NEWS_NONE };
	pthread_mutex_lock(&group->lock);
	bool is_stranger = is_stranger_locked(group, &reply->hello->cluster);
	if (is_stranger && !member->is_stranger)
		news = (struct news){ .what = NEWS_STRANGER, .member = member };
	member->is_stranger = is_stranger;
	if (!is_stranger)
		member_heard_locked(group, member, reply);
	pthread_mutex_unlock(&group->lock);
	news_tell(&news);
	return is_stranger ? ERR_REFUSED : ERR_OK;
}
