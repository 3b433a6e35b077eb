/* Whatever is asked for without a majority fails cleanly; and if it came about after all, it did once and whole, and whoever asks again under the
 * same request id hears of that. A real token, consensus of one. */
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

#define BYTES(text) (ProtobufCBinaryData){ strlen(text), (uint8_t *)(uintptr_t)(text) }

/* A deed, asked for once without a majority; committed later; then asked again. What it answers is the caller's. */
static Craton__Reply *ask_in_doubt(Craton__Request *request)
{
	struct id id = id_random();
	talk.request = id;
	talk.keep_request = true;
	fake_majority(false);
	Craton__Reply *reply = talk_ask(&talk, request);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NO_MAJORITY);
	reply_free(reply);
	fake_majority(true);
	fake_commit_what_was_lost();
	unsigned before = fake_proposals();
	talk.request = id;
	reply = talk_ask(&talk, request);
	CU_ASSERT_EQUAL(fake_proposals(), before); /* it is known */
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(reply->rv, CKR_OK);
	talk.keep_request = false;
	return reply;
}

static struct id made(Craton__Reply *reply)
{
	struct id id = { { 0 } };
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_CREATED);
	CU_ASSERT_EQUAL_FATAL(reply->created->n_list, 1);
	CU_ASSERT_TRUE(id_from_bytes(&id, reply->created->list[0]->id.data, reply->created->list[0]->id.len));
	reply_free(reply);
	return id;
}

static void a_key_is_there_once_and_whole(void)
{
	Craton__GenerateKey body = CRATON__GENERATE_KEY__INIT;
	Craton__Mechanism mechanism;
	struct template template_ = { .count = 0 };
	Craton__Fault fault;
	begin();
	craton__mechanism__init(&mechanism);
	template_bool(&template_, CKA_TOKEN, true);
	template_bytes(&template_, CKA_LABEL, "doubtful", 8);
	template_bool(&template_, CKA_SIGN, true);
	template_number(&template_, CKA_VALUE_LEN, 32);
	mechanism.type = CKM_GENERIC_SECRET_KEY_GEN;
	body.mechanism = &mechanism;
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(GENERATE_KEY, generate_key, body);
	struct id id = made(ask_in_doubt(&request));
	CU_ASSERT_EQUAL(count_of("doubtful"), 1);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void an_object_is_there_once_and_so_is_its_copy(void)
{
	Craton__CreateObject body = CRATON__CREATE_OBJECT__INIT;
	Craton__CopyObject copy = CRATON__COPY_OBJECT__INIT;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	begin();
	template_number(&template_, CKA_CLASS, CKO_DATA);
	template_bool(&template_, CKA_TOKEN, true);
	template_bytes(&template_, CKA_LABEL, "doubtful", 8);
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(CREATE_OBJECT, create_object, body);
	struct id id = made(ask_in_doubt(&request));
	CU_ASSERT_EQUAL(count_of("doubtful"), 1);
	ref.id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	copy.object = &ref;
	request.body_case = CRATON__REQUEST__BODY_COPY_OBJECT;
	request.copy_object = &copy;
	struct id other = made(ask_in_doubt(&request));
	CU_ASSERT_FALSE(id_equal(&id, &other));
	CU_ASSERT_EQUAL(count_of("doubtful"), 2);
}

static void an_attribute_is_changed(void)
{
	Craton__SetAttributes body = CRATON__SET_ATTRIBUTES__INIT;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	begin();
	struct id id = generate_token_key("before");
	ref.id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	template_bytes(&template_, CKA_LABEL, "after", 5);
	body.object = &ref;
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(SET_ATTRIBUTES, set_attributes, body);
	reply_free(ask_in_doubt(&request));
	CU_ASSERT_EQUAL(count_of("before"), 0);
	CU_ASSERT_EQUAL(count_of("after"), 1);
}

static void an_object_is_gone_and_stays_so(void)
{
	Craton__DestroyObject body = CRATON__DESTROY_OBJECT__INIT;
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("doomed");
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK); /* loaded by now */
	body.id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	REQUEST(DESTROY_OBJECT, destroy_object, body);
	reply_free(ask_in_doubt(&request));
	CU_ASSERT_EQUAL(count_of("doomed"), 0);
	CU_ASSERT_NOT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void a_pin_is_the_new_one(void)
{
	Craton__SetPin body = CRATON__SET_PIN__INIT;
	begin();
	body.role = CRATON__ROLE__ROLE_USER;
	body.old_pin = BYTES(USER_PIN);
	body.new_pin = BYTES("new-pin!");
	REQUEST(SET_PIN, set_pin, body);
	Craton__Reply *reply = ask_in_doubt(&request);
	CU_ASSERT_EQUAL(reply->body_case, CRATON__REPLY__BODY_LOGIN); /* who was logged in still is */
	reply_free(reply);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, "new-pin!"), CKR_OK);
}

static void a_token_is_begun_anew(void)
{
	Craton__InitToken body = CRATON__INIT_TOKEN__INIT;
	begin();
	generate_token_key("doomed");
	body.so_pin = BYTES(SO_PIN);
	body.label = (char *)(uintptr_t)"anew";
	REQUEST(INIT_TOKEN, init_token, body);
	reply_free(ask_in_doubt(&request));
	talk.ticket_size = 0;
	CU_ASSERT_EQUAL(count_of("doomed"), 0);
}

static void a_slot_is_made_once_and_removed(void)
{
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__SlotRemove removal = CRATON__SLOT_REMOVE__INIT;
	struct slot_record *slots, record;
	size_t before, after;
	begin();
	body.label = (char *)(uintptr_t)"once";
	body.so_pin = BYTES(SO_PIN);
	REQUEST(SLOT_CREATE, slot_create, body);
	CU_ASSERT_EQUAL_FATAL(directory_slots(house.node->directory, &slots, &before), ERR_OK);
	free(slots);
	Craton__Reply *reply = ask_in_doubt(&request);
	removal.slot = reply->slot_create->slot;
	reply_free(reply);
	CU_ASSERT_EQUAL_FATAL(directory_slots(house.node->directory, &slots, &after), ERR_OK);
	free(slots);
	CU_ASSERT_EQUAL(after, before + 1);
	request.body_case = CRATON__REQUEST__BODY_SLOT_REMOVE;
	request.slot_remove = &removal;
	reply_free(ask_in_doubt(&request));
	CU_ASSERT_EQUAL(directory_slot(house.node->directory, removal.slot, &record), ERR_NOT_FOUND);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node outcomes", SAY(a_key_is_there_once_and_whole), SAY(an_object_is_there_once_and_so_is_its_copy),
      SAY(an_attribute_is_changed), SAY(an_object_is_gone_and_stays_so), SAY(a_pin_is_the_new_one), SAY(a_token_is_begun_anew),
      SAY(a_slot_is_made_once_and_removed), SAY(the_end))
