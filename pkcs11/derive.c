/* Keys that come out of keys (PKCS#11 2.40, 5.14): derived from one, or unwrapped with one. Both are made on a member and
 * become everyone's, or the session's, in one round trip. */
#include "pkcs11/asked.h"
#include "pkcs11/created.h"

/* What is asked for, and the key it comes out of. */
struct new_key {
	struct asked_mechanism mechanism;
	struct attribute_list wanted;
	struct object *from;
};

static CK_RV read_new_key(struct session *session, const CK_MECHANISM *mechanism, CK_FLAGS use, CK_OBJECT_HANDLE from,
                          const CK_ATTRIBUTE *template_, CK_ULONG count, struct new_key *out)
{
	*out = (struct new_key){ .from = NULL };
	if (!template_ && count)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = asked_read(session, mechanism, use, &out->mechanism);
	if (rv == CKR_OK && !(out->from = session_object(session, from)))
		rv = CKR_KEY_HANDLE_INVALID;
	return rv == CKR_OK ? template_read(session, template_, count, &out->wanted) : rv;
}

static void finish_new_key(struct new_key *key)
{
	template_finish(&key->wanted);
	asked_finish(&key->mechanism);
	object_release(key->from);
}

static CK_RV ask_new_key(struct session *session, struct question *question, const struct new_key *from, CK_OBJECT_HANDLE *key)
{
	Craton__ObjectRef *ref = question->object;
	Craton__Reply *reply;
	question_about(question, from->from, ref);
	CK_RV rv = created_ask(session, question, &reply);
	if (rv == CKR_OK)
		rv = created_take(session, reply, ANY_CLASS, key);
	reply_free(reply);
	return rv;
}

static CK_RV derive(struct session *session, const struct new_key *from, CK_OBJECT_HANDLE *key)
{
	struct question question = QUESTION_INIT;
	Craton__DeriveKey body = CRATON__DERIVE_KEY__INIT;
	Craton__ObjectRef ref;
	body.base_key = question.object = &ref;
	body.mechanism = from->mechanism.wire;
	body.attributes = from->wanted.items;
	body.n_attributes = from->wanted.count;
	question.request.body_case = CRATON__REQUEST__BODY_DERIVE_KEY;
	question.request.derive_key = &body;
	return rv_for_key(ask_new_key(session, &question, from, key));
}

/* Mechanisms that give several keys name the places for their handles in their parameter; they are not offered. */
CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base_key, CK_ATTRIBUTE_PTR template_,
                  CK_ULONG count, CK_OBJECT_HANDLE_PTR key)
{
	struct session *session;
	struct new_key from;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	if (!key)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	rv = read_new_key(session, mechanism, CKF_DERIVE, base_key, template_, count, &from);
	if (rv == CKR_OK)
		rv = derive(session, &from, key);
	finish_new_key(&from);
	return session_leave(session, rv);
}

static CK_RV rv_for_unwrapping_key(CK_RV rv)
{
	bool is_gone = rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID;
	return is_gone ? CKR_UNWRAPPING_KEY_HANDLE_INVALID : rv;
}

static CK_RV unwrap(struct session *session, const struct new_key *from, struct bytes wrapped, CK_OBJECT_HANDLE *key)
{
	struct question question = QUESTION_INIT;
	Craton__UnwrapKey body = CRATON__UNWRAP_KEY__INIT;
	Craton__ObjectRef ref;
	body.unwrapping_key = question.object = &ref;
	body.mechanism = from->mechanism.wire;
	body.wrapped = (ProtobufCBinaryData){ wrapped.size, (uint8_t *)(uintptr_t)wrapped.data }; /* read only */
	body.attributes = from->wanted.items;
	body.n_attributes = from->wanted.count;
	question.request.body_case = CRATON__REQUEST__BODY_UNWRAP_KEY;
	question.request.unwrap_key = &body;
	return ask_new_key(session, &question, from, key);
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE unwrapping_key, CK_BYTE_PTR wrapped,
                  CK_ULONG size, CK_ATTRIBUTE_PTR template_, CK_ULONG count, CK_OBJECT_HANDLE_PTR key)
{
	struct session *session;
	struct new_key from;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	if (!key || !wrapped || check_bytes(wrapped, size) != CKR_OK)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	rv = read_new_key(session, mechanism, CKF_UNWRAP, unwrapping_key, template_, count, &from);
	if (rv == CKR_OK)
		rv = unwrap(session, &from, (struct bytes){ wrapped, size }, key);
	finish_new_key(&from);
	return session_leave(session, rv_for_unwrapping_key(rv));
}
