/* C_CopyObject, and how large an object is. */
#include "node/object.h"
#include <stdlib.h>

static CK_RV copied_object(struct question *question, const Craton__Object *before, const struct attribute_list *wanted,
                           struct making *making)
{
	struct attribute_list view = rules_view(before), attributes = { NULL, 0 }, secret = { NULL, 0 };
	Craton__Object *object;
	/* where it goes to, unless the template says: where the other is */
	making->has_token_objects = attribute_list_bool(wanted, CKA_TOKEN, attribute_list_bool(&view, CKA_TOKEN, false));
	struct id id = making_id(question, 0, making->has_token_objects);
	CK_RV rv = rules_copy(&question->asker, &view, wanted, &id, &attributes);
	if (rv == CKR_OK)
		rv = object_check_key_info(&view, wanted, &attributes);
	if (rv == CKR_OK)
		rv = rules_take_secret(&attributes, &secret);
	if (rv == CKR_OK)
		rv = making_object(question, making, &id, &attributes, &object);
	if (rv == CKR_OK)
		rv = object_seal_anew(question, before, &secret, object);
	rules_wipe(&attributes);
	rules_wipe(&secret);
	return rv == CKR_OK ? making_commit(question, making) : rv;
}

static CK_RV copy(struct question *question, const struct attribute_list *wanted, struct making *making)
{
	struct found_object found;
	CK_RV rv = object_find(question, question->request->copy_object->object, &found);
	if (rv == CKR_OK)
		rv = copied_object(question, found.object, wanted, making);
	object_destroy(found.object);
	return rv;
}

/* Whether the copy is stored is known only from the object itself, which may be gone by the time of a retry: so the request is looked up in
 * any case. */
CK_RV answer_copy_object(struct question *question)
{
	const Craton__CopyObject *body = question->request->copy_object;
	struct attribute_list wanted = { NULL, 0 };
	struct making making = { .count = 0 };
	bool known = false;
	CK_RV rv = object_template(&wanted, body->attributes, body->n_attributes);
	if (rv == CKR_OK)
		rv = making_begin(question, &making, true, &known);
	if (rv == CKR_OK && !known) {
		rv = copy(question, &wanted, &making);
		if (making_begins_again(question, &making, rv))
			rv = copy(question, &wanted, &making);
	}
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_COPY);
	making_finish(&making);
	rules_wipe(&wanted);
	return rv;
}

/* 5.7: "The size is given in bytes and is a measure of how much token memory the object takes up." Ours is the directory, and what
 * is kept there is the packed object. */
CK_RV answer_object_size(struct question *question)
{
	struct found_object found;
	CK_RV rv = object_find(question, question->request->object_size->object, &found);
	if (rv != CKR_OK)
		return rv;
	Craton__ObjectSizeReply *body = malloc(sizeof *body);
	if (body) {
		craton__object_size_reply__init(body);
		body->size = craton__object__get_packed_size(found.object);
		question->reply->body_case = CRATON__REPLY__BODY_OBJECT_SIZE;
		question->reply->object_size = body;
	}
	object_destroy(found.object);
	return body ? CKR_OK : CKR_HOST_MEMORY;
}
