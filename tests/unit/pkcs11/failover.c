/* The application's view of members that come and go. */
#include "tests/unit/pkcs11/module.h"
#include <pthread.h>
#include <sched.h>

static CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };

static CK_SESSION_HANDLE start_three(void)
{
	module_prepare(3, "interval = 20ms");
	EXPECT(C_Initialize(NULL), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	return session;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	CK_RV rv = C_SignInit(session, &ecdsa, key);
	return rv == CKR_OK ? C_Sign(session, BYTES("text"), 4, signature, &size) : rv;
}

static void sessions_handles_and_login_outlive_any_member(void)
{
	CK_SESSION_HANDLE session = start_three();
	CK_OBJECT_HANDLE open, stored, fleeting;
	make_ec(session, true, &open, &stored);
	make_ec(session, false, &open, &fleeting);
	for (size_t n = 0; n < 3; n++) {
		node_stop(n);
		for (int i = 0; i < 20; i++) {
			EXPECT(sign(session, stored), CKR_OK);
			EXPECT(sign(session, fleeting), CKR_OK);
		}
		CU_ASSERT(make_aes(session, true, "made meanwhile") != CK_INVALID_HANDLE);
		node_start(n);
	}
	module_stop();
}

#define THREADS 64

struct signers {
	CK_OBJECT_HANDLE key;
	atomic_bool over;
	atomic_uint signatures, failures;
};

static void *sign_on(void *argument)
{
	struct signers *signers = argument;
	CK_SESSION_HANDLE session;
	C_OpenSession(SLOT, RO, NULL, NULL, &session);
	while (!atomic_load(&signers->over)) {
		CK_RV rv = sign(session, signers->key);
		atomic_fetch_add(&signers->failures, rv != CKR_OK);
		atomic_fetch_add(&signers->signatures, 1);
	}
	return NULL;
}

static void of_many_threads_none_notices_that_members_restart_one_after_the_other(void)
{
	CK_SESSION_HANDLE session = start_three();
	CK_OBJECT_HANDLE open;
	struct signers signers = { .over = false };
	pthread_t threads[THREADS];
	make_ec(session, true, &open, &signers.key);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, sign_on, &signers);
	for (size_t round = 0; round < 12; round++) {
		unsigned before = atomic_load(&signers.signatures);
		node_stop(round % 3);
		while (atomic_load(&signers.signatures) < before + 4 * THREADS)
			sched_yield();
		node_start(round % 3);
		while (!fake_node_requests(module.nodes[round % 3])) /* it was found again */
			sched_yield();
	}
	atomic_store(&signers.over, true);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(signers.failures, 0);
	module_stop();
}

static void all_gone_is_an_error_and_all_back_is_none(void)
{
	CK_SESSION_HANDLE session = start_three();
	CK_OBJECT_HANDLE open, key;
	CK_TOKEN_INFO info;
	make_ec(session, true, &open, &key);
	for (size_t n = 0; n < 3; n++)
		node_stop(n);
	EXPECT(sign(session, key), CKR_DEVICE_REMOVED);
	EXPECT(C_GetTokenInfo(SLOT, &info), CKR_TOKEN_NOT_PRESENT);
	node_start(1);
	CK_RV rv = CKR_DEVICE_REMOVED;
	for (int64_t end = clock_ms() + 10000; rv != CKR_OK && clock_ms() < end;)
		rv = sign(session, key);
	CU_ASSERT_EQUAL(rv, CKR_OK); /* the same session, handle and login */
	module_stop();
}

static void what_the_cluster_says_comes_through(void)
{
	static const struct { Craton__Fault fault; CK_RV rv; } faults[] = {
		{ CRATON__FAULT__FAULT_MALFORMED, CKR_DEVICE_ERROR }, { CRATON__FAULT__FAULT_REFUSED, CKR_FUNCTION_REJECTED } };
	CK_SESSION_HANDLE session = start_three();
	CK_BYTE random[4];
	for (size_t i = 0; i < COUNT(faults); i++) {
		module.toy.fault = (int)faults[i].fault;
		EXPECT(C_GenerateRandom(session, random, 4), faults[i].rv);
	}
	module.toy.fault = CRATON__FAULT__FAULT_TICKET;
	EXPECT(C_GenerateRandom(session, random, 4), CKR_USER_NOT_LOGGED_IN);
	module_stop();
}

static void *serve_soon(void *unused)
{
	(void)unused;
	while (module_requests() < 6)
		sched_yield();
	module.toy.fault = CRATON__FAULT__FAULT_NONE;
	return NULL;
}

/* As while a leader is elected. */
static void a_call_waits_while_no_member_can_serve(void)
{
	CK_SESSION_HANDLE session = start_three();
	pthread_t thread;
	module.toy.fault = CRATON__FAULT__FAULT_NO_MAJORITY;
	pthread_create(&thread, NULL, serve_soon, NULL);
	CU_ASSERT(make_aes(session, true, "after the election") != CK_INVALID_HANDLE);
	pthread_join(thread, NULL);
	module_stop();
}

TESTS("pkcs11 failover", SAY(sessions_handles_and_login_outlive_any_member),
	SAY(of_many_threads_none_notices_that_members_restart_one_after_the_other), SAY(all_gone_is_an_error_and_all_back_is_none),
	SAY(what_the_cluster_says_comes_through), SAY(a_call_waits_while_no_member_can_serve))
