/* The toy's objects: made, shown, changed, found and destroyed. */
#include "tests/support/toy_inside.h"
#include "wire/mechanism_table.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct attribute_list toy_view(const Craton__Object *object)
{
	return (struct attribute_list){ object->attributes, object->n_attributes };
}

static Craton__Object *find_stored(struct toy *toy, const ProtobufCBinaryData *id)
{
	for (size_t i = 0; i < toy->count; i++)
		if (id->len == ID_SIZE && memcmp(toy->objects[i]->id.data, id->data, ID_SIZE) == 0)
			return toy->objects[i];
	return NULL;
}

/* Stored or carried; NULL and what the reply must say. */
Craton__Object *toy_find(struct toy *toy, const Craton__ObjectRef *ref, Craton__Reply *reply)
{
	Craton__Object *object = ref->carried ? ref->carried : find_stored(toy, &ref->id);
	if (!object) {
		atomic_fetch_add(&toy->unknown, 1);
		reply->fault = CRATON__FAULT__FAULT_UNKNOWN_OBJECT;
	}
	return object;
}

Craton__Object *toy_make(struct toy *toy, Craton__Attribute **items, size_t count, CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
	static const CK_ATTRIBUTE_TYPE permissions[] = { CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN_RECOVER, CKA_VERIFY_RECOVER };
	struct attribute_list list = { NULL, 0 };
	Craton__Object *object = malloc(sizeof *object);
	craton__object__init(object);
	for (size_t i = 0; i < count; i++)
		attribute_list_set(&list, (CK_ATTRIBUTE_TYPE)items[i]->type, items[i]->value.data, items[i]->value.len);
	if (!attribute_list_get(&list, CKA_CLASS))
		attribute_list_set_ulong(&list, CKA_CLASS, class);
	if (!attribute_list_get(&list, CKA_KEY_TYPE) && type != KEY_TYPE_NONE)
		attribute_list_set_ulong(&list, CKA_KEY_TYPE, type);
	if (!attribute_list_get(&list, CKA_PRIVATE))
		attribute_list_set_bool(&list, CKA_PRIVATE, class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY);
	for (size_t i = 0; i < sizeof permissions / sizeof *permissions; i++)
		if (!attribute_list_get(&list, permissions[i]))
			attribute_list_set_bool(&list, permissions[i], type != KEY_TYPE_NONE);
	object->id = (ProtobufCBinaryData){ ID_SIZE, calloc(1, ID_SIZE) };
	object->id.data[0] = ++toy->next_id;
	object->id.data[1] = (uint8_t)(toy->index >> 8);
	object->id.data[2] = (uint8_t)toy->index;
	object->attributes = list.items;
	object->n_attributes = list.count;
	return object;
}

Craton__ObjectBrief *toy_brief(struct fake_call *call, const Craton__Object *object)
{
	Craton__ObjectBrief *brief = fake_alloc(call, sizeof *brief);
	craton__object_brief__init(brief);
	brief->id = fake_bytes(call, object->id.data, object->id.len);
	brief->attributes = object->attributes;
	brief->n_attributes = object->n_attributes;
	return brief;
}

void toy_begin_created(struct fake_call *call, Craton__Reply *reply)
{
	reply->created = fake_alloc(call, sizeof *reply->created);
	craton__created__init(reply->created);
	reply->created->list = fake_alloc(call, 2 * sizeof(void *));
	reply->created->carried = fake_alloc(call, 2 * sizeof(void *));
	reply->body_case = CRATON__REPLY__BODY_CREATED;
}

/* The packed form, so that the reply owns nothing that the toy does. */
static void carry(struct fake_call *call, Craton__Object *object, Craton__Reply *reply)
{
	Craton__Object *copy = fake_alloc(call, sizeof *copy);
	*copy = *object;
	copy->id = fake_bytes(call, object->id.data, object->id.len);
	copy->attributes = fake_alloc(call, (object->n_attributes + 1) * sizeof *copy->attributes);
	for (size_t i = 0; i < object->n_attributes; i++) {
		copy->attributes[i] = fake_alloc(call, sizeof **copy->attributes);
		craton__attribute__init(copy->attributes[i]);
		copy->attributes[i]->type = object->attributes[i]->type;
		copy->attributes[i]->value = fake_bytes(call, object->attributes[i]->value.data, object->attributes[i]->value.len);
	}
	reply->created->carried[reply->created->n_carried++] = copy;
}

void toy_add_created(struct toy *toy, struct fake_call *call, Craton__Object *object, Craton__Reply *reply)
{
	struct attribute_list view = toy_view(object);
	if (attribute_list_bool(&view, CKA_TOKEN, false)) {
		assert(toy->count < TOY_OBJECTS_MAX);
		toy->objects[toy->count++] = object;
		toy->index++;
		reply->created->list[reply->created->n_list++] = toy_brief(call, object);
	} else {
		carry(call, object, reply);
		craton__object__free_unpacked(object, NULL);
	}
}

