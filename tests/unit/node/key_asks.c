#include "tests/unit/node/key_asks.h"
#include <string.h>

void aes_key(struct template *template_, bool is_token, const struct flag *flags, size_t count)
{
	*template_ = (struct template){ .count = 0 };
	template_bool(template_, CKA_TOKEN, is_token);
	template_number(template_, CKA_VALUE_LEN, 16);
	for (size_t i = 0; i < count; i++)
		template_bool(template_, flags[i].type, flags[i].value);
}

Craton__Mechanism mechanism_of(CK_MECHANISM_TYPE type)
{
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = type;
	return mechanism;
}

Craton__Reply *generate_by(CK_MECHANISM_TYPE type, struct template *template_)
{
	Craton__GenerateKey body = CRATON__GENERATE_KEY__INIT;
	Craton__Mechanism mechanism = mechanism_of(type);
	body.mechanism = &mechanism;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(GENERATE_KEY, generate_key, body);
	return talk_ask(&talk, &request);
}

Craton__ObjectRef made_in(const Craton__Reply *reply)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	CU_ASSERT_EQUAL_FATAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_CREATED);
	CU_ASSERT_EQUAL_FATAL(reply->created->n_list + reply->created->n_carried, 1);
	ref.carried = reply->created->n_carried ? reply->created->carried[0] : NULL;
	ref.id = ref.carried ? ref.carried->id : reply->created->list[0]->id;
	return ref;
}


struct key make_key(bool is_token, const struct flag *flags, size_t count)
{
	struct template template_;
	aes_key(&template_, is_token, flags, count);
	Craton__Reply *reply = generate_by(CKM_AES_KEY_GEN, &template_);
	return (struct key){ reply, made_in(reply) };
}

struct key wrapping_key(void)
{
	return make_key(true, FLAGS({ CKA_WRAP, true }, { CKA_UNWRAP, true }));
}

struct key loose_key(bool is_token)
{
	return make_key(is_token, FLAGS({ CKA_EXTRACTABLE, true }, { CKA_SENSITIVE, false }, { CKA_DERIVE, true }));
}

Craton__Reply *wrap_by(CK_MECHANISM_TYPE type, Craton__ObjectRef *with, Craton__ObjectRef *key)
{
	Craton__WrapKey body = CRATON__WRAP_KEY__INIT;
	Craton__Mechanism mechanism = mechanism_of(type);
	body.mechanism = &mechanism;
	body.wrapping_key = with;
	body.key = key;
	REQUEST(WRAP_KEY, wrap_key, body);
	return talk_ask(&talk, &request);
}

Craton__Reply *wrap(Craton__ObjectRef *with, Craton__ObjectRef *key)
{
	return wrap_by(CKM_AES_KEY_WRAP, with, key);
}

CK_RV rv_of(Craton__Reply *reply)
{
	CK_RV rv = reply->rv;
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	reply_free(reply);
	return rv;
}

Craton__Reply *unwrap(Craton__ObjectRef *with, const ProtobufCBinaryData *wrapped, const struct flag *flags, size_t count)
{
	Craton__UnwrapKey body = CRATON__UNWRAP_KEY__INIT;
	Craton__Mechanism mechanism = mechanism_of(CKM_AES_KEY_WRAP);
	struct template template_ = { .count = 0 };
	template_number(&template_, CKA_CLASS, CKO_SECRET_KEY);
	template_number(&template_, CKA_KEY_TYPE, CKK_AES);
	for (size_t i = 0; i < count; i++)
		template_bool(&template_, flags[i].type, flags[i].value);
	body.mechanism = &mechanism;
	body.unwrapping_key = with;
	body.wrapped = *wrapped;
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(UNWRAP_KEY, unwrap_key, body);
	return talk_ask(&talk, &request);
}

Craton__Reply *copy(Craton__ObjectRef *object, const struct flag *flags, size_t count)
{
	Craton__CopyObject body = CRATON__COPY_OBJECT__INIT;
	struct template template_ = { .count = 0 };
	for (size_t i = 0; i < count; i++)
		template_bool(&template_, flags[i].type, flags[i].value);
	body.object = object;
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(COPY_OBJECT, copy_object, body);
	return talk_ask(&talk, &request);
}

CK_RV value_of(Craton__ObjectRef *ref, CK_ATTRIBUTE_TYPE type, uint8_t out[64], size_t *size)
{
	Craton__Reply *reply = read_one(ref, type);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	Craton__AttributeAnswer *answer = reply->attributes->list[0];
	CK_RV rv = answer->rv;
	*size = answer->value.len;
	CU_ASSERT_FATAL(*size <= 64);
	memcpy(out, answer->value.data ? answer->value.data : (uint8_t *)"", *size);
	reply_free(reply);
	return rv;
}

bool says(Craton__ObjectRef *ref, CK_ATTRIBUTE_TYPE type, bool value)
{
	uint8_t bytes[64];
	size_t size;
	return value_of(ref, type, bytes, &size) == CKR_OK && size == 1 && bytes[0] == value;
}

bool same_value(Craton__ObjectRef *a, Craton__ObjectRef *b, CK_ATTRIBUTE_TYPE type)
{
	uint8_t left[64], right[64];
	size_t left_size, right_size;
	return value_of(a, type, left, &left_size) == CKR_OK && value_of(b, type, right, &right_size) == CKR_OK &&
	       left_size > 0 && left_size == right_size && memcmp(left, right, left_size) == 0;
}
