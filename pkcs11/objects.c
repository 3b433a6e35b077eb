/* Object management (PKCS#11 2.40, 5.7), but for attributes (attributes.c) and searches (find.c). */
#include "pkcs11/asked.h"
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

static CK_RV ask_copy(struct session *session, struct object *object, const struct attribute_list *wanted, CK_OBJECT_HANDLE *copy)
{
	struct question question = QUESTION_INIT;
	Craton__CopyObject body = CRATON__COPY_OBJECT__INIT;
	Craton__ObjectRef ref;
	Craton__Reply *reply;
	question_about(&question, object, &ref);
	body.object = &ref;
	body.attributes = wanted->items;
	body.n_attributes = wanted->count;
	question.request.body_case = CRATON__REQUEST__BODY_COPY_OBJECT;
	question.request.copy_object = &body;
	CK_RV rv = created_ask(session, &question, &reply);
	if (rv == CKR_OK)
		rv = created_take(session, reply, ANY_CLASS, copy);
	reply_free(reply);
	return rv;
}

/* The copy goes where the other is, unless the template says where. */
static CK_RV copy_object(struct session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *template_, CK_ULONG count,
                         CK_OBJECT_HANDLE *copy)
{
	struct attribute_list wanted = { NULL, 0 };
	if (!copy || (!template_ && count))
		return CKR_ARGUMENTS_BAD;
	struct object *object = session_object(session, handle);
	if (!object)
		return CKR_OBJECT_HANDLE_INVALID;
	CK_RV rv = template_read(session, template_, count, &wanted);
	if (rv == CKR_OK && !session->is_writable && attribute_list_bool(&wanted, CKA_TOKEN, !object->carried))
		rv = CKR_SESSION_READ_ONLY;
	if (rv == CKR_OK)
		rv = ask_copy(session, object, &wanted, copy);
	template_finish(&wanted);
	object_release(object);
	return rv;
}

CK_RV C_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template_, CK_ULONG count,
                   CK_OBJECT_HANDLE_PTR copy)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, copy_object(session, object, template_, count, copy));
}

static CK_RV ask_size(struct session *session, struct object *object, CK_ULONG *size)
{
	struct question question = QUESTION_INIT;
	Craton__ObjectSize body = CRATON__OBJECT_SIZE__INIT;
	Craton__ObjectRef ref;
	Craton__Reply *reply;
	question_about(&question, object, &ref);
	body.object = &ref;
	question.request.body_case = CRATON__REQUEST__BODY_OBJECT_SIZE;
	question.request.object_size = &body;
	CK_RV rv = library_ask(session->library, &question, CRATON__REPLY__BODY_OBJECT_SIZE, &reply);
	if (rv == CKR_OK)
		*size = (CK_ULONG)reply->object_size->size;
	reply_free(reply);
	return rv;
}

/* "The size is … a measure of how much token memory the object takes up": the directory's. */
CK_RV C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object_handle, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	struct object *object = size ? session_object(session, object_handle) : NULL;
	rv = object ? ask_size(session, object, size) : size ? CKR_OBJECT_HANDLE_INVALID : CKR_ARGUMENTS_BAD;
	object_release(object);
	return session_leave(session, rv);
}
