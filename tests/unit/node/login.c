/* PINs and tickets of a virtual slot: what a wrong one costs, and how long a right one is good. */
#include "tests/unit/node/fake_consensus.h"
#include "tests/unit/node/house.h"
#include <stdlib.h>
#include <string.h>

#define USER CRATON__ROLE__ROLE_USER
#define SO CRATON__ROLE__ROLE_SO

static struct node_house house;
static struct talk talk;

static void begin(void)
{
	static unsigned number;
	char label[16];
	if (!number)
		house_open(&house, false);
	snprintf(label, sizeof label, "slot %u", ++number);
	talk_begin(&talk, &house, 0);
	talk_create_slot(&talk, label);
}

static uint32_t failures(Craton__Role role)
{
	struct slot_record slot;
	CU_ASSERT_EQUAL_FATAL(directory_slot(house.node->directory, talk.slot, &slot), ERR_OK);
	return role == SO ? slot.so.failures : slot.user.failures;
}

static CK_FLAGS flags(void)
{
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	request.body_case = CRATON__REQUEST__BODY_SLOT_INFO;
	request.slot_info = &body;
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_SLOT_INFO);
	CK_FLAGS out = reply->slot_info->token_flags;
	reply_free(reply);
	return out;
}

static ProtobufCBinaryData bytes(const char *text)
{
	return (ProtobufCBinaryData){ strlen(text), (uint8_t *)(uintptr_t)text };
}

/* Any request that looks at its ticket. */
static Craton__Fault ticket_fault(void)
{
	Craton__Find body = CRATON__FIND__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Fault fault;
	request.body_case = CRATON__REQUEST__BODY_FIND;
	request.find = &body;
	talk_rv(&talk, &request, &fault);
	return fault;
}

static CK_RV set_pin(Craton__Role role, const char *old_pin, const char *new_pin)
{
	Craton__SetPin body = CRATON__SET_PIN__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	body.role = role;
	body.old_pin = bytes(old_pin);
	body.new_pin = bytes(new_pin);
	request.body_case = CRATON__REQUEST__BODY_SET_PIN;
	request.set_pin = &body;
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CK_RV rv = reply->rv;
	if (rv == CKR_OK && reply->body_case == CRATON__REPLY__BODY_LOGIN)
		memcpy(talk.ticket, reply->login->ticket.data, TICKET_SIZE);
	reply_free(reply);
	return rv;
}

static CK_RV init_pin(const char *pin)
{
	Craton__InitPin body = CRATON__INIT_PIN__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	body.pin = bytes(pin);
	request.body_case = CRATON__REQUEST__BODY_INIT_PIN;
	request.init_pin = &body;
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CK_RV rv = reply->rv;
	if (rv == CKR_OK && reply->body_case == CRATON__REPLY__BODY_LOGIN)
		memcpy(talk.ticket, reply->login->ticket.data, TICKET_SIZE);
	reply_free(reply);
	return rv;
}

static CK_RV init_token(const char *so_pin, const char *label)
{
	Craton__InitToken body = CRATON__INIT_TOKEN__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	char copy[64];
	snprintf(copy, sizeof copy, "%s", label);
	body.so_pin = bytes(so_pin);
	body.label = copy;
	request.body_case = CRATON__REQUEST__BODY_INIT_TOKEN;
	request.init_token = &body;
	return talk_rv(&talk, &request, NULL);
}

static void a_label_is_printable_and_short(void)
{
	begin();
	CU_ASSERT_EQUAL(init_token(SO_PIN, "\x1b[2J"), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(init_token(SO_PIN, "a label of thirty-three bytes see"), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(init_token(SO_PIN, "a label of thirty-two bytes, see"), CKR_OK);
}

static void each_role_has_its_pin(void)
{
	begin();
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
	CU_ASSERT_EQUAL(talk_login(&talk, SO, SO_PIN), CKR_OK);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, SO_PIN), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(talk_login(&talk, SO, USER_PIN), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(talk_login(&talk, (Craton__Role)7, USER_PIN), CKR_USER_TYPE_INVALID);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, ""), CKR_PIN_INCORRECT);
}

static void a_wrong_pin_is_counted_and_a_right_one_clears_the_count(void)
{
	begin();
	CU_ASSERT_EQUAL(flags() & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED), 0);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(failures(USER), 1);
	CU_ASSERT_EQUAL(failures(SO), 0);
	CU_ASSERT_TRUE(flags() & CKF_USER_PIN_COUNT_LOW);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
	CU_ASSERT_EQUAL(failures(USER), 0);
	CU_ASSERT_FALSE(flags() & CKF_USER_PIN_COUNT_LOW);
}

