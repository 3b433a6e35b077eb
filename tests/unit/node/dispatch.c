/* What a node answers, and what must be true before it does. A real token, consensus of one. */
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

static void a_private_key_needs_the_user(void)
{
	Craton__Fault fault;
	struct template template_;
	begin();
	template_ = token_key("private");
	template_bool(&template_, CKA_PRIVATE, true);
	Craton__Reply *reply = generate_ok(&template_);
	struct id id;
	id_from_bytes(&id, reply->created->list[0]->id.data, ID_SIZE);
	reply_free(reply);
	talk.ticket_size = 0;
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(count_of("private"), 0);
	CU_ASSERT_NOT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_SO, SO_PIN), CKR_OK);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void one_slots_key_is_nothing_in_another(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("mine");
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK); /* loaded by now */
	begin();
	CU_ASSERT_NOT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_UNKNOWN_OBJECT); /* as if it were nowhere */
	CU_ASSERT_NOT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(count_of("mine"), 0);
}

static void a_member_that_is_behind_says_so(void)
{
	begin();
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	REQUEST(SLOT_INFO, slot_info, body);
	request.index_min = consensus_applied(house.node->consensus) + 1;
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_BEHIND);
	CU_ASSERT_EQUAL(reply->index, consensus_applied(house.node->consensus));
	reply_free(reply);
}

/* It may have heard of the key from whoever made it. */
static void who_has_seen_nothing_is_answered_as_of_now(void)
{
	begin();
	CU_ASSERT_EQUAL(count_of("elsewhere"), 0);
	fake_majority(false);
	struct template template_ = token_key("elsewhere");
	Craton__Reply *reply = generate(&template_);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NO_MAJORITY);
	reply_free(reply);
	fake_majority(true);
	CU_ASSERT_EQUAL(count_of("elsewhere"), 0); /* agreed on, as this node does not know yet */
	talk.client.was_awaited = false;           /* another connection */
	CU_ASSERT_EQUAL(count_of("elsewhere"), 1);
}

static void only_an_administrator_makes_slots(void)
{
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Fault fault;
	begin();
	REQUEST(SLOT_CREATE, slot_create, body);
	talk.client.may_administer = false;
	CU_ASSERT_NOT_EQUAL(talk_rv(&talk, &request, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_REFUSED);
}

static void a_request_that_changes_something_needs_an_id(void)
{
	Craton__Fault fault;
	Craton__DestroyObject body = CRATON__DESTROY_OBJECT__INIT;
	begin();
	REQUEST(DESTROY_OBJECT, destroy_object, body);
	request.slot = talk.slot;
	Craton__Reply *reply = question_answer(house.node, &talk.client, &request);
	fault = reply->fault;
	reply_free(reply);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
}

static void a_request_without_a_body_is_malformed(void)
{
	Craton__Fault fault;
	Craton__Request request = CRATON__REQUEST__INIT;
	begin();
	talk_rv(&talk, &request, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
}

static void a_node_that_is_not_serving_says_so(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("held");
	node_set_token(house.node, NODE_TOKEN_OUT, "test");
	CU_ASSERT_NOT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	node_set_token(house.node, NODE_SERVING, "");
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void status_says(const char *state)
{
	Craton__StatusRequest body = CRATON__STATUS_REQUEST__INIT;
	REQUEST(STATUS, status, body);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_STATUS);
	CU_ASSERT_STRING_EQUAL(reply->status->state, state);
	reply_free(reply);
}

static void status_and_lists_are_answered(void)
{
	Craton__StatusRequest status = CRATON__STATUS_REQUEST__INIT;
	Craton__SlotListRequest list = CRATON__SLOT_LIST_REQUEST__INIT;
	Craton__MechanismListRequest mechanisms = CRATON__MECHANISM_LIST_REQUEST__INIT;
	Craton__Random random = CRATON__RANDOM__INIT;
	begin();
	{
		REQUEST(STATUS, status, status);
		Craton__Reply *reply = talk_ask(&talk, &request);
		CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_STATUS);
		CU_ASSERT_STRING_EQUAL(reply->status->node, "a");
		CU_ASSERT_STRING_EQUAL(reply->status->role, "leader");
		CU_ASSERT_STRING_EQUAL(reply->status->state, "serving");
		CU_ASSERT_STRING_EQUAL(reply->status->token_label, "a");
		CU_ASSERT_EQUAL(reply->status->digest.len, 32);
		CU_ASSERT_TRUE(reply->status->n_counters >= COUNTER_COUNT);
		reply_free(reply);
	}
	{
		REQUEST(SLOT_LIST, slot_list, list);
		Craton__Reply *reply = talk_ask(&talk, &request);
		CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_SLOT_LIST);
		CU_ASSERT_EQUAL(reply->slot_list->n_list, talk.slot);
		reply_free(reply);
	}
	{
		REQUEST(MECHANISM_LIST, mechanism_list, mechanisms);
		Craton__Reply *reply = talk_ask(&talk, &request);
		CU_ASSERT_TRUE(reply->mechanism_list->n_list > 10);
		reply_free(reply);
	}
	random.size = 32;
	REQUEST(RANDOM, random, random);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL(reply->random->data.len, 32);
	reply_free(reply);
}

/* As when its token was initialised anew: the cluster's domain is not the token's. */
static void a_token_of_another_domain_stops_serving(void)
{
	static const uint8_t packed[] = "\xa2\x01\x0c\x0a\x06" "domain" "\x12\x02" "no";
	struct id request = id_random();
	Craton__Fault fault;
	uint64_t index;
	begin();
	CU_ASSERT_TRUE(node_learn_domain(house.node));
	CU_ASSERT_EQUAL(consensus_propose(house.node->consensus, &request, packed, sizeof packed - 1, DEADLINE_NEVER, &index), ERR_OK);
	CU_ASSERT_FALSE(node_learn_domain(house.node));
	CU_ASSERT_EQUAL(node_state(house.node), NODE_NEEDS_ENROLMENT);
	struct template template_ = token_key("never");
	Craton__Reply *reply = generate(&template_);
	fault = reply->fault;
	reply_free(reply);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	node_set_state(house.node, NODE_SERVING); /* not by itself */
	CU_ASSERT_EQUAL(node_state(house.node), NODE_NEEDS_ENROLMENT);
	status_says("needs enrolment");
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node dispatch", SAY(a_member_that_is_behind_says_so), SAY(who_has_seen_nothing_is_answered_as_of_now),
      SAY(only_an_administrator_makes_slots),
      SAY(a_request_that_changes_something_needs_an_id),
      SAY(a_request_without_a_body_is_malformed),
      SAY(a_node_that_is_not_serving_says_so),
      SAY(a_private_key_needs_the_user),
      SAY(one_slots_key_is_nothing_in_another),
      SAY(status_and_lists_are_answered),
      SAY(a_token_of_another_domain_stops_serving),
      SAY(the_end))
