#include "tests/support/toy_inside.h"
#include "base/digest.h"
#include "wire/mechanism_table.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct { CK_MECHANISM_TYPE type; CK_FLAGS flags; } offered[] = {
	{ CKM_AES_KEY_GEN, CKF_GENERATE }, { CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE },
	{ CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR }, { CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR },
	{ CKM_ECDSA, CKF_SIGN | CKF_VERIFY }, { CKM_RSA_PKCS, CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER },
	{ CKM_SHA256_RSA_PKCS, CKF_SIGN | CKF_VERIFY }, { CKM_SHA256_HMAC, CKF_SIGN | CKF_VERIFY },
	{ CKM_AES_ECB, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CBC, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_CBC_PAD, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CTR, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_OFB, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CFB128, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_CFB8, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_CTS, CKF_ENCRYPT | CKF_DECRYPT },
	{ CKM_AES_GCM, CKF_ENCRYPT | CKF_DECRYPT }, { CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP },
	{ CKM_CONCATENATE_BASE_AND_KEY, CKF_DERIVE }, { CKM_CONCATENATE_BASE_AND_DATA, CKF_DERIVE },
};

void toy_init(struct toy *toy)
{
	memset(toy, 0, sizeof *toy);
	pthread_mutex_init(&toy->lock, NULL);
	toy->index = 1;
	strcpy(toy->pin, TOY_PIN);
}

void toy_finish(struct toy *toy)
{
	for (size_t i = 0; i < toy->count; i++)
		craton__object__free_unpacked(toy->objects[i], NULL);
	pthread_mutex_destroy(&toy->lock);
}

/* ---- who and what */

bool toy_is_user(const struct toy *toy, const Craton__Request *request)
{
	return request->ticket.len == 2 && request->ticket.data[0] == CRATON__ROLE__ROLE_USER &&
	       request->ticket.data[1] == toy->generation;
}

static void answer_ticket(struct toy *toy, struct fake_call *call, Craton__Role role, Craton__Reply *reply)
{
	uint8_t ticket[] = { (uint8_t)role, toy->generation };
	reply->login = fake_alloc(call, sizeof *reply->login);
	craton__login_reply__init(reply->login);
	reply->login->ticket = fake_bytes(call, ticket, sizeof ticket);
	reply->body_case = CRATON__REPLY__BODY_LOGIN;
}

static bool is_text(const ProtobufCBinaryData *data, const char *text)
{
	return data->len == strlen(text) && memcmp(data->data, text, data->len) == 0;
}

static void answer_done(struct fake_call *call, Craton__Reply *reply)
{
	reply->done = fake_alloc(call, sizeof *reply->done);
	craton__done__init(reply->done);
	reply->body_case = CRATON__REPLY__BODY_DONE;
}

static void answer_login(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const char *pin = request->login->role == CRATON__ROLE__ROLE_SO ? TOY_SO_PIN : toy->pin;
	if (is_text(&request->login->pin, pin))
		answer_ticket(toy, call, request->login->role, reply);
	else
		reply->rv = CKR_PIN_INCORRECT;
}

static void answer_set_pin(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const Craton__SetPin *asked = request->set_pin;
	if (!is_text(&asked->old_pin, toy->pin)) {
		reply->rv = CKR_PIN_INCORRECT;
		return;
	}
	memset(toy->pin, 0, sizeof toy->pin);
	memcpy(toy->pin, asked->new_pin.data, asked->new_pin.len);
	toy->generation++;
	answer_ticket(toy, call, asked->role, reply);
}

static void answer_slot_info(struct fake_call *call, Craton__Reply *reply)
{
	reply->slot_info = fake_alloc(call, sizeof *reply->slot_info);
	craton__slot_info__init(reply->slot_info);
	reply->slot_info->label = (char *)(uintptr_t)"toy";
	reply->slot_info->serial = (char *)(uintptr_t)"0001";
	reply->slot_info->token_flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_RNG | CKF_USER_PIN_INITIALIZED;
	reply->body_case = CRATON__REPLY__BODY_SLOT_INFO;
}