static void too_many_wrong_pins_lock_it(void)
{
	begin();
	for (unsigned i = 1; i < LOGIN_FAILURES_MAX; i++)
		CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_INCORRECT);
	CU_ASSERT_TRUE(flags() & CKF_USER_PIN_FINAL_TRY);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_LOCKED);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_PIN_LOCKED);
	CU_ASSERT_TRUE(flags() & CKF_USER_PIN_LOCKED);
	CU_ASSERT_EQUAL(talk_login(&talk, SO, SO_PIN), CKR_OK);
	CU_ASSERT_EQUAL(init_pin("a new pin"), CKR_OK);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, "a new pin"), CKR_OK);
}

/* Otherwise whoever names all guesses alike could guess for ever. */
static void one_request_id_is_no_shelter_for_many_guesses(void)
{
	char guess[16];
	begin();
	talk.request = id_random();
	talk.keep_request = true;
	for (unsigned i = 1; i <= 3; i++) {
		snprintf(guess, sizeof guess, "guess %u", i);
		CU_ASSERT_EQUAL(talk_login(&talk, USER, guess), CKR_PIN_INCORRECT);
		CU_ASSERT_EQUAL(talk_login(&talk, USER, guess), CKR_PIN_INCORRECT); /* sent twice, guessed once */
		CU_ASSERT_EQUAL(failures(USER), i);
	}
}

static void without_a_majority_guesses_are_counted_here(void)
{
	begin();
	fake_majority(false);
	for (unsigned i = 1; i < LOGIN_FAILURES_MAX; i++)
		CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_LOCKED);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_PIN_LOCKED);
	CU_ASSERT_EQUAL(failures(USER), 0);
	fake_majority(true);
	fake_commit_what_was_lost();
	CU_ASSERT_EQUAL(failures(USER), LOGIN_FAILURES_MAX);
}

/* A slot's PINs are tried one at a time, so one who waits for ever must not make the others wait. */
static void a_patient_guesser_holds_nobody_up(void)
{
	Craton__Login body = CRATON__LOGIN__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	begin();
	fake_majority(false);
	body.role = USER;
	body.pin = bytes("wrong");
	request.body_case = CRATON__REQUEST__BODY_LOGIN;
	request.login = &body;
	request.timeout_ms = 600000;
	CU_ASSERT_EQUAL(talk_rv(&talk, &request, NULL), CKR_PIN_INCORRECT);
	CU_ASSERT(deadline_left(fake_deadline()) <= 5000);
	fake_majority(true);
	fake_commit_what_was_lost();
}

static void what_was_counted_late_is_counted_once(void)
{
	begin();
	fake_majority(false);
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_INCORRECT);
	fake_majority(true);
	fake_commit_what_was_lost();
	CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_INCORRECT); /* 7, not 13 */
	CU_ASSERT_EQUAL(failures(USER), 7);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
}

static void a_right_pin_needs_no_majority(void)
{
	begin();
	CU_ASSERT_EQUAL(talk_login(&talk, USER, "wrong"), CKR_PIN_INCORRECT);
	fake_majority(false);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
	fake_majority(true);
}

static void a_new_pin_makes_older_tickets_void_but_not_its_makers(void)
{
	begin();
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
	struct talk other = talk;
	CU_ASSERT_EQUAL(ticket_fault(), CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(set_pin(USER, USER_PIN, "the next pin"), CKR_OK);
	CU_ASSERT_EQUAL(ticket_fault(), CRATON__FAULT__FAULT_NONE);
	talk = other;
	CU_ASSERT_EQUAL(ticket_fault(), CRATON__FAULT__FAULT_TICKET);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, "the next pin"), CKR_OK);
}

/* The answer was lost; the ticket that comes with the retry is the one that the change made void. */
static void a_retried_change_of_pin_is_the_same_change(void)
{
	begin();
	CU_ASSERT_EQUAL(talk_login(&talk, SO, SO_PIN), CKR_OK);
	struct talk before = talk;
	talk.request = before.request = id_random();
	talk.keep_request = before.keep_request = true;
	CU_ASSERT_EQUAL(init_pin("new user pin"), CKR_OK);
	talk = before;
	CU_ASSERT_EQUAL(init_pin("new user pin"), CKR_OK);
	CU_ASSERT_EQUAL(ticket_fault(), CRATON__FAULT__FAULT_NONE);
	talk.keep_request = false;
	CU_ASSERT_EQUAL(init_pin("newer user pin"), CKR_OK);
	talk = before;
	CU_ASSERT_EQUAL(ticket_fault(), CRATON__FAULT__FAULT_TICKET); /* void for good: something else came between */
}

