/* The PKCS#11 rules of attributes, enforced on the node: which attributes an object of a class has, what a
 * template may, must and must not say, what may be read, changed, used and destroyed. Pure: lists
 * and a CK_RV, no token, no directory, no clock.
 *
 * The tables behind it (rules_tables.c) are the standard's own (PKCS#11 2.40 section 4 and 3.x), footnotes and all.
 * Where the standard leaves a default to the token, it is SoftHSM's, so that a program which works there works here.
 *
 * Lists given out are the caller's (attribute_list_finish); on an error they are empty. */
#pragma once
#include "base/digest.h"
#include "base/id.h"
#include "wire/attributes.h"
#include "wire/mechanism_table.h"

/* Who asks, and through what kind of session. */
struct asker {
	Craton__Role role;       /* what the ticket says: ROLE_NONE, ROLE_USER, ROLE_SO */
	bool read_only;          /* a session without CKF_RW_SESSION: it changes no token object */
};

/* An object's attributes as a list, without a copy; not to be finished. */
struct attribute_list rules_view(const Craton__Object *object);

/* Making. Each gives the whole list of virtual attributes of a new object: template, defaults, and what
 * we compute (CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_KEY_GEN_MECHANISM, CKA_UNIQUE_ID). What only a
 * token can tell (modulus, point, CKA_VALUE_LEN of a derived key, CKA_CHECK_VALUE, CKA_PUBLIC_KEY_INFO) is not in it yet.
 *
 * CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_TYPE_INVALID,
 * CKR_ATTRIBUTE_VALUE_INVALID, CKR_USER_NOT_LOGGED_IN (private object, no user), CKR_SESSION_READ_ONLY (token object),
 * CKR_MECHANISM_INVALID (makes no such key), CKR_HOST_MEMORY. */
CK_RV rules_create(const struct asker *asker, const struct attribute_list *wanted,
                   const struct id *id, struct attribute_list *out);
CK_RV rules_generate(const struct asker *asker, CK_MECHANISM_TYPE mechanism,
                     const struct attribute_list *wanted, const struct id *id,
                     struct attribute_list *out);
/* Does it generate domain parameters rather than a key? */
bool rules_makes_parameters(CK_MECHANISM_TYPE mechanism);
CK_RV rules_generate_pair(const struct asker *asker, CK_MECHANISM_TYPE mechanism,
                          const struct attribute_list *public_wanted, const struct id *public_id,
                          const struct attribute_list *private_wanted, const struct id *private_id,
                          struct attribute_list *public_out, struct attribute_list *private_out);
/* `key`: the unwrapping key, whose CKA_UNWRAP_TEMPLATE the new one must obey. */
CK_RV rules_unwrap(const struct asker *asker, const struct attribute_list *key,
                   const struct attribute_list *wanted, const struct id *id,
                   struct attribute_list *out);
/* `keys`: the base key first, then those which the mechanism's parameter names. CKA_DERIVE_TEMPLATE of each is obeyed, sensitivity
 * inherited (CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE; where the mechanism says so, CKA_SENSITIVE and CKA_EXTRACTABLE). */
CK_RV rules_derive(const struct asker *asker, CK_MECHANISM_TYPE mechanism, const struct attribute_list *keys, size_t count,
                   const struct attribute_list *wanted, const struct id *id, struct attribute_list *out);
CK_RV rules_copy(const struct asker *asker, const struct attribute_list *before,
                 const struct attribute_list *wanted, const struct id *id,
                 struct attribute_list *out);

/* The part of a new object that must not be stored in the clear (a key's secret parts, private data's value): moved from
 * `attributes` into `secret`, which is set up here and empty if there is none. Its owner wipes it: rules_wipe. */
CK_RV rules_take_secret(struct attribute_list *attributes, struct attribute_list *secret);
void rules_wipe(struct attribute_list *secret); /* wipes the values, then finishes the list */
/* Is this object's material sealed (private and secret keys, private data)? */
bool rules_is_sealed(const struct attribute_list *attributes);

/* Seeing and destroying. CKR_USER_NOT_LOGGED_IN: a private object, and no user. */
bool rules_visible(const struct asker *asker, const struct attribute_list *object);
CK_RV rules_destroy(const struct asker *asker, const struct attribute_list *object); /* CKR_ACTION_PROHIBITED, CKR_SESSION_READ_ONLY */

/* Reading one attribute. CKR_OK with *out NULL: it may be read but is among what is sealed: unseal, and ask the
 * token. CKR_ATTRIBUTE_SENSITIVE; CKR_ATTRIBUTE_TYPE_INVALID if such an object has no such attribute. An attribute it has but that was never given
 * a value is an empty one. */
CK_RV rules_read(const struct attribute_list *object, CK_ATTRIBUTE_TYPE type,
                 const Craton__Attribute **out);

/* Changing: `out` is the whole new list. CKR_ATTRIBUTE_READ_ONLY (also for a change back of a one-way attribute),
 * CKR_ACTION_PROHIBITED (CKA_MODIFIABLE false), CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN,
 * CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT. */
CK_RV rules_change(const struct asker *asker, const struct attribute_list *before,
                   const struct attribute_list *changes, struct attribute_list *out);

/* Using: may this key do `use` (one of CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT, CKF_WRAP, CKF_UNWRAP, CKF_DERIVE,
 * CKF_SIGN_RECOVER, CKF_VERIFY_RECOVER) with `mechanism`? CKR_USER_NOT_LOGGED_IN, CKR_KEY_HANDLE_INVALID (not a key), CKR_KEY_FUNCTION_NOT_PERMITTED,
 * CKR_KEY_TYPE_INCONSISTENT, CKR_MECHANISM_INVALID (not for this use, or not among CKA_ALLOWED_MECHANISMS). CKA_START_DATE and
 * CKA_END_DATE are not looked at: "for reference only; Cryptoki does not attach any special meaning to them". */
CK_RV rules_use(const struct asker *asker, const struct attribute_list *key, CK_FLAGS use,
                CK_MECHANISM_TYPE mechanism);
/* The same with the data at hand: a key whose CKA_ALLOWED_MECHANISMS name only mechanisms that hash and sign also signs and verifies a
 * digest as they make it, for the hash is made in the application's process. */
CK_RV rules_use_data(const struct asker *asker, const struct attribute_list *key, CK_FLAGS use,
                     CK_MECHANISM_TYPE mechanism, struct bytes data);
CK_FLAGS rules_use_of(Craton__CryptKind kind);
/* May `target` leave wrapped under `wrapper`? CKR_USER_NOT_LOGGED_IN, CKR_KEY_UNEXTRACTABLE, CKR_KEY_NOT_WRAPPABLE (no private or secret
 * key, or wants a trusted wrapper), CKR_KEY_HANDLE_INVALID (CKA_WRAP_TEMPLATE says no). */
CK_RV rules_wrap(const struct asker *asker, const struct attribute_list *wrapper, const struct attribute_list *target);
