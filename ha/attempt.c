/* One question at one member, from being put to its end. */
#include "ha/group_inside.h"
#include "ha/pick.h"
#include "wire/call.h"

void attempt_take_locked(struct attempt *attempt, struct member *member)
{
	attempt->member = member;
	attempt->taken_us = clock_us();
	attempt->is_probe = member->lost;
	attempt->usual_ms = member->usual_us / 1000;
	member->outstanding++;
	member->outstanding_since_us += attempt->taken_us;
}

static void give_back_locked(struct attempt *attempt)
{
	attempt->member->outstanding--;
	attempt->member->outstanding_since_us -= attempt->taken_us;
}

/* ---- what is shown of the object */

static void show_carried(struct question *question, const struct attempt *attempt)
{
	struct object *about = question->about;
	if (!question->object || !about || !about->carried)
		return;
	uint_fast32_t bit = (uint_fast32_t)1 << attempt->member->number;
	/* A key that was shown is loaded there; of other objects nothing is kept. */
	bool is_loaded = question->request.body_case == CRATON__REQUEST__BODY_CRYPT && (atomic_load(&about->shown) & bit);
	question->object->carried = is_loaded && !attempt->shows_all ? NULL : about->carried;
}

static bool wants_to_be_shown(const struct question *question, const struct attempt *attempt, const Craton__Reply *reply)
{
	int64_t ignored;
	return fault_verdict(reply->fault, &ignored) == VERDICT_SHOW && question->object && question->about &&
	       question->about->carried && !attempt->shows_all;
}

static void mark_shown(struct question *question, const struct attempt *attempt)
{
	if (question->object && question->about && question->about->carried)
		atomic_fetch_or(&question->about->shown, (uint_fast32_t)1 << attempt->member->number);
}

/* ---- the walk of it */

static enum err put(struct attempt *attempt, struct question *question)
{
	show_carried(question, attempt);
	attempt->begun_us = clock_us();
	return attempt->member->ops->ask(attempt->member, &attempt->line, &question->request);
}

enum err attempt_begin(struct attempt *attempt, struct question *question)
{
	enum err err = put(attempt, question);
	attempt->heard_ms = attempt->begun_us / 1000;
	return err;
}

/* Of what is done only once, a question that may have arrived is not put again. */
static enum err put_again(struct attempt *attempt, struct question *question)
{
	if (attempt->has_asked && question_kind(&question->request)->is_once)
		return ERR_CLOSED;
	return put(attempt, question);
}

static enum err welcome(struct group *group, struct attempt *attempt, Craton__Reply **reply)
{
	enum err err = member_welcomes(group, attempt->member, *reply);
	reply_free(*reply);
	*reply = NULL;
	attempt->begun_us = clock_us();
	attempt->heard_ms = clock_ms();
	return err;
}

static void let_go(struct attempt *attempt, enum line_end end)
{
	if (attempt->line)
		attempt->member->ops->let_go(attempt->member, attempt->line, end);
	attempt->line = NULL;
}

static enum err hear(struct group *group, struct attempt *attempt, struct question *question, enum said *said, Craton__Reply **reply)
{
	enum err err = attempt->member->ops->hear(attempt->member, &attempt->line, said, reply, &attempt->awaited);
	if (err == ERR_OK && *said == SAID_STALE)
		return put_again(attempt, question);
	if (err == ERR_OK && *said == SAID_HELLO)
		return welcome(group, attempt, reply);
	if (err == ERR_OK && *said == SAID_FULL) {
		attempt->was_turned_away = true;
		*said = SAID_ANSWER;
	}
	if (err == ERR_OK && *said == SAID_NOTHING)
		attempt->has_asked |= attempt->awaited.has_asked;
	if (err == ERR_OK && *said == SAID_HEARTBEAT) {
		attempt->heard_ms = clock_ms();
		attempt->is_alive = true;
	}
	return err;
}

