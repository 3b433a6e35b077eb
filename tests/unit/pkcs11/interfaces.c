/* Versions of the standard, and what 3.0 adds besides messages. */
#include "tests/unit/pkcs11/module.h"

static CK_VERSION old = { 2, 40 }, new = { 3, 0 }, unknown = { 3, 1 };

static CK_FUNCTION_LIST_3_0 *functions_3_0(void)
{
	CK_INTERFACE *interface = NULL;
	EXPECT(C_GetInterface(NULL, NULL, &interface, 0), CKR_OK);
	return interface->pFunctionList;
}

static void both_versions_are_on_offer_and_3_0_is_the_default(void)
{
	CK_INTERFACE list[2], *found = NULL;
	CK_ULONG count = 1;
	EXPECT(C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_GetInterfaceList(list, &count), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(count, 2);
	EXPECT(C_GetInterfaceList(list, &count), CKR_OK);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT_STRING_EQUAL(list[i].pInterfaceName, "PKCS 11");
	CU_ASSERT(memcmp(list[0].pFunctionList, &new, 2) == 0 && memcmp(list[1].pFunctionList, &old, 2) == 0);
	EXPECT(C_GetInterface(NULL, NULL, &found, 0), CKR_OK);
	CU_ASSERT_PTR_EQUAL(found->pFunctionList, list[0].pFunctionList);
	EXPECT(C_GetInterface(BYTES("PKCS 11"), &old, &found, 0), CKR_OK);
	CU_ASSERT_PTR_EQUAL(found->pFunctionList, list[1].pFunctionList);
	EXPECT(C_GetInterface(BYTES("PKCS 11"), &unknown, &found, 0), CKR_FUNCTION_FAILED);
	EXPECT(C_GetInterface(BYTES("Vendor"), NULL, &found, 0), CKR_FUNCTION_FAILED);
	EXPECT(C_GetInterface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
}

/* A child of ours starts afresh, so none is fork safe in the standard's sense. */
static void no_interface_claims_to_survive_a_fork(void)
{
	CK_INTERFACE *found = NULL;
	EXPECT(C_GetInterface(NULL, NULL, &found, CKF_INTERFACE_FORK_SAFE), CKR_FUNCTION_FAILED);
}

static void every_function_of_3_0_is_in_its_list(void)
{
	CK_FUNCTION_LIST_3_0 *list = functions_3_0();
	CK_FUNCTION_LIST *list_2_40;
	void *const *functions = (void *const *)&list->C_Initialize;
	for (int i = 0; i < 92; i++)
		CU_ASSERT_PTR_NOT_NULL(functions[i]);
	EXPECT(C_GetFunctionList(&list_2_40), CKR_OK);
	CU_ASSERT(list_2_40->version.major == 2 && list_2_40->version.minor == 40);
	CU_ASSERT(list_2_40->C_Sign == list->C_Sign && list_2_40->C_WaitForSlotEvent == list->C_WaitForSlotEvent);
}

static void each_list_says_its_own_version(void)
{
	CK_FUNCTION_LIST *list;
	CK_INFO info;
	module_prepare(1, "");
	EXPECT(C_GetFunctionList(&list), CKR_OK);
	EXPECT(functions_3_0()->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(C_Initialize(NULL), CKR_OK);
	EXPECT(list->C_GetInfo(&info), CKR_OK);
	CU_ASSERT(info.cryptokiVersion.major == 2 && info.cryptokiVersion.minor == 40);
	EXPECT(functions_3_0()->C_GetInfo(&info), CKR_OK);
	CU_ASSERT(info.cryptokiVersion.major == 3 && info.cryptokiVersion.minor == 0);
	EXPECT(functions_3_0()->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	module_stop();
}

static void a_user_without_a_name_logs_in_as_ever(void)
{
	CK_SESSION_HANDLE s = module_start();
	EXPECT(C_Logout(s), CKR_OK);
	EXPECT(C_LoginUser(s, CKU_USER, BYTES(TOY_PIN), 4, BYTES("alice"), 5), CKR_ARGUMENTS_BAD);
	EXPECT(C_LoginUser(s, CKU_USER, BYTES("wrong"), 5, NULL, 0), CKR_PIN_INCORRECT);
	EXPECT(C_LoginUser(s, CKU_USER, BYTES(TOY_PIN), 4, NULL, 0), CKR_OK);
	EXPECT(C_LoginUser(s, CKU_USER, BYTES(TOY_PIN), 4, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
	EXPECT(C_LoginUser(77777, CKU_USER, BYTES(TOY_PIN), 4, BYTES("alice"), 5), CKR_SESSION_HANDLE_INVALID);
	module_stop();
}

static CK_BYTE iv[16], data[32], out[64];

/* Each function of 3.0 that takes a session, where nothing is going on; all for the same code. */
static void with_session(CK_SESSION_HANDLE s, CK_RV want)
{
	CK_FUNCTION_LIST_3_0 *list = functions_3_0();
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 }, gcm = { CKM_AES_GCM, NULL, 0 };
	CK_ULONG size = sizeof out;
	EXPECT(list->C_LoginUser(s, CKU_USER, data, 4, NULL, 0), want);
	EXPECT(list->C_LoginUser(s, CKU_USER, data, 4, data, 4), want);
	EXPECT(list->C_SessionCancel(s, 0), want);
	EXPECT(list->C_MessageEncryptInit(s, &gcm, 1), want);
	EXPECT(list->C_EncryptMessage(s, data, 8, data, 4, data, 4, out, &size), want);
	EXPECT(list->C_EncryptMessageBegin(s, data, 8, data, 4), want);
	EXPECT(list->C_EncryptMessageNext(s, data, 8, data, 4, out, &size, 0), want);
	EXPECT(list->C_MessageEncryptFinal(s), want);
	EXPECT(list->C_MessageDecryptInit(s, &gcm, 1), want);
	EXPECT(list->C_DecryptMessage(s, data, 8, data, 4, data, 4, out, &size), want);
	EXPECT(list->C_DecryptMessageBegin(s, data, 8, data, 4), want);
	EXPECT(list->C_DecryptMessageNext(s, data, 8, data, 4, out, &size, CKF_END_OF_MESSAGE), want);
	EXPECT(list->C_MessageDecryptFinal(s), want);
	EXPECT(list->C_MessageSignInit(s, &hmac, 1), want);
	EXPECT(list->C_SignMessage(s, NULL, 0, data, 4, out, &size), want);
	EXPECT(list->C_SignMessageBegin(s, NULL, 0), want);
	EXPECT(list->C_SignMessageNext(s, NULL, 0, data, 4, out, &size), want);
	EXPECT(list->C_MessageSignFinal(s), want);
	EXPECT(list->C_MessageVerifyInit(s, &hmac, 1), want);
	EXPECT(list->C_VerifyMessage(s, NULL, 0, data, 4, out, 4), want);
	EXPECT(list->C_VerifyMessageBegin(s, NULL, 0), want);
	EXPECT(list->C_VerifyMessageNext(s, NULL, 0, data, 4, out, 4), want);
	EXPECT(list->C_MessageVerifyFinal(s), want);
}

static void nothing_works_without_a_session(void)
{
	with_session(1, CKR_CRYPTOKI_NOT_INITIALIZED);
	module_start();
	CK_SESSION_HANDLE closed = open_session(RO);
	EXPECT(C_CloseSession(closed), CKR_OK);
	with_session(closed, CKR_SESSION_HANDLE_INVALID);
	with_session(CK_INVALID_HANDLE, CKR_SESSION_HANDLE_INVALID);
	with_session((CK_ULONG)-1, CKR_SESSION_HANDLE_INVALID);
	module_stop();
}

static void what_is_cancelled_is_over_and_the_rest_goes_on(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE aes = make_aes(s, true, "aes"), mac, found;
	CK_MECHANISM cbc = { CKM_AES_CBC, iv, 16 }, hmac = { CKM_SHA256_HMAC, NULL, 0 }, sha256 = { CKM_SHA256, NULL, 0 };
	CK_MECHANISM generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 }, rsa = { CKM_RSA_PKCS, NULL, 0 };
	CK_ULONG size = sizeof out, count;
	EXPECT(C_GenerateKey(s, &generic, NULL, 0, &mac), CKR_OK);
	EXPECT(C_EncryptInit(s, &cbc, aes), CKR_OK);
	EXPECT(C_DecryptInit(s, &cbc, aes), CKR_OK);
	EXPECT(C_SignInit(s, &hmac, mac), CKR_OK);
	EXPECT(C_VerifyInit(s, &hmac, mac), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_FindObjectsInit(s, NULL, 0), CKR_OK);
	EXPECT(C_MessageSignInit(s, &hmac, mac), CKR_OK);
	EXPECT(C_SessionCancel(s, 0), CKR_OK);
	EXPECT(C_SessionCancel(s, CKF_ENCRYPT | CKF_SIGN | CKF_MESSAGE_VERIFY | CKF_GENERATE), CKR_OK);
	EXPECT(C_Encrypt(s, data, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_Sign(s, data, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_SignMessage(s, NULL, 0, data, 32, out, &size), CKR_OK);
	EXPECT(C_SessionCancel(s, CKF_DIGEST | CKF_FIND_OBJECTS | CKF_MESSAGE_SIGN), CKR_OK);
	EXPECT(C_DigestFinal(s, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_FindObjects(s, &found, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_SignMessage(s, NULL, 0, data, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	size = sizeof out;
	EXPECT(C_Decrypt(s, data, 32, out, &size), CKR_OK);
	EXPECT(C_SessionCancel(s, CKF_VERIFY), CKR_OK);
	EXPECT(C_Verify(s, data, 32, out, 32), CKR_OPERATION_NOT_INITIALIZED);
	make_rsa(s, &found, &aes);
	EXPECT(C_SignRecoverInit(s, &rsa, aes), CKR_OK);
	EXPECT(C_VerifyRecoverInit(s, &rsa, found), CKR_OK);
	EXPECT(C_SessionCancel(s, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER), CKR_OK);
	EXPECT(C_SignRecover(s, data, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_VerifyRecover(s, data, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_SessionCancel(77777, 0), CKR_SESSION_HANDLE_INVALID);
	module_stop();
}

TESTS("pkcs11 interfaces", SAY(both_versions_are_on_offer_and_3_0_is_the_default), SAY(no_interface_claims_to_survive_a_fork),
	SAY(every_function_of_3_0_is_in_its_list), SAY(each_list_says_its_own_version), SAY(a_user_without_a_name_logs_in_as_ever),
	SAY(nothing_works_without_a_session), SAY(what_is_cancelled_is_over_and_the_rest_goes_on))
