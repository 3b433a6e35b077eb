/* What makes a frame between two nodes trustworthy, inside the TLS that carries it: whoever holds a node's certificate
 * but not the cluster secret says nothing that is believed. Pure: bytes in, bytes out.
 *
 * Each side first says hello: who it is, whom it means, a nonce. From the cluster secret and both hellos come two keys,
 * one for each direction. Every frame after that is
 *
 *	u32 size of what follows ‖ u64 sender ‖ u64 sequence ‖ u64 wall clock, ms ‖ u8 kind ‖ payload
 *	‖ HMAC-SHA256 over all that is before it
 *
 * What doesn't verify, has a sequence not above the last one, or is too old (or too far ahead) is refused without an
 * answer; then the connection is of no use any more. */
#pragma once
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_NONCE_SIZE 32
#define LINK_HELLO_SIZE (4 + 4 + 8 + 8 + LINK_NONCE_SIZE)
#define LINK_FRAME_OVERHEAD (4u + 8 + 8 + 8 + 1 + 32)
/* A peer that has not yet shown that it holds the secret gets no more memory than this. */
#define LINK_PAYLOAD_EARLY_MAX 1024u

enum link_kind {
	LINK_CONFIRM = 1,  /* first in each direction: "we have the same key", and more about the sender */
	LINK_MESSAGE = 2,  /* message.h */
	LINK_CHUNK = 3,    /* a piece of a snapshot */
	LINK_STILL = 4,    /* nothing to say, still here */
	LINK_PART = 5,     /* of a long message; short ones that can't wait go in between */
	LINK_LAST = 6,     /* its last part */
};

struct link_hello {
	uint64_t from, to;       /* node ids */
	uint8_t nonce[LINK_NONCE_SIZE];
};

/* A hello with a fresh nonce. */
struct link_hello link_hello_make(uint64_t from, uint64_t to);
void link_hello_write(const struct link_hello *hello, uint8_t out[LINK_HELLO_SIZE]);
/* ERR_MALFORMED: not a hello of this protocol. */
enum err link_hello_read(const uint8_t in[LINK_HELLO_SIZE], struct link_hello *hello);

/* One direction of one connection. */
struct link {
	struct secret *key;
	uint64_t sender;
	uint64_t sequence;       /* of the last frame sealed or opened */
	int64_t age_ms_max;
	size_t payload_max;      /* a longer frame is refused before memory is taken */
};

/* The direction from whoever opened the connection to whoever accepted it (`forward`), or back. ERR_NO_MEMORY. */
enum err link_init(struct link *link, const struct secret *secret, const struct link_hello *opener,
                   const struct link_hello *accepter, bool forward, int64_t age_ms_max, size_t payload_max);
void link_finish(struct link *link);

/* Appends one frame whose payload is the parts, one after the other. ERR_TOO_BIG, ERR_NO_MEMORY. */
enum err link_seal(struct link *link, enum link_kind kind, const struct bytes *parts, size_t count,
                   int64_t wall_ms, struct buf *out);

struct link_frame {
	enum link_kind kind;
	const uint8_t *payload;  /* a view */
	size_t size;
};
/* The frame at the start of `data`. `*used` is its size, 0 if it isn't all there yet (ERR_OK).
 * ERR_TOO_BIG, ERR_MALFORMED, ERR_REFUSED (HMAC, sender or sequence), ERR_BEHIND (authentic, but sent at another time than
 * now: a frame that was held back, or clocks that differ): say nothing, count it, close. */
enum err link_open(struct link *link, const uint8_t *data, size_t size, int64_t wall_ms,
                   struct link_frame *frame, size_t *used);
