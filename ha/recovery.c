/* Getting lost members back: all that are due are probed side by side, so that one which swallows what is sent to it keeps no
 * other waiting. */
#include "ha/group_inside.h"
#include "ha/descriptors.h"
#include "ha/quiet_thread.h"
#include "wire/call.h"
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A member that is being probed. */
struct probe {
	struct member *member;
	struct line *line;
	uint64_t losses;        /* the group's when it began */
	struct awaited awaited;
};
struct probes {
	struct group *group;
	size_t count;
	struct probe list[MEMBERS_MAX];
};

/* ---- one probe */

static void probe_end(struct group *group, const struct probe *probe, enum err err)
{
	struct member *member = probe->member;
	struct news news = { .what = NEWS_NONE };
	pthread_mutex_lock(&group->lock);
	member->is_probed = false;
	if (err == ERR_OK)
		news = member_back_locked(group, member);
	else if (member->lost)
		news = member_still_lost_locked(group, member, probe->losses);
	else if (member->suspect && !group->stopping)
		news = member_lose_locked(group, member, err);
	pthread_mutex_unlock(&group->lock);
	news_tell(&news);
}

/* False while there is more to wait for. */
static bool probe_on(struct group *group, struct probe *probe)
{
	Craton__Reply *reply;
	enum said said;
	enum err err = probe->member->ops->hear(probe->member, &probe->line, &said, &reply, &probe->awaited);
	if (err == ERR_OK && said == SAID_NOTHING)
		return false;
	if (err == ERR_OK && said != SAID_FULL) /* which is a sign of life */
		err = said == SAID_HELLO ? member_welcomes(group, probe->member, reply) : ERR_MALFORMED;
	reply_free(reply);
	if (probe->line)
		probe->member->ops->let_go(probe->member, probe->line, err == ERR_OK ? LINE_FREE : LINE_BAD);
	probe_end(group, probe, err);
	return true;
}

static void probe_begin(struct probes *probes, struct probe probe)
{
	enum err err = probe.member->ops->ask(probe.member, &probe.line, NULL);
	if (err != ERR_OK)
		probe_end(probes->group, &probe, err);
	else if (!probe_on(probes->group, &probe))
		probes->list[probes->count++] = probe;
}

/* ---- all that are due */

static bool is_due(const struct member *member, int64_t now_ms)
{
	return (member->lost || member->suspect) && !member->is_probed && member->probe_at_ms <= now_ms;
}

static size_t take_due_locked(struct group *group, struct probe *due)
{
	size_t count = 0;
	int64_t now_ms = clock_ms();
	for (size_t i = 0; i < group->count; i++) {
		struct member *member = group->members[i];
		if (!is_due(member, now_ms))
			continue;
		member->is_probed = true;
		due[count++] = (struct probe){ .member = member, .losses = group->losses };
	}
	return count;
}

static void probes_begin(struct probes *probes)
{
	struct probe due[MEMBERS_MAX];
	pthread_mutex_lock(&probes->group->lock);
	size_t count = take_due_locked(probes->group, due);
	pthread_mutex_unlock(&probes->group->lock);
	for (size_t i = 0; i < count; i++)
		probe_begin(probes, due[i]);
}

/* Until one has something to say, `wake` (if not -1) is readable, or `until`. */
static void probes_wait(struct probes *probes, int wake, deadline_ms until)
{
	struct pollfd wanted[MEMBERS_MAX + 1];
	for (size_t i = 0; i < probes->count; i++) {
		const struct awaited *awaited = &probes->list[i].awaited;
		wanted[i] = (struct pollfd){ .fd = awaited->fd, .events = awaited->events };
		until = awaited->until < until ? awaited->until : until;
	}
	wanted[probes->count] = (struct pollfd){ .fd = wake, .events = POLLIN };
	poll(wanted, probes->count + 1, deadline_left(until));
}

static void probes_go_on(struct probes *probes)
{
	size_t left = 0;
	for (size_t i = 0; i < probes->count; i++)
		if (!probe_on(probes->group, &probes->list[i]))
			probes->list[left++] = probes->list[i];
	probes->count = left;
}

static void probes_end(struct probes *probes)
{
	for (size_t i = 0; i < probes->count; i++)
		probes->list[i].member->ops->let_go(probes->list[i].member, probes->list[i].line, LINE_BAD);
}

/* ---- the thread */

static int64_t next_due_locked(const struct group *group)
{
	int64_t next = DEADLINE_NEVER;
	for (size_t i = 0; i < group->count; i++) {
		const struct member *member = group->members[i];
		if ((member->lost || member->suspect) && !member->is_probed && member->probe_at_ms < next)
			next = member->probe_at_ms;
	}
	return next;
}

