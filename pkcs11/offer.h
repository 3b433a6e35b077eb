/* The slot's mechanisms: what the members offer, and what the library adds of its own (digests, and hash-then-sign
 * where a member signs only hashes). Asked for once and kept. */
#pragma once
#include "wire/cryptoki.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct library;

struct offered {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info;
	CK_FLAGS remote;         /* of info.flags: what a member does with the mechanism as it is */
	bool takes_bytes;        /* a vendor's, whose parameter travels as it is */
};
struct offer {
	pthread_mutex_t lock;
	struct offered *list;    /* sorted by type */
	size_t count;
	int64_t asked_at_ms;
};
void offer_init(struct offer *offer);
void offer_finish(struct offer *offer);

/* CKR_MECHANISM_INVALID: not offered, and a member has said so lately. Else what library_ask gives. */
CK_RV offer_find(struct library *library, CK_MECHANISM_TYPE type, struct offered *out);
/* The types; free(). */
CK_RV offer_types(struct library *library, CK_MECHANISM_TYPE **types, CK_ULONG *count);
