/* What the cluster has agreed on for all members, and for each. A real token, consensus of one. */
#include "node/duty.h"
#include "tests/unit/node/asks.h"
#include <string.h>

static CK_RV set(const char *name, const char *value, Craton__Fault *fault)
{
	Craton__ClusterSetting body = CRATON__CLUSTER_SETTING__INIT;
	body.name = (char *)(uintptr_t)name;
	body.value = (char *)(uintptr_t)value;
	REQUEST(CLUSTER_SET, cluster_set, body);
	return talk_rv(&talk, &request, fault);
}

static CK_RV give(const char *node, Craton__Duty duty, Craton__Fault *fault)
{
	Craton__MemberSet body = CRATON__MEMBER_SET__INIT;
	body.node = (char *)(uintptr_t)node;
	body.duty = duty;
	REQUEST(MEMBER_SET, member_set, body);
	return talk_rv(&talk, &request, fault);
}

static Craton__Reply *status(void)
{
	Craton__StatusRequest body = CRATON__STATUS_REQUEST__INIT;
	REQUEST(STATUS, status, body);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_STATUS);
	return reply;
}

static const char *setting(const char *name)
{
	static char value[32];
	Craton__Reply *reply = status();
	strcpy(value, "not shown");
	for (size_t i = 0; i < reply->status->n_settings; i++)
		if (strcmp(reply->status->settings[i]->name, name) == 0)
			snprintf(value, sizeof value, "%s", reply->status->settings[i]->value);
	reply_free(reply);
	return value;
}

/* As a node of another version would have had it agreed on. */
static void agree(const char *name, const char *value)
{
	struct setting_event event;
	struct id request = id_random();
	uint8_t packed[128];
	uint64_t index;
	setting_event_init(&event, name, value, strlen(value));
	size_t size = craton__event__pack(&event.event, packed);
	CU_ASSERT_EQUAL(consensus_propose(house.node->consensus, &request, packed, size, deadline_in(1000), &index), ERR_OK);
}

static void start_again(void)
{
	house_stop(&house);
	house_start(&house, false);
	talk_begin(&talk, &house, 0);
}

static void what_was_set_holds_and_is_kept(void)
{
	begin();
	CU_ASSERT_STRING_EQUAL(setting("minority"), "serve");
	CU_ASSERT_STRING_EQUAL(setting("reads"), "session");
	CU_ASSERT_EQUAL(set("minority", "refuse", NULL), CKR_OK);
	CU_ASSERT_EQUAL(set("reads", "linearizable", NULL), CKR_OK);
	CU_ASSERT_STRING_EQUAL(setting("minority"), "refuse");
	start_again();
	CU_ASSERT_STRING_EQUAL(setting("minority"), "refuse");
	CU_ASSERT_STRING_EQUAL(setting("reads"), "linearizable");
	CU_ASSERT_EQUAL(set("minority", "serve", NULL), CKR_OK);
	CU_ASSERT_EQUAL(set("reads", "session", NULL), CKR_OK);
	CU_ASSERT_STRING_EQUAL(setting("minority"), "serve");
}

static void every_member_in_contact_goes_by_it_when_it_is_set(void)
{
	begin();
	CU_ASSERT_EQUAL(set("minority", "serve", NULL), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), consensus_applied(house.node->consensus));
	CU_ASSERT_EQUAL(give("a", CRATON__DUTY__DUTY_ACTIVE, NULL), CKR_OK);
	CU_ASSERT_EQUAL(fake_settled(), consensus_applied(house.node->consensus));
}

