/* A node as the group sees it: something that answers calls, and what we know of how it does. A remote node
 * (ha/remote.h) and a test's fake stand behind the same few functions. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "wire/craton.pb-c.h"
#include <stdbool.h>
#include <stdint.h>

struct member;
struct line; /* a connection to a member that is somebody's own for a while */

struct member_ops {
	/* One question, one answer (the caller's: reply_free). Waits up to patience_ms, anew with each
	 * heartbeat. ERR_TOO_BIG and ERR_NO_MEMORY are about the question, every other error about the member. */
	enum err (*call)(struct member *member, const Craton__Request *request, int64_t patience_ms, Craton__Reply **reply);
	/* The same on a line of the caller's own: *line, or, if that is NULL, one that is left there. NULL again if
	 * the error is about the member. */
	enum err (*call_on)(struct member *member, struct line **line, const Craton__Request *request, int64_t patience_ms,
	                    Craton__Reply **reply);
	/* The end of such a line: for others to use, or, if it is not good, closed. */
	void (*let_go)(struct member *member, struct line *line, bool is_good);
	/* Is anyone there? */
	enum err (*probe)(struct member *member);
	/* It is lost: close what is kept open to it. */
	void (*drop)(struct member *member);
	/* Whoever waits for an answer gets ERR_CLOSED now, and whoever asks later, too. */
	void (*interrupt)(struct member *member);
	void (*destroy)(struct member *member);
};

struct member {
	const struct member_ops *ops;
	const char *name;         /* the member's own */
	/* The rest is the group's, under its lock. */
	unsigned number;          /* its bit in a set of members */
	bool lost;
	unsigned outstanding;     /* calls it has not answered yet */
	int64_t latency_us;       /* expected: peak EWMA */
	int64_t latency_at_ms;    /* when it was last measured */
	uint64_t index;           /* the highest it is known to have applied */
	int64_t index_at_ms;
	int64_t rests_until_ms;   /* it said it cannot serve just now */
	unsigned probes;          /* failed in a row since it was lost */
	uint64_t tried;           /* the group's losses before the last of them began */
	int64_t failed_at_ms;     /* when reaching it last failed */
	bool failed_slowly;       /* by waiting in vain rather than by being turned away */
	int64_t probe_at_ms;      /* when to try again */
};
