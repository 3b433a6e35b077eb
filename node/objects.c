/* Objects as such: made from a template, destroyed, changed, read, found. */
#include "node/object.h"
#include <stdlib.h>
#include <string.h>

/* A public key is not shown to the token before it is used. */
static CK_RV set_key_info(struct attribute_list *attributes)
{
	bool is_public_key = attribute_list_ulong(attributes, CKA_CLASS, CKO_DATA) == CKO_PUBLIC_KEY;
	return is_public_key ? key_info_set(attributes) : CKR_OK;
}

/* A key with a value, or private data: what may not be stored in the clear goes through the token. */
static CK_RV seal_if_needed(struct question *question, const struct attribute_list *secret, Craton__Object *object)
{
	struct attribute_list view = rules_view(object);
	if (!rules_is_sealed(&view))
		return CKR_OK;
	return question_token(question, seal_import(question->node->domain, secret, object));
}

static CK_RV make_object(struct question *question, const struct attribute_list *wanted, struct making *making)
{
	struct attribute_list attributes = { NULL, 0 }, secret = { NULL, 0 };
	struct id id = making_id(question, 0, making->has_token_objects);
	Craton__Object *object;
	CK_RV rv = rules_create(&question->asker, wanted, &id, &attributes);
	if (rv == CKR_OK)
		rv = set_key_info(&attributes);
	if (rv == CKR_OK)
		rv = rules_take_secret(&attributes, &secret);
	if (rv == CKR_OK)
		rv = making_object(question, making, &id, &attributes, &object);
	if (rv == CKR_OK)
		rv = seal_if_needed(question, &secret, object);
	rules_wipe(&attributes);
	rules_wipe(&secret);
	return rv == CKR_OK ? making_commit(question, making) : rv;
}

CK_RV answer_create_object(struct question *question)
{
	const Craton__CreateObject *body = question->request->create_object;
	CK_RV rv = making_answer(question, body->attributes, body->n_attributes, make_object);
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_CREATE);
	return rv;
}

static CK_RV destroy_found(struct question *question, const struct id *key, struct request_record *record)
{
	ProtobufCBinaryData *id = &question->request->destroy_object->id;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	Craton__ObjectDestroyed change = CRATON__OBJECT_DESTROYED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	struct found_object found;

	ref.id = *id;
	CK_RV rv = object_find(question, &ref, &found);
	if (rv != CKR_OK)
		return rv;
	struct attribute_list view = rules_view(found.object);
	rv = rules_destroy(&question->asker, &view);
	object_destroy(found.object);
	if (rv != CKR_OK)
		return rv;
	change.slot = question->request->slot;
	change.id = *id;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_DESTROYED;
	event.object_destroyed = &change;
	return change_commit(question, key, &event, question->deadline, record);
}

/* A key that was destroyed signs nowhere any more, so it is not enough that this node has applied it. */
CK_RV answer_destroy_object(struct question *question)
{
	struct id key = change_key(question->request->slot, &question->request->request_id, 0);
	struct request_record record;
	CK_RV rv = change_is_known(question, &key, &record) ? CKR_OK : destroy_found(question, &key, &record);
	rv = change_after_all(question, &key, rv, &record); /* it may not have been found because it is done */
	if (rv == CKR_OK)
		rv = change_rv(&record, CKR_OBJECT_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = change_settle(question, &record);
	if (rv != CKR_OK)
		return rv;
	count_one(&question->node->counters, COUNTER_DESTROY);
	return question_done(question);
}

static CK_RV answer_value(struct question *question, const Craton__Object *object, CK_ATTRIBUTE_TYPE type,
                          Craton__AttributeAnswer *answer)
{
	struct attribute_list view = rules_view(object);
	const Craton__Attribute *found = NULL;
	struct buf value;
	CK_RV rv = rules_read(&view, type, &found);
	if (rv != CKR_OK)
		return rv;
	buf_init(&value, ATTRIBUTE_SIZE_MAX);
	if (found)
		buf_add(&value, found->value.data, found->value.len);
	else
		rv = unseal_value(question->node->domain, object, type, &value);
	if (rv == CKR_OK && value.failed)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		answer->value = (ProtobufCBinaryData){ value.size, value.data };
		buf_init(&value, 0);
	}
	buf_finish(&value);
	return rv;
}