static void answer_mechanisms(struct fake_call *call, Craton__Reply *reply)
{
	size_t count = sizeof offered / sizeof *offered;
	Craton__MechanismListReply *body = reply->mechanism_list = fake_alloc(call, sizeof *body);
	craton__mechanism_list_reply__init(body);
	body->list = fake_alloc(call, count * sizeof *body->list);
	for (body->n_list = 0; body->n_list < count; body->n_list++) {
		Craton__MechanismInfo *info = body->list[body->n_list] = fake_alloc(call, sizeof *info);
		craton__mechanism_info__init(info);
		info->type = offered[body->n_list].type;
		info->flags = offered[body->n_list].flags;
	}
	reply->body_case = CRATON__REPLY__BODY_MECHANISM_LIST;
}

/* ---- objects */

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

static void answer_create(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__CreateObject *asked = request->create_object;
	toy_begin_created(call, reply);
	toy_add_created(toy, call, toy_make(toy, asked->attributes, asked->n_attributes, CKO_DATA, KEY_TYPE_NONE), reply);
}

static void answer_destroy(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
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
	answer_done(call, reply);
}

static void answer_get(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
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

static void answer_set(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
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

static void answer_find(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
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

static void answer_random(struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	reply->random = fake_alloc(call, sizeof *reply->random);
	craton__random_reply__init(reply->random);
	reply->random->data = (ProtobufCBinaryData){ request->random->size, fake_alloc(call, request->random->size) };
	random_bytes(reply->random->data.data, request->random->size);
	reply->body_case = CRATON__REPLY__BODY_RANDOM;
}

static void answer_body(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	switch (request->body_case) {
	case CRATON__REQUEST__BODY_SLOT_INFO: answer_slot_info(call, reply); break;
	case CRATON__REQUEST__BODY_MECHANISM_LIST: answer_mechanisms(call, reply); break;
	case CRATON__REQUEST__BODY_LOGIN: answer_login(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_SET_PIN: answer_set_pin(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_INIT_PIN: answer_ticket(toy, call, CRATON__ROLE__ROLE_SO, reply); break;
	case CRATON__REQUEST__BODY_INIT_TOKEN: answer_done(call, reply); break;
	case CRATON__REQUEST__BODY_CREATE_OBJECT: answer_create(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_DESTROY_OBJECT: answer_destroy(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_GET_ATTRIBUTES: answer_get(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_SET_ATTRIBUTES: answer_set(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_FIND: answer_find(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_GENERATE_KEY: toy_answer_generate(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_GENERATE_KEY_PAIR: toy_answer_generate_pair(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_WRAP_KEY: toy_answer_wrap(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_UNWRAP_KEY: toy_answer_unwrap(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_DERIVE_KEY: toy_answer_derive(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_COPY_OBJECT: toy_answer_copy(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_OBJECT_SIZE: toy_answer_size(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_CRYPT: toy_answer_crypt(toy, call, request, reply); break;
	case CRATON__REQUEST__BODY_RANDOM: answer_random(call, request, reply); break;
	default: reply->fault = CRATON__FAULT__FAULT_MALFORMED;
	}
}

static void answer_whole(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	answer_body(context, call, request, reply);
}

static bool is_in_parts(const Craton__Request *request)
{
	return request->body_case == CRATON__REQUEST__BODY_CRYPT && request->crypt->stage != CRATON__CRYPT_STAGE__WHOLE;
}

static void cut_if_its_turn(struct toy *toy, struct fake_call *call, const Craton__Request *request)
{
	if (request->body_case != CRATON__REQUEST__BODY_CRYPT || !toy->cut_at || --toy->cut_at)
		return;
	toy->cut_stage = (int)request->crypt->stage;
	fake_connection_cut(call);
}

void toy_answer(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	struct toy *toy = context;
	Craton__Fault fault = (Craton__Fault)atomic_load(&toy->fault);
	pthread_mutex_lock(&toy->lock);
	cut_if_its_turn(toy, call, request);
	if (request->ticket.len && request->ticket.data[1] != toy->generation)
		fault = CRATON__FAULT__FAULT_TICKET;
	if (fault == CRATON__FAULT__FAULT_NONE && is_in_parts(request))
		toy_part(&toy->parts, toy, answer_whole, call, request, reply);
	else if (fault == CRATON__FAULT__FAULT_NONE)
		answer_body(toy, call, request, reply);
	else
		reply->fault = fault;
	reply->index = toy->index;
	pthread_mutex_unlock(&toy->lock);
}
