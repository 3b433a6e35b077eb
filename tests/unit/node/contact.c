/* What a member answers that is cut off, and what is waited for before a deed is said to be done. A real token, consensus of one. */
#include "tests/unit/node/asks.h"
#include <string.h>

static void set(const char *name, const char *value)
{
	Craton__ClusterSetting body = CRATON__CLUSTER_SETTING__INIT;
	body.name = (char *)(uintptr_t)name;
	body.value = (char *)(uintptr_t)value;
	REQUEST(CLUSTER_SET, cluster_set, body);
	CU_ASSERT_EQUAL_FATAL(talk_rv(&talk, &request, NULL), CKR_OK);
}

static Craton__Fault find_fault(void)
{
	Craton__Fault fault;
	Craton__Find body = CRATON__FIND__INIT;
	REQUEST(FIND, find, body);
	talk_rv(&talk, &request, &fault);
	return fault;
}

static Craton__Fault make_fault(const char *label)
{
	struct template template_ = token_key(label);
	Craton__Reply *reply = generate(&template_);
	Craton__Fault fault = reply->fault;
	reply_free(reply);
	return fault;
}

static uint64_t applied(void)
{
	return consensus_applied(house.node->consensus);
}

static void a_minority_that_serves_uses_its_keys_and_makes_none(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("kept");
	fake_majority(false);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(make_fault("none"), CRATON__FAULT__FAULT_NO_MAJORITY);
	fake_majority(true);
}

static void a_minority_that_refuses_answers_nothing_until_it_is_back(void)
{
	Craton__Fault fault;
	begin();
	set("minority", "refuse");
	struct id id = generate_token_key("kept");
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK); /* loaded by now */
	fake_majority(false);
	CU_ASSERT_NOT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NO_MAJORITY);
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NO_MAJORITY);
	CU_ASSERT_EQUAL(make_fault("none"), CRATON__FAULT__FAULT_NO_MAJORITY);
	fake_majority(true);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NONE);
	set("minority", "serve");
}

static void a_minority_that_refuses_still_tells_how_it_is(void)
{
	Craton__StatusRequest body = CRATON__STATUS_REQUEST__INIT;
	REQUEST(STATUS, status, body);
	begin();
	set("minority", "refuse");
	fake_majority(false);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_STATUS);
	CU_ASSERT_FALSE(reply->status->in_contact);
	reply_free(reply);
	fake_majority(true);
	set("minority", "serve");
}

static void contact_is_waited_for_once(void)
{
	begin();
	set("minority", "refuse");
	fake_majority(false);
	unsigned before = fake_barriers();
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NO_MAJORITY);
	CU_ASSERT_EQUAL(fake_barriers(), before + 1);
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NO_MAJORITY);
	CU_ASSERT_EQUAL(fake_barriers(), before + 1);
	fake_majority(true);
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(fake_barriers(), before + 1); /* in contact: nobody needs to be asked */
	set("minority", "serve");
}

static void whoever_waits_for_contact_is_answered_as_of_now(void)
{
	begin();
	set("minority", "refuse");
	CU_ASSERT_EQUAL(count_of("elsewhere"), 0);
	fake_majority(false);
	CU_ASSERT_EQUAL(make_fault("elsewhere"), CRATON__FAULT__FAULT_NO_MAJORITY);
	house.node->is_cut_off = false;
	fake_majority(true);
	fake_contact(false);
	unsigned before = fake_barriers();
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(fake_barriers(), before + 1);
	fake_contact(true);
	set("minority", "serve");
}

/* Under `linearizable` each question is, under `session` the first of a connection. */
static void linearizable_questions_are_answered_as_of_now(void)
{
	begin();
	CU_ASSERT_EQUAL(count_of("elsewhere"), 0);
	fake_majority(false);
	CU_ASSERT_EQUAL(make_fault("elsewhere"), CRATON__FAULT__FAULT_NO_MAJORITY);
	fake_majority(true);
	CU_ASSERT_EQUAL(count_of("elsewhere"), 0);
	unsigned before = fake_barriers();
	set("reads", "linearizable");
	CU_ASSERT_EQUAL(count_of("elsewhere"), 1);
	CU_ASSERT_EQUAL(count_of("elsewhere"), 1);
	CU_ASSERT_EQUAL(fake_barriers(), before + 2);
	fake_majority(false);
	CU_ASSERT_EQUAL(find_fault(), CRATON__FAULT__FAULT_NO_MAJORITY);
	fake_majority(true);
	set("reads", "session");
}

