/* While a node is at a request, another has the same one done. This node's calls of directory_object and attempts_enter come here first
 * (ld's --wrap), where the world moves on once. A real token, consensus of one. */
#include "tests/unit/node/asks.h"
#include <string.h>

static void (*meanwhile)(void);

static void move_on(void)
{
	void (*deed)(void) = meanwhile;
	meanwhile = NULL;
	if (deed)
		deed();
}

enum err __real_directory_object(struct directory *directory, uint32_t slot, const struct id *id, Craton__Object **out, uint64_t *version);
enum err __wrap_directory_object(struct directory *directory, uint32_t slot, const struct id *id, Craton__Object **out, uint64_t *version);
enum err __wrap_directory_object(struct directory *directory, uint32_t slot, const struct id *id, Craton__Object **out, uint64_t *version)
{
	move_on();
	return __real_directory_object(directory, slot, id, out, version);
}

enum err __real_attempts_enter(struct attempts *attempts, uint32_t slot, deadline_ms deadline);
enum err __wrap_attempts_enter(struct attempts *attempts, uint32_t slot, deadline_ms deadline);
enum err __wrap_attempts_enter(struct attempts *attempts, uint32_t slot, deadline_ms deadline)
{
	move_on();
	return __real_attempts_enter(attempts, slot, deadline);
}

static struct id doomed;

static void begin_one_request(void)
{
	begin();
	talk.keep_request = true;
}

static void destroy_it(void)
{
	Craton__Fault fault;
	CU_ASSERT_EQUAL(destroy(&doomed, &fault), CKR_OK);
}

/* The object is gone, but by this very request: to its asker that is no "no such object". */
static void what_was_destroyed_meanwhile_is_destroyed(void)
{
	Craton__Fault fault;
	begin_one_request();
	talk.request = id_random();
	doomed = generate_token_key("doomed");
	talk.request = id_random();
	unsigned before = fake_proposals();
	meanwhile = destroy_it;
	CU_ASSERT_EQUAL(destroy(&doomed, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(fake_proposals(), before + 1);
	talk.request = id_random(); /* another's request is told so */
	destroy(&doomed, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_UNKNOWN_OBJECT);
	talk.keep_request = false;
}

static CK_RV bind(const struct id *id)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	Craton__Reply *reply;
	ref.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	template_bool(&template_, CKA_WRAP_WITH_TRUSTED, true);
	CK_RV rv = change(&ref, &template_, &reply);
	reply_free(reply);
	return rv;
}

static struct id bound;

static void bind_it(void)
{
	CU_ASSERT_EQUAL(bind(&bound), CKR_OK);
}

/* It may not be set again by now, but it was this very request that set it. */
static void what_was_set_for_good_meanwhile_is_set(void)
{
	begin_one_request();
	talk.request = id_random();
	bound = generate_token_key("bound");
	talk.request = id_random();
	unsigned before = fake_proposals();
	meanwhile = bind_it;
	CU_ASSERT_EQUAL(bind(&bound), CKR_OK);
	CU_ASSERT_EQUAL(fake_proposals(), before + 1);
	talk.request = id_random(); /* another's request is told so */
	CU_ASSERT_EQUAL(bind(&bound), CKR_ATTRIBUTE_READ_ONLY);
	talk.keep_request = false;
}

static void another_is_made(void)
{
	struct id request = talk.request;
	talk.request = id_random();
	generate_token_key("another");
	talk.request = request;
}

/* Whoever is held up in the middle of a request speaks as of when it came: what it has not seen done may have been done since. */
static void a_change_says_as_of_when_it_was_asked_for(void)
{
	begin_one_request();
	talk.request = id_random();
	struct id id = generate_token_key("one");
	talk.request = id_random();
	uint64_t applied = directory_applied(house.node->directory);
	meanwhile = another_is_made;
	CU_ASSERT_EQUAL(relabel(&id, "one, later"), CKR_OK);
	CU_ASSERT_EQUAL(directory_applied(house.node->directory), applied + 2);
	CU_ASSERT_EQUAL(fake_since(), applied);
	talk.keep_request = false;
}

static CK_RV change_pin(const char *before, const char *after)
{
	Craton__SetPin body = CRATON__SET_PIN__INIT;
	body.role = CRATON__ROLE__ROLE_USER;
	body.old_pin = (ProtobufCBinaryData){ strlen(before), (uint8_t *)(uintptr_t)before };
	body.new_pin = (ProtobufCBinaryData){ strlen(after), (uint8_t *)(uintptr_t)after };
	REQUEST(SET_PIN, set_pin, body);
	return talk_rv(&talk, &request, NULL);
}

static void change_it(void)
{
	CU_ASSERT_EQUAL(change_pin(USER_PIN, "new-pin!"), CKR_OK);
}

/* The old PIN is wrong by now, but it is the one that this request is right to show. */
static void a_pin_that_was_changed_meanwhile_is_changed_and_no_guess_was_wrong(void)
{
	struct slot_record slot;
	begin_one_request();
	talk.request = id_random();
	meanwhile = change_it;
	CU_ASSERT_EQUAL(change_pin(USER_PIN, "new-pin!"), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(directory_slot(house.node->directory, talk.slot, &slot), ERR_OK);
	CU_ASSERT_EQUAL(slot.user.failures, 0);
	talk.keep_request = false;
	talk.ticket_size = 0;
	CU_ASSERT_EQUAL(change_pin(USER_PIN, "another!"), CKR_PIN_INCORRECT); /* of another request it is a guess */
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, "new-pin!"), CKR_OK);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node meanwhile", SAY(what_was_destroyed_meanwhile_is_destroyed), SAY(what_was_set_for_good_meanwhile_is_set), SAY(a_change_says_as_of_when_it_was_asked_for),
      SAY(a_pin_that_was_changed_meanwhile_is_changed_and_no_guess_was_wrong), SAY(the_end))
