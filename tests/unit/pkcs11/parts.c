/* Data of any size, in parts and in one call. */
#include "tests/unit/pkcs11/module.h"
#include <sys/wait.h>
#include <unistd.h>

#define LONG_SIZE (3 * (1u << 20) + 7)
#define REPLAY "interval = 20ms\nreplay = 100"

static CK_BYTE iv[16] = { 3, 1, 4 };
static CK_GCM_PARAMS gcm_parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
static CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 }, rsa = { CKM_RSA_PKCS, NULL, 0 }, cts = { CKM_AES_CTS, iv, 16 },
	gcm = { CKM_AES_GCM, &gcm_parameter, sizeof gcm_parameter }, cbc_pad = { CKM_AES_CBC_PAD, iv, 16 },
	cbc = { CKM_AES_CBC, iv, 16 };
static CK_BYTE text[1000];

static CK_SESSION_HANDLE start(size_t count)
{
	module_prepare(count, REPLAY);
	EXPECT(C_Initialize(NULL), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(i * 13 + i / 256);
	return session;
}

static CK_OBJECT_HANDLE make_secret(CK_SESSION_HANDLE session)
{
	CK_MECHANISM generation = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_ULONG size = 32;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &size, sizeof size }, { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	EXPECT(C_GenerateKey(session, &generation, template, 2, &key), CKR_OK);
	return key;
}

static void mac_whole(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG size, CK_BYTE mac[32])
{
	CK_ULONG mac_size = 32;
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_Sign(session, data, size, mac, &mac_size), CKR_OK);
}

/* The node that has what was just begun. */
static size_t who_has_it(const unsigned before[3])
{
	for (size_t n = 0; n < 3; n++)
		if (fake_node_requests(module.nodes[n]) != before[n])
			return n;
	CU_FAIL("no node was asked");
	return 0;
}

static void note_requests(unsigned requests[3])
{
	for (size_t n = 0; n < 3; n++)
		requests[n] = fake_node_requests(module.nodes[n]);
}

/* ---- signatures and MACs */

static void a_short_mac_in_parts_is_one_round_trip(void)
{
	CK_SESSION_HANDLE session = start(1);
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
	CK_SESSION_HANDLE session = start(3);
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

static void beyond_the_limit_the_member_lost_is_the_operation_lost_and_nothing_else(void)
{
	CK_SESSION_HANDLE session = start(3);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE mac[32];
	unsigned before[3];
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	note_requests(before);
	EXPECT(C_SignUpdate(session, text, 200), CKR_OK);
	node_stop(who_has_it(before));
	EXPECT(C_SignUpdate(session, text, 200), CKR_DEVICE_ERROR);
	EXPECT(C_SignUpdate(session, text, 200), CKR_OPERATION_NOT_INITIALIZED);
	mac_whole(session, key, text, 200, mac);
	module_stop();
}

static void an_operation_given_up_leaves_its_member_free(void)
{
	CK_SESSION_HANDLE session = start(1), other = open_session(RO);
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
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE whole[32], mac[32];
	CK_ULONG size = sizeof mac;
	int status = -1;
	mac_whole(session, key, text, 400, whole);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, text, 200), CKR_OK);
	fflush(NULL);
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
	CK_SESSION_HANDLE session = start(2);
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
	CK_SESSION_HANDLE session = start(1);
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
	CK_SESSION_HANDLE session = start(1);
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

/* ---- ciphers */

static CK_ULONG encrypt_whole(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ULONG size, CK_BYTE *out)
{
	CK_ULONG made = 1100;
	EXPECT(C_EncryptInit(session, mechanism, key), CKR_OK);
	EXPECT(C_Encrypt(session, text, size, out, &made), CKR_OK);
	return made;
}

static void a_cipher_gives_its_output_as_it_comes(void)
{
	CK_MECHANISM *mechanisms[] = { &gcm, &cts };
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	for (size_t m = 0; m < COUNT(mechanisms); m++) {
		CK_BYTE whole[1100], parts[1100];
		CK_ULONG all = encrypt_whole(session, mechanisms[m], key, 1000, whole), made = 0, size;
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		for (CK_ULONG at = 0; at < 1000; at += 40) {
			size = 40;
			EXPECT(C_EncryptUpdate(session, text + at, 40, parts + made, &size), CKR_OK);
			made += size;
			CU_ASSERT_EQUAL(made, at + 24); /* all but the block that the toy keeps back */
		}
		EXPECT(C_EncryptFinal(session, NULL, &size), CKR_OK);
		CU_ASSERT_EQUAL(size, all - made);
		EXPECT(C_EncryptFinal(session, parts + made, &size), CKR_OK);
		CU_ASSERT(made + size == all && memcmp(whole, parts, all) == 0);
	}
	module_stop();
}

