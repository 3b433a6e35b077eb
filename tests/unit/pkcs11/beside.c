/* One thread changes, or ends, what another thread's call rests on, while that call is under way. */
#include "tests/unit/pkcs11/module.h"
#include "pkcs11/login.h"
#include <pthread.h>
#include <sched.h>

static CK_SESSION_HANDLE main_session;
static CK_OBJECT_HANDLE key;
static CK_BYTE iv[12], text[100];
static CK_GCM_PARAMS parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
static CK_MECHANISM gcm = { CKM_AES_GCM, &parameter, sizeof parameter }, generation = { CKM_AES_KEY_GEN, NULL, 0 };

typedef CK_RV calling(CK_SESSION_HANDLE session);

struct caller {
	pthread_t thread;
	calling *call;
	CK_SESSION_HANDLE session;
	CK_RV rv;
};

static void *run(void *argument)
{
	struct caller *caller = argument;
	caller->rv = caller->call(caller->session);
	return NULL;
}

static void begin(struct caller *caller, calling *function)
{
	caller->call = function;
	pthread_create(&caller->thread, NULL, run, caller);
}

static CK_RV end_of(struct caller *caller)
{
	pthread_join(caller->thread, NULL);
	return caller->rv;
}

static void start(void)
{
	main_session = module_start();
	key = make_aes(main_session, true, "key");
}

/* While the answers to deeds are held back. */
static void wait_for(const atomic_uint *count, unsigned enough)
{
	while (atomic_load(count) < enough)
		sched_yield();
}

/* ---- a PIN */

static CK_RV set_pin(CK_SESSION_HANDLE session)
{
	return C_SetPIN(session, BYTES(TOY_PIN), strlen(TOY_PIN), BYTES("5678"), 4);
}

static CK_RV draw(CK_SESSION_HANDLE session)
{
	CK_BYTE random[4];
	return C_GenerateRandom(session, random, sizeof random);
}

static CK_RV generate(CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE made;
	return C_GenerateKey(session, &generation, NULL, 0, &made);
}

static CK_RV add_part(CK_SESSION_HANDLE session)
{
	CK_BYTE out[200];
	CK_ULONG size = sizeof out;
	return C_EncryptUpdate(session, text, sizeof text, out, &size);
}