void toy_answer_create(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__CreateObject *asked = request->create_object;
	toy_begin_created(call, reply);
	toy_add_created(toy, call, toy_make(toy, asked->attributes, asked->n_attributes, CKO_DATA, KEY_TYPE_NONE), reply);
}

void toy_answer_destroy(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__Object *object = find_stored(toy, &request->destroy_object->id);
	if (!object) {
		reply->rv = CKR_OBJECT_HANDLE_INVALID;
		return;
	}
	for (size_t i = 0; i < toy->count; i++)
		if (toy->objects[i] == object)
			toy->objects[i] = toy->objects[--toy->count];
	toy->index++;
	craton__object__free_unpacked(object, NULL);
	toy_answer_done(call, reply);
}

void toy_answer_get(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__GetAttributes *asked = request->get_attributes;
	Craton__Object *object = toy_find(toy, asked->object, reply);
	if (!object)
		return;
	atomic_fetch_add(&toy->reads, 1);
	struct attribute_list view = toy_view(object);
	Craton__GetAttributesReply *body = reply->attributes = fake_alloc(call, sizeof *body);
	craton__get_attributes_reply__init(body);
	body->list = fake_alloc(call, (asked->n_types + 1) * sizeof *body->list);
	for (; body->n_list < asked->n_types; body->n_list++) {
		Craton__AttributeAnswer *answer = body->list[body->n_list] = fake_alloc(call, sizeof *answer);
		craton__attribute_answer__init(answer);
		answer->type = asked->types[body->n_list];
		const Craton__Attribute *found = attribute_list_get(&view, (CK_ATTRIBUTE_TYPE)answer->type);
		bool is_key = attribute_list_ulong(&view, CKA_CLASS, CKO_DATA) == CKO_SECRET_KEY;
		if (answer->type == CKA_VALUE && is_key && attribute_list_bool(&view, CKA_SENSITIVE, true))
			answer->rv = CKR_ATTRIBUTE_SENSITIVE;
		else if (found)
			answer->value = fake_bytes(call, found->value.data, found->value.len);
		else
			answer->rv = CKR_ATTRIBUTE_TYPE_INVALID;
	}
	reply->body_case = CRATON__REPLY__BODY_ATTRIBUTES;
}

void toy_answer_set(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__SetAttributes *asked = request->set_attributes;
	Craton__Object *object = toy_find(toy, asked->object, reply);
	if (!object)
		return;
	struct attribute_list list = toy_view(object);
	for (size_t i = 0; i < asked->n_attributes; i++)
		attribute_list_set(&list, (CK_ATTRIBUTE_TYPE)asked->attributes[i]->type, asked->attributes[i]->value.data,
		                   asked->attributes[i]->value.len);
	object->attributes = list.items;
	object->n_attributes = list.count;
	toy_begin_created(call, reply);
	if (asked->object->carried)
		carry(call, object, reply);
	else
		reply->created->list[reply->created->n_list++] = toy_brief(call, object);
	toy->index++;
}

static bool has_all(const Craton__Object *object, const Craton__Find *asked)
{
	struct attribute_list view = toy_view(object);
	for (size_t i = 0; i < asked->n_attributes; i++) {
		const Craton__Attribute *want = asked->attributes[i], *have = attribute_list_get(&view, (CK_ATTRIBUTE_TYPE)want->type);
		if (!have || have->value.len != want->value.len || memcmp(have->value.data, want->value.data, want->value.len) != 0)
			return false;
	}
	return true;
}

void toy_answer_find(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__Find *asked = request->find;
	Craton__FindReply *body = reply->find = fake_alloc(call, sizeof *body);
	size_t i = 0;
	atomic_fetch_add(&toy->finds, 1);
	craton__find_reply__init(body);
	body->list = fake_alloc(call, (toy->count + 1) * sizeof *body->list);
	while (asked->after.len && i < toy->count && memcmp(toy->objects[i++]->id.data, asked->after.data, ID_SIZE) != 0)
		;
	for (; i < toy->count; i++) {
		struct attribute_list view = toy_view(toy->objects[i]);
		if (!has_all(toy->objects[i], asked) || (attribute_list_bool(&view, CKA_PRIVATE, false) && !toy_is_user(toy, request)))
			continue;
		if (body->n_list == asked->count_max) {
			body->more = true;
			break;
		}
		body->list[body->n_list++] = toy_brief(call, toy->objects[i]);
	}
	reply->body_case = CRATON__REPLY__BODY_FIND;
}
