/* An operation in parts that cannot be cut into whole ones: kept here while it is small, done on one member beyond that.
 *
 * What gives nothing before its end (signatures, MACs, authenticated decryption) is kept, and done in one round trip at the end if
 * it stays small. A cipher gives its output as it comes, so a member begins it at once. As long as all that went in is
 * kept (craton.conf: [recovery] replay), an operation whose member is lost is begun anew on another, and what had come out
 * already is left out; beyond that its member's loss is CKR_DEVICE_ERROR. */
#pragma once
#include "base/buf.h"
#include "base/digest.h"
#include "ha/multipart.h"
#include "wire/cryptoki.h"

#define PIECE_SIZE_MAX (1u << 20)       /* bytes that go to a member at a time */
#define ONE_PART_SIZE_MAX (1u << 20)    /* bytes kept of what a token can do only in one part */

struct session;
struct operation;

struct parts {
	bool is_once;               /* never begun anew (ha/repeat.h) */
	bool is_one_part;           /* no token does it in parts: kept, and done whole */
	size_t kept_max;
	struct buf kept;            /* all that was added, while that is not more than kept_max */
	bool is_beyond;             /* it is more */
	struct multipart multipart; /* the member that has it, if one has */
	bool is_lost;               /* the last call found that member lost */
	bool has_made_iv;           /* which another member would make anew: so it cannot go on there */
	bool is_ended;              /* the member has given the last of it */
	bool has_more;              /* it was asked for that, and has more */
	uint64_t added;             /* bytes */
	uint64_t came;              /* bytes of the result that have come, in all */
	uint64_t skip;              /* bytes of the result that a member gives a second time */
	struct buf owed;            /* what has come and is not the application's yet */
};

/* Where a result goes. It may lie over the data: nothing is written beyond what has been sent. */
struct room {
	uint8_t *to;
	size_t size, filled;
};

void parts_init(struct parts *parts, bool is_one_part, size_t kept_max);
void parts_finish(struct parts *parts);
/* Of what a call has done with other data, nothing is left. */
void parts_reset(struct parts *parts);
/* A member has it, or had it until its end: what went in need not be known here any more. */
bool parts_are_away(const struct parts *parts);

/* Some more data; `at_once`: its output is wanted as it comes. CKR_DATA_LEN_RANGE: more than can be kept of what must be. */
CK_RV parts_add(struct session *session, struct operation *operation, struct bytes part, bool at_once, struct room *room);
/* The end of one that is away: the last of its result is owed then, but for what there is room for (NULL: for none). Asks once. */
CK_RV parts_last(struct session *session, struct operation *operation, struct bytes signature, struct room *room);
/* All of it in one call of the application's. */
CK_RV parts_whole(struct session *session, struct operation *operation, struct bytes data, struct bytes signature, struct room *room);

/* Of what is owed, as much as the room has up to `end`. */
void parts_give(struct parts *parts, struct room *room, size_t end);
