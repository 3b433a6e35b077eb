/* Ciphers in parts. */
#include "tests/unit/pkcs11/parts.h"

static CK_BYTE iv[16] = { 3, 1, 4 };
static CK_GCM_PARAMS gcm_parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
static CK_MECHANISM cts = { CKM_AES_CTS, iv, 16 }, gcm = { CKM_AES_GCM, &gcm_parameter, sizeof gcm_parameter },
	cbc_pad = { CKM_AES_CBC_PAD, iv, 16 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };

static void a_cipher_gives_its_output_as_it_comes(void)
{
	CK_MECHANISM *mechanisms[] = { &gcm, &cts };
	CK_SESSION_HANDLE session = start_with_members(1);
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
	CK_SESSION_HANDLE session = start_with_members(1);
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

static void nothing_is_added_to_what_has_had_its_end(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
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
	CK_SESSION_HANDLE session = start_with_members(1);
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
	CK_SESSION_HANDLE session = start_with_members(1);
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
	CK_SESSION_HANDLE session = start_with_members(1);
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
	CK_SESSION_HANDLE session = start_with_members(1);
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

static void an_iv_that_the_token_makes_is_the_applications(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
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
	CK_SESSION_HANDLE session = start_with_members(1);
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

/* Another member would make another IV, and the application has the first one's. */
static void what_began_with_an_iv_of_the_tokens_stays_where_it_is(void)
{
	CK_SESSION_HANDLE session = start_with_members(3);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE out[100];
	CK_ULONG size = sizeof out;
	module.toy.new_iv = "made by toys";
	CK_BYTE own[12] = { 1 };
	CK_GCM_PARAMS parameter = { .pIv = own, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM mechanism = { CKM_AES_GCM, &parameter, sizeof parameter };
	EXPECT(C_EncryptInit(session, &mechanism, key), CKR_OK);
	EXPECT(C_EncryptUpdate(session, text, 10, out, &size), CKR_OK);
	CU_ASSERT(memcmp(own, "made by toys", 12) == 0);
	module.toy.cut_at = 1;
	size = sizeof out;
	EXPECT(C_EncryptUpdate(session, text + 10, 40, out, &size), CKR_DEVICE_ERROR);
	EXPECT(C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

TESTS("pkcs11 parts of ciphers", SAY(a_cipher_gives_its_output_as_it_comes),
	SAY(a_question_for_a_length_or_a_short_buffer_takes_nothing), SAY(nothing_is_added_to_what_has_had_its_end),
	SAY(a_result_that_did_not_fit_is_not_that_of_the_parts_which_follow),
	SAY(who_asks_for_the_length_of_a_part_does_not_hear_nothing), SAY(an_authenticated_text_is_shown_at_the_end),
	SAY(a_result_comes_in_as_many_answers_as_it_needs), SAY(an_iv_that_the_token_makes_is_the_applications),
	SAY(nothing_is_something_to_work_on), SAY(what_began_with_an_iv_of_the_tokens_stays_where_it_is))
