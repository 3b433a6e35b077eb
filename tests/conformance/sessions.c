#include "tests/conformance/suite.h"
#include <pthread.h>

static void a_session_must_be_serial(void)
{
	CK_SESSION_HANDLE session;
	EXPECT(P11->C_OpenSession(token.slot, CKF_RW_SESSION, NULL, NULL, &session), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	EXPECT(P11->C_OpenSession(token.slot, RW, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static void session_information_tells_state_and_flags(void)
{
	CK_SESSION_HANDLE reading = session_open(RO), writing = session_open(RW);
	CK_SESSION_INFO info;
	EXPECT(P11->C_GetSessionInfo(reading, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.slotID, token.slot);
	CU_ASSERT_EQUAL(info.state, CKS_RO_USER_FUNCTIONS);
	CU_ASSERT_EQUAL(info.flags, CKF_SERIAL_SESSION);
	EXPECT(P11->C_GetSessionInfo(writing, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	CU_ASSERT_EQUAL(info.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
	logout();
	EXPECT(P11->C_GetSessionInfo(reading, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RO_PUBLIC_SESSION);
	EXPECT(P11->C_GetSessionInfo(writing, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RW_PUBLIC_SESSION);
	session_close(reading);
	session_close(writing);
}

static void a_closed_session_is_not_a_session(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_SESSION_INFO info;
	session_close(session);
	EXPECT(P11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_GetSessionInfo(CK_INVALID_HANDLE, &info), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_GetSessionInfo((CK_SESSION_HANDLE)-1, &info), CKR_SESSION_HANDLE_INVALID);
}

static void closing_all_sessions_logs_out_and_closes_each(void)
{
	CK_SESSION_HANDLE one = session_open(RO), two = session_open(RW);
	CK_SESSION_INFO info;
	EXPECT(P11->C_CloseAllSessions(token.slot), CKR_OK);
	EXPECT(P11->C_GetSessionInfo(one, &info), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_GetSessionInfo(two, &info), CKR_SESSION_HANDLE_INVALID);
	one = session_open(RO);
	EXPECT(P11->C_GetSessionInfo(one, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RO_PUBLIC_SESSION);
	session_close(one);
	EXPECT(P11->C_CloseAllSessions(0x7ffffff), CKR_SLOT_ID_INVALID);
}

static void session_objects_go_with_their_session(void)
{
	CK_SESSION_HANDLE owner = session_open(RO), other = session_open(RO);
	CK_OBJECT_HANDLE key = make_aes(owner, SESSION_OBJECT, 16, "fleeting");
	CK_BYTE iv[16] = { 0 }, data[16] = { 1 }, out[16];
	CK_ULONG size = sizeof out;
	CK_MECHANISM mechanism = { CKM_AES_CBC, iv, sizeof iv };
	EXPECT(P11->C_EncryptInit(other, &mechanism, key), CKR_OK); /* seen from every session */
	EXPECT(P11->C_Encrypt(other, data, sizeof data, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(count_labelled(other, "fleeting"), 1);
	session_close(owner);
	CU_ASSERT_EQUAL(count_labelled(other, "fleeting"), 0);
	EXPECT_SOFTHSM_DEVIATES(P11->C_EncryptInit(other, &mechanism, key), CKR_KEY_HANDLE_INVALID,
		"it says object where the standard says key");
	session_close(other);
}

static void a_thousand_sessions_may_be_open(void)
{
	static CK_SESSION_HANDLE sessions[1000];
	for (size_t i = 0; i < COUNT(sessions); i++)
		sessions[i] = session_open(i % 2 ? RW : RO);
	for (size_t i = 0; i < COUNT(sessions); i++)
		session_close(sessions[i]);
}

static void *digests(void *failures)
{
	for (int i = 0; i < 50; i++) {
		CK_SESSION_HANDLE session;
		CK_BYTE out[32];
		CK_ULONG size = sizeof out;
		CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
		if (P11->C_OpenSession(token.slot, RO, NULL, NULL, &session) != CKR_OK ||
		    P11->C_DigestInit(session, &mechanism) != CKR_OK ||
		    P11->C_Digest(session, (CK_BYTE_PTR)(uintptr_t)"abc", 3, out, &size) != CKR_OK ||
		    P11->C_CloseSession(session) != CKR_OK)
			++*(int *)failures;
	}
	return NULL;
}

static void threads_open_and_close_sessions_side_by_side(void)
{
	pthread_t threads[8];
	int failures[8] = { 0 };
	for (size_t i = 0; i < COUNT(threads); i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, digests, &failures[i]), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(failures[i], 0);
	}
}

CHAPTER(sessions,
	SAY(a_session_must_be_serial),
	SAY(session_information_tells_state_and_flags),
	SAY(a_closed_session_is_not_a_session),
	SAY(closing_all_sessions_logs_out_and_closes_each),
	SAY(session_objects_go_with_their_session),
	SAY(a_thousand_sessions_may_be_open),
	SAY(threads_open_and_close_sessions_side_by_side));
