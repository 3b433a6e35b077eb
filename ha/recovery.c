/* Losing members and getting them back. */
#include "ha/group_inside.h"
#include "base/id.h"
#include "base/log.h"
#include <signal.h>

#define BACKOFF_FIRST_SHIFT 3  /* an eighth of the interval */
#define BACKOFF_LAST_SHIFT 6   /* eight intervals */

void news_tell(const struct news *news)
{
	switch (news->what) {
	case NEWS_NONE:
		break;
	case NEWS_LOST:
		log_warn("ha", "member lost name=%s err=%s inflight=%u", news->member->name, err_name(news->err), news->outstanding);
		break;
	case NEWS_OUT:
		log_error("ha", "no member left members=%zu", news->count);
		break;
	case NEWS_BACK:
		log_info("ha", "member back name=%s", news->member->name);
		break;
	}
}

/* Exponential, and a quarter more or less by chance, so that many processes do not knock in step. */
static int64_t backoff_ms(const struct group *group, unsigned probes)
{
	unsigned shift = probes < BACKOFF_LAST_SHIFT ? probes : BACKOFF_LAST_SHIFT;
	int64_t delay = (group->settings.recovery_interval_ms << shift) >> BACKOFF_FIRST_SHIFT;
	uint16_t chance;
	random_bytes(&chance, sizeof chance);
	return delay - delay / 4 + delay * chance / (2 * (UINT16_MAX + 1)) + 1;
}

static void plan_probe(const struct group *group, struct member *member, enum err err)
{
	int64_t retries = group->settings.recovery_retries;
	bool is_given_up = retries >= 0 && (int64_t)member->probes >= retries;
	member->failed_at_ms = clock_ms();
	member->failed_slowly = err == ERR_TIMEOUT;
	member->probe_at_ms = is_given_up ? DEADLINE_NEVER : member->failed_at_ms + backoff_ms(group, member->probes);
}

/* That the last member known to be there is lost does not mean that all are: others may be back and not noticed yet. */
static bool is_nobody_there_locked(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		if (!group->members[i]->lost || group->members[i]->tried != group->losses)
			return false;
	return true;
}

struct news member_still_lost_locked(struct group *group, struct member *member, enum err err, uint64_t losses)
{
	member->probes++;
	member->tried = losses;
	plan_probe(group, member, err);
	if (group->is_out || !is_nobody_there_locked(group))
		return (struct news){ .what = NEWS_NONE };
	group->is_out = true;
	group->total_losses++;
	pthread_cond_broadcast(&group->news);
	return (struct news){ .what = NEWS_OUT, .count = group->count };
}

struct news member_lose_locked(struct group *group, struct member *member, enum err err)
{
	if (member->lost)
		return (struct news){ .what = NEWS_NONE };
	member->lost = true;
	member->probes = 0;
	plan_probe(group, member, err);
	group->losses++;
	group->lost_count++;
	if (group->lost_count == group->count)
		group->knock_at_ms = 0;
	recovery_start_locked(group);
	pthread_cond_broadcast(&group->news);
	return (struct news){ NEWS_LOST, member, err, member->outstanding, group->count };
}

struct news member_back_locked(struct group *group, struct member *member)
{
	if (!member->lost)
		return (struct news){ .what = NEWS_NONE };
	member->lost = false;
	member->rests_until_ms = 0;
	group->lost_count--;
	group->is_out = false;
	pthread_cond_broadcast(&group->news);
	return (struct news){ .what = NEWS_BACK, .member = member };
}

/* Called and returns with the lock held; lets go of it to probe and to speak. */
static bool probe_locked(struct group *group, struct member *member)
{
	uint64_t losses = group->losses;
	member->probe_at_ms = DEADLINE_NEVER; /* by no one else meanwhile */
	pthread_mutex_unlock(&group->lock);
	enum err err = member->ops->probe(member);
	pthread_mutex_lock(&group->lock);
	struct news news = { .what = NEWS_NONE };
	if (err == ERR_OK)
		news = member_back_locked(group, member);
	else if (member->lost)
		news = member_still_lost_locked(group, member, err, losses);
	pthread_mutex_unlock(&group->lock);
	news_tell(&news);
	pthread_mutex_lock(&group->lock);
	return err == ERR_OK;
}

static struct member *next_due_locked(const struct group *group)
{
	struct member *next = NULL;
	for (size_t i = 0; i < group->count; i++) {
		struct member *member = group->members[i];
		if (member->lost && (!next || member->probe_at_ms < next->probe_at_ms))
			next = member;
	}
	return next;
}

static void *recovery_run(void *argument)
{
	struct group *group = argument;
	pthread_mutex_lock(&group->lock);
	while (!group->stopping) {
		struct member *next = next_due_locked(group);
		int64_t at = next ? next->probe_at_ms : DEADLINE_NEVER;
		if (at > clock_ms())
			group_wait_locked(group, at);
		else
			probe_locked(group, next);
	}
	pthread_mutex_unlock(&group->lock);
	return NULL;
}

/* The application's signals are the application's: none is delivered to our thread. */
void recovery_start_locked(struct group *group)
{
	sigset_t all, before;
	if (group->has_thread || group->stopping || !group->settings.may_start_threads)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	group->has_thread = pthread_create(&group->thread, NULL, recovery_run, group) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* When the last member was only just lost, another may have come back since it was last tried: each is tried at
 * once, but for those that made us wait in vain. After that, each at most once per interval. */
static int64_t may_knock_at(const struct group *group, const struct member *member)
{
	bool is_first = group->knock_at_ms == 0 && !member->failed_slowly;
	return is_first ? 0 : member->failed_at_ms + group->settings.recovery_interval_ms;
}

static void knock_locked(struct group *group)
{
	group->knocking = true;
	for (size_t i = 0; i < group->count && !group->stopping; i++) {
		struct member *member = group->members[i];
		if (member->lost && may_knock_at(group, member) <= clock_ms() && probe_locked(group, member))
			break;
	}
	group->knocking = false;
	group->knock_at_ms = INT64_MAX;
	for (size_t i = 0; i < group->count; i++) {
		int64_t next = group->members[i]->failed_at_ms + group->settings.recovery_interval_ms;
		if (next < group->knock_at_ms)
			group->knock_at_ms = next;
	}
	pthread_cond_broadcast(&group->news);
}

bool group_knock(struct group *group, deadline_ms deadline)
{
	deadline_ms patience = deadline_in(group->settings.recovery_wait_ms);
	if (patience > deadline)
		patience = deadline;
	pthread_mutex_lock(&group->lock);
	while (!group->stopping && group->lost_count == group->count) {
		if (group->knocking)
			group_wait_locked(group, DEADLINE_NEVER); /* whoever knocks says so when done */
		else if (group->knock_at_ms <= clock_ms())
			knock_locked(group);
		else if (deadline_passed(patience))
			break;
		else
			group_wait_locked(group, group->knock_at_ms < patience ? group->knock_at_ms : patience);
	}
	bool is_back = group->lost_count < group->count && !group->stopping;
	pthread_mutex_unlock(&group->lock);
	return is_back;
}
