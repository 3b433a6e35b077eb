/* The toy's keys: made, wrapped, unwrapped, derived, copied. What a key wraps to names both keys and how many wrappings there were,
 * so that no two are the same. */
#include "tests/support/toy_inside.h"
#include "wire/mechanism_table.h"
#include <string.h>

static CK_KEY_TYPE made_by(const Craton__Mechanism *mechanism)
{
	const struct mechanism_facts *facts = mechanism_facts((CK_MECHANISM_TYPE)mechanism->type);
	if (mechanism->type == CKM_HSS_KEY_PAIR_GEN)
		return CKK_HSS;
	return facts ? facts->key_type : KEY_TYPE_NONE;
}

void toy_answer_generate(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__GenerateKey *asked = request->generate_key;
	if (!toy_is_user(toy, request)) {
		reply->rv = CKR_USER_NOT_LOGGED_IN;
		return;
	}
	toy_begin_created(call, reply);
	toy_add_created(toy, call, toy_make(toy, asked->attributes, asked->n_attributes, CKO_SECRET_KEY, made_by(asked->mechanism)), reply);
}

void toy_answer_generate_pair(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__GenerateKeyPair *asked = request->generate_key_pair;
	CK_KEY_TYPE type = made_by(asked->mechanism);
	toy_begin_created(call, reply);
	toy_add_created(toy, call, toy_make(toy, asked->public_attributes, asked->n_public_attributes, CKO_PUBLIC_KEY, type), reply);
	Craton__Object *closed = toy_make(toy, asked->private_attributes, asked->n_private_attributes, CKO_PRIVATE_KEY, type);
	struct attribute_list list = toy_view(closed), asked_public = { asked->public_attributes, asked->n_public_attributes };
	const Craton__Attribute *curve = attribute_list_get(&asked_public, CKA_EC_PARAMS);
	if (curve)
		attribute_list_set(&list, CKA_EC_PARAMS, curve->value.data, curve->value.len);
	if (type == CKK_RSA)
		attribute_list_set_ulong(&list, CKA_MODULUS_BITS, attribute_list_ulong(&asked_public, CKA_MODULUS_BITS, 2048));
	closed->attributes = list.items;
	closed->n_attributes = list.count;
	toy_add_created(toy, call, closed, reply);
}

void toy_answer_wrap(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const Craton__WrapKey *asked = request->wrap_key;
	uint8_t wrapped[TOY_WRAPPED_SIZE] = { 'w' };
	if (!toy_find(toy, asked->wrapping_key, reply) || !toy_find(toy, asked->key, reply))
		return;
	wrapped[1] = (uint8_t)atomic_fetch_add(&toy->wraps, 1);
	memcpy(wrapped + 8, asked->wrapping_key->id.data, ID_SIZE);
	memcpy(wrapped + 8 + ID_SIZE, asked->key->id.data, ID_SIZE);
	reply->crypt = fake_alloc(call, sizeof *reply->crypt);
	craton__crypt_reply__init(reply->crypt);
	reply->crypt->data = fake_bytes(call, wrapped, sizeof wrapped);
	reply->body_case = CRATON__REPLY__BODY_CRYPT;
}

void toy_answer_unwrap(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const Craton__UnwrapKey *asked = request->unwrap_key;
	if (!toy_find(toy, asked->unwrapping_key, reply))
		return;
	bool is_mine = asked->wrapped.len == TOY_WRAPPED_SIZE && asked->wrapped.data[0] == 'w' &&
	               memcmp(asked->wrapped.data + 8, asked->unwrapping_key->id.data, ID_SIZE) == 0;
	if (!is_mine) {
		reply->rv = CKR_WRAPPED_KEY_INVALID;
		return;
	}
	toy_begin_created(call, reply);
	toy_add_created(toy, call, toy_make(toy, asked->attributes, asked->n_attributes, CKO_SECRET_KEY, CKK_GENERIC_SECRET), reply);
}

void toy_answer_derive(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const Craton__DeriveKey *asked = request->derive_key;
	bool is_found = toy_find(toy, asked->base_key, reply) != NULL;
	for (size_t i = 0; is_found && i < asked->mechanism->n_keys; i++)
		is_found = toy_find(toy, asked->mechanism->keys[i], reply) != NULL;
	if (!is_found)
		return;
	atomic_store(&toy->derived_from, 1 + (unsigned)asked->mechanism->n_keys);
	toy_begin_created(call, reply);
	toy_add_created(toy, call, toy_make(toy, asked->attributes, asked->n_attributes, CKO_SECRET_KEY, CKK_GENERIC_SECRET), reply);
}

/* With all that the other has, but what is asked for. */
void toy_answer_copy(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const Craton__CopyObject *asked = request->copy_object;
	Craton__Object *object = toy_find(toy, asked->object, reply);
	struct attribute_list list = { NULL, 0 };
	if (!object)
		return;
	attribute_list_copy(&list, object->attributes, object->n_attributes);
	for (size_t i = 0; i < asked->n_attributes; i++)
		attribute_list_set(&list, (CK_ATTRIBUTE_TYPE)asked->attributes[i]->type, asked->attributes[i]->value.data,
		                   asked->attributes[i]->value.len);
	toy_begin_created(call, reply);
	toy_add_created(toy, call, toy_make(toy, list.items, list.count, CKO_DATA, KEY_TYPE_NONE), reply);
	attribute_list_finish(&list);
}

void toy_answer_size(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	Craton__Object *object = toy_find(toy, request->object_size->object, reply);
	if (!object)
		return;
	reply->object_size = fake_alloc(call, sizeof *reply->object_size);
	craton__object_size_reply__init(reply->object_size);
	reply->object_size->size = object->n_attributes;
	reply->body_case = CRATON__REPLY__BODY_OBJECT_SIZE;
}
