/* Those who were asked: what each has said, and how it ends. */
#include "ha/walk.h"
#include "base/log.h"
#include "wire/call.h"
#include "wire/cryptoki.h"
#include <stdlib.h>
#include <string.h>

static void note_if_gone(struct object *about, const Craton__Reply *reply)
{
	if (!about || about->carried || reply->fault != CRATON__FAULT__FAULT_UNKNOWN_OBJECT)
		return;
	uint_fast64_t known = atomic_load(&about->gone_by); /* never less than another thread was told */
	while (reply->index > known && !atomic_compare_exchange_weak(&about->gone_by, &known, reply->index))
		;
}

void walk_fault(struct walk *walk, Craton__Reply *fault)
{
	reply_free(walk->fault);
	walk->fault = fault;
}

static void forget(struct walk *walk, size_t i)
{
	memmove(&walk->attempts[i], &walk->attempts[i + 1], (walk->count - i - 1) * sizeof walk->attempts[0]);
	walk->count--;
}

static struct attempt take_out(struct walk *walk, size_t i)
{
	struct attempt attempt = walk->attempts[i];
	forget(walk, i);
	walk->wants_another = true;
	return attempt;
}

/* Nobody can say whether it was done, and it must not be done twice: for the application its token has failed. */
static Craton__Reply *reply_of_what_was_lost(void)
{
	Craton__Reply *reply = malloc(sizeof *reply);
	if (reply) {
		craton__reply__init(reply);
		reply->rv = CKR_DEVICE_ERROR;
	}
	return reply;
}

static bool may_have_been_done(const struct walk *walk, const struct attempt *attempt)
{
	return walk->kind->is_once && attempt->has_asked;
}

/* However long it was at work there is time for another: no more often than members are lost. */
static void leave_all_time(struct walk *walk, const struct attempt *attempt)
{
	if (attempt->is_alive)
		walk->deadline = sooner(later(walk->deadline, deadline_in(walk->group->settings.command_ms)), walk->last);
}

/* One that could not serve in the end, or fell silent, leaves the time that it found, but for what it has `spent`. It may be so each time it is asked, and
 * beside others: what counts is the longest, and no sum. */
static void leave_time_found(struct walk *walk, const struct attempt *attempt, int64_t spent_ms)
{
	int64_t worked_ms = clock_ms() - attempt->begun_us / 1000 - spent_ms;
	if (!attempt->is_alive || worked_ms <= walk->won_ms)
		return;
	walk->deadline = sooner(walk->deadline + worked_ms - walk->won_ms, walk->last);
	walk->won_ms = worked_ms;
}

/* Whoever waits in vain for a majority beats, too, but that is what it was given its share of the time for. */
static int64_t spent_ms(const struct attempt *attempt, const Craton__Reply *reply)
{
	return reply->fault == CRATON__FAULT__FAULT_NO_MAJORITY ? attempt->share_ms : 0;
}

enum step walk_lost(struct walk *walk, size_t i, enum err err, Craton__Reply **reply)
{
	struct attempt attempt = take_out(walk, i);
	attempt_failed(walk->group, &attempt, err);
	leave_all_time(walk, &attempt);
	walk->err = err;
	if (err == ERR_TOO_BIG || err == ERR_NO_MEMORY)
		return STEP_OVER;
	if (!may_have_been_done(walk, &attempt))
		return STEP_ON;
	*reply = reply_of_what_was_lost();
	return *reply ? STEP_ANSWERED : STEP_OVER;
}

static enum step attempt_has_answer(struct walk *walk, size_t i, Craton__Reply **reply)
{
	int64_t ignored;
	struct question *question = walk->question;
	struct attempt attempt = take_out(walk, i);
	if (question->multipart) {
		question->multipart->line = attempt.line;
		attempt.line = NULL;
		multipart_answered(question, attempt.member, ERR_OK, *reply);
	}
	attempt_answered(walk->group, walk->kind, &attempt, *reply);
	note_if_gone(question->about, *reply);
	if (fault_verdict((*reply)->fault, &ignored) != VERDICT_ELSEWHERE)
		return STEP_ANSWERED;
	log_debug("ha", "member cannot serve name=%s fault=%s", attempt.member->name, fault_name((*reply)->fault));
	bool is_over = walk->kind->is_once && !fault_is_before_deed((*reply)->fault);
	if (is_over)
		return STEP_ANSWERED;
	leave_time_found(walk, &attempt, spent_ms(&attempt, *reply));
	walk_fault(walk, *reply);
	*reply = NULL;
	return STEP_ON;
}