static void what_is_no_setting_is_refused(void)
{
	Craton__Fault fault;
	begin();
	unsigned before = fake_proposals();
	CU_ASSERT_NOT_EQUAL(set("majority", "serve", &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	CU_ASSERT_NOT_EQUAL(set("minority", "session", &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	CU_ASSERT_NOT_EQUAL(set("domain", "serve", &fault), CKR_OK); /* no administrator's */
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	CU_ASSERT_EQUAL(fake_proposals(), before);
}

static void what_this_version_does_not_know_is_as_if_it_were_not_set(void)
{
	begin();
	agree("minority", "refuse");
	CU_ASSERT_STRING_EQUAL(setting("minority"), "refuse");
	agree("minority", "perhaps");
	CU_ASSERT_STRING_EQUAL(setting("minority"), "serve");
	agree("minority", "a value that is longer than any that this version knows of, by far");
	CU_ASSERT_STRING_EQUAL(setting("minority"), "serve");
	agree("colour", "blue");
	CU_ASSERT_STRING_EQUAL(setting("colour"), "not shown");
	agree("duty.1", "asleep");
	CU_ASSERT_EQUAL(duty_of(house.node, 1), CRATON__DUTY__DUTY_ACTIVE);
	agree("minority", "serve");
}

static void only_an_administrator_sets_anything(void)
{
	Craton__Fault fault;
	begin();
	talk.client.may_administer = false;
	CU_ASSERT_NOT_EQUAL(set("minority", "refuse", &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_REFUSED);
	CU_ASSERT_NOT_EQUAL(give("a", CRATON__DUTY__DUTY_STANDBY, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_REFUSED);
}

static void every_answer_tells_the_members_duty(void)
{
	begin();
	CU_ASSERT_EQUAL(give("a", CRATON__DUTY__DUTY_STANDBY, NULL), CKR_OK);
	struct template template_ = token_key("any");
	Craton__Reply *reply = generate_ok(&template_);
	CU_ASSERT_EQUAL(reply->duty, CRATON__DUTY__DUTY_STANDBY);
	reply_free(reply);
	start_again();
	reply = status();
	CU_ASSERT_EQUAL(reply->duty, CRATON__DUTY__DUTY_STANDBY);
	CU_ASSERT_EQUAL(reply->status->duty, CRATON__DUTY__DUTY_STANDBY);
	reply_free(reply);
	CU_ASSERT_EQUAL(give("a", CRATON__DUTY__DUTY_ACTIVE, NULL), CKR_OK);
	reply = status();
	CU_ASSERT_EQUAL(reply->duty, CRATON__DUTY__DUTY_ACTIVE);
	reply_free(reply);
}

static void the_last_member_that_serves_is_not_drained(void)
{
	Craton__Fault fault;
	begin();
	fake_peer(0, "");
	CU_ASSERT_NOT_EQUAL(give("a", CRATON__DUTY__DUTY_DRAINING, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	fake_peer(2, "b");
	CU_ASSERT_EQUAL(give("b", CRATON__DUTY__DUTY_STANDBY, NULL), CKR_OK);
	CU_ASSERT_EQUAL(give("a", CRATON__DUTY__DUTY_DRAINING, NULL), CKR_OK);
	CU_ASSERT_NOT_EQUAL(give("b", CRATON__DUTY__DUTY_DRAINING, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	CU_ASSERT_EQUAL(give("b", CRATON__DUTY__DUTY_ACTIVE, NULL), CKR_OK);
	CU_ASSERT_EQUAL(give("a", CRATON__DUTY__DUTY_ACTIVE, NULL), CKR_OK);
}

/* Another node, asked at the same moment, has not heard of this yet. */
static void drain_b(void *context)
{
	(void)context;
	agree("duty.2", "draining");
}

static void of_two_that_are_drained_at_once_one_is_left(void)
{
	Craton__Fault fault;
	begin();
	fake_peer(2, "b");
	fake_before_next(drain_b, NULL);
	CU_ASSERT_NOT_EQUAL(give("a", CRATON__DUTY__DUTY_DRAINING, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	CU_ASSERT_EQUAL(duty_of(house.node, 1), CRATON__DUTY__DUTY_ACTIVE);
	CU_ASSERT_EQUAL(duty_of(house.node, 2), CRATON__DUTY__DUTY_DRAINING);
	CU_ASSERT_EQUAL(give("b", CRATON__DUTY__DUTY_ACTIVE, NULL), CKR_OK);
	fake_peer(0, "");
}

static void remove_b(void *context)
{
	(void)context;
	fake_peer(0, "");
}

/* This node has not heard of it yet. */
static void a_member_that_was_removed_is_nobody_to_count_on(void)
{
	Craton__Fault fault;
	begin();
	fake_peer(2, "b");
	fake_with_barrier(remove_b, NULL);
	CU_ASSERT_NOT_EQUAL(give("a", CRATON__DUTY__DUTY_DRAINING, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	CU_ASSERT_EQUAL(duty_of(house.node, 1), CRATON__DUTY__DUTY_ACTIVE);
	fake_peer(0, "");
}

static void a_name_that_no_node_has_is_refused(void)
{
	Craton__Fault fault;
	begin();
	CU_ASSERT_NOT_EQUAL(give("z", CRATON__DUTY__DUTY_STANDBY, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
}

static void a_removed_node_leaves_its_duty_to_nobody(void)
{
	begin();
	fake_peer(2, "b");
	CU_ASSERT_EQUAL(give("b", CRATON__DUTY__DUTY_STANDBY, NULL), CKR_OK);
	Craton__Reply *reply = status();
	CU_ASSERT_EQUAL_FATAL(reply->status->n_peers, 1);
	CU_ASSERT_EQUAL(reply->status->peers[0]->duty, CRATON__DUTY__DUTY_STANDBY);
	reply_free(reply);
	fake_peer(3, "b"); /* came in its place */
	reply = status();
	CU_ASSERT_EQUAL(reply->status->peers[0]->duty, CRATON__DUTY__DUTY_ACTIVE);
	reply_free(reply);
	fake_peer(0, "");
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node settings", SAY(what_was_set_holds_and_is_kept), SAY(every_member_in_contact_goes_by_it_when_it_is_set),
      SAY(what_is_no_setting_is_refused), SAY(what_this_version_does_not_know_is_as_if_it_were_not_set),
      SAY(only_an_administrator_sets_anything), SAY(every_answer_tells_the_members_duty),
      SAY(the_last_member_that_serves_is_not_drained), SAY(of_two_that_are_drained_at_once_one_is_left), SAY(a_member_that_was_removed_is_nobody_to_count_on),
      SAY(a_name_that_no_node_has_is_refused),
      SAY(a_removed_node_leaves_its_duty_to_nobody), SAY(the_end))
