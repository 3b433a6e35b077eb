/* A ticket is what a login gives: it says who logged in to which slot as what, and any node of
 * the cluster can check it, because its HMAC key comes from the cluster's secret.
 *
 *	u8 version, u8 role, u32 slot, u64 slot generation, u8 kind and 16 bytes of the client's identity,
 *	16 random bytes, then 32 bytes of HMAC-SHA256 over them. Integers big endian. */
#pragma once
#include "base/secret.h"
#include "wire/craton.pb-c.h"
#include "wire/tls.h"

#define TICKET_SIZE 79 /* bytes */

struct ticket {
	Craton__Role role;
	uint32_t slot;
	uint64_t generation; /* the slot's when the PIN was checked; a PIN change or C_InitToken makes it old */
};

/* The key all nodes of the cluster share; NULL without memory. */
struct secret *ticket_key(const struct secret *cluster_secret);
void ticket_make(const struct secret *key, const struct identity *client, const struct ticket *ticket,
                 uint8_t out[TICKET_SIZE]);
/* ERR_REFUSED: forged, altered, or another client's. A certificate's ticket is good for the same certificate name, a
 * local user's for the same uid. Between the two kinds it is good as well: an application that reaches one node through a
 * Unix socket and the next through TLS is the same application under two names. */
enum err ticket_check(const struct secret *key, const struct identity *client, const void *data, size_t size,
                      struct ticket *out);