static void a_question_for_a_length_or_a_short_buffer_takes_nothing(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100], out[1100];
	CK_ULONG all = encrypt_whole(session, &gcm, key, 200, whole), size = 0, rest = 1000;
	EXPECT(C_EncryptInit(session, &gcm, key), CKR_OK);
	unsigned before = module_requests();
	EXPECT(C_EncryptUpdate(session, text, 200, NULL, &size), CKR_OK);
	CU_ASSERT(size >= 200);
	size = 199;
	EXPECT(C_EncryptUpdate(session, text, 200, out, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(module_requests(), before);
	EXPECT(C_EncryptUpdate(session, text, 200, out, &size), CKR_OK);
	before = module_requests();
	rest = 3;
	EXPECT(C_EncryptFinal(session, out + size, &rest), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(module_requests(), before);
	CU_ASSERT_EQUAL(size + rest, all);
	EXPECT(C_EncryptFinal(session, out + size, &rest), CKR_OK);
	CU_ASSERT(size + rest == all && memcmp(out, whole, all) == 0);
	module_stop();
}

static void within_the_limit_another_member_takes_a_cipher_over(void)
{
	CK_SESSION_HANDLE session = start(3);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100], parts[1100];
	CK_ULONG all = encrypt_whole(session, &gcm, key, 90, whole), made = 0, size = 1000;
	unsigned before[3];
	EXPECT(C_EncryptInit(session, &gcm, key), CKR_OK);
	note_requests(before);
	EXPECT(C_EncryptUpdate(session, text, 50, parts, &size), CKR_OK);
	made += size;
	node_stop(who_has_it(before));
	size = 1000;
	EXPECT(C_EncryptUpdate(session, text + 50, 40, parts + made, &size), CKR_OK);
	made += size;
	for (size_t n = 0; n < 3; n++)
		before[n] = module.nodes[n] ? fake_node_requests(module.nodes[n]) : 0;
	size = 1000;
	EXPECT(C_EncryptFinal(session, parts + made, &size), CKR_OK);
	CU_ASSERT(made + size == all && memcmp(whole, parts, all) == 0);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 2);
	module_stop();
}

/* One step of a cipher in parts; what came is counted. */
static void take_step(CK_SESSION_HANDLE session, int step, CK_BYTE *out, CK_ULONG *made)
{
	CK_ULONG size = step == 3 ? 0 : 1000;
	CK_RV rv = step < 3 ? C_EncryptUpdate(session, text + 30 * step, 30, out + *made, &size)
	                    : C_EncryptFinal(session, out + *made, &size);
	CU_ASSERT_EQUAL(rv, step == 3 ? CKR_BUFFER_TOO_SMALL : CKR_OK);
	*made += step == 3 ? 0 : size;
}

/* The member that has it dies before each step in turn. */
static void whenever_its_member_dies_the_text_is_the_same(void)
{
	CK_MECHANISM *mechanisms[] = { &gcm, &cts };
	for (int death = 1; death <= 2 * 4; death++) {
		CK_MECHANISM *mechanism = mechanisms[death % 2];
		CK_SESSION_HANDLE session = start(2);
		CK_OBJECT_HANDLE key = make_aes(session, true, "key");
		CK_BYTE whole[1100], parts[1100];
		CK_ULONG all = encrypt_whole(session, mechanism, key, 90, whole), made = 0;
		unsigned before[3] = { 0, 0, 0 };
		EXPECT(C_EncryptInit(session, mechanism, key), CKR_OK);
		for (size_t n = 0; n < 2; n++)
			before[n] = fake_node_requests(module.nodes[n]);
		for (int step = 0; step < 5; step++) {
			if (step == (death + 1) / 2)
				node_stop(fake_node_requests(module.nodes[0]) != before[0] ? 0 : 1);
			take_step(session, step, parts, &made);
		}
		CU_ASSERT(made == all && memcmp(whole, parts, all) == 0);
		CU_ASSERT_EQUAL(module.toy.parts.firsts, 2);
		module_stop();
	}
}

