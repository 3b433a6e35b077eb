/* The walk of one call: from member to member until one has answered. */
#include "ha/group_inside.h"
#include "ha/pick.h"
#include "base/log.h"
#include "wire/call.h"

#define HEARTBEAT_MISSED_MS 2500 /* nodes send one every 2 s while they work: silence for longer is silence */
#define PAUSE_FIRST_MS 10
#define PAUSE_LAST_MS 250

/* One call's state. A round ends when every member had its turn. */
struct walk {
	const struct question_kind *kind;
	uint64_t index_min;
	deadline_ms deadline;
	uint32_t tried;         /* in this round */
	bool has_others;        /* besides the member borrowed last */
	int64_t pause_ms;       /* before the next round */
	enum err err;           /* the last member's */
	Craton__Reply *fault;   /* or the last one's answer that it cannot serve */
};

static void walk_begin(struct walk *walk, struct group *group, const struct question *question)
{
	*walk = (struct walk){
		.kind = question_kind(question->request.body_case),
		.index_min = question->index_min ? question->index_min : group_index_seen(group),
		.deadline = deadline_in(group->settings.command_ms),
		.pause_ms = PAUSE_FIRST_MS,
		.err = ERR_CLOSED,
	};
}

static void walk_fault(struct walk *walk, Craton__Reply *fault)
{
	reply_free(walk->fault);
	walk->fault = fault;
}

/* Where we may have no thread of our own, a call now and then is the probe. */
static struct member *pick_lost_locked(struct group *group, const struct walk *walk, int64_t now_ms)
{
	for (size_t i = 0; i < group->count && !group->settings.may_start_threads; i++) {
		struct member *member = group->members[i];
		if (!member->lost || member->probe_at_ms > now_ms || walk->tried & (1u << member->number))
			continue;
		member->probe_at_ms = DEADLINE_NEVER;
		return member;
	}
	return NULL;
}

static struct member *group_borrow(struct group *group, struct walk *walk)
{
	pthread_mutex_lock(&group->lock);
	int64_t now_ms = clock_ms();
	struct member *member = group->stopping ? NULL : pick_lost_locked(group, walk, now_ms);
	if (!member && !group->stopping)
		member = members_pick(group->members, group->count, walk->index_min, walk->tried, group->turn++, now_ms);
	if (member) {
		member->outstanding++;
		walk->tried |= 1u << member->number;
		walk->has_others = members_pick(group->members, group->count, 0, walk->tried, 0, now_ms) != NULL;
	}
	pthread_mutex_unlock(&group->lock);
	return member;
}

/* An answer that was asked for before the member was lost may have crossed its death: no sign of life. */
static struct news heard_locked(struct group *group, const struct question_kind *kind, struct member *member,
                                const Craton__Reply *reply, int64_t started_us)
{
	int64_t now_us = clock_us(), now_ms = clock_ms(), rest_ms;
	fault_verdict(reply->fault, &rest_ms);
	member_index_heard(member, reply->index, now_ms);
	if (reply->index > group->index_seen)
		group->index_seen = reply->index;
	if (rest_ms)
		member->rests_until_ms = now_ms + rest_ms;
	else if (kind->is_measured)
		member_measured(member, now_us - started_us, now_ms);
	if (member->lost && started_us / 1000 >= member->failed_at_ms)
		return member_back_locked(group, member);
	return (struct news){ .what = NEWS_NONE };
}

static bool is_about_the_question(enum err err)
{
	return err == ERR_TOO_BIG || err == ERR_NO_MEMORY;
}

void group_take(struct group *group, struct member *member)
{
	pthread_mutex_lock(&group->lock);
	member->outstanding++;
	pthread_mutex_unlock(&group->lock);
}

void group_return(struct group *group, const struct question_kind *kind, struct member *member, enum err err,
                  const Craton__Reply *reply, int64_t started_us)
{
	struct news news = { .what = NEWS_NONE };
	pthread_mutex_lock(&group->lock);
	member->outstanding--;
	if (err == ERR_OK)
		news = heard_locked(group, kind, member, reply, started_us);
	else if (is_about_the_question(err))
		member->probe_at_ms = clock_ms(); /* if this was a probe, it told us nothing */
	else if (member->lost)
		news = member_still_lost_locked(group, member, err, member->tried); /* it may have begun before the loss */
	else if (!group->stopping)
		news = member_lose_locked(group, member, err);
	pthread_mutex_unlock(&group->lock);
	news_tell(&news);
	if (news.what == NEWS_LOST)
		member->ops->drop(member);
}

/* How long this member may be silent. While others are left, none gets all the time there is. */
static int64_t share_of_time(const struct group *group, const struct walk *walk)
{
	int64_t all = group->settings.command_ms;
	int64_t share = all / (int64_t)(group->count < 4 ? 4 : group->count);
	int64_t left = walk->deadline - clock_ms();
	if (share < HEARTBEAT_MISSED_MS)
		share = all / 2 < HEARTBEAT_MISSED_MS ? all / 2 : HEARTBEAT_MISSED_MS;
	return !walk->has_others && left > share ? left : share;
}

static void show_carried(struct question *question, const struct member *member, bool even_if_shown)
{
	struct object *about = question->about;
	if (!question->object || !about || !about->carried)
		return;
	uint_fast32_t bit = (uint_fast32_t)1 << member->number;
	/* A key that was shown is loaded there; of other objects nothing is kept. */
	bool is_loaded = question->request.body_case == CRATON__REQUEST__BODY_CRYPT && (atomic_load(&about->shown) & bit);
	question->object->carried = is_loaded && !even_if_shown ? NULL : about->carried;
}

