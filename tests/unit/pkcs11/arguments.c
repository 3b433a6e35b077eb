/* Every function of the list with arguments that make no sense. */
#include "tests/unit/pkcs11/module.h"

#define NOBODY ((CK_SESSION_HANDLE)0x7ffffff0)
#define ABSURD ((CK_ULONG)-1)

static CK_FUNCTION_LIST *list;
static CK_BYTE bytes[64];
static CK_ULONG size;
static CK_OBJECT_HANDLE object;
static CK_MECHANISM aes_key = { CKM_AES_KEY_GEN, NULL, 0 }, sha256 = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 },
	cbc = { CKM_AES_CBC, bytes, 16 }, pair = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
static CK_ATTRIBUTE label = { CKA_LABEL, bytes, 4 };

static void every_function_is_in_the_list(void)
{
	void *const *functions;
	EXPECT(C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_GetFunctionList(&list), CKR_OK);
	CU_ASSERT(list->version.major == 2 && list->version.minor == 40);
	functions = (void *const *)&list->C_Initialize;
	for (int i = 0; i < 68; i++)
		CU_ASSERT_PTR_NOT_NULL(functions[i]);
}

/* Each function that takes a session, in a session `s` where nothing is going on; both for the same code. */
static void with_session(CK_SESSION_HANDLE s, CK_RV want)
{
	size = sizeof bytes;
	EXPECT(list->C_CloseSession(s), want);
	EXPECT(list->C_GetSessionInfo(s, &(CK_SESSION_INFO){ 0 }), want);
	EXPECT(list->C_Login(s, CKU_USER, bytes, 4), want);
	EXPECT(list->C_Logout(s), want);
	EXPECT(list->C_InitPIN(s, bytes, 4), want);
	EXPECT(list->C_SetPIN(s, bytes, 4, bytes, 4), want);
	EXPECT(list->C_CreateObject(s, &label, 1, &object), want);
	EXPECT(list->C_DestroyObject(s, 1), want);
	EXPECT(list->C_GetAttributeValue(s, 1, &label, 1), want);
	EXPECT(list->C_SetAttributeValue(s, 1, &label, 1), want);
	EXPECT(list->C_FindObjectsInit(s, &label, 1), want);
	EXPECT(list->C_FindObjects(s, &object, 1, &size), want);
	EXPECT(list->C_FindObjectsFinal(s), want);
	EXPECT(list->C_EncryptInit(s, &cbc, 1), want);
	EXPECT(list->C_Encrypt(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_EncryptUpdate(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_EncryptFinal(s, bytes, &size), want);
	EXPECT(list->C_DecryptInit(s, &cbc, 1), want);
	EXPECT(list->C_Decrypt(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_DecryptUpdate(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_DecryptFinal(s, bytes, &size), want);
	EXPECT(list->C_DigestInit(s, &sha256), want);
	EXPECT(list->C_Digest(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_DigestUpdate(s, bytes, 4), want);
	EXPECT(list->C_DigestFinal(s, bytes, &size), want);
	EXPECT(list->C_SignInit(s, &hmac, 1), want);
	EXPECT(list->C_Sign(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_SignUpdate(s, bytes, 4), want);
	EXPECT(list->C_SignFinal(s, bytes, &size), want);
	EXPECT(list->C_VerifyInit(s, &hmac, 1), want);
	EXPECT(list->C_Verify(s, bytes, 4, bytes, 4), want);
	EXPECT(list->C_VerifyUpdate(s, bytes, 4), want);
	EXPECT(list->C_VerifyFinal(s, bytes, 4), want);
	EXPECT(list->C_GenerateKey(s, &aes_key, &label, 1, &object), want);
	EXPECT(list->C_GenerateKeyPair(s, &pair, &label, 1, &label, 1, &object, &object), want);
	EXPECT(list->C_SeedRandom(s, bytes, 4), want);
	EXPECT(list->C_GenerateRandom(s, bytes, 4), want);
	EXPECT(list->C_CopyObject(s, 1, &label, 1, &object), want);
	EXPECT(list->C_GetObjectSize(s, 1, &size), want);
	EXPECT(list->C_DigestKey(s, 1), want);
	EXPECT(list->C_DigestEncryptUpdate(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_DecryptDigestUpdate(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_SignEncryptUpdate(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_DecryptVerifyUpdate(s, bytes, 4, bytes, &size), want);
	EXPECT(list->C_WrapKey(s, &cbc, 1, 1, bytes, &size), want);
	EXPECT(list->C_UnwrapKey(s, &cbc, 1, bytes, 4, &label, 1, &object), want);
	EXPECT(list->C_DeriveKey(s, &cbc, 1, &label, 1, &object), want);
}

static void with_slot(CK_SLOT_ID slot, CK_RV want)
{
	CK_SESSION_HANDLE session;
	CK_ULONG count = 1;
	EXPECT(list->C_GetSlotInfo(slot, &(CK_SLOT_INFO){ 0 }), want);
	EXPECT(list->C_GetTokenInfo(slot, &(CK_TOKEN_INFO){ 0 }), want);
	EXPECT(list->C_GetMechanismList(slot, NULL, &count), want);
	EXPECT(list->C_GetMechanismInfo(slot, CKM_SHA256, &(CK_MECHANISM_INFO){ 0 }), want);
	EXPECT(list->C_InitToken(slot, bytes, 4, bytes), want);
	EXPECT(list->C_OpenSession(slot, RO, NULL, NULL, &session), want);
	EXPECT(list->C_CloseAllSessions(slot), want);
}

static void nothing_is_done_before_initialization(void)
{
	CK_ULONG count;
	with_session(1, CKR_CRYPTOKI_NOT_INITIALIZED);
	with_slot(SLOT, CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(list->C_GetInfo(&(CK_INFO){ 0 }), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(list->C_GetSlotList(CK_TRUE, NULL, &count), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(list->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void no_session_and_no_slot_that_is_none_is_accepted(void)
{
	CK_SESSION_HANDLE session = module_start(), closed = open_session(RO);
	EXPECT(list->C_CloseSession(closed), CKR_OK);
	with_session(NOBODY, CKR_SESSION_HANDLE_INVALID);
	with_session(CK_INVALID_HANDLE, CKR_SESSION_HANDLE_INVALID);
	with_session(ABSURD, CKR_SESSION_HANDLE_INVALID);
	with_session(closed, CKR_SESSION_HANDLE_INVALID);
	with_slot(77, CKR_SLOT_ID_INVALID);
	with_slot(ABSURD, CKR_SLOT_ID_INVALID);
	EXPECT(list->C_GetSessionInfo(session, &(CK_SESSION_INFO){ 0 }), CKR_OK);
	module_stop();
}

static void null_pointers_are_bad_arguments(void)
{
	CK_SESSION_HANDLE s = module_start();
	EXPECT(list->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetSlotInfo(SLOT, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetTokenInfo(SLOT, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetMechanismList(SLOT, NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetMechanismInfo(SLOT, CKM_SHA256, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_InitToken(SLOT, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_OpenSession(SLOT, RO, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetSessionInfo(s, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_Login(s, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_SetPIN(s, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_CreateObject(s, NULL, 1, &object), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_CreateObject(s, &label, 1, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetAttributeValue(s, 1, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_SetAttributeValue(s, 1, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_FindObjectsInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_EncryptInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_DecryptInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_DigestInit(s, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_SignInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_VerifyInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateKey(s, NULL, NULL, 0, &object), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateKey(s, &aes_key, NULL, 1, &object), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateKey(s, &aes_key, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateKeyPair(s, &pair, NULL, 0, NULL, 0, NULL, &object), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateKeyPair(s, &pair, NULL, 0, NULL, 0, &object, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateKeyPair(s, &pair, NULL, 1, NULL, 0, &object, &object), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateKeyPair(s, NULL, NULL, 0, NULL, 0, &object, &object), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_SeedRandom(s, NULL, 4), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateRandom(s, NULL, 4), CKR_ARGUMENTS_BAD);
	module_stop();
}

/* Before each call of an operation: the call that begins it. */
static CK_MECHANISM generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };

static void lengths_without_bytes_and_absurd_lengths_are_bad_arguments(void)
{
	static CK_BYTE *const pointers[] = { NULL, bytes };
	static const CK_ULONG lengths[] = { 4, ABSURD };
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE aes = make_aes(s, true, "aes"), secret;
	EXPECT(list->C_GenerateKey(s, &generic, NULL, 0, &secret), CKR_OK);
	for (int i = 0; i < 2; i++) {
		CK_BYTE *data = pointers[i];
		CK_ULONG length = lengths[i];
		size = sizeof bytes;
		EXPECT(list->C_DigestInit(s, &sha256), CKR_OK);
		EXPECT(list->C_Digest(s, data, length, bytes, &size), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_DigestInit(s, &sha256), CKR_OK);
		EXPECT(list->C_DigestUpdate(s, data, length), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_SignInit(s, &hmac, secret), CKR_OK);
		EXPECT(list->C_Sign(s, data, length, bytes, &size), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_SignInit(s, &hmac, secret), CKR_OK);
		EXPECT(list->C_SignUpdate(s, data, length), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_VerifyInit(s, &hmac, secret), CKR_OK);
		EXPECT(list->C_Verify(s, data, length, bytes, 32), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_VerifyInit(s, &hmac, secret), CKR_OK);
		EXPECT(list->C_Verify(s, bytes, 4, data, length), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_VerifyInit(s, &hmac, secret), CKR_OK);
		EXPECT(list->C_VerifyUpdate(s, data, length), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_VerifyInit(s, &hmac, secret), CKR_OK);
		EXPECT(list->C_VerifyFinal(s, data, length), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_EncryptInit(s, &cbc, aes), CKR_OK);
		EXPECT(list->C_Encrypt(s, data, length, bytes, &size), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_EncryptInit(s, &cbc, aes), CKR_OK);
		EXPECT(list->C_EncryptUpdate(s, data, length, bytes, &size), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_DecryptInit(s, &cbc, aes), CKR_OK);
		EXPECT(list->C_Decrypt(s, data, length, bytes, &size), CKR_ARGUMENTS_BAD);
		EXPECT(list->C_DecryptInit(s, &cbc, aes), CKR_OK);
		EXPECT(list->C_DecryptUpdate(s, data, length, bytes, &size), CKR_ARGUMENTS_BAD);
	}
	EXPECT(list->C_SeedRandom(s, bytes, ABSURD), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_SeedRandom(s, bytes, 4), CKR_OK);
	EXPECT(list->C_GenerateRandom(s, bytes, ABSURD), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GenerateRandom(s, bytes, 0), CKR_OK);
	EXPECT(list->C_SetPIN(s, bytes, 4, bytes, ABSURD), CKR_PIN_LEN_RANGE);
	EXPECT(list->C_SetPIN(s, bytes, ABSURD, bytes, 4), CKR_PIN_INCORRECT);
	EXPECT(list->C_Logout(s), CKR_OK);
	EXPECT(list->C_Login(s, CKU_USER, bytes, ABSURD), CKR_PIN_INCORRECT);
	EXPECT(list->C_CloseSession(s), CKR_OK);
	EXPECT(list->C_InitToken(SLOT, bytes, ABSURD, bytes), CKR_PIN_INCORRECT);
	module_stop();
}

static void results_without_a_place_are_bad_arguments(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE aes = make_aes(s, true, "aes"), secret;
	EXPECT(list->C_GenerateKey(s, &generic, NULL, 0, &secret), CKR_OK);
	EXPECT(list->C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(list->C_Digest(s, bytes, 4, bytes, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(list->C_DigestFinal(s, bytes, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_SignInit(s, &hmac, secret), CKR_OK);
	EXPECT(list->C_SignFinal(s, bytes, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_EncryptInit(s, &cbc, aes), CKR_OK);
	EXPECT(list->C_Encrypt(s, bytes, 16, bytes, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_EncryptInit(s, &cbc, aes), CKR_OK);
	EXPECT(list->C_EncryptUpdate(s, bytes, 16, bytes, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_EncryptInit(s, &cbc, aes), CKR_OK);
	EXPECT(list->C_EncryptFinal(s, bytes, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_DecryptInit(s, &cbc, aes), CKR_OK);
	EXPECT(list->C_DecryptFinal(s, bytes, NULL), CKR_ARGUMENTS_BAD);
	module_stop();
}

static void templates_that_lie_are_refused(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE data = make_data(s, false, "data");
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE huge = { CKA_LABEL, bytes, ABSURD }, hollow = { CKA_LABEL, NULL, 4 }, odd = { CKA_CLASS, &class, 3 };
	CK_ATTRIBUTE twice[] = { { CKA_LABEL, bytes, 4 }, { CKA_LABEL, bytes, 5 } };
	static CK_ATTRIBUTE many[300];
	EXPECT(list->C_CreateObject(s, &huge, 1, &object), CKR_ATTRIBUTE_VALUE_INVALID);
	EXPECT(list->C_CreateObject(s, &hollow, 1, &object), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_CreateObject(s, &odd, 1, &object), CKR_ATTRIBUTE_VALUE_INVALID);
	EXPECT(list->C_CreateObject(s, twice, 2, &object), CKR_TEMPLATE_INCONSISTENT);
	EXPECT(list->C_SetAttributeValue(s, data, &huge, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	EXPECT(list->C_FindObjectsInit(s, &odd, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	EXPECT(list->C_GetAttributeValue(s, data, many, ABSURD), CKR_ARGUMENTS_BAD);
	EXPECT(list->C_GetAttributeValue(s, data, many, COUNT(many)), CKR_ARGUMENTS_BAD);
	CU_ASSERT(list->C_CreateObject(s, many, ABSURD, &object) != CKR_OK);
	CU_ASSERT(list->C_FindObjectsInit(s, many, ABSURD) != CKR_OK);
	CU_ASSERT(list->C_GenerateKey(s, &aes_key, many, ABSURD, &object) != CKR_OK);
	module_stop();
}

static void mechanism_parameters_that_lie_are_refused(void)
{
	static const CK_ULONG lengths[] = { 0, 1, 15, 17, ABSURD };
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE aes = make_aes(s, true, "aes");
	for (size_t i = 0; i < COUNT(lengths); i++) {
		CK_MECHANISM short_iv = { CKM_AES_CBC, bytes, lengths[i] }, hollow = { CKM_AES_CBC, NULL, lengths[i] };
		CK_MECHANISM counter = { CKM_AES_CTR, bytes, lengths[i] }, gcm = { CKM_AES_GCM, bytes, lengths[i] };
		EXPECT(list->C_EncryptInit(s, &short_iv, aes), CKR_MECHANISM_PARAM_INVALID);
		EXPECT(list->C_EncryptInit(s, &hollow, aes), CKR_MECHANISM_PARAM_INVALID);
		EXPECT(list->C_EncryptInit(s, &counter, aes), CKR_MECHANISM_PARAM_INVALID);
		EXPECT(list->C_DecryptInit(s, &gcm, aes), CKR_MECHANISM_PARAM_INVALID);
	}
	CK_GCM_PARAMS lying = { .pIv = bytes, .ulIvLen = 12, .ulIvBits = 96, .pAAD = NULL, .ulAADLen = 4, .ulTagBits = 128 };
	CK_MECHANISM gcm = { CKM_AES_GCM, &lying, sizeof lying };
	EXPECT(list->C_EncryptInit(s, &gcm, aes), CKR_MECHANISM_PARAM_INVALID);
	lying = (CK_GCM_PARAMS){ .pIv = bytes, .ulIvLen = 12, .ulIvBits = 96, .pAAD = bytes, .ulAADLen = ABSURD, .ulTagBits = 128 };
	CU_ASSERT(list->C_EncryptInit(s, &gcm, aes) != CKR_OK);
	module_stop();
}

static void objects_that_are_none_are_said_so(void)
{
	static const CK_OBJECT_HANDLE none[] = { CK_INVALID_HANDLE, 0x7ffffff0, ABSURD };
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE data = make_data(s, true, "no key");
	for (size_t i = 0; i < COUNT(none); i++) {
		EXPECT(list->C_DestroyObject(s, none[i]), CKR_OBJECT_HANDLE_INVALID);
		EXPECT(list->C_GetAttributeValue(s, none[i], &label, 1), CKR_OBJECT_HANDLE_INVALID);
		EXPECT(list->C_SetAttributeValue(s, none[i], &label, 1), CKR_OBJECT_HANDLE_INVALID);
		EXPECT(list->C_SignInit(s, &hmac, none[i]), CKR_KEY_HANDLE_INVALID);
		EXPECT(list->C_VerifyInit(s, &hmac, none[i]), CKR_KEY_HANDLE_INVALID);
		EXPECT(list->C_EncryptInit(s, &cbc, none[i]), CKR_KEY_HANDLE_INVALID);
		EXPECT(list->C_DecryptInit(s, &cbc, none[i]), CKR_KEY_HANDLE_INVALID);
	}
	EXPECT(list->C_SignInit(s, &hmac, data), CKR_KEY_HANDLE_INVALID);
	EXPECT(list->C_SignInit(s, &sha256, data), CKR_MECHANISM_INVALID);
	module_stop();
}

TESTS("pkcs11 arguments", SAY(every_function_is_in_the_list), SAY(nothing_is_done_before_initialization),
	SAY(no_session_and_no_slot_that_is_none_is_accepted), SAY(null_pointers_are_bad_arguments),
	SAY(lengths_without_bytes_and_absurd_lengths_are_bad_arguments), SAY(results_without_a_place_are_bad_arguments),
	SAY(templates_that_lie_are_refused), SAY(mechanism_parameters_that_lie_are_refused),
	SAY(objects_that_are_none_are_said_so))
