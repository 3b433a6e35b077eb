/* Sealing: key material wrapped (CKM_AES_KEY_WRAP_PAD, RFC 5649) under a domain wrapping key, and an HMAC
 * in the token over kind, wrapped bytes, owner slot, object id and every virtual attribute. What
 * is sealed is safe anywhere; what was altered is refused with CKR_ENCRYPTED_DATA_INVALID. */
#pragma once
#include "backend/domain.h"
#include "wire/attributes.h"
#include "wire/craton.pb-c.h"

enum seal_kind {
	SEAL_CLOSED = 1, /* a key under the closed key */
	SEAL_OPEN = 2,   /* a key (or a private data object's value) under the open key */
	SEAL_VALUE = 3,  /* a key's bare value under the open key: of keys that a token can't wrap, or not without changing them */
};

/* Open only if the virtual attributes say CKA_EXTRACTABLE true or CKA_SENSITIVE false. */
enum seal_kind seal_kind_for(const Craton__Object *object);
/* Wraps the key and sets object->sealed; the object's attributes are final by now. An open secret whose length
 * a token would not give back (SoftHSM 2.6.1: no multiple of 8) is sealed as a value; CKR_ATTRIBUTE_VALUE_INVALID for a closed one of
 * more than 64 bytes. */
CK_RV seal_key(struct domain *domain, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
               Craton__Object *object);
/* A new MAC after attributes have changed (checks the old object first). The kind does not change. */
CK_RV seal_again(struct domain *domain, const Craton__Object *before, Craton__Object *after);
CK_RV seal_check(struct domain *domain, const Craton__Object *object);
/* Checks, then unwraps into a session object of `session`, usable as the virtual attributes allow. */
CK_RV unseal_key(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object,
                 CK_OBJECT_HANDLE *out);

/* Makes keys in the token as session objects, learns what only the token knows (modulus, point, value length, check
 * value) into the virtual attributes, seals, and destroys the physical key. The objects have id, slot and their final other attributes. */
CK_RV generate_key(struct domain *domain, const CK_MECHANISM *mechanism, Craton__Object *object);
CK_RV generate_key_pair(struct domain *domain, const CK_MECHANISM *mechanism,
                        Craton__Object *public_object, Craton__Object *private_object);

/* Import: `secret` holds what must not be stored in the clear (CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1 …; a private data
 * object's CKA_VALUE, which may be empty or missing). object->attributes are final but for what is learned, and hold none of it.
 * Sets object->sealed. */
CK_RV seal_import(struct domain *domain, const struct attribute_list *secret, Craton__Object *object);
/* One sealed attribute that the virtual attributes allow to be read (a private data object's CKA_VALUE, or of a key that is extractable
 * and not sensitive; CKR_ATTRIBUTE_SENSITIVE otherwise), added to `out`, whose owner wipes it. */
CK_RV unseal_value(struct domain *domain, const Craton__Object *object, CK_ATTRIBUTE_TYPE type, struct buf *out);
