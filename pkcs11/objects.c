/* Object management (PKCS#11 2.40, 5.7), but for attributes (attributes.c) and searches (find.c). */
#include "pkcs11/created.h"

static CK_RV create(struct session *session, const CK_ATTRIBUTE *template_, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
	struct question question = QUESTION_INIT;
	Craton__CreateObject body = CRATON__CREATE_OBJECT__INIT;
	struct attribute_list wanted;
	Craton__Reply *reply = NULL;
	if (!object)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = template_read(session, template_, count, &wanted);
	body.attributes = wanted.items;
	body.n_attributes = wanted.count;
	question.request.body_case = CRATON__REQUEST__BODY_CREATE_OBJECT;
	question.request.create_object = &body;
	if (rv == CKR_OK)
		rv = created_ask(session, &question, &reply);
	if (rv == CKR_OK)
		rv = created_take(session, reply, ANY_CLASS, object);
	reply_free(reply);
	template_finish(&wanted);
	return rv;
}

CK_RV C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR template_, CK_ULONG count, CK_OBJECT_HANDLE_PTR object)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, create(session, template_, count, object));
}

static CK_RV destroy_stored(struct session *session, struct object *object)
{
	struct question question = QUESTION_INIT;
	Craton__DestroyObject body = CRATON__DESTROY_OBJECT__INIT;
	Craton__Reply *reply;
	body.id = (ProtobufCBinaryData){ ID_SIZE, object->id.bytes };
	question.request.body_case = CRATON__REQUEST__BODY_DESTROY_OBJECT;
	question.request.destroy_object = &body;
	CK_RV rv = library_ask(session->library, &question, ANY_BODY, &reply);
	reply_free(reply);
	return rv;
}

static CK_RV destroy(struct session *session, CK_OBJECT_HANDLE handle)
{
	struct object *object = session_object(session, handle);
	if (!object)
		return CKR_OBJECT_HANDLE_INVALID;
	CK_RV rv = session_may_write(session, object);
	if (rv == CKR_OK && object->carried && !attribute_list_bool(&object->attributes, CKA_DESTROYABLE, true))
		rv = CKR_ACTION_PROHIBITED;
	if (rv == CKR_OK && !object->carried)
		rv = destroy_stored(session, object);
	if (rv == CKR_OK)
		objects_forget(session->library->objects, handle);
	object_release(object);
	return rv;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, destroy(session, object));
}
