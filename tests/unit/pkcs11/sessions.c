#include "tests/unit/pkcs11/module.h"
#include <pthread.h>
#include <sched.h>

static CK_STATE state_of(CK_SESSION_HANDLE session)
{
	CK_SESSION_INFO info = { .state = 77 };
	EXPECT(C_GetSessionInfo(session, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.slotID, SLOT);
	return info.state;
}

static void state_is_the_applications_whatever_the_session(void)
{
	CK_SESSION_HANDLE writing = module_start(), reading = open_session(RO);
	CU_ASSERT_EQUAL(state_of(writing), CKS_RW_USER_FUNCTIONS);
	CU_ASSERT_EQUAL(state_of(reading), CKS_RO_USER_FUNCTIONS);
	EXPECT(C_Logout(reading), CKR_OK);
	EXPECT(C_Logout(reading), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(state_of(writing), CKS_RW_PUBLIC_SESSION);
	CU_ASSERT_EQUAL(state_of(reading), CKS_RO_PUBLIC_SESSION);
	module_stop();
}

static void the_so_stands_no_read_only_session(void)
{
	CK_SESSION_HANDLE writing = module_start(), reading = open_session(RO), another;
	EXPECT(login(writing, CKU_SO, TOY_SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	EXPECT(C_Logout(writing), CKR_OK);
	EXPECT(login(writing, CKU_SO, TOY_SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
	EXPECT(C_CloseSession(reading), CKR_OK);
	EXPECT(login(writing, CKU_SO, TOY_SO_PIN), CKR_OK);
	CU_ASSERT_EQUAL(state_of(writing), CKS_RW_SO_FUNCTIONS);
	EXPECT(C_OpenSession(SLOT, RO, NULL, NULL, &another), CKR_SESSION_READ_WRITE_SO_EXISTS);
	EXPECT(C_InitPIN(writing, BYTES("new"), 3), CKR_OK);
	EXPECT(C_InitPIN(writing, BYTES("new"), 3), CKR_OK);
	module_stop();
}

static void logging_in_says_what_is_wrong(void)
{
	CK_SESSION_HANDLE session = module_start();
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_USER_ALREADY_LOGGED_IN);
	EXPECT(login(session, 9, TOY_PIN), CKR_USER_TYPE_INVALID);
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_Logout(session), CKR_OK);
	EXPECT(login(session, CKU_USER, "wrong"), CKR_PIN_INCORRECT);
	EXPECT(C_Login(session, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	EXPECT(C_Login(session, CKU_USER, BYTES("1"), (CK_ULONG)-1), CKR_PIN_INCORRECT);
	EXPECT(C_InitPIN(session, BYTES("new"), 3), CKR_USER_NOT_LOGGED_IN);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	module_stop();
}

static void changing_the_pin_keeps_the_login(void)
{
	CK_SESSION_HANDLE session = module_start(), reading = open_session(RO);
	EXPECT(C_SetPIN(reading, BYTES(TOY_PIN), 4, BYTES("5678"), 4), CKR_SESSION_READ_ONLY);
	EXPECT(C_SetPIN(session, BYTES("wrong"), 5, BYTES("5678"), 4), CKR_PIN_INCORRECT);
	EXPECT(C_SetPIN(session, BYTES(TOY_PIN), 4, NULL, 4), CKR_ARGUMENTS_BAD);
	EXPECT(C_SetPIN(session, BYTES(TOY_PIN), 4, BYTES("5678"), 4), CKR_OK);
	CU_ASSERT_EQUAL(state_of(session), CKS_RW_USER_FUNCTIONS);
	CU_ASSERT(make_aes(session, false, "still in") != CK_INVALID_HANDLE);
	module_stop();
}

/* Another application has changed the PIN. */
static void a_ticket_that_died_ends_the_login(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	module.toy.generation++;
	EXPECT(C_GenerateKey(session, &mechanism, NULL, 0, &key), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(state_of(session), CKS_RW_PUBLIC_SESSION);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	EXPECT(C_GenerateKey(session, &mechanism, NULL, 0, &key), CKR_OK);
	module_stop();
}

static void closing_the_last_session_logs_out(void)
{
	CK_SESSION_HANDLE one = module_start(), two = open_session(RW);
	EXPECT(C_CloseSession(one), CKR_OK);
	EXPECT(C_CloseSession(one), CKR_SESSION_HANDLE_INVALID);
	CU_ASSERT_EQUAL(state_of(two), CKS_RW_USER_FUNCTIONS);
	EXPECT(C_CloseSession(two), CKR_OK);
	CU_ASSERT_EQUAL(state_of(open_session(RW)), CKS_RW_PUBLIC_SESSION);
	module_stop();
}

/* ---- closed while another thread has a call in it, which no member answers */

static void *draw(void *session)
{
	CK_BYTE random[4];
	return (void *)(uintptr_t)C_GenerateRandom(*(CK_SESSION_HANDLE *)session, random, sizeof random);
}

static void *log_in(void *session)
{
	return (void *)(uintptr_t)login(*(CK_SESSION_HANDLE *)session, CKU_USER, TOY_PIN);
}

static CK_RV close_under(CK_SESSION_HANDLE session, void *(*ask)(void *))
{
	pthread_t thread;
	void *rv;
	pthread_mutex_lock(&module.toy.silence);
	unsigned before = atomic_load(&module.toy.asked);
	pthread_create(&thread, NULL, ask, &session);
	while (atomic_load(&module.toy.asked) == before)
		sched_yield();
	EXPECT(C_CloseSession(session), CKR_OK);
	EXPECT(C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	pthread_mutex_unlock(&module.toy.silence);
	pthread_join(thread, &rv);
	return (CK_RV)(uintptr_t)rv;
}

static void closing_a_session_leaves_the_call_in_it_its_answer(void)
{
	CK_SESSION_HANDLE session = module_start();
	EXPECT(close_under(session, draw), CKR_OK);
	EXPECT(close_under(open_session(RW), log_in), CKR_SESSION_CLOSED);
	CU_ASSERT_EQUAL(state_of(open_session(RW)), CKS_RW_PUBLIC_SESSION); /* nobody was logged in through a session that is none */
	module_stop();
}

static void ten_thousand_sessions_cost_no_round_trip(void)
{
	static CK_SESSION_HANDLE sessions[10000];
	CK_TOKEN_INFO info;
	module_start();
	unsigned before = module_requests();
	for (size_t i = 0; i < COUNT(sessions); i++)
		if (C_OpenSession(SLOT, i % 2 ? RW : RO, NULL, NULL, &sessions[i]) != CKR_OK)
			CU_FAIL("not opened");
	CU_ASSERT_EQUAL(module_requests(), before);
	EXPECT(C_GetTokenInfo(SLOT, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.ulSessionCount, 10001);
	CU_ASSERT_EQUAL(info.ulRwSessionCount, 5001);
	EXPECT(C_CloseAllSessions(SLOT), CKR_OK);
	EXPECT(C_GetTokenInfo(SLOT, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.ulSessionCount, 0);
	CU_ASSERT(open_session(RO) > sessions[9999]); /* a stale handle means nothing else */
	module_stop();
}

static void opening_is_refused_where_the_standard_says_so(void)
{
	CK_SESSION_HANDLE session;
	module_start();
	EXPECT(C_OpenSession(SLOT, CKF_RW_SESSION, NULL, NULL, &session), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	EXPECT(C_OpenSession(2, RO, NULL, NULL, &session), CKR_SLOT_ID_INVALID);
	EXPECT(C_OpenSession(SLOT, RO, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_CloseAllSessions(2), CKR_SLOT_ID_INVALID);
	module_stop();
}

static void initializing_the_token_needs_all_sessions_closed_and_forgets_every_object(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_UTF8CHAR label[32];
	CK_ATTRIBUTE any = { CKA_LABEL, NULL, 0 };
	CK_OBJECT_HANDLE object = make_data(session, true, "doomed");
	memset(label, ' ', sizeof label);
	EXPECT(C_InitToken(SLOT, BYTES(TOY_SO_PIN), 6, label), CKR_SESSION_EXISTS);
	EXPECT(C_CloseAllSessions(SLOT), CKR_OK);
	EXPECT(C_InitToken(2, BYTES(TOY_SO_PIN), 6, label), CKR_SLOT_ID_INVALID);
	EXPECT(C_InitToken(SLOT, NULL, 6, label), CKR_ARGUMENTS_BAD);
	EXPECT(C_InitToken(SLOT, BYTES(TOY_SO_PIN), 6, label), CKR_OK);
	session = open_session(RW);
	EXPECT(C_GetAttributeValue(session, object, &any, 1), CKR_OBJECT_HANDLE_INVALID);
	module_stop();
}

static void token_texts_are_padded_and_cut_between_characters(void)
{
	CK_TOKEN_INFO info;
	CK_INFO library;
	module_start();
	EXPECT(C_GetTokenInfo(SLOT, &info), CKR_OK);
	CU_ASSERT(memcmp(info.label, "toy                             ", 32) == 0);
	CU_ASSERT(memcmp(info.model, "Craton HA       ", 16) == 0);
	CU_ASSERT(memcmp(info.serialNumber, "0001            ", 16) == 0);
	CU_ASSERT(info.flags & CKF_TOKEN_INITIALIZED);
	EXPECT(C_GetInfo(&library), CKR_OK);
	CU_ASSERT(library.cryptokiVersion.major == 2 && library.cryptokiVersion.minor == 40 && library.flags == 0);
	module_stop();
}

TESTS("pkcs11 sessions", SAY(state_is_the_applications_whatever_the_session), SAY(the_so_stands_no_read_only_session),
	SAY(logging_in_says_what_is_wrong), SAY(changing_the_pin_keeps_the_login), SAY(a_ticket_that_died_ends_the_login),
	SAY(closing_the_last_session_logs_out),
	SAY(closing_a_session_leaves_the_call_in_it_its_answer), SAY(ten_thousand_sessions_cost_no_round_trip),
	SAY(opening_is_refused_where_the_standard_says_so),
	SAY(initializing_the_token_needs_all_sessions_closed_and_forgets_every_object),
	SAY(token_texts_are_padded_and_cut_between_characters))
