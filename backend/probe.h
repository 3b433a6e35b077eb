/* What this token can really do in a domain: for each key type, generate → seal → unseal → use. */
#pragma once
#include "backend/seal.h"
#include "backend/operate.h"

struct capabilities {
	Craton__MechanismInfo *list; /* sorted by type; what the slot may offer through this token */
	size_t count;
};
/* Takes some seconds at most (RSA generation is tried at the smallest size the token offers, from 2048). Logs one line per key
 * type that does not work and why. */
enum err probe(struct domain *domain, struct capabilities *out);
void capabilities_finish(struct capabilities *capabilities);
