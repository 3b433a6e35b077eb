/* Keys just made. Unsealing a key costs as much as many signatures (SoftHSM: 0.1 ms for AES, 1 ms for an EC, 2.5 ms for an RSA
 * key) and a key is mostly used soon after it was made, so the last few stay in the keeper session until the working set
 * asks for them. Inside backend/ only. */
#pragma once
#include "backend/token.h"
#include "base/id.h"
#include "wire/craton.pb-c.h"

struct fresh;

struct fresh *fresh_create(struct token *token); /* NULL without memory */
void fresh_destroy(struct fresh *fresh);         /* accepts NULL */

/* Copies a key that was made and sealed as `object` on another session. The oldest goes; failure only costs time. */
void fresh_keep(struct fresh *fresh, const Craton__Object *object, CK_OBJECT_HANDLE key);
/* For who has the keeper session. The very key that was sealed as this object, which the caller has checked: the MAC names key, owner
 * and every attribute. It is the caller's from then on. False if it is not here. */
bool fresh_take(struct fresh *fresh, const Craton__Object *object, CK_OBJECT_HANDLE *out);
/* Those of one object, or of one slot, or all (both NULL) will not be taken any more. A short lock, no token call. */
void fresh_forget(struct fresh *fresh, const struct id *id, const uint32_t *slot);
/* Removes what was forgotten from the token. */
void fresh_tidy(struct fresh *fresh, CK_SESSION_HANDLE keeper);
