/* What the files of the group share. */
#pragma once
#include "ha/group.h"
#include "ha/repeat.h"
#include <pthread.h>

/* Of ten calls one may be asked of two members, and after a quiet while this many in a row: an overloaded cluster is not asked twice as much. */
#define HEDGE_PRICE 10
#define HEDGE_CREDIT_MAX (64 * HEDGE_PRICE)

/* A node sends a heartbeat HEARTBEAT_FIRST_MS after a question has come, if it takes so long, and then every 2 s while it works. */
#define HEARTBEAT_FIRST_MS 200
#define SILENCE_MS 1000          /* none for so long is no sign of life, where to ask another would be much work in vain */
#define HEARTBEAT_MISSED_MS 2500 /* nor is none for so long after another */

struct group {
	struct group_settings settings;
	size_t count;
	struct member *members[MEMBERS_MAX];
	pthread_mutex_t lock;
	pthread_cond_t news;     /* a member is lost or back, or all is to end */
	bool stopping;
	bool knocking;           /* a call is trying the lost members, for all who wait; where there is no thread */
	size_t lost_count;
	uint64_t losses;         /* of any member, so far */
	bool is_out;             /* every member was tried since the last loss, and none was there */
	int64_t out_at_ms;       /* since when */
	uint64_t total_losses;   /* how often that came to be so */
	uint64_t index_seen;
	struct id cluster;       /* whose members these are: what the first has said; zero: none has yet */
	unsigned turn;
	unsigned hedge_credit;
	bool has_thread;
	pthread_t thread;
	int wake[2];             /* two ends of a socket: what is sent on one wakes the thread, which polls the other */
};

/* ---- ha/state.c: what is known of the members */

/* What a change of state leaves to be said once the lock is free. */
struct news {
	enum { NEWS_NONE, NEWS_LOST, NEWS_OUT, NEWS_BACK, NEWS_SILENT, NEWS_STRANGER } what;
	struct member *member;
	enum err err;
	unsigned outstanding;
	size_t count;
};
/* With the lock free; closes what was open to a member that is lost. */
void news_tell(const struct news *news);

struct news member_lose_locked(struct group *group, struct member *member, enum err err);
/* It was silent while another answered: it is asked for no more while others are there, until it has answered a probe. */
struct news member_suspect_locked(struct group *group, struct member *member);
struct news member_back_locked(struct group *group, struct member *member);
/* A probe, or a call that was one, has failed: when is the next? `losses`: group->losses when it began. */
struct news member_still_lost_locked(struct group *group, struct member *member, uint64_t losses);
/* A call that was to be its probe, where there is no thread to do it, has ended and told nothing. */
void member_look_again_locked(struct group *group, struct member *member);
/* What every reply says of its member. */
void member_heard_locked(struct group *group, struct member *member, const Craton__Reply *reply);
/* Its answer to Hello, too. ERR_REFUSED if it belongs to another cluster. */
enum err member_welcomes(struct group *group, struct member *member, const Craton__Reply *reply);

/* Until `until_ms` or news. */
void group_wait_locked(struct group *group, int64_t until_ms);

/* ---- ha/recovery.c: getting lost members back */

/* Somebody is to be probed: wakes the thread that does, and starts it if it may and does not run. */
void recovery_start_locked(struct group *group);
void recovery_end(struct group *group);
/* Somebody has nobody else to wait for: lost members whose next look is far off, or never, are looked for now, but no more than once per
 * interval. */
void recovery_hurry_locked(struct group *group);
/* Every member is lost: until one is back (true), until it has been certain for `wait_ms` that none is, or `deadline`. */
bool group_knock(struct group *group, deadline_ms deadline, int64_t wait_ms);

/* ---- ha/attempt.c: a question under way at one member */

struct attempt {
	struct member *member;
	struct line *line;
	int64_t taken_us;       /* when the member was taken for it */
	int64_t begun_us;       /* when the question went out, or began to */
	int64_t heard_ms;       /* when the member last gave a sign of life; at first, when it was asked */
	bool has_asked;         /* the question has gone out */
	int64_t usual_ms;       /* what the member usually takes, as far as was known then */
	int64_t share_ms;       /* of the call's time, as it was told */
	bool is_probe;          /* the member was lost when it was taken: it is tried */
	bool is_alive;          /* the member sent a heartbeat */
	bool shows_all;         /* it has forgotten an object that it was shown before */
	bool was_turned_away;   /* the member had no room for another connection */
	deadline_ms another_at; /* when another is to be asked, too; DEADLINE_NEVER once that is so */
	bool was_silent;        /* until then */
	deadline_ms until;      /* when it was silent for too long */
	struct awaited awaited;
};
/* Counts the member as busy. */
void attempt_take_locked(struct attempt *attempt, struct member *member);
/* Puts the question: on a line of its own, or on attempt->line. */
enum err attempt_begin(struct attempt *attempt, struct question *question);
/* As member_ops.hear, as far as it goes; a line gone stale and an object forgotten are seen to. SAID_HELLO: what it says was learned, and the
 * reply is not the caller's. That a member has no room is an answer like any other that it cannot serve. */
enum err attempt_hear(struct group *group, struct attempt *attempt, struct question *question, enum said *said, Craton__Reply **reply);
/* It is over: what it tells of the member is learned. */
void attempt_answered(struct group *group, const struct question_kind *kind, struct attempt *attempt, const Craton__Reply *reply);
void attempt_failed(struct group *group, struct attempt *attempt, enum err err);
/* Nobody waits for its answer any more: `was_silent`: for longer than it should have been. */
void attempt_abandon(struct group *group, const struct question_kind *kind, struct attempt *attempt, bool was_silent, enum line_end end);
/* Nothing was asked of the member after all. */
void attempt_withdraw(struct group *group, struct attempt *attempt);

/* What one member has said to a question of an operation in parts: keeps its line, or lets it go. */
void multipart_answered(struct question *question, struct member *member, enum err err, const Craton__Reply *reply);
/* A question about one that is open: how long its member may be silent, and when all is over. */
enum err multipart_call(struct group *group, struct question *question, int64_t patience_ms, deadline_ms last, Craton__Reply **reply);