/* The change is made and not answered yet: whoever asks with the ticket from before is told that it is dead, and waits for the next. */
static void a_change_of_pin_is_no_end_of_other_threads_calls(void)
{
	static calling *const calls[] = { draw, generate, add_part };
	struct caller changer, others[COUNT(calls)];
	CK_SESSION_INFO info;
	start();
	for (size_t i = 0; i < COUNT(calls); i++)
		others[i].session = open_session(RW);
	changer.session = main_session;
	EXPECT(C_EncryptInit(others[2].session, &gcm, key), CKR_OK);
	EXPECT(add_part(others[2].session), CKR_OK);
	pthread_mutex_lock(&module.toy.afterthought);
	unsigned done = atomic_load(&module.toy.done), asked = atomic_load(&module.toy.asked);
	begin(&changer, set_pin);
	wait_for(&module.toy.done, done + 1);
	for (size_t i = 0; i < COUNT(calls); i++)
		begin(&others[i], calls[i]);
	wait_for(&module.toy.asked, asked + 1 + COUNT(calls));
	pthread_mutex_unlock(&module.toy.afterthought);
	EXPECT(end_of(&changer), CKR_OK);
	for (size_t i = 0; i < COUNT(calls); i++)
		EXPECT(end_of(&others[i]), CKR_OK);
	EXPECT(C_GetSessionInfo(main_session, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	module_stop();
}

/* One after the other, as each is made with the ticket that the other gave. */
static void of_two_changes_of_pin_one_finds_the_other_made(void)
{
	struct caller changers[2];
	CK_SESSION_INFO info;
	start();
	for (size_t i = 0; i < 2; i++) {
		changers[i].session = open_session(RW);
		begin(&changers[i], set_pin);
	}
	CK_RV one = end_of(&changers[0]), other = end_of(&changers[1]);
	CU_ASSERT((one == CKR_OK && other == CKR_PIN_INCORRECT) || (one == CKR_PIN_INCORRECT && other == CKR_OK));
	EXPECT(C_GetSessionInfo(main_session, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	module_stop();
}

static ProtobufCBinaryData ticket(const char *name)
{
	return (ProtobufCBinaryData){ strlen(name), BYTES(name) };
}

/* The ticket that comes is for a login that is over. */
static void a_change_of_pin_that_outlives_its_login_renews_no_other(void)
{
	ProtobufCBinaryData first = ticket("first"), others = ticket("another's"), late = ticket("late"), own = ticket("own");
	struct ticket_copy now, dead = { "first", 5, 1 };
	struct login login = { .ends = 0 };
	login_init(&login);
	EXPECT(login_begin(&login, CRATON__ROLE__ROLE_USER, &first, 1), CKR_OK);
	login_change_begin(&login);
	CU_ASSERT(login_end(&login));
	EXPECT(login_begin(&login, CRATON__ROLE__ROLE_SO, &others, 2), CKR_OK);
	login_renew(&login, &late, 3);
	login_change_end(&login);
	login_copy(&login, &now);
	CU_ASSERT(now.size == others.len && memcmp(now.data, others.data, now.size) == 0);
	CU_ASSERT(login_has_another(&login, &dead));
	login_change_begin(&login);
	login_renew(&login, &own, 4);
	login_change_end(&login);
	login_copy(&login, &now);
	CU_ASSERT(now.size == own.len && memcmp(now.data, own.data, now.size) == 0);
	CU_ASSERT(!login_has_another(&login, &now));
	login_finish(&login);
}

/* ---- a login */

static void what_is_made_while_the_login_ends_ends_with_it(void)
{
	struct caller maker;
	CK_OBJECT_HANDLE found;
	CK_ULONG count;
	start();
	maker.session = open_session(RW);
	pthread_mutex_lock(&module.toy.afterthought);
	unsigned done = atomic_load(&module.toy.done);
	begin(&maker, generate);
	wait_for(&module.toy.done, done + 1);
	EXPECT(C_Logout(main_session), CKR_OK);
	pthread_mutex_unlock(&module.toy.afterthought);
	EXPECT(end_of(&maker), CKR_OK); /* as if it had come first */
	EXPECT(login(main_session, CKU_USER, TOY_PIN), CKR_OK);
	EXPECT(C_FindObjectsInit(main_session, NULL, 0), CKR_OK);
	EXPECT(C_FindObjects(main_session, &found, 1, &count), CKR_OK);
	CU_ASSERT(count == 1 && found == key);
	EXPECT(C_FindObjects(main_session, &found, 1, &count), CKR_OK);
	CU_ASSERT_EQUAL(count, 0);
	module_stop();
}

/* ---- a session object */

static CK_RV set(CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE change = { type, BYTES("changed"), 7 };
	return C_SetAttributeValue(session, key, &change, 1);
}

static CK_RV set_label(CK_SESSION_HANDLE session)
{
	return set(session, CKA_LABEL);
}

static CK_RV set_id(CK_SESSION_HANDLE session)
{
	return set(session, CKA_ID);
}

/* Both are made of the object as it was: the later one is made once more, of what the other has left. */
static void two_changes_of_a_session_object_both_stay(void)
{
	struct caller one, other;
	CK_BYTE values[2][7] = { { 0 } };
	CK_ATTRIBUTE read[] = { { CKA_LABEL, values[0], 7 }, { CKA_ID, values[1], 7 } };
	start();
	key = make_aes(main_session, false, "fleeting");
	one.session = open_session(RW);
	other.session = open_session(RW);
	pthread_mutex_lock(&module.toy.afterthought);
	unsigned done = atomic_load(&module.toy.done);
	begin(&one, set_label);
	begin(&other, set_id);
	wait_for(&module.toy.done, done + 2);
	pthread_mutex_unlock(&module.toy.afterthought);
	EXPECT(end_of(&one), CKR_OK);
	EXPECT(end_of(&other), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.done, done + 3);
	EXPECT(C_GetAttributeValue(main_session, key, read, 2), CKR_OK);
	CU_ASSERT(memcmp(values[0], "changed", 7) == 0 && memcmp(values[1], "changed", 7) == 0);
	module_stop();
}

/* It was remembered for the values, which are asked for next. */
static void a_length_that_was_asked_for_is_forgotten_when_the_value_is_changed(void)
{
	CK_BYTE value[7];
	CK_ATTRIBUTE length = { CKA_LABEL, NULL, 0 }, read = { CKA_LABEL, value, sizeof value };
	start();
	CK_SESSION_HANDLE other = open_session(RW);
	for (int is_token = 0; is_token < 2; is_token++) {
		key = make_aes(main_session, is_token, "before!");
		EXPECT(C_GetAttributeValue(main_session, key, &length, 1), CKR_OK);
		EXPECT(set_label(other), CKR_OK);
		EXPECT(C_GetAttributeValue(main_session, key, &read, 1), CKR_OK);
		CU_ASSERT(memcmp(value, "changed", 7) == 0);
	}
	module_stop();
}

TESTS("pkcs11 beside", SAY(a_change_of_pin_is_no_end_of_other_threads_calls), SAY(of_two_changes_of_pin_one_finds_the_other_made),
	SAY(a_change_of_pin_that_outlives_its_login_renews_no_other),
	SAY(what_is_made_while_the_login_ends_ends_with_it), SAY(two_changes_of_a_session_object_both_stay),
	SAY(a_length_that_was_asked_for_is_forgotten_when_the_value_is_changed))
