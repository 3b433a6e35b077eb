/* One cryptographic call on a loaded key, or none. */
#pragma once
#include "backend/keyring.h"
#include "base/buf.h"

/* Init and the single-part call on a borrowed session. Output is added to `out` (wiped by its owner). The output's size is found without
 * a second private-key operation. Empty data is empty data, also where the token dislikes it. CKR_SESSION_CLOSED if the token was
 * started afresh since the key was loaded. */
CK_RV operate(struct token *token, Craton__CryptKind kind, CK_MECHANISM *mechanism, const struct loaded_key *key,
              const void *data, size_t size, const void *signature, size_t signature_size, struct buf *out);
CK_RV operate_random(struct token *token, uint8_t *out, size_t size);
