/* Objects read and changed: what is secret stays so, and of two changes none is lost. A real token, consensus of one. */
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

/* Nothing secret is in SQLite, a log, a snapshot or a backup in the clear. */
static void private_data_is_not_stored_in_the_clear(void)
{
	Craton__Reply *reply, *answer;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	Craton__Object *stored;
	uint64_t version;
	struct id id;
	struct template template_ = { .count = 0 };
	begin();
	template_bool(&template_, CKA_TOKEN, true);
	template_bool(&template_, CKA_PRIVATE, true);
	template_number(&template_, CKA_CLASS, CKO_DATA);
	template_bytes(&template_, CKA_VALUE, "a well kept secret", 18);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &reply), CKR_OK);
	id_from_bytes(&id, reply->created->list[0]->id.data, ID_SIZE);
	reply_free(reply);

	CU_ASSERT_EQUAL_FATAL(directory_object(house.node->directory, talk.slot, &id, &stored, &version), ERR_OK);
	size_t size = craton__object__get_packed_size(stored);
	uint8_t *packed = malloc(size);
	craton__object__pack(stored, packed);
	CU_ASSERT_PTR_NULL(memmem(packed, size, "well kept", 9));
	free(packed);
	craton__object__free_unpacked(stored, NULL);

	ref.id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	answer = read_one(&ref, CKA_VALUE);
	CU_ASSERT_EQUAL_FATAL(answer->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(answer->attributes->list[0]->value.len, 18);
	CU_ASSERT_EQUAL(memcmp(answer->attributes->list[0]->value.data, "a well kept secret", 18), 0);
	reply_free(answer);
	talk.ticket_size = 0;
	answer = read_one(&ref, CKA_VALUE);
	CU_ASSERT_EQUAL(answer->rv, CKR_OBJECT_HANDLE_INVALID);
	reply_free(answer);
}

static void a_sensitive_value_is_never_read(void)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	begin();
	struct template template_ = token_key("sensitive");
	template_bool(&template_, CKA_SENSITIVE, true);
	Craton__Reply *reply = generate_ok(&template_);
	ref.id = reply->created->list[0]->id;
	Craton__Reply *answer = read_one(&ref, CKA_VALUE);
	CU_ASSERT_EQUAL_FATAL(answer->rv, CKR_OK);
	CU_ASSERT_EQUAL(answer->attributes->list[0]->rv, CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_EQUAL(answer->attributes->list[0]->value.len, 0);
	reply_free(answer);
	reply_free(reply);
}

static void a_changed_key_is_found_and_used_under_its_new_attributes(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("before");
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(relabel(&id, "after"), CKR_OK);
	CU_ASSERT_EQUAL(count_of("before"), 0);
	CU_ASSERT_EQUAL(count_of("after"), 1);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void relabel_meanwhile(void *context)
{
	struct id request = talk.request;
	talk.request = id_random();
	CU_ASSERT_EQUAL(relabel(context, "theirs"), CKR_OK);
	talk.request = request;
}

static void a_change_that_another_overtook_is_made_anew(void)
{
	begin();
	struct id id = generate_token_key("contested");
	talk.request = id_random();
	talk.keep_request = true;
	fake_before_next(relabel_meanwhile, &id);
	CU_ASSERT_EQUAL(relabel(&id, "ours"), CKR_OK);
	CU_ASSERT_EQUAL(count_of("ours"), 1);
	CU_ASSERT_EQUAL(relabel(&id, "ours"), CKR_OK); /* a retry of the same */
	talk.keep_request = false;
	CU_ASSERT_EQUAL(count_of("theirs"), 0);
}

/* Of many who change it all the time: each time that this one is about to, another was quicker. */
static unsigned rivals;

static void relabel_ever_again(void *context)
{
	relabel_meanwhile(context);
	if (--rivals)
		fake_before_next(relabel_ever_again, context);
}

static void a_change_that_many_overtook_is_made_all_the_same(void)
{
	begin();
	struct id id = generate_token_key("very contested");
	talk.request = id_random();
	talk.keep_request = true;
	rivals = 20;
	unsigned before = fake_proposals();
	fake_before_next(relabel_ever_again, &id);
	CU_ASSERT_EQUAL(relabel(&id, "ours, at last"), CKR_OK);
	CU_ASSERT_EQUAL(rivals, 0);
	CU_ASSERT_EQUAL(fake_proposals(), before + 41);
	CU_ASSERT_EQUAL(relabel(&id, "ours, at last"), CKR_OK);
	CU_ASSERT_EQUAL(fake_proposals(), before + 41);
	CU_ASSERT_EQUAL(count_of("ours, at last"), 1);
	talk.keep_request = false;
}

static void a_changed_session_key_is_another_object(void)
{
	Craton__Fault fault;
	Craton__Reply *made, *changed;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	struct id before, after;
	begin();
	Craton__Object *object = session_key(&made);
	id_from_bytes(&before, object->id.data, ID_SIZE);
	ref.id = object->id;
	ref.carried = object;
	template_bytes(&template_, CKA_LABEL, "new", 3);
	CU_ASSERT_EQUAL_FATAL(change(&ref, &template_, &changed), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(changed->created->n_carried, 1);
	id_from_bytes(&after, changed->created->carried[0]->id.data, ID_SIZE);
	CU_ASSERT_FALSE(id_equal(&before, &after));
	CU_ASSERT_EQUAL(mac_rv(&after, changed->created->carried[0], &fault), CKR_OK);
	reply_free(changed);
	reply_free(made);
}

/* A small question must not make an answer that nothing can hold. */
static void one_large_value_asked_for_many_times_is_too_much(void)
{
	static uint8_t value[1 << 20];
	uint64_t types[100];
	Craton__Reply *made;
	struct template template_ = { .count = 0 };
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	Craton__GetAttributes body = CRATON__GET_ATTRIBUTES__INIT;
	begin();
	template_bool(&template_, CKA_TOKEN, true);
	template_number(&template_, CKA_CLASS, CKO_DATA);
	template_bytes(&template_, CKA_VALUE, value, sizeof value);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &made), CKR_OK);
	for (size_t i = 0; i < 100; i++)
		types[i] = CKA_VALUE;
	ref.id = made->created->list[0]->id;
	body.object = &ref;
	body.types = types;
	body.n_types = 100;
	REQUEST(GET_ATTRIBUTES, get_attributes, body);
	CU_ASSERT_EQUAL(talk_rv(&talk, &request, NULL), CKR_DEVICE_MEMORY);
	body.n_types = 10;
	CU_ASSERT_EQUAL(talk_rv(&talk, &request, NULL), CKR_OK);
	reply_free(made);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node objects", SAY(private_data_is_not_stored_in_the_clear),
      SAY(a_sensitive_value_is_never_read),
      SAY(a_changed_key_is_found_and_used_under_its_new_attributes),
      SAY(a_change_that_another_overtook_is_made_anew), SAY(a_change_that_many_overtook_is_made_all_the_same),
      SAY(a_changed_session_key_is_another_object),
      SAY(one_large_value_asked_for_many_times_is_too_much), SAY(the_end))