static void a_pins_length_has_bounds(void)
{
	char longest[257];
	begin();
	memset(longest, 'p', sizeof longest);
	longest[256] = '\0';
	CU_ASSERT_EQUAL(set_pin(USER, USER_PIN, "abc"), CKR_PIN_LEN_RANGE);
	CU_ASSERT_EQUAL(set_pin(USER, USER_PIN, longest), CKR_PIN_LEN_RANGE);
	longest[255] = '\0';
	CU_ASSERT_EQUAL(set_pin(USER, USER_PIN, longest), CKR_OK);
	CU_ASSERT_EQUAL(set_pin(USER, "wrong", USER_PIN), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(failures(USER), 1);
}

static void only_the_so_initialises_the_users_pin(void)
{
	begin();
	CU_ASSERT_EQUAL(init_pin("some pin"), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
	CU_ASSERT_EQUAL(init_pin("some pin"), CKR_USER_NOT_LOGGED_IN);
}

static void initialising_the_token_needs_the_so_pin_and_forgets_the_user(void)
{
	begin();
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
	struct talk user = talk;
	talk.ticket_size = 0;
	CU_ASSERT_EQUAL(init_token("wrong so pin", "again"), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(failures(SO), 1);
	CU_ASSERT_EQUAL(init_token(SO_PIN, "again"), CKR_OK);
	CU_ASSERT_TRUE(flags() & CKF_TOKEN_INITIALIZED);
	CU_ASSERT_FALSE(flags() & CKF_USER_PIN_INITIALIZED);
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
	CU_ASSERT_EQUAL(talk_login(&talk, SO, SO_PIN), CKR_OK);
	talk = user;
	CU_ASSERT_EQUAL(ticket_fault(), CRATON__FAULT__FAULT_TICKET);
}

struct pins {
	Craton__Role role;
	const char *before, *after;
};

static void change_meanwhile(void *context)
{
	const struct pins *pins = context;
	struct id request = talk.request;
	talk.request = id_random();
	CU_ASSERT_EQUAL(set_pin(pins->role, pins->before, pins->after), CKR_OK);
	talk.request = request;
}

static CK_RV init_token_while_a_pin_is_changed(struct pins *pins)
{
	talk.request = id_random();
	talk.keep_request = true;
	fake_before_next(change_meanwhile, pins);
	CK_RV rv = init_token(SO_PIN, "again");
	CU_ASSERT_EQUAL(init_token(SO_PIN, "again"), rv); /* a retry of the same */
	talk.keep_request = false;
	return rv;
}

/* It was right when the token was asked, but what it would have set is the old PIN. */
static void an_so_pin_that_is_replaced_meanwhile_initialises_nothing(void)
{
	struct pins pins = { SO, SO_PIN, "the new so pin" };
	begin();
	CU_ASSERT_EQUAL(init_token_while_a_pin_is_changed(&pins), CKR_PIN_INCORRECT);
	CU_ASSERT_TRUE(flags() & CKF_USER_PIN_INITIALIZED);
	CU_ASSERT_EQUAL(talk_login(&talk, SO, "the new so pin"), CKR_OK);
}

static void the_users_may_be_changed_meanwhile(void)
{
	struct pins pins = { USER, USER_PIN, "new user pin" };
	begin();
	CU_ASSERT_EQUAL(init_token_while_a_pin_is_changed(&pins), CKR_OK);
	CU_ASSERT_FALSE(flags() & CKF_USER_PIN_INITIALIZED);
	CU_ASSERT_EQUAL(talk_login(&talk, SO, SO_PIN), CKR_OK);
}

static void a_ticket_of_one_slot_is_no_use_in_another(void)
{
	begin();
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_OK);
	struct talk other = talk;
	begin();
	memcpy(talk.ticket, other.ticket, TICKET_SIZE);
	talk.ticket_size = TICKET_SIZE;
	CU_ASSERT_EQUAL(ticket_fault(), CRATON__FAULT__FAULT_TICKET);
}

static void a_slot_that_is_not_there_has_no_login(void)
{
	begin();
	talk.slot = 4711;
	CU_ASSERT_EQUAL(talk_login(&talk, USER, USER_PIN), CKR_SLOT_ID_INVALID);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node login", SAY(a_label_is_printable_and_short), SAY(each_role_has_its_pin), SAY(a_wrong_pin_is_counted_and_a_right_one_clears_the_count),
      SAY(too_many_wrong_pins_lock_it), SAY(one_request_id_is_no_shelter_for_many_guesses),
      SAY(without_a_majority_guesses_are_counted_here), SAY(a_patient_guesser_holds_nobody_up), SAY(what_was_counted_late_is_counted_once),
      SAY(a_right_pin_needs_no_majority), SAY(a_new_pin_makes_older_tickets_void_but_not_its_makers),
      SAY(a_retried_change_of_pin_is_the_same_change), SAY(a_pins_length_has_bounds),
      SAY(only_the_so_initialises_the_users_pin), SAY(initialising_the_token_needs_the_so_pin_and_forgets_the_user),
      SAY(an_so_pin_that_is_replaced_meanwhile_initialises_nothing), SAY(the_users_may_be_changed_meanwhile),
      SAY(a_ticket_of_one_slot_is_no_use_in_another), SAY(a_slot_that_is_not_there_has_no_login), SAY(the_end))
