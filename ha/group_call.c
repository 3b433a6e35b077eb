/* The walk of one call: from member to member until one has answered. Usually that is one question and one answer. A member that is
 * silent for longer than it should be has another asked beside it, and the first answer is the call's. */
#include "ha/walk.h"
#include "base/log.h"
#include <poll.h>
#include <string.h>

#define PAUSE_FIRST_MS 10
#define PAUSE_LAST_MS 250

/* What was gone must not be there again at a member that is behind, though its users ask for no more than its birth. */
static uint64_t index_min_of(struct group *group, const struct question *question)
{
	if (!question->index_min)
		return group_index_seen(group);
	uint64_t gone = question->about ? atomic_load(&question->about->gone_by) : 0;
	return question->index_min > gone ? question->index_min : gone;
}

static void walk_begin(struct walk *walk, struct group *group, struct question *question)
{
	int64_t command_ms = group->settings.command_ms;
	walk->group = group;
	walk->question = question;
	walk->kind = question_kind(&question->request);
	walk->index_min = index_min_of(group, question);
	walk->deadline = deadline_in(command_ms);
	walk->last = deadline_in(command_ms * COMMANDS_MAX);
	walk->tried = 0;
	walk->has_others = walk->wants_another = false;
	walk->won_ms = 0;
	walk->pause_ms = PAUSE_FIRST_MS;
	walk->again_at = DEADLINE_NEVER;
	walk->count = 0;
	walk->err = ERR_CLOSED;
	walk->fault = NULL;
}

/* Before the next round; longer each time. */
static int64_t pause_for(struct walk *walk)
{
	int64_t pause_ms = walk->pause_ms;
	walk->pause_ms = pause_ms * 2 < PAUSE_LAST_MS ? pause_ms * 2 : PAUSE_LAST_MS;
	return pause_ms;
}

/* ---- asking, and waiting */

static void hurry(struct group *group)
{
	pthread_mutex_lock(&group->lock);
	recovery_hurry_locked(group);
	pthread_mutex_unlock(&group->lock);
}

/* Nobody to ask beside those that are at it. But those that could not serve a moment ago may be able to soon, and those that are lost may be
 * back; while the last one asked is silent, that is looked for again and again. */
static void wait_for_others(struct walk *walk)
{
	walk->wants_another = false;
	if (!walk->count)
		return;
	struct attempt *last = &walk->attempts[walk->count - 1];
	bool is_slow = walk_is_only_slow(walk);
	last->was_silent |= deadline_passed(last->another_at);
	last->another_at = is_slow ? last->heard_ms + walk_silence_ms(walk, last) : DEADLINE_NEVER;
	if (!is_slow)
		hurry(walk->group);
	if (!is_slow || (walk->fault && last->is_alive))
		walk->again_at = clock_ms() + pause_for(walk);
}

static enum step ask_another(struct walk *walk, bool *is_anyone, Craton__Reply **reply)
{
	struct attempt attempt;
	*is_anyone = walk_borrow(walk, &attempt);
	if (!*is_anyone) {
		wait_for_others(walk);
		return STEP_ON;
	}
	walk_leave_behind(walk);
	walk->wants_another = false;
	attempt.share_ms = walk_share_of_time(walk);
	walk->question->request.timeout_ms = (uint32_t)attempt.share_ms;
	walk->attempts[walk->count++] = attempt;
	enum err err = attempt_begin(&walk->attempts[walk->count - 1], walk->question);
	return err == ERR_OK ? walk_hear(walk, walk->count - 1, reply) : walk_lost(walk, walk->count - 1, err, reply);
}

/* A new round, but for those that are at it. */
static bool is_time_again(struct walk *walk)
{
	if (!deadline_passed(walk->again_at))
		return false;
	walk->again_at = DEADLINE_NEVER;
	walk->tried = 0;
	for (size_t i = 0; i < walk->count; i++)
		walk->tried |= 1u << walk->attempts[i].member->number;
	return true;
}

static bool wants_another(struct walk *walk)
{
	if (!walk->count)
		return !deadline_passed(walk->deadline);
	bool is_time = walk->wants_another || deadline_passed(walk->attempts[walk->count - 1].another_at) || is_time_again(walk);
	return is_time && walk->count < ATTEMPTS_MAX && !deadline_passed(walk->deadline);
}

/* When another may have to be asked. Late in a call that is only when one that was at work is silent for too long. */
static deadline_ms next_ask(const struct walk *walk)
{
	const struct attempt *last = &walk->attempts[walk->count - 1];
	if (walk->count == ATTEMPTS_MAX)
		return DEADLINE_NEVER;
	if (!deadline_passed(walk->deadline))
		return sooner(last->another_at, walk->again_at);
	return last->is_alive ? later(last->another_at, last->heard_ms + HEARTBEAT_MISSED_MS) : DEADLINE_NEVER;
}

