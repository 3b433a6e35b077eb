#include "pkcs11/created.h"

CK_RV created_ask(struct session *session, struct question *question, Craton__Reply **reply)
{
	session->login_ends_before = login_ends(&session->library->login);
	return library_ask(session->library, question, CRATON__REPLY__BODY_CREATED, reply);
}

static bool is_of_class(Craton__Attribute **items, size_t count, CK_OBJECT_CLASS class)
{
	struct attribute_list view = { items, count };
	return class == ANY_CLASS || attribute_list_ulong(&view, CKA_CLASS, ANY_CLASS) == class;
}

static bool is_private(const Craton__Object *object)
{
	struct attribute_list view = { object->attributes, object->n_attributes };
	return attribute_list_bool(&view, CKA_PRIVATE, false);
}

/* What ends with the session, or with the login, may just have ended by another thread. */
static CK_OBJECT_HANDLE keep(struct session *session, Craton__Object *carried, uint64_t index)
{
	struct library *library = session->library;
	bool goes_with_login = is_private(carried);
	session->has_objects = true;
	CK_OBJECT_HANDLE handle = objects_carry(library->objects, session->handle, carried, index);
	bool is_logged_out = goes_with_login && login_ends(&library->login) != session->login_ends_before;
	if (is_logged_out || atomic_load(&session->is_closed))
		objects_forget(library->objects, handle);
	return handle;
}

CK_RV created_take(struct session *session, Craton__Reply *reply, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *handle)
{
	Craton__Created *created = reply->created;
	*handle = CK_INVALID_HANDLE;
	for (size_t i = 0; i < created->n_list && !*handle; i++)
		if (is_of_class(created->list[i]->attributes, created->list[i]->n_attributes, class))
			*handle = objects_learn(session->library->objects, created->list[i], reply->index);
	for (size_t i = 0; i < created->n_carried && !*handle; i++) {
		Craton__Object *carried = created->carried[i];
		if (!carried || !is_of_class(carried->attributes, carried->n_attributes, class))
			continue;
		created->carried[i] = NULL;
		*handle = keep(session, carried, reply->index);
	}
	return *handle ? CKR_OK : CKR_DEVICE_ERROR;
}