static void mark_shown(struct question *question, const struct member *member)
{
	if (question->object && question->object->carried)
		atomic_fetch_or(&question->about->shown, (uint_fast32_t)1 << member->number);
}

static enum err call_member(struct member *member, struct question *question, int64_t patience_ms, Craton__Reply **reply)
{
	if (!question->multipart)
		return member->ops->call(member, &question->request, patience_ms, reply);
	return member->ops->call_on(member, &question->multipart->line, &question->request, patience_ms, reply);
}

/* Asks one member; a second time if it has forgotten an object that it was shown before. */
static enum err ask_member(struct member *member, struct question *question, int64_t patience_ms, Craton__Reply **reply)
{
	int64_t ignored;
	show_carried(question, member, false);
	enum err err = call_member(member, question, patience_ms, reply);
	bool wants_it = err == ERR_OK && fault_verdict((*reply)->fault, &ignored) == VERDICT_SHOW &&
	                question->object && question->about && question->about->carried && !question->object->carried;
	if (wants_it) {
		reply_free(*reply);
		show_carried(question, member, true);
		err = call_member(member, question, patience_ms, reply);
	}
	if (err == ERR_OK && (*reply)->fault == CRATON__FAULT__FAULT_NONE)
		mark_shown(question, member);
	return err;
}

static enum err ask(struct group *group, struct walk *walk, struct member *member, struct question *question,
                    Craton__Reply **reply)
{
	int64_t share_ms = share_of_time(group, walk), started_us = clock_us();
	*reply = NULL;
	question->request.timeout_ms = (uint32_t)share_ms;
	/* A deed's answer may be that the time is up: leave it the time to arrive. */
	int64_t patience_ms = walk->kind->is_deed ? share_ms + HEARTBEAT_MISSED_MS : share_ms;
	enum err err = ask_member(member, question, patience_ms, reply);
	group_return(group, walk->kind, member, err, *reply, started_us);
	if (question->multipart)
		multipart_answered(question, member, err, *reply);
	bool was_at_work = clock_us() - started_us > (patience_ms + 100) * 1000; /* it sent heartbeats, then failed */
	if (err != ERR_OK && was_at_work)
		walk->deadline = deadline_in(group->settings.command_ms);
	return err;
}

/* Everyone had a turn and none could serve. Those that are there will be able to: wait a little. */
static bool next_round(struct group *group, struct walk *walk)
{
	if (deadline_passed(walk->deadline))
		return false;
	pthread_mutex_lock(&group->lock);
	bool all_lost = group->lost_count == group->count;
	int64_t until_ms = clock_ms() + walk->pause_ms;
	if (!all_lost && !group->stopping)
		group_wait_locked(group, until_ms < walk->deadline ? until_ms : walk->deadline);
	bool stopping = group->stopping;
	pthread_mutex_unlock(&group->lock);
	walk->tried = 0;
	walk->pause_ms = walk->pause_ms * 2 < PAUSE_LAST_MS ? walk->pause_ms * 2 : PAUSE_LAST_MS;
	if (stopping || !all_lost)
		return !stopping;
	bool is_back = group_knock(group, walk->deadline);
	if (!is_back)
		walk_fault(walk, NULL); /* that nobody is left is the later news */
	return is_back;
}

/* What is to be asked may be asked twice and no one is the worse for it (ha/repeat.c says why), so a lost
 * answer is simply asked for again elsewhere. Each failure takes one member out of the round. */
static enum err walk_on(struct group *group, struct walk *walk, struct question *question, Craton__Reply **reply)
{
	int64_t ignored;
	do {
		struct member *member;
		while (!deadline_passed(walk->deadline) && (member = group_borrow(group, walk))) {
			walk->err = ask(group, walk, member, question, reply);
			if (is_about_the_question(walk->err))
				return walk->err;
			if (walk->err != ERR_OK)
				continue;
			if (fault_verdict((*reply)->fault, &ignored) != VERDICT_ELSEWHERE)
				return ERR_OK;
			log_debug("ha", "member cannot serve name=%s fault=%s", member->name, fault_name((*reply)->fault));
			walk_fault(walk, *reply);
		}
	} while (next_round(group, walk));
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
static enum err go_on(struct group *group, struct walk *walk, struct question *question, Craton__Reply **reply)
{
	walk->has_others = question->multipart->is_repeatable;
	return multipart_call(group, question, share_of_time(group, walk), reply);
}

enum err group_call(struct group *group, struct question *question, Craton__Reply **reply)
{
	struct walk walk;
	struct id request_id;
	walk_begin(&walk, group, question);
	if (walk.kind->is_deed) {
		request_id = id_random();
		question->request.request_id = (ProtobufCBinaryData){ ID_SIZE, request_id.bytes };
	}
	question->request.slot = group->settings.slot;
	question->request.index_min = walk.index_min;
	enum err err = question->multipart && multipart_is_open(question->multipart)
	               ? go_on(group, &walk, question, reply) : walk_on(group, &walk, question, reply);
	walk_fault(&walk, NULL);
	question->request.request_id = (ProtobufCBinaryData){ 0, NULL };
	if (question->object)
		question->object->carried = NULL;
	if (err == ERR_OK)
		tell_fault(*reply);
	return err;
}
