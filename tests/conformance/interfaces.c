/* PKCS#11 3.0: interfaces, C_SessionCancel, and messages. Not applicable to SoftHSM 2.6.1, which is older. */
#include "tests/conformance/mechanisms.h"

static bool is_2_40_only(void)
{
	if (!P11_3 && token.is_softhsm)
		observe_deviation("C_GetInterface", "not there", "it is older than PKCS#11 3.0");
	else if (!P11_3)
		CU_FAIL("no interface of 3.0");
	return !P11_3;
}

#define NAME ((CK_UTF8CHAR_PTR)(uintptr_t)"PKCS 11")

static void the_interfaces_are_listed(void)
{
	CK_INTERFACE list[16];
	CK_ULONG count = 0, short_count = 0;
	bool has_3_0 = false, has_2_40 = false;
	if (is_2_40_only())
		return;
	EXPECT(P11_3->C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(P11_3->C_GetInterfaceList(NULL, &count), CKR_OK);
	CU_ASSERT_FATAL(count >= 2 && count <= COUNT(list));
	EXPECT(P11_3->C_GetInterfaceList(list, &short_count), CKR_BUFFER_TOO_SMALL);
	EXPECT(P11_3->C_GetInterfaceList(list, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_VERSION *version = list[i].pFunctionList;
		has_3_0 |= strcmp((char *)list[i].pInterfaceName, "PKCS 11") == 0 && version->major == 3 && version->minor == 0;
		has_2_40 |= strcmp((char *)list[i].pInterfaceName, "PKCS 11") == 0 && version->major == 2 && version->minor == 40;
	}
	CU_ASSERT(has_3_0 && has_2_40);
}

static void an_interface_is_found_by_name_version_and_flags(void)
{
	CK_INTERFACE *found = NULL;
	CK_VERSION three = { 3, 0 }, two = { 2, 40 }, nine = { 9, 9 };
	CK_UTF8CHAR other[] = "Something else";
	if (is_2_40_only())
		return;
	EXPECT(P11_3->C_GetInterface(NULL, NULL, &found, 0), CKR_OK); /* the default */
	CU_ASSERT(found && strcmp((char *)found->pInterfaceName, "PKCS 11") == 0);
	EXPECT(P11_3->C_GetInterface(NAME, &two, &found, 0), CKR_OK);
	CU_ASSERT_EQUAL(((CK_VERSION *)found->pFunctionList)->major, 2);
	EXPECT(P11_3->C_GetInterface(NAME, &three, &found, 0), CKR_OK);
	CU_ASSERT_EQUAL(((CK_VERSION *)found->pFunctionList)->major, 3);
	CK_RV rv = P11_3->C_GetInterface(NAME, &three, &found, CKF_INTERFACE_FORK_SAFE);
	CU_ASSERT(rv == CKR_FUNCTION_FAILED || (rv == CKR_OK && (found->flags & CKF_INTERFACE_FORK_SAFE)));
	EXPECT(P11_3->C_GetInterface(NAME, &nine, &found, 0), CKR_FUNCTION_FAILED);
	EXPECT(P11_3->C_GetInterface(other, NULL, &found, 0), CKR_FUNCTION_FAILED);
	EXPECT(P11_3->C_GetInterface(NAME, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
}

static void both_lists_are_of_one_library(void)
{
	CK_SESSION_INFO info;
	if (is_2_40_only())
		return;
	CK_SESSION_HANDLE session = session_open(RO);
	EXPECT(P11_3->C_GetSessionInfo(session, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RO_USER_FUNCTIONS);
	EXPECT(P11_3->C_CloseSession(session), CKR_OK);
	EXPECT(P11->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
}

static void a_session_forgets_the_operations_it_is_told_to(void)
{
	CK_BYTE bytes[32];
	CK_ULONG size = sizeof bytes;
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };
	if (is_2_40_only())
		return;
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE key = make_secret(session, SESSION_OBJECT, 32, "cancelled");
	EXPECT(P11->C_DigestInit(session, &sha256), CKR_OK);
	EXPECT(P11->C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(P11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(P11_3->C_SessionCancel(session, CKF_SIGN | CKF_FIND_OBJECTS), CKR_OK);
	EXPECT(P11->C_SignUpdate(session, bytes, 1), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_DigestFinal(session, bytes, &size), CKR_OK); /* it was told nothing of this one */
	EXPECT(P11->C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(P11_3->C_SignInit(session, NULL, key), CKR_OK); /* "with pMechanism set to NULL_PTR to terminate an active" */
	EXPECT(P11->C_SignUpdate(session, bytes, 1), CKR_OPERATION_NOT_INITIALIZED);
	session_close(session);
}

static void the_user_may_log_in_by_name(void)
{
	CK_UTF8CHAR *pin = (CK_UTF8CHAR_PTR)(uintptr_t)token.user_pin;
	CK_SESSION_INFO info;
	if (is_2_40_only())
		return;
	CK_SESSION_HANDLE session = session_open(RW);
	logout();
	EXPECT(P11_3->C_LoginUser(session, CKU_USER, pin, strlen(token.user_pin), NULL, 0), CKR_OK);
	EXPECT(P11->C_GetSessionInfo(session, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.state, CKS_RW_USER_FUNCTIONS);
	session_close(session);
}

/* ---- messages */

static CK_BYTE iv[12] = { 1, 2, 3 }, aad[7] = "it is I";
static CK_BYTE *const data = (CK_BYTE_PTR)(uintptr_t)known_data;

static CK_ULONG gcm_reference(CK_ULONG size, CK_BYTE *out)
{
	struct reference_cipher how = { .name = "AES-128-GCM", .key = known_key, .iv = iv, .iv_size = 12, .aad = aad, .aad_size = sizeof aad,
		.tag_size = 16 };
	return (CK_ULONG)reference_encrypt(&how, known_data, size, out);
}

#define OFFERS_GCM(flag) (!is_2_40_only() && tries(CKM_AES_GCM, flag))

void messages_are_encrypted_each_with_its_iv_and_tag(void)
{
	CK_BYTE want[128], out[128], tag[16];
	CK_GCM_MESSAGE_PARAMS parameter = { iv, sizeof iv, 0, CKG_NO_GENERATE, tag, 128 };
	if (!OFFERS_GCM(CKF_MESSAGE_ENCRYPT))
		return;
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE key = import_secret(session, CKK_AES, known_key, 16);
	EXPECT(P11_3->C_MessageEncryptInit(session, &(CK_MECHANISM){ CKM_AES_GCM, &parameter, sizeof parameter }, key), CKR_OK);
	for (CK_ULONG size = 0; size < 100; size += 33) { /* one after the other */
		CK_ULONG out_size = sizeof out;
		gcm_reference(size, want);
		memset(tag, 0, sizeof tag);
		EXPECT(P11_3->C_EncryptMessage(session, &parameter, sizeof parameter, aad, sizeof aad, data, size, out, &out_size), CKR_OK);
		CU_ASSERT(out_size == size && memcmp(out, want, size) == 0);
		CU_ASSERT(memcmp(tag, want + size, 16) == 0);
	}
	EXPECT(P11_3->C_MessageEncryptFinal(session), CKR_OK);
	EXPECT(P11_3->C_MessageEncryptFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	works(CKM_AES_GCM, "encrypt messages");
	session_close(session);
}

void messages_are_decrypted_and_altered_ones_refused(void)
{
	CK_BYTE cipher[128], out[128];
	if (!OFFERS_GCM(CKF_MESSAGE_DECRYPT))
		return;
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE key = import_secret(session, CKK_AES, known_key, 16);
	gcm_reference(50, cipher);
	CK_GCM_MESSAGE_PARAMS parameter = { iv, sizeof iv, 0, CKG_NO_GENERATE, cipher + 50, 128 };
	EXPECT(P11_3->C_MessageDecryptInit(session, &(CK_MECHANISM){ CKM_AES_GCM, &parameter, sizeof parameter }, key), CKR_OK);
	for (int wrong = 0; wrong < 2; wrong++) {
		CK_ULONG size = sizeof out;
		cipher[50] ^= (CK_BYTE)wrong;
		EXPECT(P11_3->C_DecryptMessage(session, &parameter, sizeof parameter, aad, sizeof aad, cipher, 50, out, &size),
			wrong ? CKR_AEAD_DECRYPT_FAILED : CKR_OK);
		CU_ASSERT(wrong || (size == 50 && memcmp(out, known_data, 50) == 0));
	}
	EXPECT(P11_3->C_MessageDecryptFinal(session), CKR_OK);
	works(CKM_AES_GCM, "decrypt messages");
	session_close(session);
}

static void messages_go_in_parts_too(void)
{
	CK_BYTE want[128], out[128], tag[16];
	CK_ULONG size = sizeof out, rest;
	CK_GCM_MESSAGE_PARAMS parameter = { iv, sizeof iv, 0, CKG_NO_GENERATE, tag, 128 };
	if (!OFFERS_GCM(CKF_MESSAGE_ENCRYPT))
		return;
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE key = import_secret(session, CKK_AES, known_key, 16);
	gcm_reference(60, want);
	EXPECT(P11_3->C_MessageEncryptInit(session, &(CK_MECHANISM){ CKM_AES_GCM, &parameter, sizeof parameter }, key), CKR_OK);
	EXPECT(P11_3->C_EncryptMessageBegin(session, &parameter, sizeof parameter, aad, sizeof aad), CKR_OK);
	EXPECT(P11_3->C_EncryptMessageNext(session, &parameter, sizeof parameter, data, 20, out, &size, 0), CKR_OK);
	rest = sizeof out - size;
	EXPECT(P11_3->C_EncryptMessageNext(session, &parameter, sizeof parameter, data + 20, 40, out + size, &rest, CKF_END_OF_MESSAGE), CKR_OK);
	CU_ASSERT(size + rest == 60 && memcmp(out, want, 60) == 0);
	CU_ASSERT(memcmp(tag, want + 60, 16) == 0);
	EXPECT(P11_3->C_EncryptMessageNext(session, &parameter, sizeof parameter, data, 20, out, &size, 0), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11_3->C_MessageEncryptFinal(session), CKR_OK);
	session_close(session);
}

static void the_token_makes_ivs_and_never_the_same(void)
{
	CK_BYTE ivs[2][12] = { { 0 } }, out[64], tag[16];
	if (!OFFERS_GCM(CKF_MESSAGE_ENCRYPT))
		return;
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE key = import_secret(session, CKK_AES, known_key, 16);
	CK_GCM_MESSAGE_PARAMS parameter = { ivs[0], 12, 0, CKG_GENERATE, tag, 128 };
	EXPECT(P11_3->C_MessageEncryptInit(session, &(CK_MECHANISM){ CKM_AES_GCM, &parameter, sizeof parameter }, key), CKR_OK);
	for (int i = 0; i < 2; i++) {
		CK_ULONG size = sizeof out;
		parameter.pIv = ivs[i];
		EXPECT(P11_3->C_EncryptMessage(session, &parameter, sizeof parameter, NULL, 0, data, 16, out, &size), CKR_OK);
	}
	CU_ASSERT(memcmp(ivs[0], ivs[1], 12) != 0);
	EXPECT(P11_3->C_MessageEncryptFinal(session), CKR_OK);
	session_close(session);
}

static void messages_are_signed_and_verified(void)
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE want[32], mac[32];
	if (is_2_40_only() || !tries(CKM_SHA256_HMAC, CKF_MESSAGE_SIGN) || !tries(CKM_SHA256_HMAC, CKF_MESSAGE_VERIFY))
		return;
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE key = import_secret(session, CKK_GENERIC_SECRET, known_key, 32);
	EXPECT(P11_3->C_MessageSignInit(session, &hmac, key), CKR_OK);
	EXPECT(P11_3->C_MessageVerifyInit(session, &hmac, key), CKR_OK);
	for (CK_ULONG size = 1; size < 100; size += 40) {
		CK_ULONG mac_size = sizeof mac;
		reference_hmac("SHA256", known_key, 32, known_data, size, want);
		EXPECT(P11_3->C_SignMessage(session, NULL, 0, data, size, mac, &mac_size), CKR_OK);
		CU_ASSERT(mac_size == 32 && memcmp(mac, want, 32) == 0);
		EXPECT(P11_3->C_VerifyMessage(session, NULL, 0, data, size, mac, mac_size), CKR_OK);
		mac[0] ^= 1;
		EXPECT(P11_3->C_VerifyMessage(session, NULL, 0, data, size, mac, mac_size), CKR_SIGNATURE_INVALID);
	}
	EXPECT(P11_3->C_MessageSignFinal(session), CKR_OK);
	EXPECT(P11_3->C_MessageVerifyFinal(session), CKR_OK);
	works(CKM_SHA256_HMAC, "sign messages");
	works(CKM_SHA256_HMAC, "verify messages");
	session_close(session);
}

CHAPTER(interfaces,
	SAY(the_interfaces_are_listed),
	SAY(an_interface_is_found_by_name_version_and_flags),
	SAY(both_lists_are_of_one_library),
	SAY(a_session_forgets_the_operations_it_is_told_to),
	SAY(the_user_may_log_in_by_name),
	SAY(messages_go_in_parts_too),
	SAY(the_token_makes_ivs_and_never_the_same),
	SAY(messages_are_signed_and_verified));
