/* Logins for one use of a key that is CKA_ALWAYS_AUTHENTICATE (PKCS#11 2.40, 5.6: CKU_CONTEXT_SPECIFIC): which operations wait for a PIN, and
 * the PINs that wait for their operation. */
#pragma once
#include "pkcs11/session.h"

/* Is there an operation, or a message to come, that wants one? */
bool one_use_is_wanted(const struct session *session);
/* A PIN that a member has found good, for all of those. CKR_HOST_MEMORY. */
CK_RV one_use_take(struct session *session, const void *pin, size_t size);
/* The login is over: no session's PIN outlives it, also where a call is inside (when that leaves). */
void one_use_forget_all(struct library *library);
/* The end of a call in this session: unlocks it. */
void one_use_unlock(struct session *session);