/* A refusal of one attribute is that attribute's own; anything else is the whole call's. */
static bool is_attributes_own(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID;
}

/* What was asked before in this request: a sealed value goes through the token once. */
static const Craton__AttributeAnswer *answered_before(const Craton__GetAttributesReply *body, uint64_t type)
{
	for (size_t i = 0; i < body->n_list; i++)
		if (body->list[i]->type == type)
			return body->list[i];
	return NULL;
}

static CK_RV copy_answer(const Craton__AttributeAnswer *from, Craton__AttributeAnswer *to)
{
	to->rv = from->rv;
	if (from->value.len == 0)
		return CKR_OK;
	to->value.data = malloc(from->value.len);
	if (!to->value.data)
		return CKR_HOST_MEMORY;
	memcpy(to->value.data, from->value.data, from->value.len);
	to->value.len = from->value.len;
	return CKR_OK;
}

static CK_RV answer_one(struct question *question, const Craton__Object *object, uint64_t type,
                        Craton__GetAttributesReply *body)
{
	const Craton__AttributeAnswer *before = answered_before(body, type);
	Craton__AttributeAnswer *answer = malloc(sizeof *answer);
	if (!answer)
		return CKR_HOST_MEMORY;
	craton__attribute_answer__init(answer);
	body->list[body->n_list++] = answer;
	answer->type = type;
	if (before)
		return copy_answer(before, answer);
	answer->rv = answer_value(question, object, type, answer);
	return is_attributes_own(answer->rv) ? CKR_OK : question_token(question, answer->rv);
}

static CK_RV answer_values(struct question *question, const Craton__Object *object, Craton__GetAttributesReply *body)
{
	const Craton__GetAttributes *asked = question->request->get_attributes;
	size_t total = 0; /* one large value may be asked for many times */
	body->list = calloc(asked->n_types + 1, sizeof *body->list);
	if (!body->list)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < asked->n_types; i++) {
		CK_RV rv = answer_one(question, object, asked->types[i], body);
		if (rv != CKR_OK)
			return rv;
		if ((total += body->list[i]->value.len) > FRAME_SIZE_MAX)
			return CKR_DEVICE_MEMORY;
	}
	return CKR_OK;
}

CK_RV answer_get_attributes(struct question *question)
{
	const Craton__GetAttributes *asked = question->request->get_attributes;
	struct found_object found;
	if (asked->n_types > ATTRIBUTES_MAX)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "more than %d attributes", ATTRIBUTES_MAX);
	CK_RV rv = object_find(question, asked->object, &found);
	if (rv != CKR_OK)
		return rv;
	Craton__GetAttributesReply *body = malloc(sizeof *body);
	if (body) {
		craton__get_attributes_reply__init(body);
		question->reply->body_case = CRATON__REPLY__BODY_ATTRIBUTES;
		question->reply->attributes = body;
	}
	rv = body ? answer_values(question, found.object, body) : CKR_HOST_MEMORY;
	object_destroy(found.object);
	return rv;
}

#define FIND_COUNT_MAX 4096 /* briefs in one answer; `more` says that there are others */

static uint32_t find_limit(uint32_t asked)
{
	return asked && asked < FIND_COUNT_MAX ? asked : FIND_COUNT_MAX;
}

CK_RV answer_find(struct question *question)
{
	const Craton__Find *asked = question->request->find;
	struct attribute_list wanted = { NULL, 0 };
	struct id after = { { 0 } };
	if (asked->after.len && !id_from_bytes(&after, asked->after.data, asked->after.len))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "an object's id has %d bytes", ID_SIZE);
	CK_RV rv = object_template(&wanted, asked->attributes, asked->n_attributes);
	if (rv != CKR_OK)
		return rv;
	Craton__FindReply *body = malloc(sizeof *body);
	enum err err = body ? directory_find(question->node->directory, question->request->slot, &wanted,
	                                     question_is(question, CRATON__ROLE__ROLE_USER), &after, find_limit(asked->count_max), body)
	                    : ERR_NO_MEMORY;
	attribute_list_finish(&wanted);
	if (err != ERR_OK) {
		free(body);
		return question_err(question, err, "searching");
	}
	question->reply->body_case = CRATON__REPLY__BODY_FIND;
	question->reply->find = body;
	count_one(&question->node->counters, COUNTER_FIND);
	return CKR_OK;
}
