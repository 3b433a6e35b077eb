/* Objects on their way in and out: from the directory or from the asker, into the token or into an answer. */
#pragma once
#include "backend/key_info.h"
#include "backend/wrap.h"
#include "node/change.h"

/* Takes the list (empty afterwards). NULL without memory, the list freed as well. */
Craton__Object *object_create(uint32_t slot, const struct id *id, struct attribute_list *attributes);
void object_destroy(Craton__Object *object); /* accepts NULL */
/* A template off the wire: CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, CKR_HOST_MEMORY. */
CK_RV object_template(struct attribute_list *out, Craton__Attribute *const *items, size_t count);

/* An object somebody asks about: of the directory, or carried (then proven to be one of ours). */
struct found_object {
	Craton__Object *object;  /* the caller's */
	uint64_t version;        /* in the directory */
	bool is_carried;
};
/* CKR_OBJECT_HANDLE_INVALID: not one this asker can see. FAULT_UNKNOWN_OBJECT: neither known nor carried. */
CK_RV object_find(struct question *question, const Craton__ObjectRef *ref, struct found_object *out);

/* A session object travels with its owner, so it must come back as it went: a sealed one has its seal, any other gets a MAC from the
 * token here. */
#define SEALED_NO_KEY 0 /* Sealed.kind of an object without key material: the MAC alone */
CK_RV carried_seal(struct node *node, Craton__Object *object);
/* CKR_OBJECT_HANDLE_INVALID: not ours, altered, another slot's, or no session object. */
CK_RV carried_check(struct question *question, const Craton__ObjectRef *ref);

/* The seal of `after`, an object of the same material as `before` but for what `secret` brings anew: the seal covers the attributes,
 * and a key that is no longer extractable is sealed more closely. */
CK_RV object_seal_anew(struct question *question, const Craton__Object *before, const struct attribute_list *secret,
                       Craton__Object *after);

/* CKA_PUBLIC_KEY_INFO, if it is said anew, names the key it stands at: CKR_ATTRIBUTE_VALUE_INVALID; CKR_ATTRIBUTE_TYPE_INVALID where that can't
 * be told. */
CK_RV object_check_key_info(const struct attribute_list *before, const struct attribute_list *changes, struct attribute_list *after);

/* Objects being made. */
struct making {
	struct id key;           /* of the request */
	uint64_t life;           /* the slot's, when we began */
	Craton__Object *objects[2];
	size_t count;
	bool has_token_objects;  /* else nothing is stored and nobody agrees on it */
};
/* Reads the slot and sees whether the same request was answered before: then *known and the answer stands in the reply. */
CK_RV making_begin(struct question *question, struct making *making, bool has_token_objects, bool *known);
/* The id of the next object: derived from the request for one that is stored, random for a session object. */
struct id making_id(const struct question *question, uint8_t ordinal, bool is_token);
void making_add(struct making *making, Craton__Object *object);
/* A new object of these attributes (taken in any case) among those being made, which own it. */
CK_RV making_object(struct question *question, struct making *making, const struct id *id,
                    struct attribute_list *attributes, Craton__Object **out);
/* Has the cluster agree on what is stored (and on what is carried beside it), hands out what is carried. */
CK_RV making_commit(struct question *question, struct making *making);
void making_finish(struct making *making);
/* The token had no memory for it. Are some keys gone by now that nobody had in hand, so that it may be made once more, from its beginning? */
bool making_begins_again(struct question *question, struct making *making, CK_RV rv);
/* The whole walk of a request that makes one object of a template: `make` is asked unless the request was answered before, and
 * ends with making_commit. */
typedef CK_RV making_step(struct question *question, const struct attribute_list *wanted, struct making *making);
CK_RV making_answer(struct question *question, Craton__Attribute *const *template_, size_t count, making_step *make);

/* May this mechanism be used so (one CKF_ flag) on this node's token? CKR_MECHANISM_INVALID. */
CK_RV mechanism_offered(struct question *question, const Craton__Mechanism *wire, CK_FLAGS use);
/* The native form, free(). `keys`: handles for wire->keys, in its order; NULL if it names none. Of any mechanism, offered or not. */
CK_RV mechanism_take(struct question *question, const Craton__Mechanism *wire, const CK_OBJECT_HANDLE *keys,
                     CK_MECHANISM **out);
/* Does the token make numbers of so many bits? It might say CKR_GENERAL_ERROR, or try for hours: CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV mechanism_check_size(struct question *question, CK_MECHANISM_TYPE type, const struct attribute_list *wanted,
                           CK_ATTRIBUTE_TYPE bits);

/* Keys in use. CKR_KEY_HANDLE_INVALID, FAULT_UNKNOWN_OBJECT. Given back with keyring_return. */
CK_RV key_borrow(struct question *question, const Craton__ObjectRef *ref, struct loaded_key **out);
/* What a token's call with borrowed keys gave, on its way home: keys that the token has lost are forgotten, so that the next call
 * loads them again. */
CK_RV keys_used(struct question *question, struct loaded_key *const *keys, size_t count, CK_RV rv);
void keys_return(struct question *question, struct loaded_key *const *keys, size_t count); /* accepts NULL among them */
/* The answer of every use of a key; the buffer's bytes become the reply's, without a copy. */
CK_RV crypt_body(struct question *question, struct buf *out);
/* May this key do what `crypt` (with a mechanism) asks, for whoever asks? As rules_use_data; and a signature or decryption by a key with
 * CKA_ALWAYS_AUTHENTICATE brings the user's PIN: CKR_USER_NOT_LOGGED_IN without one; CKR_PIN_INCORRECT, CKR_PIN_LOCKED as for a login,
 * and counted alike. */
CK_RV key_may(struct question *question, const struct loaded_key *key, const Craton__Crypt *crypt);
