/* The three domain keys as objects of one token: their templates, how they are made, kept and found.
 *
 * What was checked on SoftHSM 2.6.1, and holds by the standard on any token that follows it:
 *
 * - Only the SO may set CKA_TRUSTED, and only on public objects; a copy (C_CopyObject) made by the user becomes private and stays
 *   trusted. So the SO makes the keys as public *session* objects, logs out, and the user, in the same session, copies them to
 *   private token objects: nothing ever lies on disk outside the PIN's protection, and a crash leaves nothing behind.
 * - The copies are CKA_MODIFIABLE false. Neither C_SetAttributeValue (CKR_ACTION_PROHIBITED) nor a further C_CopyObject
 *   (CKR_ATTRIBUTE_READ_ONLY, also for CKA_MODIFIABLE itself) can give them a use they lack: a closed wrapping key that could
 *   CKA_DECRYPT would open what it wrapped with plain AES-ECB. (CKA_COPYABLE false would say it more plainly, but SoftHSM takes
 *   it from nobody after C_CreateObject, and then there is no copy.)
 * - The domain keys are extractable, for the enrolment of further tokens, with CKA_WRAP_WITH_TRUSTED. The only trusted wrapping key is
 *   the closed key itself, and its CKA_WRAP_TEMPLATE {modifiable} refuses them (CKR_KEY_NOT_WRAPPABLE): else a domain key
 *   wrapped under the closed key could come back with other uses.
 * - The closed key's CKA_UNWRAP_TEMPLATE: a looser or missing template gives CKR_TEMPLATE_INCONSISTENT.
 * - C_GetAttributeValue of a template answers only for the types that stand in the caller's buffer, so that
 *   reading one needs two calls; we look at what a template does instead, which holds for every token. */
#pragma once
#include "backend/module.h"

enum domain_key { DOMAIN_CLOSED, DOMAIN_OPEN, DOMAIN_MAC, DOMAIN_KEY_COUNT };

struct domain_keys {
	CK_OBJECT_HANDLE key[DOMAIN_KEY_COUNT];
};

#define DOMAIN_KEY_TEMPLATE_MAX 20
/* As public session objects of an SO session; `making`: with the length, for C_GenerateKey, else for C_UnwrapKey. */
CK_ULONG domain_key_template(enum domain_key which, bool making, CK_ATTRIBUTE out[DOMAIN_KEY_TEMPLATE_MAX]);

/* Of a user's session. ERR_NOT_FOUND if there is none of them, ERR_CONFIG if there are too few or too many. */
enum err domain_keys_find(const struct module *module, CK_SESSION_HANDLE session, struct domain_keys *out,
                          struct complaint *complaint);
/* The user keeps what the SO made: private token objects; those of `made` are destroyed in any case. */
enum err domain_keys_keep(const struct module *module, CK_SESSION_HANDLE session, struct domain_keys *made,
                          struct complaint *complaint);
/* Does a secret come back from its wrapping as long as it was? RFC 5649 says so; SoftHSM 2.6.1 wraps it with the zeros that fill the
 * last eight bytes. Tried with a sample. */
bool domain_keys_keep_length(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys);
/* Are they what they must be: attributes as above, and the closed key does not let a value out. */
enum err domain_keys_check(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys,
                           struct complaint *complaint);
