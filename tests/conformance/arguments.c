/* What an application gets wrong: handles of nothing, pointers to nothing, no operation. */
#include "tests/conformance/suite.h"

#define NO_SESSION ((CK_SESSION_HANDLE)0x7fffffff)

static void no_function_accepts_a_session_that_is_none(void)
{
	CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
	CK_BYTE bytes[64] = { 0 };
	CK_ULONG size = sizeof bytes;
	CK_OBJECT_HANDLE object = 1;
	EXPECT(P11->C_Login(NO_SESSION, CKU_USER, bytes, 8), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_Logout(NO_SESSION), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_InitPIN(NO_SESSION, bytes, 8), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_SetPIN(NO_SESSION, bytes, 8, bytes, 8), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_CreateObject(NO_SESSION, &(CK_ATTRIBUTE){ 0 }, 0, &object), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_DestroyObject(NO_SESSION, object), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_GetAttributeValue(NO_SESSION, object, &(CK_ATTRIBUTE){ 0 }, 1), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_SetAttributeValue(NO_SESSION, object, &(CK_ATTRIBUTE){ 0 }, 1), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_FindObjectsInit(NO_SESSION, NULL, 0), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_FindObjects(NO_SESSION, &object, 1, &size), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_FindObjectsFinal(NO_SESSION), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_EncryptInit(NO_SESSION, &mechanism, object), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_Encrypt(NO_SESSION, bytes, 1, bytes, &size), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_DecryptInit(NO_SESSION, &mechanism, object), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_Decrypt(NO_SESSION, bytes, 1, bytes, &size), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_DigestInit(NO_SESSION, &mechanism), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_Digest(NO_SESSION, bytes, 1, bytes, &size), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_SignInit(NO_SESSION, &mechanism, object), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_Sign(NO_SESSION, bytes, 1, bytes, &size), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_VerifyInit(NO_SESSION, &mechanism, object), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_Verify(NO_SESSION, bytes, 1, bytes, 1), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_GenerateKey(NO_SESSION, &mechanism, &(CK_ATTRIBUTE){ 0 }, 0, &object), CKR_SESSION_HANDLE_INVALID);
	EXPECT(P11->C_GenerateRandom(NO_SESSION, bytes, 1), CKR_SESSION_HANDLE_INVALID);
}

static void no_function_accepts_a_key_that_is_none(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_BYTE iv[16] = { 0 };
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 }, cbc = { CKM_AES_CBC, iv, 16 };
	CK_OBJECT_HANDLE none = 0x7fffffff;
	CK_ATTRIBUTE label = { CKA_LABEL, NULL, 0 };
	CK_RV rv = P11->C_SignInit(session, &hmac, none);
	CU_ASSERT(rv == CKR_KEY_HANDLE_INVALID || (token.is_softhsm && rv == CKR_OBJECT_HANDLE_INVALID));
	rv = P11->C_EncryptInit(session, &cbc, none);
	CU_ASSERT(rv == CKR_KEY_HANDLE_INVALID || (token.is_softhsm && rv == CKR_OBJECT_HANDLE_INVALID));
	EXPECT(P11->C_GetAttributeValue(session, none, &label, 1), CKR_OBJECT_HANDLE_INVALID);
	EXPECT(P11->C_SetAttributeValue(session, none, &label, 1), CKR_OBJECT_HANDLE_INVALID);
	EXPECT(P11->C_DestroyObject(session, none), CKR_OBJECT_HANDLE_INVALID);
	session_close(session);
}

static void null_pointers_are_bad_arguments(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	EXPECT(P11->C_GetTokenInfo(token.slot, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_GetSlotInfo(token.slot, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_GetMechanismList(token.slot, NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_GetMechanismInfo(token.slot, CKM_SHA256, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_GetSessionInfo(session, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_FindObjectsInit(session, NULL, 3), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_SignInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_GenerateKey(session, NULL, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_GenerateKeyPair(session, NULL, NULL, 0, NULL, 0, NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11->C_CreateObject(session, NULL, 2, NULL), CKR_ARGUMENTS_BAD);
	session_close(session);
}

static void calls_out_of_turn_find_no_operation(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_BYTE bytes[32] = { 0 };
	CK_ULONG size = sizeof bytes;
	EXPECT(P11->C_Sign(session, bytes, 1, bytes, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_Verify(session, bytes, 1, bytes, 1), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_Encrypt(session, bytes, 1, bytes, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_Decrypt(session, bytes, 1, bytes, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_Digest(session, bytes, 1, bytes, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_DigestUpdate(session, bytes, 1), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_DigestFinal(session, bytes, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_EncryptUpdate(session, bytes, 1, bytes, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_VerifyFinal(session, bytes, 1), CKR_OPERATION_NOT_INITIALIZED);
	session_close(session);
}

static void an_absurd_template_length_is_refused(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object;
	CK_ULONG class = CKO_DATA;
	TEMPLATE(odd_class, { CKA_CLASS, &class, 3 });
	CK_RV rv = P11->C_CreateObject(session, odd_class, 1, &object);
	CU_ASSERT(rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCOMPLETE);
	TEMPLATE(odd_bool, { CKA_CLASS, &class, sizeof class }, { CKA_TOKEN, &class, 7 });
	rv = P11->C_CreateObject(session, odd_bool, 2, &object);
	CU_ASSERT(rv == CKR_ATTRIBUTE_VALUE_INVALID || (token.is_softhsm && rv == CKR_OK));
	if (token.is_softhsm && rv == CKR_OK)
		P11->C_DestroyObject(session, object);
	session_close(session);
}

CHAPTER(arguments,
	SAY(no_function_accepts_a_session_that_is_none),
	SAY(no_function_accepts_a_key_that_is_none),
	SAY(null_pointers_are_bad_arguments),
	SAY(calls_out_of_turn_find_no_operation),
	SAY(an_absurd_template_length_is_refused));
