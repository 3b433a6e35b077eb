/* What a question to a member is made of, from the application's words to the wire's: a mechanism, a template, and the objects
 * they are about. */
#pragma once
#include "pkcs11/session.h"

/* A mechanism with the keys that its parameter names by handle, session keys among them in full. */
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

/* A template as a list, for this session: CKR_SESSION_READ_ONLY for a token object in one that is. */
CK_RV template_read(const struct session *session, const CK_ATTRIBUTE *template_, CK_ULONG count, struct attribute_list *list);
/* Wiped: it may hold key values. */
void template_finish(struct attribute_list *list);

/* How a request names an object that is not the question's own (`about`): in full, if it is a session object. The ref
 * lives no longer than the object is held. */
void ref_in_full(const struct object *object, Craton__ObjectRef *ref);
/* How it names its own: the group shows it in full to whom it has to. */
void question_about(struct question *question, struct object *object, Craton__ObjectRef *ref);

/* NULL without memory. */
Craton__Mechanism *mechanism_copy(const Craton__Mechanism *mechanism);
/* Wiped: what a key is derived with is its parameter. Accepts NULL. */
void mechanism_free(Craton__Mechanism *mechanism);
