/* Several slots on one node: who is not on a slot's list gets what a slot that does not exist gives. */
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

static struct talk as(enum identity_kind kind, const char *name)
{
	struct talk other = talk;
	other.client = (struct client){ .identity.kind = kind };
	strcpy(other.client.identity.name, name);
	other.client.may_administer = access_administers(&other.client.identity);
	return other;
}

static CK_RV set_access(uint32_t slot, const char *const *names, size_t count, Craton__Fault *fault)
{
	Craton__SlotAccess body = CRATON__SLOT_ACCESS__INIT;
	REQUEST(SLOT_ACCESS, slot_access, body);
	body.slot = slot;
	body.allowed = (char **)(uintptr_t)names;
	body.n_allowed = count;
	return talk_rv(&talk, &request, fault);
}
#define OPEN_TO(...) CU_ASSERT_EQUAL(set_access(talk.slot, (const char *const[]){ __VA_ARGS__ }, \
	sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), NULL), CKR_OK)

static CK_RV remove_slot(uint32_t slot, Craton__Fault *fault)
{
	Craton__SlotRemove body = CRATON__SLOT_REMOVE__INIT;
	REQUEST(SLOT_REMOVE, slot_remove, body);
	body.slot = slot;
	return talk_rv(&talk, &request, fault);
}

static CK_RV info_rv(struct talk *who)
{
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	Craton__Fault fault;
	REQUEST(SLOT_INFO, slot_info, body);
	CK_RV rv = talk_rv(who, &request, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NONE);
	return rv;
}

static Craton__Reply *list_of(struct talk *who)
{
	Craton__SlotListRequest body = CRATON__SLOT_LIST_REQUEST__INIT;
	REQUEST(SLOT_LIST, slot_list, body);
	Craton__Reply *reply = talk_ask(who, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_SLOT_LIST);
	return reply;
}

static bool lists(struct talk *who, uint32_t slot)
{
	bool found = false;
	Craton__Reply *reply = list_of(who);
	for (size_t i = 0; i < reply->slot_list->n_list; i++)
		found |= reply->slot_list->list[i]->slot == slot;
	reply_free(reply);
	return found;
}

static void an_open_slot_is_every_clients(void)
{
	begin();
	struct talk a = as(IDENTITY_CLIENT, "a"), user = as(IDENTITY_LOCAL_USER, "uid:12345");
	CU_ASSERT_EQUAL(info_rv(&a), CKR_OK);
	CU_ASSERT_EQUAL(info_rv(&user), CKR_OK);
	CU_ASSERT(lists(&a, talk.slot) && lists(&user, talk.slot));
}

static void a_slot_is_there_only_for_those_on_its_list(void)
{
	begin();
	struct talk a = as(IDENTITY_CLIENT, "a"), b = as(IDENTITY_CLIENT, "b"), other = as(IDENTITY_LOCAL_USER, "uid:1");
	OPEN_TO("client:a", "user:nobody-here");
	CU_ASSERT_EQUAL(info_rv(&a), CKR_OK);
	CU_ASSERT_EQUAL(info_rv(&b), CKR_SLOT_ID_INVALID);
	CU_ASSERT_EQUAL(info_rv(&other), CKR_SLOT_ID_INVALID);
	CU_ASSERT(lists(&a, talk.slot) && !lists(&b, talk.slot) && !lists(&other, talk.slot));
	OPEN_TO("user:daemon"); /* uid 1, on any Debian */
	CU_ASSERT_EQUAL(info_rv(&other), CKR_OK);
	CU_ASSERT_EQUAL(info_rv(&a), CKR_SLOT_ID_INVALID);
}

/* A name on the list is of its kind: "a" the certificate is not "a" the user. */
static void root_may_use_every_slot_and_an_admin_certificate_none(void)
{
	begin();
	struct talk root = as(IDENTITY_LOCAL_USER, "uid:0"), admin = as(IDENTITY_ADMIN, "a");
	CU_ASSERT_EQUAL(info_rv(&admin), CKR_SLOT_ID_INVALID);
	OPEN_TO("client:a");
	CU_ASSERT_EQUAL(info_rv(&root), CKR_OK);
	CU_ASSERT_EQUAL(info_rv(&admin), CKR_SLOT_ID_INVALID);
	CU_ASSERT(lists(&admin, talk.slot));
}

