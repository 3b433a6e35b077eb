/* What a slot may offer through a token. */
#pragma once
#include "base/err.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <stdbool.h>
#include <stddef.h>

/* A kind of key that is not offered, and why. */
struct shortfall {
	const char *key;                /* "Ed25519" */
	const char *step;               /* what the token can't: "seal" */
	CK_RV why;
};

struct capabilities {
	Craton__MechanismInfo *list;    /* sorted by type; what the slot may offer through this token */
	size_t count, count_max;
	struct shortfall *shortfalls;
	size_t shortfall_count;
	bool is_doubtful;               /* the token had other trouble while it was tried: it may be able to do more */
};
void capabilities_finish(struct capabilities *capabilities);
/* NULL if it is not offered. */
const Craton__MechanismInfo *capabilities_find(const struct capabilities *capabilities, CK_MECHANISM_TYPE type);
bool capabilities_take_bytes(const struct capabilities *capabilities, CK_MECHANISM_TYPE type);

/* Being made, by the probe: in no order until they are sorted. Room for so many of each; ERR_NO_MEMORY. One
 * without flags is not offered, and gone once they are sorted. */
enum err capabilities_init(struct capabilities *out, size_t count_max, size_t shortfall_max);
/* The place of this mechanism, perhaps a new one without flags. */
Craton__MechanismInfo *capabilities_place(struct capabilities *out, CK_MECHANISM_TYPE type);
void capabilities_sort(struct capabilities *out);
