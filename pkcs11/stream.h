/* How a cipher in parts is cut into whole operations of their own, so that data of any size passes
 * through in flat memory, each part may go to another member, and a lost one costs a repetition of one part.
 *
 * Works for modes whose state between blocks is known outside the token: ECB has none, CBC's and CFB's is the last cipher
 * block, OFB's what was added to the last block, CTR's is a count. Pure; the round trips are the caller's. */
#pragma once
#include "base/digest.h"
#include "base/err.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_BLOCK_MAX 16

struct stream_mode;
struct stream {
	const struct stream_mode *mode;  /* NULL: this mechanism cannot be cut */
	bool is_decrypting;
	bool is_exhausted;               /* the counter came round: nothing more may be done with it */
	uint8_t chain[STREAM_BLOCK_MAX]; /* IV, or counter block, of the next piece */
	unsigned counter_bits;
	uint8_t held[STREAM_BLOCK_MAX];  /* input that does not make a whole block yet */
	size_t held_size;
};
/* One piece: an operation of its own. The mechanism's parts live in the piece. */
struct piece {
	Craton__Mechanism mechanism;
	Craton__CtrParameter counter;
	uint8_t chain[STREAM_BLOCK_MAX];
};

/* False if the mechanism cannot be cut. */
bool stream_init(struct stream *stream, const Craton__Mechanism *mechanism, bool is_decrypting);
/* Are its pieces of two mechanisms? */
bool stream_is_mixed(const struct stream *stream);
/* Of `size` more bytes: how many (held ones counted) go now. As many come out. */
size_t stream_ready(const struct stream *stream, size_t size);
/* How many are left for the end; there is nothing to ask then if 0 and the mode does not pad. */
bool stream_has_end(const struct stream *stream);
/* At most this many bytes come out at the end; *exact: just as many. */
size_t stream_end_size(const struct stream *stream, bool *exact);
/* CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE: what is left is not what the mode can end with. */
CK_RV stream_check_end(const struct stream *stream);

/* The same of all there is, in one. */
CK_RV stream_check_size(const struct stream *stream, size_t size);
/* To the last block of all there is, whose chain is in the data before it; an empty one if there is none. Only where the cipher text
 * is what comes in. */
struct bytes stream_skip(struct stream *stream, struct bytes data);
size_t stream_block_size(const struct stream *stream);

/* The mechanism of the next piece; `is_end`: of the last. CKR_DATA_LEN_RANGE if the counter came round. */
CK_RV stream_piece(const struct stream *stream, bool is_end, struct piece *piece);
/* A piece is done: `in` went, `out` came. */
void stream_done(struct stream *stream, struct bytes in, struct bytes out);
/* Holds what did not go. */
void stream_hold(struct stream *stream, const uint8_t *rest, size_t size);