/* It might be of a key's destruction that it has heard. */
static void a_member_that_comes_back_is_behind_what_it_has_heard_of(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("kept");
	fake_contact(false);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	fake_hear(applied() + 1);
	CU_ASSERT_NOT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_BEHIND);
	set("minority", "serve"); /* and that it has applied now */
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	fake_contact(true);
}

static void what_does_not_come_is_waited_for_once(void)
{
	begin();
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	REQUEST(SLOT_INFO, slot_info, body);
	request.index_min = applied() + 1;
	fake_contact(false);
	unsigned before = fake_waits();
	for (int i = 0; i < 3; i++) {
		Craton__Reply *reply = talk_ask(&talk, &request);
		CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_BEHIND);
		reply_free(reply);
	}
	CU_ASSERT_EQUAL(fake_waits(), before + 1);
	fake_contact(true);
	reply_free(talk_ask(&talk, &request));
	CU_ASSERT_EQUAL(fake_waits(), before + 2);
}

/* ---- everyone in contact knows, when it is said to be done */

static void a_destroyed_key_is_destroyed_everywhere(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("doomed");
	CU_ASSERT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), applied());
}

/* Whoever asks again under the same request id waits anew, and for the same. */
static void a_destruction_that_not_everybody_knows_of_is_not_done(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("doomed");
	talk.request = id_random();
	talk.keep_request = true;
	fake_settles(false);
	CU_ASSERT_NOT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NO_MAJORITY);
	uint64_t index = applied();
	struct id request = talk.request;
	fake_settles(true);
	talk.keep_request = false;
	generate_token_key("other"); /* the log goes on */
	talk.request = request;
	talk.keep_request = true;
	CU_ASSERT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), index);
	talk.keep_request = false;
}

static void no_use_that_was_forbidden_is_left_anywhere(void)
{
	begin();
	struct id id = generate_token_key("less");
	CU_ASSERT_EQUAL(relabel(&id, "still less"), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), applied());
}

static void an_old_pin_is_good_nowhere(void)
{
	Craton__SetPin body = CRATON__SET_PIN__INIT;
	begin();
	body.role = CRATON__ROLE__ROLE_USER;
	body.old_pin = (ProtobufCBinaryData){ strlen(USER_PIN), (uint8_t *)USER_PIN };
	body.new_pin = (ProtobufCBinaryData){ 8, (uint8_t *)"new-pin!" };
	REQUEST(SET_PIN, set_pin, body);
	CU_ASSERT_EQUAL(talk_rv(&talk, &request, NULL), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), applied());
}

static void a_slot_that_is_begun_anew_is_so_everywhere(void)
{
	Craton__InitToken body = CRATON__INIT_TOKEN__INIT;
	begin();
	body.so_pin = (ProtobufCBinaryData){ strlen(SO_PIN), (uint8_t *)SO_PIN };
	body.label = (char *)(uintptr_t)"anew";
	REQUEST(INIT_TOKEN, init_token, body);
	CU_ASSERT_EQUAL(talk_rv(&talk, &request, NULL), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), applied());
}

static void who_may_no_longer_see_a_slot_sees_it_nowhere(void)
{
	Craton__SlotAccess body = CRATON__SLOT_ACCESS__INIT;
	char *nobody[] = { (char *)(uintptr_t)"client:nobody" };
	begin();
	body.slot = talk.slot;
	body.allowed = nobody;
	body.n_allowed = 1;
	REQUEST(SLOT_ACCESS, slot_access, body);
	CU_ASSERT_EQUAL(talk_rv(&talk, &request, NULL), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), applied());
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node contact", SAY(a_minority_that_serves_uses_its_keys_and_makes_none),
      SAY(a_minority_that_refuses_answers_nothing_until_it_is_back), SAY(a_minority_that_refuses_still_tells_how_it_is),
      SAY(contact_is_waited_for_once), SAY(whoever_waits_for_contact_is_answered_as_of_now),
      SAY(linearizable_questions_are_answered_as_of_now),
      SAY(a_member_that_comes_back_is_behind_what_it_has_heard_of), SAY(what_does_not_come_is_waited_for_once),
      SAY(a_destroyed_key_is_destroyed_everywhere),
      SAY(a_destruction_that_not_everybody_knows_of_is_not_done), SAY(no_use_that_was_forbidden_is_left_anywhere),
      SAY(an_old_pin_is_good_nowhere), SAY(a_slot_that_is_begun_anew_is_so_everywhere),
      SAY(who_may_no_longer_see_a_slot_sees_it_nowhere), SAY(the_end))