/* Another member would make another IV, and the application has the first one's. */
static void what_began_with_an_iv_of_the_tokens_stays_where_it_is(void)
{
	CK_SESSION_HANDLE session = start(3);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE out[100];
	CK_ULONG size = sizeof out;
	unsigned before[3];
	module.toy.new_iv = "made by toys";
	CK_BYTE own[12] = { 1 };
	CK_GCM_PARAMS parameter = { .pIv = own, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM mechanism = { CKM_AES_GCM, &parameter, sizeof parameter };
	EXPECT(C_EncryptInit(session, &mechanism, key), CKR_OK);
	note_requests(before);
	EXPECT(C_EncryptUpdate(session, text, 10, out, &size), CKR_OK);
	CU_ASSERT(memcmp(own, "made by toys", 12) == 0);
	node_stop(who_has_it(before));
	size = sizeof out;
	EXPECT(C_EncryptUpdate(session, text + 10, 40, out, &size), CKR_DEVICE_ERROR);
	EXPECT(C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

/* ---- calls out of their order */

static void nothing_is_added_to_what_has_had_its_end(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100], back[1100];
	CK_ULONG all = encrypt_whole(session, &cbc_pad, key, 40, whole), size = sizeof back;
	EXPECT(C_DecryptInit(session, &cbc_pad, key), CKR_OK);
	EXPECT(C_DecryptUpdate(session, whole, all, back, &size), CKR_OK);
	size = 1;
	EXPECT(C_DecryptFinal(session, back, &size), CKR_BUFFER_TOO_SMALL);
	size = sizeof back;
	EXPECT(C_DecryptUpdate(session, whole, all, back, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DecryptFinal(session, back, &size), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

static void a_result_that_did_not_fit_is_not_that_of_the_parts_which_follow(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE first[1100], second[1100], back[1100];
	CK_ULONG all = encrypt_whole(session, &cbc_pad, key, 40, first), size = 1, rest = sizeof back;
	CK_BYTE changed = text[3] ^= 1;
	CU_ASSERT_EQUAL(encrypt_whole(session, &cbc_pad, key, 40, second), all);
	EXPECT(C_DecryptInit(session, &cbc_pad, key), CKR_OK);
	EXPECT(C_Decrypt(session, first, all, back, &size), CKR_BUFFER_TOO_SMALL);
	size = sizeof back;
	EXPECT(C_DecryptUpdate(session, second, all, back, &size), CKR_OK);
	EXPECT(C_DecryptFinal(session, back + size, &rest), CKR_OK);
	CU_ASSERT(size + rest == 40 && memcmp(back, text, 40) == 0 && back[3] == changed);
	module_stop();
}

/* There are applications that take no memory for nothing, and give NULL once more. */
static void who_asks_for_the_length_of_a_part_does_not_hear_nothing(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100];
	CK_ULONG all = encrypt_whole(session, &gcm, key, 20, whole), size = 0;
	EXPECT(C_DecryptInit(session, &gcm, key), CKR_OK);
	EXPECT(C_DecryptUpdate(session, whole, all, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, all);
	module_stop();
}

static void an_authenticated_text_is_shown_at_the_end(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	for (CK_ULONG length = 50; length <= 1000; length += 950) { /* kept here; and by the token */
		CK_BYTE whole[1100], back[1100];
		CK_ULONG all = encrypt_whole(session, &gcm, key, length, whole), size = 0;
		EXPECT(C_DecryptInit(session, &gcm, key), CKR_OK);
		EXPECT(C_DecryptUpdate(session, whole, all / 2, back, &size), CKR_OK); /* no room is needed */
		CU_ASSERT_EQUAL(size, 0);
		EXPECT(C_DecryptUpdate(session, whole + all / 2, all - all / 2, back, &size), CKR_OK);
		EXPECT(C_DecryptFinal(session, NULL, &size), CKR_OK);
		CU_ASSERT_EQUAL(size, length);
		EXPECT(C_DecryptFinal(session, back, &size), CKR_OK);
		CU_ASSERT(size == length && memcmp(back, text, length) == 0);
	}
	module_stop();
}

static void a_result_comes_in_as_many_answers_as_it_needs(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100], back[1100];
	CK_ULONG all = encrypt_whole(session, &gcm, key, 1000, whole), size = 0;
	module.toy.parts.last_max = 300;
	EXPECT(C_DecryptInit(session, &gcm, key), CKR_OK);
	EXPECT(C_DecryptUpdate(session, whole, all, back, &size), CKR_OK);
	size = sizeof back;
	EXPECT(C_DecryptFinal(session, back, &size), CKR_OK);
	CU_ASSERT(size == 1000 && memcmp(back, text, 1000) == 0);
	CU_ASSERT_EQUAL(module.toy.parts.lasts, 4);
	module_stop();
}

static void a_member_that_promises_more_and_gives_nothing_is_not_asked_for_ever(void)
{
	CK_SESSION_HANDLE session = start(1);
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

static void an_iv_that_the_token_makes_is_the_applications(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE own[12] = { 1 }, out[64];
	CK_GCM_PARAMS parameter = { .pIv = own, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM mechanism = { CKM_AES_GCM, &parameter, sizeof parameter };
	CK_ULONG size = sizeof out;
	EXPECT(C_EncryptInit(session, &mechanism, key), CKR_OK);
	EXPECT(C_Encrypt(session, text, 20, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(own[0], 1);
	module.toy.new_iv = "made by toys";
	EXPECT(C_EncryptInit(session, &mechanism, key), CKR_OK);
	size = sizeof out;
	EXPECT(C_Encrypt(session, text, 20, out, &size), CKR_OK);
	CU_ASSERT(memcmp(own, "made by toys", 12) == 0);
	module_stop();
}

static void nothing_is_something_to_work_on(void)
{
	CK_MECHANISM *mechanisms[] = { &gcm, &cbc_pad, &cts };
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key"), secret = make_secret(session);
	CK_BYTE whole[64], parts[64];
	CK_ULONG size;
	for (size_t m = 0; m < COUNT(mechanisms); m++) {
		CK_ULONG all = sizeof whole;
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		EXPECT(C_Encrypt(session, NULL, 0, whole, &all), CKR_OK);
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		size = sizeof parts;
		EXPECT(C_EncryptUpdate(session, NULL, 0, parts, &size), CKR_OK);
		CU_ASSERT_EQUAL(size, 0);
		size = sizeof parts;
		EXPECT(C_EncryptFinal(session, parts, &size), CKR_OK);
		CU_ASSERT(size == all && memcmp(whole, parts, all) == 0);
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		size = sizeof parts;
		EXPECT(C_EncryptFinal(session, parts, &size), CKR_OK);
		CU_ASSERT_EQUAL(size, all);
	}
	mac_whole(session, secret, NULL, 0, whole);
	EXPECT(C_SignInit(session, &hmac, secret), CKR_OK);
	size = sizeof parts;
	EXPECT(C_SignFinal(session, parts, &size), CKR_OK);
	CU_ASSERT(memcmp(whole, parts, 32) == 0);
	module_stop();
}

/* ---- in one call */

static CK_BYTE *long_data(size_t size)
{
	CK_BYTE *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (CK_BYTE)(i * 31 + (i >> 8) + (i >> 16));
	return data;
}

static void a_long_mac_in_one_call_goes_in_pieces(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE *data = long_data(LONG_SIZE), whole[32], parts[32];
	CK_ULONG size = sizeof parts;
	mac_whole(session, key, data, LONG_SIZE, whole);
	CU_ASSERT_EQUAL(module.toy.parts.size_max, 1 << 20);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, data, LONG_SIZE), CKR_OK);
	EXPECT(C_SignFinal(session, parts, &size), CKR_OK);
	CU_ASSERT(memcmp(whole, parts, 32) == 0);
	CU_ASSERT_EQUAL(module.toy.parts.size_max, 1 << 20);
	EXPECT(C_VerifyInit(session, &hmac, key), CKR_OK);
	EXPECT(C_Verify(session, data, LONG_SIZE, whole, 32), CKR_OK);
	free(data);
	module_stop();
}

static void a_long_call_outlives_its_member(void)
{
	CK_SESSION_HANDLE session = start(3);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE *data = long_data(LONG_SIZE), quiet[32], troubled[32];
	mac_whole(session, key, data, LONG_SIZE, quiet);
	atomic_store(&module.toy.parts.ends_at, atomic_load(&module.toy.parts.parts) + 2);
	mac_whole(session, key, data, LONG_SIZE, troubled);
	CU_ASSERT(memcmp(quiet, troubled, 32) == 0);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 3);
	free(data);
	module_stop();
}

/* Also over the data itself, in either direction. */
static void a_long_text_is_enciphered_in_one_call(void)
{
	CK_MECHANISM *mechanisms[] = { &gcm, &cts, &cbc_pad, &cbc };
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_ULONG length = LONG_SIZE - LONG_SIZE % 16, room = length + 16;
	CK_BYTE *data = long_data(room), *apart = malloc(room), *over = malloc(room);
	for (size_t m = 0; m < COUNT(mechanisms); m++) {
		CK_ULONG size = 0, again = room, exact;
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		unsigned before = module_requests();
		EXPECT(C_Encrypt(session, data, length, NULL, &size), CKR_OK);
		exact = size - 1;
		EXPECT(C_Encrypt(session, data, length, apart, &exact), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT_EQUAL(module_requests(), before);
		CU_ASSERT_EQUAL(exact, size);
		EXPECT(C_Encrypt(session, data, length, apart, &exact), CKR_OK);
		memcpy(over, data, length);
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		EXPECT(C_Encrypt(session, over, length, over, &again), CKR_OK);
		CU_ASSERT(again == size && memcmp(apart, over, size) == 0);
		EXPECT(C_DecryptInit(session, mechanisms[m], key), CKR_OK);
		again = length - 1;
		EXPECT(C_Decrypt(session, over, size, over, &again), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT(again >= length);
		again = length;
		EXPECT(C_Decrypt(session, over, size, over, &again), CKR_OK);
		CU_ASSERT(again == length && memcmp(over, data, length) == 0);
	}
	free(data);
	free(apart);
	free(over);
	module_stop();
}

/* What is left from the part before makes the output run ahead of the input. */
static void a_long_part_over_itself_is_not_overtaken(void)
{
	CK_SESSION_HANDLE session = start(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_ULONG length = LONG_SIZE - LONG_SIZE % 16, size = length, first = 16, rest = 16;
	CK_BYTE *data = long_data(length), *whole = malloc(length), begun[16], last[16], end[16];
	EXPECT(C_EncryptInit(session, &cbc, key), CKR_OK);
	EXPECT(C_Encrypt(session, data, length, whole, &size), CKR_OK);
	EXPECT(C_EncryptInit(session, &cbc, key), CKR_OK);
	EXPECT(C_EncryptUpdate(session, data, 7, begun, &first), CKR_OK);
	CU_ASSERT_EQUAL(first, 0);
	memcpy(last, data + length - 16, 16);
	size = length - 7; /* 9 bytes short of what comes of all of it */
	EXPECT(C_EncryptUpdate(session, data + 7, length - 23, data + 7, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, length - 16);
	EXPECT(C_EncryptUpdate(session, last, 16, end, &rest), CKR_OK);
	CU_ASSERT(memcmp(data + 7, whole, length - 16) == 0 && memcmp(end, whole + length - 16, 16) == 0);
	free(data);
	free(whole);
	module_stop();
}

static void while_no_member_has_room_the_operation_waits_and_then_fails(void)
{
	CK_SESSION_HANDLE session = start(2);
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
	SAY(beyond_the_limit_the_member_lost_is_the_operation_lost_and_nothing_else), SAY(an_operation_given_up_leaves_its_member_free),
	SAY(an_operation_goes_on_whatever_a_forked_child_does), SAY(finalizing_ends_what_is_open),
	SAY(what_no_token_does_in_parts_is_kept_and_done_whole),
	SAY(what_no_rsa_key_can_take_is_refused_without_a_question), SAY(a_cipher_gives_its_output_as_it_comes),
	SAY(a_question_for_a_length_or_a_short_buffer_takes_nothing), SAY(within_the_limit_another_member_takes_a_cipher_over),
	SAY(whenever_its_member_dies_the_text_is_the_same), SAY(what_began_with_an_iv_of_the_tokens_stays_where_it_is),
	SAY(nothing_is_added_to_what_has_had_its_end), SAY(a_result_that_did_not_fit_is_not_that_of_the_parts_which_follow),
	SAY(who_asks_for_the_length_of_a_part_does_not_hear_nothing),
	SAY(an_authenticated_text_is_shown_at_the_end), SAY(nothing_is_something_to_work_on), SAY(a_result_comes_in_as_many_answers_as_it_needs),
	SAY(a_member_that_promises_more_and_gives_nothing_is_not_asked_for_ever),
	SAY(an_iv_that_the_token_makes_is_the_applications), SAY(a_long_mac_in_one_call_goes_in_pieces),
	SAY(a_long_call_outlives_its_member), SAY(a_long_text_is_enciphered_in_one_call), SAY(a_long_part_over_itself_is_not_overtaken),
	SAY(while_no_member_has_room_the_operation_waits_and_then_fails))