enum err attempt_hear(struct group *group, struct attempt *attempt, struct question *question, enum said *said, Craton__Reply **reply)
{
	enum err err;
	bool goes_on;
	do {
		err = hear(group, attempt, question, said, reply);
		goes_on = err == ERR_OK && *said == SAID_STALE;
		if (err == ERR_OK && *said == SAID_ANSWER && wants_to_be_shown(question, attempt, *reply)) {
			attempt->shows_all = goes_on = true;
			reply_free(*reply);
			*reply = NULL;
			err = put(attempt, question);
		}
	} while (err == ERR_OK && goes_on);
	if (err == ERR_OK && *said == SAID_ANSWER && (*reply)->fault == CRATON__FAULT__FAULT_NONE)
		mark_shown(question, attempt);
	if (err != ERR_OK)
		let_go(attempt, LINE_BAD);
	return err;
}

/* ---- its end */

/* One that cannot serve at all is left alone for longer each time, up to the interval between probes. */
static void rest_locked(struct group *group, struct member *member, Craton__Fault fault, int64_t rest_ms)
{
	int64_t now_ms = clock_ms(), most = group->settings.recovery_interval_ms;
	if (fault == CRATON__FAULT__FAULT_NOT_SERVING) {
		member->rest_ms = member->rest_ms ? member->rest_ms * 2 : rest_ms;
		rest_ms = member->rest_ms = member->rest_ms < most || most < rest_ms ? member->rest_ms : most;
	}
	member->rests_until_ms = now_ms + rest_ms;
}

void attempt_answered(struct group *group, const struct question_kind *kind, struct attempt *attempt, const Craton__Reply *reply)
{
	struct news news = { .what = NEWS_NONE };
	struct member *member = attempt->member;
	int64_t now_us = clock_us(), rest_ms;
	fault_verdict(reply->fault, &rest_ms);
	pthread_mutex_lock(&group->lock);
	give_back_locked(attempt);
	if (!attempt->was_turned_away)
		member_heard_locked(group, member, reply);
	if (rest_ms)
		rest_locked(group, member, reply->fault, rest_ms);
	else if (reply->fault == CRATON__FAULT__FAULT_NONE)
		member->rests_until_ms = member->rest_ms = 0;
	if (!rest_ms && kind->is_measured)
		member_measured(member, now_us - attempt->begun_us, now_us);
	/* An answer that was asked for before the member was lost may have crossed its death: no sign of life. */
	if (member->suspect || (member->lost && attempt->begun_us / 1000 >= member->failed_at_ms))
		news = member_back_locked(group, member);
	pthread_mutex_unlock(&group->lock);
	news_tell(&news);
	let_go(attempt, LINE_FREE);
}

static bool is_about_the_question(enum err err)
{
	return err == ERR_TOO_BIG || err == ERR_NO_MEMORY;
}

void attempt_failed(struct group *group, struct attempt *attempt, enum err err)
{
	struct news news = { .what = NEWS_NONE };
	struct member *member = attempt->member;
	pthread_mutex_lock(&group->lock);
	give_back_locked(attempt);
	if (is_about_the_question(err))
		member->probe_at_ms = member->lost || member->suspect ? 0 : member->probe_at_ms; /* if this was a probe, it told us nothing */
	else if (member->lost && attempt->is_probe)
		news = member_still_lost_locked(group, member, member->tried); /* it may have begun before the last one's loss */
	else if (!group->stopping)
		news = member_lose_locked(group, member, err);
	pthread_mutex_unlock(&group->lock);
	news_tell(&news);
	let_go(attempt, LINE_BAD);
}

void attempt_abandon(struct group *group, const struct question_kind *kind, struct attempt *attempt, bool was_silent, enum line_end end)
{
	struct news news = { .what = NEWS_NONE };
	struct member *member = attempt->member;
	int64_t now_us = clock_us(), took_us = now_us - attempt->begun_us;
	pthread_mutex_lock(&group->lock);
	give_back_locked(attempt);
	if (was_silent && kind->is_measured && took_us > member->latency_us)
		member_measured(member, took_us, now_us); /* that long at least */
	if (was_silent && !attempt->is_alive && !group->stopping)
		news = member_suspect_locked(group, member);
	member_look_again_locked(group, member);
	pthread_mutex_unlock(&group->lock);
	news_tell(&news);
	let_go(attempt, end);
}

void attempt_withdraw(struct group *group, struct attempt *attempt)
{
	pthread_mutex_lock(&group->lock);
	give_back_locked(attempt);
	member_look_again_locked(group, attempt->member);
	pthread_mutex_unlock(&group->lock);
	let_go(attempt, LINE_FREE);
}
