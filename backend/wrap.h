/* Keys that leave under another key, come back under one, or come out of another one. What the virtual attributes allow has been
 * judged by the caller; the token's own view of it is a second line of defence. */
#pragma once
#include "backend/keyring.h"

/* C_WrapKey with two borrowed keys, added to `out`. A closed key does not leave (it is virtually neither extractable nor readable, so
 * the node has refused it before). CKR_SESSION_CLOSED, here and below, if the token was started afresh since a key was loaded. CKR_KEY_NOT_WRAPPABLE, CKR_KEY_UNEXTRACTABLE, CKR_WRAPPING_KEY_*: the token's own. */
CK_RV wrap_key(struct token *token, CK_MECHANISM *mechanism, const struct loaded_key *wrapping,
               const struct loaded_key *key, struct buf *out);
/* C_UnwrapKey and C_DeriveKey straight into something sealed: `object` has id, slot and its final other attributes, and gets what only
 * the token knows (learn) and its seal. The physical key is gone afterwards. */
CK_RV unwrap_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *unwrapping,
                 const void *wrapped, size_t size, Craton__Object *object);
/* Other keys whose handles stand in the mechanism must be of the base key's generation. */
CK_RV derive_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *base, Craton__Object *object);
/* CKM_DSA_PARAMETER_GEN and its kin: domain parameters, nothing secret about them. */
CK_RV generate_parameters(struct domain *domain, CK_MECHANISM *mechanism, Craton__Object *object);
/* The same key sealed as `after`, whose attributes may ask for another kind of seal than `before` has (a copy, or a change, that is no
 * longer extractable). `before` is checked first. */
CK_RV reseal_key(struct domain *domain, const Craton__Object *before, Craton__Object *after);