static void *recovery_run(void *argument)
{
	struct group *group = argument;
	struct probes probes = { .group = group };
	char ignored[64];
	for (;;) {
		pthread_mutex_lock(&group->lock);
		bool stopping = group->stopping;
		int64_t until = next_due_locked(group);
		pthread_mutex_unlock(&group->lock);
		if (stopping)
			break;
		probes_wait(&probes, group->wake[0], until);
		while (recv(group->wake[0], ignored, sizeof ignored, MSG_DONTWAIT) > 0)
			;
		probes_go_on(&probes);
		probes_begin(&probes);
	}
	probes_end(&probes);
	return NULL;
}

static void close_wake(struct group *group)
{
	for (int i = 0; i < 2; i++) {
		descriptor_closing(group->wake[i]);
		close(group->wake[i]);
	}
}

static bool start(struct group *group)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, group->wake) < 0)
		return false;
	descriptor_opened(group->wake[0]);
	descriptor_opened(group->wake[1]);
	bool is_started = quiet_thread_start(&group->thread, recovery_run, group);
	if (!is_started)
		close_wake(group);
	return is_started;
}

void recovery_start_locked(struct group *group)
{
	if (group->has_thread)
		send(group->wake[1], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* if it is full, it is awake */
	else if (!group->stopping && group->settings.may_start_threads)
		group->has_thread = start(group);
}

void recovery_end(struct group *group)
{
	send(group->wake[1], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	pthread_join(group->thread, NULL);
	close_wake(group);
}

/* ---- when every member is lost */

/* Without the thread a call does its work, one for all that wait. */
static void knock_locked(struct group *group, deadline_ms deadline)
{
	struct probes probes = { .group = group };
	group->knocking = true;
	pthread_mutex_unlock(&group->lock);
	probes_begin(&probes);
	while (probes.count && !deadline_passed(deadline)) {
		probes_wait(&probes, -1, deadline);
		probes_go_on(&probes);
	}
	for (size_t i = 0; i < probes.count; i++)
		probe_end(group, &probes.list[i], ERR_TIMEOUT);
	probes_end(&probes);
	pthread_mutex_lock(&group->lock);
	group->knocking = false;
	pthread_cond_broadcast(&group->news);
}

/* Given up, or not to be looked for before long; and nobody has begun to lately. */
static bool is_far_off(const struct group *group, const struct member *member, int64_t now_ms)
{
	int64_t interval_ms = group->settings.recovery_interval_ms;
	int64_t looked_at_ms = member->sought_at_ms > member->failed_at_ms ? member->sought_at_ms : member->failed_at_ms;
	return member->lost && !member->is_probed && looked_at_ms + interval_ms <= now_ms && member->probe_at_ms > now_ms + interval_ms;
}

void recovery_hurry_locked(struct group *group)
{
	int64_t now_ms = clock_ms();
	bool is_news = false;
	for (size_t i = 0; i < group->count; i++) {
		struct member *member = group->members[i];
		if (!is_far_off(group, member, now_ms))
			continue;
		member->probe_at_ms = 0;
		is_news = true;
	}
	if (is_news)
		recovery_start_locked(group);
}

/* When a call that waits for all that are lost has to look again whether it has to hurry. */
static int64_t next_hurry(const struct group *group)
{
	return group->settings.recovery_retries < 0 ? DEADLINE_NEVER : clock_ms() + group->settings.recovery_interval_ms;
}

/* How long a call waits: until it is certain that nobody is there, and then so long. */
static deadline_ms patience_locked(const struct group *group, deadline_ms deadline, int64_t wait_ms)
{
	deadline_ms patience = group->is_out ? group->out_at_ms + wait_ms : deadline;
	return patience < deadline ? patience : deadline;
}

bool group_knock(struct group *group, deadline_ms deadline, int64_t wait_ms)
{
	pthread_mutex_lock(&group->lock);
	while (!group->stopping && group->lost_count == group->count) {
		recovery_hurry_locked(group);
		deadline_ms patience = patience_locked(group, deadline, wait_ms), due = next_hurry(group);
		bool is_ours = !group->has_thread && !group->knocking;
		if (is_ours && next_due_locked(group) < due)
			due = next_due_locked(group);
		if (is_ours && due <= clock_ms())
			knock_locked(group, deadline);
		else if (deadline_passed(patience))
			break;
		else
			group_wait_locked(group, due < patience ? due : patience);
	}
	bool is_back = group->lost_count < group->count && !group->stopping;
	pthread_mutex_unlock(&group->lock);
	return is_back;
}
