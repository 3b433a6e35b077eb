#include "tests/conformance/suite.h"

static void the_library_says_it_is_pkcs11_2_40_or_later(void)
{
	CK_INFO info;
	EXPECT(P11->C_GetInfo(&info), CKR_OK);
	CU_ASSERT(info.cryptokiVersion.major > 2 || (info.cryptokiVersion.major == 2 && info.cryptokiVersion.minor >= 40));
	CU_ASSERT_EQUAL(info.flags, 0);
	EXPECT(P11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
}

static void initializing_twice_is_refused(void)
{
	EXPECT(P11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	EXPECT(P11->C_Finalize((void *)1), CKR_ARGUMENTS_BAD);
}

static void the_slot_list_follows_the_convention_for_lengths(void)
{
	CK_ULONG count = 0, small = 0;
	CK_SLOT_ID slots[64];
	EXPECT(P11->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
	CU_ASSERT(count >= 1 && count <= COUNT(slots));
	EXPECT(P11->C_GetSlotList(CK_TRUE, slots, &small), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(small, count);
	EXPECT(P11->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	EXPECT(P11->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
}

static bool is_padded(const CK_UTF8CHAR *text, size_t size)
{
	return memchr(text, 0, size) == NULL;
}

static void slot_and_token_texts_are_padded_with_blanks(void)
{
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO info;
	EXPECT(P11->C_GetSlotInfo(token.slot, &slot), CKR_OK);
	CU_ASSERT(slot.flags & CKF_TOKEN_PRESENT);
	CU_ASSERT(is_padded(slot.slotDescription, sizeof slot.slotDescription));
	EXPECT(P11->C_GetTokenInfo(token.slot, &info), CKR_OK);
	CU_ASSERT(is_padded(info.label, sizeof info.label));
	CU_ASSERT(is_padded(info.manufacturerID, sizeof info.manufacturerID));
	CU_ASSERT(is_padded(info.model, sizeof info.model));
	CU_ASSERT(is_padded(info.serialNumber, sizeof info.serialNumber));
}

static void the_token_says_what_it_is(void)
{
	CK_TOKEN_INFO info;
	EXPECT(P11->C_GetTokenInfo(token.slot, &info), CKR_OK);
	CU_ASSERT(info.flags & CKF_TOKEN_INITIALIZED);
	CU_ASSERT(info.flags & CKF_USER_PIN_INITIALIZED);
	CU_ASSERT(info.flags & CKF_LOGIN_REQUIRED);
	CU_ASSERT(info.flags & CKF_RNG);
	CU_ASSERT(info.ulMinPinLen <= info.ulMaxPinLen);
}

static void a_slot_that_does_not_exist_is_said_so(void)
{
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO info;
	CK_ULONG count = 0;
	CK_SESSION_HANDLE session;
	EXPECT(P11->C_GetSlotInfo(0x7ffffff, &slot), CKR_SLOT_ID_INVALID);
	EXPECT(P11->C_GetTokenInfo(0x7ffffff, &info), CKR_SLOT_ID_INVALID);
	EXPECT(P11->C_GetMechanismList(0x7ffffff, NULL, &count), CKR_SLOT_ID_INVALID);
	EXPECT(P11->C_OpenSession(0x7ffffff, RW, NULL, NULL, &session), CKR_SLOT_ID_INVALID);
}

static void every_mechanism_listed_has_information(void)
{
	static CK_MECHANISM_TYPE list[1024];
	CK_ULONG count = 0, one = 1;
	EXPECT(P11->C_GetMechanismList(token.slot, NULL, &count), CKR_OK);
	CU_ASSERT_FATAL(count > 1 && count <= COUNT(list));
	EXPECT(P11->C_GetMechanismList(token.slot, list, &one), CKR_BUFFER_TOO_SMALL);
	EXPECT(P11->C_GetMechanismList(token.slot, list, &count), CKR_OK);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_MECHANISM_INFO info;
		EXPECT(P11->C_GetMechanismInfo(token.slot, list[i], &info), CKR_OK);
	}
	CK_MECHANISM_INFO info;
	EXPECT(P11->C_GetMechanismInfo(token.slot, 0x7ffffff0, &info), CKR_MECHANISM_INVALID);
}

static void mechanism_information_is_written_whole(void)
{
	CK_MECHANISM_INFO info;
	memset(&info, 0xff, sizeof info);
	EXPECT(P11->C_GetMechanismInfo(token.slot, CKM_AES_CBC, &info), CKR_OK);
	if (token.is_softhsm && (info.flags & CKF_GENERATE_KEY_PAIR))
		observe_deviation("C_GetMechanismInfo", "flags", "it adds its flags to those it finds");
	else
		CU_ASSERT(!(info.flags & (CKF_GENERATE_KEY_PAIR | CKF_SIGN_RECOVER)));
}

static void the_mechanisms_of_the_main_job_are_offered(void)
{
	static const CK_MECHANISM_TYPE wanted[] = { CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS,
		CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS, CKM_RSA_PKCS_OAEP, CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, CKM_AES_KEY_GEN,
		CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_GCM, CKM_AES_CMAC, CKM_SHA_1_HMAC, CKM_SHA256_HMAC,
		CKM_SHA512_HMAC, CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256, CKM_SHA512 };
	for (size_t i = 0; i < COUNT(wanted); i++) {
		CK_MECHANISM_INFO info;
		EXPECT(P11->C_GetMechanismInfo(token.slot, wanted[i], &info), CKR_OK);
	}
}

static void random_bytes_differ_and_any_amount_is_given(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_BYTE a[32], b[32];
	static CK_BYTE many[100000];
	EXPECT(P11->C_GenerateRandom(session, a, sizeof a), CKR_OK);
	EXPECT(P11->C_GenerateRandom(session, b, sizeof b), CKR_OK);
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	EXPECT(P11->C_GenerateRandom(session, many, sizeof many), CKR_OK);
	EXPECT(P11->C_GenerateRandom(session, NULL, 32), CKR_ARGUMENTS_BAD);
	session_close(session);
}

static void parallel_functions_answer_as_the_standard_has_it(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	EXPECT(P11->C_GetFunctionStatus(session), CKR_FUNCTION_NOT_PARALLEL);
	EXPECT(P11->C_CancelFunction(session), CKR_FUNCTION_NOT_PARALLEL);
	session_close(session);
}

CHAPTER(general,
	SAY(the_library_says_it_is_pkcs11_2_40_or_later),
	SAY(initializing_twice_is_refused),
	SAY(the_slot_list_follows_the_convention_for_lengths),
	SAY(slot_and_token_texts_are_padded_with_blanks),
	SAY(the_token_says_what_it_is),
	SAY(a_slot_that_does_not_exist_is_said_so),
	SAY(every_mechanism_listed_has_information),
	SAY(mechanism_information_is_written_whole),
	SAY(the_mechanisms_of_the_main_job_are_offered),
	SAY(random_bytes_differ_and_any_amount_is_given),
	SAY(parallel_functions_answer_as_the_standard_has_it));