static void lists_are_shown_to_administrators_alone(void)
{
	begin();
	struct talk a = as(IDENTITY_CLIENT, "a"), admin = as(IDENTITY_ADMIN, "op");
	OPEN_TO("client:b", "client:a");
	Craton__Reply *seen = list_of(&a), *all = list_of(&admin);
	for (size_t i = 0; i < seen->slot_list->n_list; i++)
		CU_ASSERT_EQUAL(seen->slot_list->list[i]->n_allowed, 0);
	const Craton__SlotInfo *last = all->slot_list->list[all->slot_list->n_list - 1];
	CU_ASSERT_EQUAL(last->slot, talk.slot);
	CU_ASSERT_EQUAL_FATAL(last->n_allowed, 2);
	CU_ASSERT_STRING_EQUAL(last->allowed[0], "client:a");
	reply_free(seen);
	reply_free(all);
}

/* Every kind of request that names a slot, filled in as far as it goes: one answer for a slot that is hidden, and the same
 * for one that never was. */
static void a_hidden_slot_answers_as_one_that_never_was(void)
{
	static const Craton__Request__BodyCase kinds[] = {
		CRATON__REQUEST__BODY_SLOT_INFO, CRATON__REQUEST__BODY_MECHANISM_LIST, CRATON__REQUEST__BODY_LOGIN,
		CRATON__REQUEST__BODY_INIT_TOKEN, CRATON__REQUEST__BODY_INIT_PIN, CRATON__REQUEST__BODY_SET_PIN,
		CRATON__REQUEST__BODY_CREATE_OBJECT, CRATON__REQUEST__BODY_DESTROY_OBJECT, CRATON__REQUEST__BODY_SET_ATTRIBUTES,
		CRATON__REQUEST__BODY_GET_ATTRIBUTES, CRATON__REQUEST__BODY_FIND, CRATON__REQUEST__BODY_COPY_OBJECT,
		CRATON__REQUEST__BODY_OBJECT_SIZE, CRATON__REQUEST__BODY_GENERATE_KEY, CRATON__REQUEST__BODY_GENERATE_KEY_PAIR,
		CRATON__REQUEST__BODY_WRAP_KEY, CRATON__REQUEST__BODY_UNWRAP_KEY, CRATON__REQUEST__BODY_DERIVE_KEY,
		CRATON__REQUEST__BODY_CRYPT, CRATON__REQUEST__BODY_RANDOM,
	};
	begin();
	uint32_t hidden = talk.slot;
	OPEN_TO("client:a");
	struct talk b = as(IDENTITY_CLIENT, "b");
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (int with_ticket = 0; with_ticket < 2; with_ticket++)
			for (int is_there = 0; is_there < 2; is_there++) {
				Craton__Request request = CRATON__REQUEST__INIT;
				request.body_case = kinds[i]; /* never looked into: the slot comes first */
				b.slot = is_there ? hidden : 4711;
				b.ticket_size = with_ticket ? TICKET_SIZE : 0;
				Craton__Reply *reply = talk_ask(&b, &request);
				CU_ASSERT_EQUAL(reply->rv, CKR_SLOT_ID_INVALID);
				CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
				CU_ASSERT_EQUAL(reply->body_case, CRATON__REPLY__BODY__NOT_SET);
				CU_ASSERT_STRING_EQUAL(reply->complaint, "");
				reply_free(reply);
			}
}

