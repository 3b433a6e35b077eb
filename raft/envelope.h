/* What a proposal is wrapped in to become an entry's data: who asked, when the leader took it, and a
 * checksum over all of it, made once by the leader and checked by each node before it applies.
 *
 *	u8 1 ‖ request (16) ‖ time, i64 ms ‖ SHA-256 (32) ‖ data
 *
 * The checksum is over everything but itself: it catches what goes wrong between the leader's memory and
 * ours, whichever disk or wire was in between. */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "raft/entry.h"
#include <stddef.h>
#include <stdint.h>

#define ENVELOPE_SIZE 57u /* bytes before the data */

struct envelope {
	struct id request;
	int64_t time_ms;         /* the leader's wall clock */
	const uint8_t *data;     /* within the entry */
	size_t size;
};

/* A COMMAND entry of `term`; NULL without memory or if it is beyond ENTRY_SIZE_MAX. */
struct entry *envelope_seal(uint64_t term, const struct id *request, int64_t time_ms, const void *data, size_t size);
/* ERR_MALFORMED, or ERR_DAMAGED if the checksum is another's. */
enum err envelope_open(const struct entry *entry, struct envelope *out);
