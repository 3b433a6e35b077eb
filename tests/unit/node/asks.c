#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

struct node_house house;
struct talk talk;


void begin(void)
{
	static unsigned number;
	char label[16];
	if (!number)
		house_open(&house, false);
	snprintf(label, sizeof label, "slot %u", ++number);
	talk_begin(&talk, &house, 0);
	talk_create_slot(&talk, label);
	CU_ASSERT_EQUAL_FATAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
}

struct template token_key(const char *label)
{
	struct template template_ = { .count = 0 };
	template_bool(&template_, CKA_TOKEN, true);
	template_bytes(&template_, CKA_LABEL, label, strlen(label));
	template_bool(&template_, CKA_SIGN, true);
	template_bool(&template_, CKA_VERIFY, true);
	template_number(&template_, CKA_VALUE_LEN, 32);
	template_number(&template_, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
	return template_;
}

Craton__Reply *generate(struct template *template_)
{
	Craton__GenerateKey body = CRATON__GENERATE_KEY__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	for (size_t i = 0; i < template_->count; i++) { /* the struct may have been copied */
		template_->list[i] = &template_->attributes[i];
		if (template_->attributes[i].value.len == 8 || template_->attributes[i].value.len == 1)
			template_->attributes[i].value.data = template_->numbers[i];
	}
	mechanism.type = CKM_GENERIC_SECRET_KEY_GEN;
	body.mechanism = &mechanism;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(GENERATE_KEY, generate_key, body);
	return talk_ask(&talk, &request);
}

Craton__Reply *generate_ok(struct template *template_)
{
	Craton__Reply *reply = generate(template_);
	CU_ASSERT_EQUAL_FATAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_CREATED);
	return reply;
}

struct id generate_token_key(const char *label)
{
	struct id id;
	struct template template_ = token_key(label);
	Craton__Reply *reply = generate_ok(&template_);
	CU_ASSERT_EQUAL_FATAL(reply->created->n_list, 1);
	CU_ASSERT_TRUE_FATAL(id_from_bytes(&id, reply->created->list[0]->id.data, reply->created->list[0]->id.len));
	reply_free(reply);
	return id;
}

Craton__Reply *mac_with(const struct id *id, Craton__Object *carried)
{
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__ObjectRef key = CRATON__OBJECT_REF__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_SHA256_HMAC;
	key.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	key.carried = carried;
	body.kind = CRATON__CRYPT_KIND__SIGN;
	body.key = &key;
	body.mechanism = &mechanism;
	body.data = (ProtobufCBinaryData){ 5, (uint8_t *)"hello" };
	REQUEST(CRYPT, crypt, body);
	return talk_ask(&talk, &request);
}

CK_RV mac_rv(const struct id *id, Craton__Object *carried, Craton__Fault *fault)
{
	Craton__Reply *reply = mac_with(id, carried);
	CK_RV rv = reply->fault == CRATON__FAULT__FAULT_NONE ? reply->rv : CKR_FUNCTION_FAILED;
	if (rv == CKR_OK)
		CU_ASSERT_EQUAL(reply->crypt->data.len, 32);
	*fault = reply->fault;
	reply_free(reply);
	return rv;
}

CK_RV destroy(const struct id *id, Craton__Fault *fault)
{
	Craton__DestroyObject body = CRATON__DESTROY_OBJECT__INIT;
	body.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	REQUEST(DESTROY_OBJECT, destroy_object, body);
	return talk_rv(&talk, &request, fault);
}

size_t count_of(const char *label)
{
	Craton__Find body = CRATON__FIND__INIT;
	struct template template_ = { .count = 0 };
	template_bytes(&template_, CKA_LABEL, label, strlen(label));
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(FIND, find, body);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_FIND);
	size_t count = reply->find->n_list;
	reply_free(reply);
	return count;
}

Craton__Object *session_key(Craton__Reply **reply)
{
	struct template template_ = token_key("session");
	template_.numbers[0][0] = false;
	*reply = generate_ok(&template_);
	CU_ASSERT_EQUAL_FATAL((*reply)->created->n_carried, 1);
	CU_ASSERT_EQUAL((*reply)->created->n_list, 0);
	return (*reply)->created->carried[0];
}

CK_RV create(struct template *template_, Craton__Reply **out)
{
	Craton__CreateObject body = CRATON__CREATE_OBJECT__INIT;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(CREATE_OBJECT, create_object, body);
	*out = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL((*out)->fault, CRATON__FAULT__FAULT_NONE);
	return (*out)->rv;
}

Craton__Reply *read_one(Craton__ObjectRef *ref, uint64_t type)
{
	Craton__GetAttributes body = CRATON__GET_ATTRIBUTES__INIT;
	body.object = ref;
	body.types = &type;
	body.n_types = 1;
	REQUEST(GET_ATTRIBUTES, get_attributes, body);
	return talk_ask(&talk, &request);
}

CK_RV change(Craton__ObjectRef *ref, struct template *template_, Craton__Reply **out)
{
	Craton__SetAttributes body = CRATON__SET_ATTRIBUTES__INIT;
	body.object = ref;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(SET_ATTRIBUTES, set_attributes, body);
	*out = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL((*out)->fault, CRATON__FAULT__FAULT_NONE);
	return (*out)->rv;
}

CK_RV relabel(const struct id *id, const char *label)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	Craton__Reply *reply;
	ref.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	template_bytes(&template_, CKA_LABEL, label, strlen(label));
	CK_RV rv = change(&ref, &template_, &reply);
	reply_free(reply);
	return rv;
}
