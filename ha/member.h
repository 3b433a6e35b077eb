/* A node as the group sees it: something that answers calls, and what we know of how it does. A remote node
 * (ha/remote.h) and a test's fake stand behind the same few functions. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "wire/craton.pb-c.h"
#include <stdbool.h>
#include <stdint.h>

struct member;
/* A connection to a member that is somebody's own for a while, and what is under way on it. */
struct line;

/* What a line has to say. */
enum said {
	SAID_NOTHING,   /* yet */
	SAID_STALE,     /* the connection was an old one and has ended: the line is gone, and the question may be asked on another */
	SAID_HELLO,     /* the connection is new; the member's welcome is in the reply. The question goes out when the line is heard next */
	SAID_FULL,      /* it has no room for another connection: the line is gone, and the reply (FAULT_BUSY) tells nothing else of the member */
	SAID_HEARTBEAT, /* it is being worked on */
	SAID_ANSWER,
};
/* What to wait for, while it has said nothing. */
struct awaited {
	int fd;
	short events;
	deadline_ms until; /* hear it then at the latest */
	bool has_asked;    /* the question has gone out, all or part of it */
};
enum line_end {
	LINE_FREE,      /* nothing is outstanding: for others to use */
	LINE_OWING,     /* nobody waits for the answer that it owes */
	LINE_BAD,       /* to be closed */
};

struct member_ops {
	/* Puts a question, without waiting: on *line, whose last answer was heard, or, if that is NULL, on one that is left there.
	 * A request of NULL asks only whether anyone is there, on a new connection: SAID_HELLO is the answer. The request is
	 * not needed after the return. ERR_TOO_BIG and ERR_NO_MEMORY are about the question, every other error about the member. */
	enum err (*ask)(struct member *member, struct line **line, const Craton__Request *request);
	/* What it has to say by now, without waiting; a reply is the caller's (reply_free). After an error the line is gone: *line is NULL.
	 * A question begins to go out when it is heard for the first time, and nothing of its answer is heard yet: an error or SAID_STALE
	 * then means that it has not gone out whole. */
	enum err (*hear)(struct member *member, struct line **line, enum said *said, Craton__Reply **reply, struct awaited *awaited);
	void (*let_go)(struct member *member, struct line *line, enum line_end end);
	/* It is lost: close what is kept open to it. */
	void (*drop)(struct member *member);
	/* Whoever waits for an answer hears ERR_CLOSED now, and whoever asks later, too. */
	void (*interrupt)(struct member *member);
	void (*destroy)(struct member *member);
};

struct member {
	const struct member_ops *ops;
	const char *name;         /* the member's own */
	/* The rest is the group's, under its lock. */
	unsigned number;          /* its bit in a set of members */
	Craton__Duty duty;        /* as it said last */
	bool lost;
	bool suspect;             /* it was silent while another answered: a probe will tell */
	bool is_probed;           /* just now */
	unsigned outstanding;     /* calls it has not answered yet */
	int64_t outstanding_since_us; /* sum of when they began */
	int64_t latency_us;       /* expected: peak EWMA */
	int64_t usual_us;         /* what it usually takes: EWMA, without the peaks */
	int64_t latency_at_ms;    /* when it was last measured; 0: never */
	uint64_t index;           /* the highest it is known to have applied */
	int64_t index_at_ms;
	int64_t rests_until_ms;   /* it said it cannot serve just now */
	int64_t rest_ms;          /* how long the last time, when it could not at all */
	unsigned probes;          /* failed in a row since it was lost */
	uint64_t tried;           /* the group's losses before the last of them began */
	int64_t failed_at_ms;     /* when reaching it last failed */
	int64_t sought_at_ms;     /* when a call last began to be its probe, where there is no thread */
	int64_t probe_at_ms;      /* when to try again */
	bool is_stranger;         /* of another cluster, and said to be */
};
