/* Much: data in one call and in parts, sessions, waiting for slots. */
#include "tests/conformance/reference.h"
#include <pthread.h>
#include <stdlib.h>

#define MUCH ((CK_ULONG)8 << 20)

/* Not all of one kind, so that parts that change places show. */
static CK_BYTE *make_much(void)
{
	CK_BYTE *data = malloc(MUCH);
	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	for (CK_ULONG i = 0; i < MUCH; i++)
		data[i] = (CK_BYTE)(i * 31 + (i >> 12));
	return data;
}

static void megabytes_are_signed_at_once_and_in_parts_alike(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_BYTE *data = make_much(), key_bytes[64] = { 1, 2, 3 }, want[32], got[32];
	CK_ULONG size = sizeof got;
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_OBJECT_HANDLE key = import_secret(session, CKK_GENERIC_SECRET, key_bytes, sizeof key_bytes);
	reference_hmac("SHA256", key_bytes, sizeof key_bytes, data, MUCH, want);
	EXPECT(P11->C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(P11->C_Sign(session, data, MUCH, got, &size), CKR_OK);
	CU_ASSERT(size == 32 && memcmp(got, want, 32) == 0);
	EXPECT(P11->C_SignInit(session, &hmac, key), CKR_OK);
	for (CK_ULONG done = 0; done < MUCH; done += MUCH / 8)
		EXPECT(P11->C_SignUpdate(session, data + done, MUCH / 8), CKR_OK);
	EXPECT(P11->C_SignFinal(session, got, &size), CKR_OK);
	CU_ASSERT(size == 32 && memcmp(got, want, 32) == 0);
	free(data);
	session_close(session);
}

static void megabytes_are_encrypted_and_come_back(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_BYTE *data = make_much(), *cipher = malloc(MUCH + 16), iv[16] = { 7 };
	CK_ULONG size = MUCH + 16, back = MUCH + 16, part;
	CK_MECHANISM pad = { CKM_AES_CBC_PAD, iv, sizeof iv };
	CK_OBJECT_HANDLE key = make_aes(session, SESSION_OBJECT, 32, "much");
	CU_ASSERT_PTR_NOT_NULL_FATAL(cipher);
	EXPECT(P11->C_EncryptInit(session, &pad, key), CKR_OK);
	EXPECT(P11->C_Encrypt(session, data, MUCH, cipher, &size), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(size, MUCH + 16);
	EXPECT(P11->C_DecryptInit(session, &pad, key), CKR_OK);
	CK_ULONG out = 0;
	for (CK_ULONG done = 0; done < size; done += part) { /* over itself: what comes out is never ahead of what went in */
		part = size - done < 1000000 ? size - done : 1000000;
		back = part + 16;
		EXPECT(P11->C_DecryptUpdate(session, cipher + done, part, cipher + out, &back), CKR_OK);
		out += back;
	}
	back = 16;
	EXPECT(P11->C_DecryptFinal(session, cipher + out, &back), CKR_OK);
	CU_ASSERT(out + back == MUCH && memcmp(cipher, data, MUCH) == 0);
	free(data);
	free(cipher);
	session_close(session);
}

static void a_hundred_thousand_bytes_are_kept_in_an_object(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_BYTE *data = make_much(), *got = malloc(100000);
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_ATTRIBUTE ask = { CKA_VALUE, got, 100000 };
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_BOOL(CKA_TOKEN, CK_TRUE), { CKA_VALUE, data, 100000 });
	EXPECT(P11->C_CreateObject(session, template_, COUNT(template_), &object), CKR_OK);
	EXPECT(P11->C_GetAttributeValue(session, object, &ask, 1), CKR_OK);
	CU_ASSERT(got && ask.ulValueLen == 100000 && memcmp(got, data, 100000) == 0);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	free(data);
	free(got);
	session_close(session);
}

static void ten_thousand_sessions_are_open_at_once(void)
{
	static CK_SESSION_HANDLE sessions[10000];
	CK_TOKEN_INFO before, info;
	EXPECT(P11->C_GetTokenInfo(token.slot, &before), CKR_OK);
	for (size_t i = 0; i < COUNT(sessions); i++)
		sessions[i] = session_open(i % 2 ? RW : RO);
	EXPECT(P11->C_GetTokenInfo(token.slot, &info), CKR_OK);
	CU_ASSERT(info.ulSessionCount == CK_UNAVAILABLE_INFORMATION || info.ulSessionCount == before.ulSessionCount + COUNT(sessions));
	CU_ASSERT(info.ulRwSessionCount == CK_UNAVAILABLE_INFORMATION || info.ulRwSessionCount == before.ulRwSessionCount + COUNT(sessions) / 2);
	CU_ASSERT(info.ulMaxSessionCount == CK_EFFECTIVELY_INFINITE || info.ulMaxSessionCount >= COUNT(sessions));
	for (size_t i = 0; i < COUNT(sessions); i++)
		session_close(sessions[i]);
	EXPECT(P11->C_GetTokenInfo(token.slot, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.ulSessionCount, before.ulSessionCount);
}

static CK_RV surrender(CK_SESSION_HANDLE session, CK_NOTIFICATION event, void *application)
{
	(void)session;
	(void)event;
	*(bool *)application = true;
	return CKR_OK;
}

/* Callbacks are taken, whether or not they are ever called. */
static void a_session_may_be_opened_with_a_callback(void)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	bool was_called = false;
	EXPECT(P11->C_OpenSession(token.slot, RW, &was_called, surrender, &session), CKR_OK);
	session_close(session);
}

/* ---- slot events */

static void no_event_is_said_at_once_where_nothing_happens(void)
{
	CK_SLOT_ID slot = 77;
	EXPECT(P11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
}

static void *wait_for_event(void *rv)
{
	CK_SLOT_ID slot;
	*(CK_RV *)rv = P11->C_WaitForSlotEvent(0, &slot, NULL);
	return NULL;
}

/* "…blocking C_WaitForSlotEvent … whose Cryptoki library is finalized by another thread: returns with CKR_CRYPTOKI_NOT_INITIALIZED." */
static void waiting_ends_when_the_library_does(void)
{
	pthread_t waiting;
	CK_RV rv = CKR_OK;
	if (token.is_softhsm) {
		observe_deviation("C_WaitForSlotEvent", "CKR_FUNCTION_NOT_SUPPORTED", "it cannot wait");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(pthread_create(&waiting, NULL, wait_for_event, &rv), 0);
	EXPECT(P11->C_Finalize(NULL), CKR_OK);
	pthread_join(waiting, NULL);
	EXPECT(rv, CKR_CRYPTOKI_NOT_INITIALIZED); /* whether it waited already or came too late */
	initialize();
}

CHAPTER(sizes,
	SAY(megabytes_are_signed_at_once_and_in_parts_alike),
	SAY(megabytes_are_encrypted_and_come_back),
	SAY(a_hundred_thousand_bytes_are_kept_in_an_object),
	SAY(ten_thousand_sessions_are_open_at_once),
	SAY(a_session_may_be_opened_with_a_callback),
	SAY(no_event_is_said_at_once_where_nothing_happens),
	SAY(waiting_ends_when_the_library_does));
