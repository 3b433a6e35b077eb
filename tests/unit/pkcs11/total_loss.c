/* Every member is lost at once: what goes on ([recovery] mode = enhanced) and what ends (basic). */
#include "tests/unit/pkcs11/module.h"
#include "base/clock.h"
#include <pthread.h>
#include <sched.h>

static CK_BYTE bytes[4];
static CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 };

static CK_SESSION_HANDLE start(const char *recovery)
{
	module_prepare(2, recovery);
	EXPECT(C_Initialize(NULL), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	return session;
}

/* The call that is under way meets it. */
static void lose_all(CK_SESSION_HANDLE session)
{
	node_stop(0);
	node_stop(1);
	EXPECT(C_GenerateRandom(session, bytes, sizeof bytes), CKR_DEVICE_REMOVED);
}

static CK_RV ask_token(void)
{
	CK_TOKEN_INFO info;
	return C_GetTokenInfo(SLOT, &info);
}

static void get_one_back(void)
{
	node_start(1);
	while (ask_token() != CKR_OK)
		sched_yield();
}

static CK_STATE state_of(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info = { .state = 77 };
	EXPECT(C_GetSessionInfo(session, &info), CKR_OK);
	return info.state;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	CK_RV rv = C_SignInit(session, &ecdsa, key);
	return rv == CKR_OK ? C_Sign(session, BYTES("text"), 4, signature, &size) : rv;
}

static void enhanced_everything_goes_on(void)
{
	CK_SESSION_HANDLE session = start("interval = 10ms"), other = open_session(RO);
	CK_OBJECT_HANDLE open, stored, fleeting;
	make_ec(session, true, &open, &stored);
	make_ec(session, false, &open, &fleeting);
	lose_all(session);
	CU_ASSERT_EQUAL(state_of(session), CKS_RW_USER_FUNCTIONS);
	EXPECT(sign(session, stored), CKR_DEVICE_REMOVED);
	get_one_back();
	EXPECT(sign(session, stored), CKR_OK);
	EXPECT(sign(other, fleeting), CKR_OK);
	CU_ASSERT_EQUAL(state_of(session), CKS_RW_USER_FUNCTIONS);
	module_stop();
}

#define MANY 1200 /* more than one round trip brings */

/* What the call that met the loss would have given is given to the next. */
static void enhanced_a_search_goes_on_and_misses_nothing(void)
{
	CK_SESSION_HANDLE session = start("interval = 10ms");
	static CK_OBJECT_HANDLE found[2 * MANY];
	CK_ULONG first = 0, rest = 0;
	for (int i = 0; i < MANY; i++)
		make_data(session, true, "one of many");
	EXPECT(C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(C_FindObjects(session, found, 10, &first), CKR_OK);
	node_stop(0);
	node_stop(1);
	EXPECT(C_FindObjects(session, found + first, COUNT(found) - first, &rest), CKR_DEVICE_REMOVED);
	get_one_back();
	EXPECT(C_FindObjects(session, found + first, COUNT(found) - first, &rest), CKR_OK);
	CU_ASSERT_EQUAL(first + rest, MANY);
	EXPECT(C_FindObjectsFinal(session), CKR_OK);
	module_stop();
}

static void basic_sessions_and_login_end_and_new_ones_work(void)
{
	CK_SESSION_HANDLE session = start("mode = basic\ninterval = 10ms"), other = open_session(RO);
	CK_OBJECT_HANDLE open, stored, fleeting;
	CK_SESSION_INFO info;
	make_ec(session, true, &open, &stored);
	make_ec(session, false, &open, &fleeting);
	EXPECT(C_DigestInit(other, &sha256), CKR_OK);
	lose_all(session);
	CK_SESSION_HANDLE meanwhile = open_session(RW); /* before any of the old ones was used again */
	CU_ASSERT_EQUAL(state_of(meanwhile), CKS_RW_PUBLIC_SESSION);
	EXPECT(C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	EXPECT(C_DigestUpdate(other, bytes, sizeof bytes), CKR_SESSION_HANDLE_INVALID);
	EXPECT(C_CloseSession(other), CKR_SESSION_HANDLE_INVALID);
	get_one_back();
	EXPECT(C_GenerateRandom(session, bytes, sizeof bytes), CKR_SESSION_HANDLE_INVALID);
	EXPECT(C_GenerateRandom(meanwhile, bytes, sizeof bytes), CKR_OK);
	EXPECT(login(meanwhile, CKU_USER, TOY_PIN), CKR_OK);
	EXPECT(sign(meanwhile, stored), CKR_OK); /* a token object's handle is for the life of the process */
	EXPECT(C_SignInit(meanwhile, &ecdsa, fleeting), CKR_KEY_HANDLE_INVALID);
	module_stop();
}

static void basic_one_member_is_enough_to_keep_them(void)
{
	CK_SESSION_HANDLE session = start("mode = basic\ninterval = 10ms");
	node_stop(0);
	for (int i = 0; i < 20; i++)
		EXPECT(C_GenerateRandom(session, bytes, sizeof bytes), CKR_OK);
	CU_ASSERT_EQUAL(state_of(session), CKS_RW_USER_FUNCTIONS);
	module_stop();
}

static void basic_every_total_loss_counts(void)
{
	CK_SESSION_HANDLE session = start("mode = basic\ninterval = 10ms");
	for (int round = 0; round < 3; round++) {
		lose_all(session);
		EXPECT(C_GenerateRandom(session, bytes, sizeof bytes), CKR_SESSION_HANDLE_INVALID);
		get_one_back();
		node_start(0);
		session = open_session(RW);
		CU_ASSERT_EQUAL(state_of(session), CKS_RW_PUBLIC_SESSION);
		EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	}
	module_stop();
}

static void basic_what_is_counted_is_what_is_open(void)
{
	CK_SESSION_HANDLE session = start("mode = basic\ninterval = 10ms");
	CK_TOKEN_INFO info;
	lose_all(session);
	get_one_back();
	EXPECT(C_GetTokenInfo(SLOT, &info), CKR_OK);
	CU_ASSERT(info.ulSessionCount == 0 && info.ulRwSessionCount == 0);
	module_stop();
}

struct user {
	atomic_bool *over;
	atomic_uint *rounds;
};

/* Opens anew what was ended; whatever is told, it is one of these. */
static void *use_on(void *argument)
{
	struct user *user = argument;
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	uintptr_t surprises = 0;
	CK_BYTE random[4];
	while (!atomic_load(user->over)) {
		CK_RV rv = C_GenerateRandom(session, random, sizeof random);
		if (rv == CKR_SESSION_HANDLE_INVALID)
			rv = C_OpenSession(SLOT, RW, NULL, NULL, &session);
		if (rv == CKR_OK)
			rv = login(session, CKU_USER, TOY_PIN);
		surprises += rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN && rv != CKR_SESSION_HANDLE_INVALID &&
		             rv != CKR_SESSION_CLOSED && rv != CKR_DEVICE_REMOVED;
		atomic_fetch_add(user->rounds, 1);
	}
	return (void *)surprises;
}

static void wait_for_rounds(atomic_uint *rounds)
{
	unsigned enough = atomic_load(rounds) + 50;
	while (atomic_load(rounds) < enough)
		sched_yield();
}

static void basic_threads_find_their_way(void)
{
	atomic_bool over = false;
	atomic_uint rounds = 0;
	struct user user = { &over, &rounds };
	pthread_t threads[8];
	start("mode = basic\ninterval = 1ms");
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, use_on, &user);
	for (int round = 0; round < 10; round++) {
		node_stop(0);
		node_stop(1);
		wait_for_rounds(&rounds);
		node_start(0);
		node_start(1);
		wait_for_rounds(&rounds);
	}
	atomic_store(&over, true);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *surprises;
		pthread_join(threads[i], &surprises);
		CU_ASSERT_PTR_NULL(surprises);
	}
	module_stop();
}

TESTS("pkcs11 total loss", SAY(enhanced_everything_goes_on), SAY(enhanced_a_search_goes_on_and_misses_nothing),
	SAY(basic_sessions_and_login_end_and_new_ones_work),
	SAY(basic_one_member_is_enough_to_keep_them), SAY(basic_every_total_loss_counts), SAY(basic_what_is_counted_is_what_is_open),
	SAY(basic_threads_find_their_way))
