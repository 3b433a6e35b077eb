/* The walk of one call from member to member, between the files that take it. */
#pragma once
#include "ha/group_inside.h"

#define ATTEMPTS_MAX 4         /* at a time */

/* One call's state. A round ends when every member had its turn. */
struct walk {
	struct group *group;
	struct question *question;
	const struct question_kind *kind;
	uint64_t index_min;
	deadline_ms deadline, last; /* no more is begun; all is over */
	uint32_t tried;         /* in this round */
	bool has_others;        /* besides those that are asked */
	bool wants_another;     /* one that was asked has failed */
	int64_t won_ms;         /* added to the deadline by those that could not serve, or fell silent: what the longest at work has taken, but for waiting for a majority */
	int64_t pause_ms;       /* before the next round */
	deadline_ms again_at;   /* when that is, while some are still at it */
	struct attempt attempts[ATTEMPTS_MAX];
	size_t count;
	enum err err;           /* the last member's */
	Craton__Reply *fault;   /* or the last one's answer that it cannot serve */
};

static inline deadline_ms sooner(deadline_ms a, deadline_ms b)
{
	return a < b ? a : b;
}

static inline deadline_ms later(deadline_ms a, deadline_ms b)
{
	return a > b ? a : b;
}

enum step { STEP_ON, STEP_ANSWERED, STEP_OVER }; /* OVER: no other member would fare better */

/* ---- ha/walk_hear.c: those who were asked, by their place among the attempts */

/* All that one has to say by now. */
enum step walk_hear(struct walk *walk, size_t i, Craton__Reply **reply);
/* It has failed, or was silent for too long. */
enum step walk_lost(struct walk *walk, size_t i, enum err err, Craton__Reply **reply);
enum step walk_silent(struct walk *walk, size_t i, Craton__Reply **reply);
/* Looks whether the last that was asked, and was at work, has fallen silent: another may be asked beside it then, too. */
void walk_notice_silence(struct walk *walk);
/* Another is about to be asked: those that are at it are listened to all the same. */
void walk_leave_behind(struct walk *walk);
/* Another has answered, or the time is up. */
void walk_abandon_all(struct walk *walk);
/* Keeps the last answer that said no more than that its member cannot serve; taken over. */
void walk_fault(struct walk *walk, Craton__Reply *fault);

/* ---- ha/walk_choose.c: whom to ask, and for how long */

/* The next to ask, taken for the attempt; false if there is nobody (just now). */
bool walk_borrow(struct walk *walk, struct attempt *attempt);
/* What the member has said of itself may be that others should be asked first. */
bool walk_is_unwanted(struct walk *walk, const struct attempt *attempt);
/* Another is asked only if there is no sign of life. */
bool walk_waits_for_silence(const struct walk *walk);
/* The member that was asked last is only slow, as far as anyone can know, so another is not asked at any price. */
bool walk_is_only_slow(const struct walk *walk);
/* Such a long silence (milliseconds) is no slowness: a heartbeat should have come. */
int64_t walk_silence_ms(const struct walk *walk, const struct attempt *attempt);
/* What a member is told of how long it has. While others are left, none gets all the time there is. */
int64_t walk_share_of_time(const struct walk *walk);
/* A member that is at work is waited for; one that is silent is left to itself if there is another. */
deadline_ms walk_patience(const struct walk *walk, const struct attempt *attempt);
