/* Signatures and MACs in parts. */
#include "tests/unit/pkcs11/parts.h"
#include "tests/support/inventory.h"
#include <sys/wait.h>
#include <unistd.h>

static CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 }, rsa = { CKM_RSA_PKCS, NULL, 0 };

static void a_short_mac_in_parts_is_one_round_trip(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE whole[32], parts[32];
	CK_ULONG size = sizeof parts;
	mac_whole(session, key, text, 100, whole);
	unsigned before = module_requests();
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 60), CKR_OK);
	EXPECT(C_SignUpdate(session, NULL, 0), CKR_OK);
	EXPECT(C_SignUpdate(session, text + 60, 40), CKR_OK);
	EXPECT(C_SignFinal(session, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 32);
	EXPECT(C_SignFinal(session, parts, &size), CKR_OK);
	CU_ASSERT_EQUAL(module_requests(), before + 1);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 0);
	CU_ASSERT(memcmp(whole, parts, 32) == 0);
	module_stop();
}

static void a_long_mac_in_parts_is_done_by_one_member_in_parts(void)
{
	CK_SESSION_HANDLE session = start_with_members(3);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE whole[32], parts[32];
	CK_ULONG size = 5;
	mac_whole(session, key, text, 1000, whole);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	for (CK_ULONG at = 0; at < 1000; at += 50)
		EXPECT(C_SignUpdate(session, text + at, 50), CKR_OK);
	EXPECT(C_SignFinal(session, parts, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 32);
	EXPECT(C_SignFinal(session, parts, &size), CKR_OK);
	CU_ASSERT(memcmp(whole, parts, 32) == 0);
	CU_ASSERT(module.toy.parts.firsts == 1 && module.toy.parts.lasts == 1);
	EXPECT(C_VerifyInit(session, &hmac, key), CKR_OK);
	EXPECT(C_VerifyUpdate(session, text, 500), CKR_OK);
	EXPECT(C_VerifyUpdate(session, text + 500, 500), CKR_OK);
	EXPECT(C_VerifyFinal(session, parts, size), CKR_OK);
	EXPECT(C_VerifyInit(session, &hmac, key), CKR_OK);
	EXPECT(C_VerifyUpdate(session, text, 999), CKR_OK);
	EXPECT(C_VerifyFinal(session, parts, size), CKR_SIGNATURE_INVALID);
	EXPECT(C_VerifyFinal(session, parts, size), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

static void an_operation_given_up_leaves_its_member_free(void)
{
	CK_SESSION_HANDLE session = start_with_members(1), other = open_session(RO);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE mac[32];
	EXPECT(C_SignInit(other, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(other, text, 200), CKR_OK);
	EXPECT(C_CloseSession(other), CKR_OK);
	mac_whole(session, key, text, 1000, mac);
	CU_ASSERT_EQUAL(module.toy.parts.lasts, 0);
	module_stop();
}

/* The child's own, beside one that its parent has open. */
static int child_of_fork(CK_SESSION_HANDLE parents)
{
	CK_BYTE mac[32];
	if (C_SignUpdate(parents, text, 200) != CKR_CRYPTOKI_NOT_INITIALIZED || C_Initialize(NULL) != CKR_OK)
		return 1;
	CK_SESSION_HANDLE session = open_session(RW);
	if (login(session, CKU_USER, TOY_PIN) != CKR_OK || C_SignUpdate(session, text, 200) != CKR_OPERATION_NOT_INITIALIZED)
		return 2;
	mac_whole(session, make_secret(session), text, 1000, mac);
	return C_Finalize(NULL) == CKR_OK ? 0 : 3;
}

static void an_operation_goes_on_whatever_a_forked_child_does(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE whole[32], mac[32];
	CK_ULONG size = sizeof mac;
	int status = -1;
	mac_whole(session, key, text, 400, whole);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 200), CKR_OK);
	fflush(NULL);
	threads_rest(); /* the node's: AddressSanitizer's locks are no child's (tests/support/sanitizer.h) */
	pid_t child = fork();
	if (child == 0)
		_exit(child_of_fork(session));
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	EXPECT(C_SignUpdate(session, text + 200, 200), CKR_OK);
	EXPECT(C_SignFinal(session, mac, &size), CKR_OK);
	CU_ASSERT(memcmp(whole, mac, 32) == 0);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 1);
	module_stop();
}

static void finalizing_ends_what_is_open(void)
{
	CK_SESSION_HANDLE session = start_with_members(2);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE mac[32];
	CK_ULONG size = sizeof mac;
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 200), CKR_OK);
	EXPECT(C_Finalize(NULL), CKR_OK);
	EXPECT(C_SignFinal(session, mac, &size), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(C_Initialize(NULL), CKR_OK);
	session = open_session(RW);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	mac_whole(session, make_secret(session), text, 200, mac);
	CU_ASSERT_EQUAL(module.toy.parts.lasts, 0);
	module_stop();
}

