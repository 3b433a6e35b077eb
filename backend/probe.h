/* What this token can really do in a domain: for each key type, generate → seal → unseal → use. */
#pragma once
#include "backend/capabilities.h"
#include "backend/seal.h"

#define DECLARED_MAX 64
/* What the operator says about this token. */
struct probe_wishes {
	CK_MECHANISM_TYPE bytes[DECLARED_MAX]; /* vendor's, whose parameter is a byte string */
	size_t bytes_count;
	unsigned node_generated;               /* enum held: what the node may make and hold where the token can't seal it */
};

/* Takes some seconds at most (RSA generation is tried at the smallest size the token offers, from 2048). Logs one line per key
 * type that does not work and why. `wishes` NULL: none. From here on the domain honours them. */
enum err probe(struct domain *domain, const struct probe_wishes *wishes, struct capabilities *out);