static void withdraw(struct walk *walk, size_t i)
{
	struct attempt attempt = take_out(walk, i);
	walk->tried &= ~(1u << attempt.member->number);
	attempt_withdraw(walk->group, &attempt);
}

static bool may_move_another(const struct walk *walk, const struct attempt *attempt)
{
	return walk_waits_for_silence(walk) && !walk->kind->is_once && attempt->another_at != DEADLINE_NEVER;
}

static void heart_beats(const struct walk *walk, struct attempt *attempt)
{
	if (may_move_another(walk, attempt))
		attempt->another_at = attempt->heard_ms + HEARTBEAT_MISSED_MS;
}

/* Connecting has taken its time, and only now the question goes out. */
static void has_greeted(const struct walk *walk, struct attempt *attempt, int64_t begun_ms)
{
	if (may_move_another(walk, attempt))
		attempt->another_at += attempt->heard_ms - begun_ms;
}

enum step walk_hear(struct walk *walk, size_t i, Craton__Reply **reply)
{
	struct attempt *attempt = &walk->attempts[i];
	enum said said;
	do {
		int64_t heard_ms = attempt->heard_ms;
		enum err err = attempt_hear(walk->group, attempt, walk->question, &said, reply);
		if (err != ERR_OK)
			return walk_lost(walk, i, err, reply);
		if (said == SAID_ANSWER)
			return attempt_has_answer(walk, i, reply);
		if (said == SAID_HEARTBEAT)
			heart_beats(walk, attempt);
		if (said == SAID_HELLO && walk_is_unwanted(walk, attempt)) {
			withdraw(walk, i);
			return STEP_ON;
		}
		if (said == SAID_HELLO)
			has_greeted(walk, attempt, heard_ms);
	} while (said != SAID_NOTHING && !deadline_passed(walk->last));
	return STEP_ON;
}

static void abandon(struct walk *walk, size_t i, bool was_silent)
{
	struct attempt attempt = walk->attempts[i];
	forget(walk, i);
	attempt_abandon(walk->group, walk->kind, &attempt, was_silent, walk->question->multipart ? LINE_BAD : LINE_OWING);
}

enum step walk_silent(struct walk *walk, size_t i, Craton__Reply **reply)
{
	bool may_be_done = may_have_been_done(walk, &walk->attempts[i]);
	leave_time_found(walk, &walk->attempts[i], 0);
	abandon(walk, i, true);
	walk->wants_another = true;
	walk->err = ERR_TIMEOUT;
	if (!may_be_done)
		return STEP_ON;
	*reply = reply_of_what_was_lost();
	return *reply ? STEP_ANSWERED : STEP_OVER;
}

void walk_notice_silence(struct walk *walk)
{
	if (!walk->count || !deadline_passed(walk->attempts[walk->count - 1].another_at) || walk_is_only_slow(walk))
		return;
	leave_time_found(walk, &walk->attempts[walk->count - 1], 0);
	if (deadline_passed(walk->deadline))
		walk_leave_behind(walk); /* there is no time for another */
}

void walk_abandon_all(struct walk *walk)
{
	int64_t now_ms = clock_ms();
	while (walk->count) {
		const struct attempt *attempt = &walk->attempts[walk->count - 1];
		abandon(walk, walk->count - 1, attempt->was_silent || attempt->another_at <= now_ms);
	}
}

void walk_leave_behind(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		walk->attempts[i].was_silent |= deadline_passed(walk->attempts[i].another_at);
		walk->attempts[i].another_at = DEADLINE_NEVER;
	}
}