static void what_no_token_does_in_parts_is_kept_and_done_whole(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE open, key;
	CK_BYTE *long_text = calloc(1, 1 << 20), signature[256], parts[256];
	CK_ULONG size = sizeof signature;
	make_rsa(session, &open, &key);
	EXPECT(C_SignInit(session, &rsa, key), CKR_OK);
	EXPECT(C_Sign(session, text, 200, signature, &size), CKR_OK);
	EXPECT(C_SignInit(session, &rsa, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 150), CKR_OK); /* more than is kept of others */
	EXPECT(C_SignUpdate(session, text + 150, 50), CKR_OK);
	EXPECT(C_SignFinal(session, parts, &size), CKR_OK);
	CU_ASSERT(memcmp(signature, parts, 256) == 0);
	EXPECT(C_SignInit(session, &rsa, key), CKR_OK);
	EXPECT(C_SignUpdate(session, long_text, 1 << 20), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 1), CKR_DATA_LEN_RANGE);
	EXPECT(C_SignFinal(session, parts, &size), CKR_OPERATION_NOT_INITIALIZED);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 0);
	free(long_text);
	module_stop();
}

static void what_no_rsa_key_can_take_is_refused_without_a_question(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE open, key;
	CK_BYTE out[256];
	CK_ULONG size = sizeof out;
	make_rsa(session, &open, &key);
	unsigned before = module.toy.crypts;
	EXPECT(C_SignInit(session, &rsa, key), CKR_OK);
	EXPECT(C_Sign(session, text, 246, out, &size), CKR_DATA_LEN_RANGE);
	EXPECT(C_SignInit(session, &rsa, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 246), CKR_OK);
	EXPECT(C_SignFinal(session, out, &size), CKR_DATA_LEN_RANGE);
	EXPECT(C_DecryptInit(session, &rsa, key), CKR_OK);
	EXPECT(C_Decrypt(session, text, 255, out, &size), CKR_ENCRYPTED_DATA_LEN_RANGE);
	CU_ASSERT_EQUAL(module.toy.crypts, before);
	EXPECT(C_SignInit(session, &rsa, key), CKR_OK);
	EXPECT(C_Sign(session, text, 245, out, &size), CKR_OK);
	module_stop();
}

static void a_member_that_promises_more_and_gives_nothing_is_not_asked_for_ever(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE mac[32];
	CK_ULONG size = sizeof mac;
	module.toy.parts.never_ends = true;
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 200), CKR_OK);
	EXPECT(C_SignFinal(session, mac, &size), CKR_DEVICE_ERROR);
	CU_ASSERT_EQUAL(module.toy.parts.lasts, 1);
	module_stop();
}

static void while_no_member_has_room_the_operation_waits_and_then_fails(void)
{
	CK_SESSION_HANDLE session = start_with_members(2);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE mac[32];
	module.toy.parts.has_no_room = true;
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 200), CKR_DEVICE_ERROR);
	CU_ASSERT(module.toy.parts.firsts > 2);
	mac_whole(session, key, text, 200, mac);
	module_stop();
}

TESTS("pkcs11 parts", SAY(a_short_mac_in_parts_is_one_round_trip), SAY(a_long_mac_in_parts_is_done_by_one_member_in_parts),
	SAY(an_operation_given_up_leaves_its_member_free), SAY(an_operation_goes_on_whatever_a_forked_child_does),
	SAY(finalizing_ends_what_is_open), SAY(what_no_token_does_in_parts_is_kept_and_done_whole),
	SAY(what_no_rsa_key_can_take_is_refused_without_a_question),
	SAY(a_member_that_promises_more_and_gives_nothing_is_not_asked_for_ever),
	SAY(while_no_member_has_room_the_operation_waits_and_then_fails))