/* Until one of those asked has something to say, or it is time for another. */
static void wait_for_any(struct walk *walk, struct pollfd *wanted)
{
	deadline_ms until = walk->last;
	for (size_t i = 0; i < walk->count; i++) {
		struct attempt *attempt = &walk->attempts[i];
		attempt->until = sooner(walk_patience(walk, attempt), walk->last);
		wanted[i] = (struct pollfd){ .fd = attempt->awaited.fd, .events = attempt->awaited.events };
		until = sooner(until, sooner(attempt->until, attempt->awaited.until));
	}
	until = sooner(until, next_ask(walk));
	if (poll(wanted, walk->count, deadline_left(until)) < 0)
		memset(wanted, 0, walk->count * sizeof *wanted); /* a signal: look at the time */
}

static enum step go_on(struct walk *walk, Craton__Reply **reply)
{
	struct pollfd wanted[ATTEMPTS_MAX];
	enum step step = STEP_ON;
	wait_for_any(walk, wanted);
	for (size_t i = walk->count; i-- && step == STEP_ON;) { /* backwards: one that ends is taken out */
		struct attempt *attempt = &walk->attempts[i];
		bool has_more = wanted[i].revents || deadline_passed(attempt->awaited.until);
		if (has_more && !deadline_passed(walk->last))
			step = walk_hear(walk, i, reply);
		else if (deadline_passed(attempt->until))
			step = walk_silent(walk, i, reply);
	}
	if (step == STEP_ON)
		walk_notice_silence(walk);
	return step;
}

/* Until a member has answered, or everyone had a turn. */
static enum step round_of(struct walk *walk, Craton__Reply **reply)
{
	enum step step = STEP_ON;
	do {
		bool is_anyone = true;
		while (step == STEP_ON && is_anyone && wants_another(walk))
			step = ask_another(walk, &is_anyone, reply);
		if (step != STEP_ON || !walk->count)
			return step;
		step = go_on(walk, reply);
	} while (step == STEP_ON);
	return step;
}

/* Everyone had a turn and none could serve. Those that are there will be able to: wait a little. */
static bool next_round(struct walk *walk)
{
	struct group *group = walk->group;
	if (deadline_passed(walk->deadline))
		return false;
	pthread_mutex_lock(&group->lock);
	bool all_lost = group->lost_count == group->count;
	int64_t until_ms = clock_ms() + pause_for(walk);
	if (!all_lost && !group->stopping)
		group_wait_locked(group, sooner(until_ms, walk->deadline));
	bool stopping = group->stopping;
	pthread_mutex_unlock(&group->lock);
	walk->tried = 0;
	if (stopping || !all_lost)
		return !stopping;
	bool is_back = group_knock(group, walk->deadline, walk->question->is_look ? 0 : group->settings.recovery_wait_ms);
	if (!is_back)
		walk_fault(walk, NULL); /* that nobody is left is the later news */
	return is_back;
}

/* What is to be asked may be asked twice and no one is the worse for it (ha/repeat.c says why), so a lost
 * answer is simply asked for again elsewhere. Each failure takes one member out of the round. */
static enum err walk_on(struct walk *walk, Craton__Reply **reply)
{
	enum step step;
	*reply = NULL;
	do
		step = round_of(walk, reply);
	while (step == STEP_ON && next_round(walk));
	walk_abandon_all(walk);
	if (step == STEP_ANSWERED)
		return ERR_OK;
	if (step == STEP_OVER)
		return walk->err;
	*reply = walk->fault;
	walk->fault = NULL;
	return *reply ? ERR_OK : walk->err != ERR_OK ? walk->err : ERR_CLOSED;
}

/* A destroyed key or a login that ended elsewhere is the application's everyday; the rest the operator wants to know. */
static void tell_fault(const Craton__Reply *reply)
{
	bool is_everyday = reply->fault == CRATON__FAULT__FAULT_UNKNOWN_OBJECT || reply->fault == CRATON__FAULT__FAULT_TICKET;
	if (reply->fault != CRATON__FAULT__FAULT_NONE)
		log_line(is_everyday ? LOG_DEBUG_LINE : LOG_WARN_LINE, "ha", "call not served fault=%s complaint=\"%s\"",
		         fault_name(reply->fault), reply->complaint);
}

/* With an operation that one member has: while another could begin it anew, that one does not get all the time there is. */
static enum err go_on_in_parts(struct walk *walk, Craton__Reply **reply)
{
	int64_t all = walk->group->settings.command_ms;
	bool is_repeatable = walk->question->multipart->is_repeatable;
	walk->has_others = is_repeatable;
	walk->question->request.timeout_ms = (uint32_t)walk_share_of_time(walk);
	return multipart_call(walk->group, walk->question, is_repeatable && SILENCE_MS < all ? SILENCE_MS : all, walk->last, reply);
}

enum err group_call(struct group *group, struct question *question, Craton__Reply **reply)
{
	struct walk walk;
	walk_begin(&walk, group, question);
	if (walk.kind->is_deed && id_is_zero(&question->request_id))
		question->request_id = id_random();
	if (walk.kind->is_deed)
		question->request.request_id = (ProtobufCBinaryData){ ID_SIZE, question->request_id.bytes };
	question->request.slot = group->settings.slot;
	question->request.index_min = walk.index_min;
	enum err err = question->multipart && multipart_is_open(question->multipart)
	               ? go_on_in_parts(&walk, reply) : walk_on(&walk, reply);
	walk_fault(&walk, NULL);
	if (question->object)
		question->object->carried = NULL;
	if (err == ERR_OK)
		tell_fault(*reply);
	return err;
}