/* A connection remembers what it was told only as long as nothing has changed. */
static void a_ticket_is_worth_nothing_once_its_client_is_off_the_list(void)
{
	Craton__Fault fault;
	begin();
	struct id key = generate_token_key("mine");
	struct talk root = talk, a = as(IDENTITY_CLIENT, "a");
	CU_ASSERT_EQUAL(talk_login(&a, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
	talk = a;
	CU_ASSERT_EQUAL(mac_rv(&key, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(mac_rv(&key, NULL, &fault), CKR_OK);
	a = talk;
	talk = root;
	OPEN_TO("client:b");
	talk = a;
	CU_ASSERT_EQUAL(mac_rv(&key, NULL, &fault), CKR_SLOT_ID_INVALID);
	talk = root;
	OPEN_TO("client:a");
	talk = a;
	CU_ASSERT_EQUAL(mac_rv(&key, NULL, &fault), CKR_OK);
	talk = root;
}

static void a_removed_slot_takes_its_keys_its_tickets_and_its_number_with_it(void)
{
	Craton__Fault fault;
	begin();
	struct id key = generate_token_key("mine");
	uint32_t slot = talk.slot;
	CU_ASSERT_EQUAL(mac_rv(&key, NULL, &fault), CKR_OK); /* loaded */
	uint64_t loaded = keyring_counts(house.node->keyring).loaded;
	CU_ASSERT_EQUAL(remove_slot(slot, NULL), CKR_OK);
	CU_ASSERT(keyring_counts(house.node->keyring).loaded < loaded);
	CU_ASSERT_EQUAL(mac_rv(&key, NULL, &fault), CKR_SLOT_ID_INVALID);
	CU_ASSERT_EQUAL(info_rv(&talk), CKR_SLOT_ID_INVALID);
	CU_ASSERT(!lists(&talk, slot));
	CU_ASSERT_EQUAL(remove_slot(slot, NULL), CKR_SLOT_ID_INVALID);
	CU_ASSERT_EQUAL(set_access(slot, NULL, 0, NULL), CKR_SLOT_ID_INVALID);
	begin();
	CU_ASSERT(talk.slot > slot);
}

static void the_same_removal_asked_again_is_done_once(void)
{
	begin();
	talk.keep_request = true;
	talk.request = id_random();
	CU_ASSERT_EQUAL(remove_slot(talk.slot, NULL), CKR_OK);
	CU_ASSERT_EQUAL(remove_slot(talk.slot, NULL), CKR_OK);
	talk.keep_request = false;
}

static void only_administrators_open_close_and_remove(void)
{
	Craton__Fault fault;
	begin();
	struct talk root = talk;
	talk = as(IDENTITY_CLIENT, "a");
	CU_ASSERT_NOT_EQUAL(set_access(talk.slot, NULL, 0, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_REFUSED);
	CU_ASSERT_NOT_EQUAL(remove_slot(talk.slot, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_REFUSED);
	talk = root;
	CU_ASSERT_EQUAL(info_rv(&talk), CKR_OK);
}

static void a_name_that_is_none_is_refused_in_words(void)
{
	static const char *const wrong[] = { "bob" };
	Craton__Fault fault;
	begin();
	CU_ASSERT_NOT_EQUAL(set_access(talk.slot, wrong, 1, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	REQUEST(SLOT_CREATE, slot_create, body);
	body.so_pin = body.user_pin = (ProtobufCBinaryData){ 6, (uint8_t *)"123456" };
	body.allowed = (char **)(uintptr_t)wrong;
	body.n_allowed = 1;
	CU_ASSERT_NOT_EQUAL(talk_rv(&talk, &request, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
}

static CK_RV ask_for_a_slot(uint32_t *slot)
{
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	REQUEST(SLOT_CREATE, slot_create, body);
	body.label = (char[]){ "asked twice" };
	body.so_pin = (ProtobufCBinaryData){ 6, (uint8_t *)"123456" };
	Craton__Reply *reply = talk_ask(&talk, &request);
	CK_RV rv = reply->rv;
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	*slot = reply->body_case == CRATON__REPLY__BODY_SLOT_CREATE ? reply->slot_create->slot : 0;
	reply_free(reply);
	return rv;
}

/* The answer may be late, even later than the slot's end: it never makes another. */
static void the_same_creation_asked_again_is_the_same_slot(void)
{
	uint32_t first, again;
	begin();
	talk.request = id_random();
	talk.keep_request = true;
	CU_ASSERT_EQUAL(ask_for_a_slot(&first), CKR_OK);
	CU_ASSERT_EQUAL(ask_for_a_slot(&again), CKR_OK);
	CU_ASSERT_EQUAL(first, again);
	struct id request = talk.request;
	talk.keep_request = false;
	CU_ASSERT_EQUAL(remove_slot(first, NULL), CKR_OK);
	talk.request = request;
	talk.keep_request = true;
	CU_ASSERT_EQUAL(ask_for_a_slot(&again), CKR_SLOT_ID_INVALID);
	talk.keep_request = false;
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node slots", SAY(an_open_slot_is_every_clients),
      SAY(a_slot_is_there_only_for_those_on_its_list),
      SAY(root_may_use_every_slot_and_an_admin_certificate_none),
      SAY(lists_are_shown_to_administrators_alone),
      SAY(a_hidden_slot_answers_as_one_that_never_was),
      SAY(a_ticket_is_worth_nothing_once_its_client_is_off_the_list),
      SAY(a_removed_slot_takes_its_keys_its_tickets_and_its_number_with_it),
      SAY(the_same_removal_asked_again_is_done_once),
      SAY(the_same_creation_asked_again_is_the_same_slot),
      SAY(only_administrators_open_close_and_remove),
      SAY(a_name_that_is_none_is_refused_in_words),
      SAY(the_end))
