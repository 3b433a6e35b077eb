/* A mechanism as a key management function asks a member for it: with the keys that its parameter names by handle, session
 * keys among them in full. */
#pragma once
#include "pkcs11/session.h"

struct asked_mechanism {
	Craton__Mechanism *wire;
	size_t count;                              /* of named keys */
	struct object *keys[MECHANISM_KEYS_MAX];
	Craton__ObjectRef refs[MECHANISM_KEYS_MAX], *list[MECHANISM_KEYS_MAX];
};

/* If the slot offers it for `use` (one CKF_ flag). CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID,
 * CKR_KEY_HANDLE_INVALID for a named key. asked_finish in any case. */
CK_RV asked_read(struct session *session, const CK_MECHANISM *mechanism, CK_FLAGS use, struct asked_mechanism *asked);
void asked_finish(struct asked_mechanism *asked);

/* How a request names an object that is not the question's own (`about`): in full, if it is a session object. The ref
 * lives no longer than the object is held. */
void ref_in_full(const struct object *object, Craton__ObjectRef *ref);
/* How it names its own: the group shows it in full to whom it has to. */
void question_about(struct question *question, struct object *object, Craton__ObjectRef *ref);

/* NULL without memory; craton__mechanism__free_unpacked. */
Craton__Mechanism *mechanism_copy(const Craton__Mechanism *mechanism);
