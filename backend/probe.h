/* What this token can really do in a domain: for each key type, generate → seal → unseal → use. */
#pragma once
#include "backend/seal.h"
#include "backend/operate.h"

#define DECLARED_MAX 64
/* What the operator says about this token. */
struct probe_wishes {
	CK_MECHANISM_TYPE bytes[DECLARED_MAX]; /* vendor's, whose parameter is a byte string */
	size_t bytes_count;
	unsigned node_generated;               /* enum held: what the node may make and hold where the token can't seal it */
};

/* A kind of key that is not offered, and why. */
struct shortfall {
	const char *key;                /* "Ed25519" */
	const char *step;               /* what the token can't: "seal" */
	CK_RV why;
};

struct capabilities {
	Craton__MechanismInfo *list;    /* sorted by type; what the slot may offer through this token */
	size_t count;
	struct shortfall *shortfalls;
	size_t shortfall_count;
};
/* Takes some seconds at most (RSA generation is tried at the smallest size the token offers, from 2048). Logs one line per key
 * type that does not work and why. `wishes` NULL: none. From here on the domain honours them. */
enum err probe(struct domain *domain, const struct probe_wishes *wishes, struct capabilities *out);
void capabilities_finish(struct capabilities *capabilities);
/* NULL if it is not offered. */
const Craton__MechanismInfo *capabilities_find(const struct capabilities *capabilities, CK_MECHANISM_TYPE type);
bool capabilities_take_bytes(const struct capabilities *capabilities, CK_MECHANISM_TYPE type);
