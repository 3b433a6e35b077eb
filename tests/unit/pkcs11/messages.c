/* One key, many messages. */
#include "tests/unit/pkcs11/module.h"

static CK_BYTE iv[12], tag[16], aad[] = "of old", plain[] = "forty bytes of plain text in one message", cipher[64], back[64];
static CK_GCM_MESSAGE_PARAMS gcm;
static CK_MECHANISM aes_gcm = { CKM_AES_GCM, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 }, ecdsa = { CKM_ECDSA_SHA256, NULL, 0 };
#define PLAIN 40

static void prepare(CK_GENERATOR_FUNCTION generator, CK_ULONG fixed_bits)
{
	memset(iv, 0xa5, sizeof iv);
	memset(tag, 0, sizeof tag);
	gcm = (CK_GCM_MESSAGE_PARAMS){ iv, sizeof iv, fixed_bits, generator, tag, 128 };
}

static CK_RV encrypt(CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size)
{
	return C_EncryptMessage(s, &gcm, sizeof gcm, aad, 6, plain, PLAIN, out, size);
}

static CK_RV decrypt(CK_SESSION_HANDLE s)
{
	CK_ULONG size = sizeof back;
	CK_RV rv = C_DecryptMessage(s, &gcm, sizeof gcm, aad, 6, cipher, PLAIN, back, &size);
	CU_ASSERT(rv != CKR_OK || (size == PLAIN && memcmp(back, plain, PLAIN) == 0));
	return rv;
}

static CK_SESSION_HANDLE start(CK_OBJECT_HANDLE *key)
{
	CK_SESSION_HANDLE s = module_start();
	*key = make_aes(s, true, "key");
	EXPECT(C_MessageEncryptInit(s, &aes_gcm, *key), CKR_OK);
	EXPECT(C_MessageDecryptInit(s, &aes_gcm, *key), CKR_OK);
	return s;
}

static void the_tag_is_apart_and_what_was_changed_is_not_opened(void)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s = start(&key);
	CK_ULONG size = sizeof cipher;
	prepare(CKG_NO_GENERATE, 0);
	EXPECT(encrypt(s, cipher, &size), CKR_OK);
	CU_ASSERT(size == PLAIN && memcmp(cipher, plain, PLAIN) != 0 && tag[0] | tag[5]);
	EXPECT(decrypt(s), CKR_OK);
	tag[3] ^= 1;
	EXPECT(decrypt(s), CKR_AEAD_DECRYPT_FAILED);
	tag[3] ^= 1;
	aad[0] ^= 1;
	EXPECT(decrypt(s), CKR_AEAD_DECRYPT_FAILED);
	aad[0] ^= 1;
	cipher[0] ^= 1;
	EXPECT(decrypt(s), CKR_AEAD_DECRYPT_FAILED);
	cipher[0] ^= 1;
	EXPECT(decrypt(s), CKR_OK); /* the process goes on */
	EXPECT(C_MessageEncryptFinal(s), CKR_OK);
	EXPECT(C_MessageDecryptFinal(s), CKR_OK);
	EXPECT(encrypt(s, cipher, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_MessageEncryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

static void counters_count_in_the_bits_that_are_not_fixed(void)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s = start(&key);
	CK_ULONG size = sizeof cipher;
	prepare(CKG_GENERATE_COUNTER, 84);
	for (int i = 0; i < 4096; i++) {
		size = sizeof cipher;
		EXPECT(encrypt(s, cipher, &size), CKR_OK);
		CU_ASSERT(iv[0] == 0xa5 && iv[9] == 0xa5 && iv[10] == (0xa0 | i >> 8) && iv[11] == (i & 255));
	}
	EXPECT(decrypt(s), CKR_OK);
	EXPECT(encrypt(s, cipher, &size), CKR_TOKEN_RESOURCE_EXCEEDED);
	module_stop();
}

static void a_counter_goes_over_the_first_iv(void)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s = start(&key);
	CK_ULONG size = sizeof cipher;
	prepare(CKG_GENERATE_COUNTER_XOR, 32);
	for (int i = 0; i < 300; i++) {
		size = sizeof cipher;
		EXPECT(encrypt(s, cipher, &size), CKR_OK);
		CU_ASSERT(iv[3] == 0xa5 && iv[10] == (0xa5 ^ i >> 8) && iv[11] == (0xa5 ^ (i & 255)));
	}
	EXPECT(decrypt(s), CKR_OK);
	module_stop();
}

static void random_ivs_come_from_a_member_and_differ(void)
{
	static const CK_GENERATOR_FUNCTION generators[] = { CKG_GENERATE, CKG_GENERATE_RANDOM };
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s = start(&key);
	for (size_t i = 0; i < COUNT(generators); i++) {
		CK_BYTE before[12];
		CK_ULONG size = sizeof cipher;
		prepare(generators[i], 32);
		EXPECT(encrypt(s, cipher, &size), CKR_OK);
		EXPECT(decrypt(s), CKR_OK);
		CU_ASSERT(iv[0] == 0xa5 && iv[3] == 0xa5);
		memcpy(before, iv, 12);
		EXPECT(encrypt(s, cipher, &size), CKR_OK);
		CU_ASSERT(memcmp(before, iv, 4) == 0 && memcmp(before + 4, iv + 4, 8) != 0);
		prepare(generators[i], 33);
		EXPECT(encrypt(s, cipher, &size), CKR_MECHANISM_PARAM_INVALID); /* too few are left to be random */
	}
	module_stop();
}

static void lengths_are_known_and_cost_no_iv(void)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s = start(&key);
	CK_ULONG size = 0;
	unsigned before = module_requests();
	prepare(CKG_GENERATE_COUNTER, 32);
	EXPECT(encrypt(s, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, PLAIN);
	size = PLAIN - 1;
	EXPECT(encrypt(s, cipher, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, PLAIN);
	CU_ASSERT_EQUAL(module_requests(), before);
	EXPECT(encrypt(s, cipher, &size), CKR_OK);
	CU_ASSERT_EQUAL(iv[11], 0); /* the first */
	module_stop();
}

static void in_parts_is_the_same_as_at_once(void)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s = start(&key);
	CK_BYTE whole[64], whole_tag[16];
	CK_ULONG size = sizeof whole;
	prepare(CKG_NO_GENERATE, 0);
	EXPECT(encrypt(s, whole, &size), CKR_OK);
	memcpy(whole_tag, tag, 16);
	prepare(CKG_NO_GENERATE, 0);
	EXPECT(C_EncryptMessageBegin(s, &gcm, sizeof gcm, aad, 6), CKR_OK);
	EXPECT(C_EncryptMessageBegin(s, &gcm, sizeof gcm, aad, 6), CKR_OPERATION_ACTIVE);
	EXPECT(encrypt(s, cipher, &size), CKR_OPERATION_ACTIVE);
	EXPECT(C_MessageEncryptFinal(s), CKR_OPERATION_ACTIVE);
	CK_ULONG made = 0, last = 3;
	EXPECT(C_EncryptMessageNext(s, &gcm, sizeof gcm, plain, 13, NULL, &made, 0), CKR_OK); /* a question, and nobody answers it with nothing */
	CU_ASSERT_EQUAL(made, 13);
	EXPECT(C_EncryptMessageNext(s, &gcm, sizeof gcm, plain, 13, cipher, &made, 0), CKR_OK);
	CU_ASSERT_EQUAL(made, 0);
	EXPECT(C_EncryptMessageNext(s, &gcm, sizeof gcm, plain + 13, 27, cipher, &last, CKF_END_OF_MESSAGE), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(last, PLAIN);
	EXPECT(C_EncryptMessageNext(s, &gcm, sizeof gcm, plain + 13, 27, cipher, &last, CKF_END_OF_MESSAGE), CKR_OK);
	CU_ASSERT(memcmp(cipher, whole, PLAIN) == 0 && memcmp(tag, whole_tag, 16) == 0);
	EXPECT(C_EncryptMessageNext(s, &gcm, sizeof gcm, plain, 1, cipher, &last, CKF_END_OF_MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DecryptMessageBegin(s, &gcm, sizeof gcm, aad, 6), CKR_OK);
	made = last = sizeof back;
	EXPECT(C_DecryptMessageNext(s, &gcm, sizeof gcm, cipher, 30, back, &made, 0), CKR_OK);
	EXPECT(C_DecryptMessageNext(s, &gcm, sizeof gcm, cipher + 30, 10, back + made, &last, CKF_END_OF_MESSAGE), CKR_OK);
	CU_ASSERT(made + last == PLAIN && memcmp(back, plain, PLAIN) == 0);
	EXPECT(C_MessageEncryptInit(s, NULL, 0), CKR_OK);
	EXPECT(C_MessageEncryptInit(s, &aes_gcm, key), CKR_OK);
	module_stop();
}

static void an_empty_message_has_a_tag(void)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE s = start(&key);
	CK_ULONG size = 0;
	prepare(CKG_NO_GENERATE, 0);
	EXPECT(C_EncryptMessage(s, &gcm, sizeof gcm, aad, 6, NULL, 0, NULL, &size), CKR_OK);
	CU_ASSERT(size == 0 && (tag[0] | tag[7]));
	EXPECT(C_DecryptMessage(s, &gcm, sizeof gcm, aad, 6, NULL, 0, NULL, &size), CKR_OK);
	tag[0] ^= 1;
	EXPECT(C_DecryptMessage(s, &gcm, sizeof gcm, aad, 6, NULL, 0, NULL, &size), CKR_AEAD_DECRYPT_FAILED);
	module_stop();
}

static void many_messages_are_signed_and_verified(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE public_key, private_key;
	CK_BYTE signature[64], whole[64];
	make_ec(s, true, &public_key, &private_key);
	EXPECT(C_MessageSignInit(s, &ecdsa, private_key), CKR_OK);
	EXPECT(C_MessageVerifyInit(s, &ecdsa, public_key), CKR_OK);
	for (CK_BYTE i = 0; i < 3; i++) {
		CK_ULONG size = 0;
		plain[0] = i;
		EXPECT(C_SignMessage(s, NULL, 0, plain, PLAIN, NULL, &size), CKR_OK);
		CU_ASSERT_EQUAL(size, 64);
		EXPECT(C_SignMessage(s, NULL, 0, plain, PLAIN, signature, &size), CKR_OK);
		EXPECT(C_VerifyMessage(s, NULL, 0, plain, PLAIN, signature, size), CKR_OK);
		plain[1] ^= 1;
		EXPECT(C_VerifyMessage(s, NULL, 0, plain, PLAIN, signature, size), CKR_SIGNATURE_INVALID);
		plain[1] ^= 1;
	}
	memcpy(whole, signature, 64);
	CK_ULONG size = 3;
	EXPECT(C_SignMessageBegin(s, NULL, 0), CKR_OK);
	EXPECT(C_SignMessage(s, NULL, 0, plain, PLAIN, signature, &size), CKR_OPERATION_ACTIVE);
	EXPECT(C_SignMessageNext(s, NULL, 0, plain, 11, NULL, NULL), CKR_OK);
	EXPECT(C_SignMessageNext(s, NULL, 0, plain + 11, 29, signature, &size), CKR_BUFFER_TOO_SMALL);
	EXPECT(C_SignMessageNext(s, NULL, 0, plain + 11, 29, signature, &size), CKR_OK);
	CU_ASSERT(size == 64 && memcmp(signature, whole, 64) == 0);
	EXPECT(C_SignMessageNext(s, NULL, 0, plain, 1, NULL, NULL), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_VerifyMessageBegin(s, NULL, 0), CKR_OK);
	EXPECT(C_VerifyMessageNext(s, NULL, 0, plain, 39, NULL, 0), CKR_OK);
	EXPECT(C_VerifyMessageNext(s, NULL, 0, plain + 39, 1, signature, 64), CKR_OK);
	EXPECT(C_VerifyMessageNext(s, NULL, 0, plain, 1, signature, 64), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_MessageSignFinal(s), CKR_OK);
	EXPECT(C_MessageVerifyFinal(s), CKR_OK);
	module_stop();
}

static void what_makes_no_sense_is_refused(void)
{
	CK_OBJECT_HANDLE key, mac;
	CK_SESSION_HANDLE s = start(&key);
	CK_MECHANISM ctr = { CKM_AES_CTR, NULL, 0 }, generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 }, odd = { CKM_AES_GCM, &gcm, 7 };
	CK_ULONG size = sizeof cipher, absurd = (CK_ULONG)-1;
	EXPECT(C_MessageEncryptInit(s, &aes_gcm, key), CKR_OPERATION_ACTIVE);
	prepare(CKG_NO_GENERATE, 0);
	EXPECT(C_EncryptMessage(s, &gcm, sizeof gcm - 1, NULL, 0, plain, PLAIN, cipher, &size), CKR_MECHANISM_PARAM_INVALID);
	EXPECT(C_EncryptMessage(s, NULL, sizeof gcm, NULL, 0, plain, PLAIN, cipher, &size), CKR_MECHANISM_PARAM_INVALID);
	EXPECT(C_EncryptMessage(s, &gcm, sizeof gcm, NULL, 4, plain, PLAIN, cipher, &size), CKR_ARGUMENTS_BAD);
	EXPECT(C_EncryptMessage(s, &gcm, sizeof gcm, NULL, 0, NULL, 4, cipher, &size), CKR_ARGUMENTS_BAD);
	EXPECT(C_EncryptMessage(s, &gcm, sizeof gcm, NULL, 0, plain, absurd, cipher, &size), CKR_ARGUMENTS_BAD);
	EXPECT(C_EncryptMessage(s, &gcm, sizeof gcm, NULL, 0, plain, PLAIN, cipher, NULL), CKR_ARGUMENTS_BAD);
	CK_GCM_MESSAGE_PARAMS wrong[] = { { NULL, 12, 0, 0, tag, 128 }, { iv, 0, 0, 0, tag, 128 }, { iv, absurd, 0, 0, tag, 128 },
		{ iv, 12, 97, 0, tag, 128 }, { iv, 12, 0, 9, tag, 128 }, { iv, 12, 0, 0, NULL, 128 }, { iv, 12, 0, 0, tag, 136 },
		{ iv, 12, 0, 0, tag, 127 }, { iv, 12, 0, 0, tag, absurd } };
	for (size_t i = 0; i < COUNT(wrong); i++)
		EXPECT(C_EncryptMessage(s, &wrong[i], sizeof *wrong, NULL, 0, plain, PLAIN, cipher, &size), CKR_MECHANISM_PARAM_INVALID);
	EXPECT(C_MessageEncryptFinal(s), CKR_OK);
	EXPECT(C_MessageEncryptInit(s, NULL, key), CKR_ARGUMENTS_BAD);
	EXPECT(C_MessageEncryptInit(s, &ctr, key), CKR_MECHANISM_INVALID);
	EXPECT(C_MessageEncryptInit(s, &odd, key), CKR_MECHANISM_PARAM_INVALID);
	EXPECT(C_MessageEncryptInit(s, &aes_gcm, absurd), CKR_KEY_HANDLE_INVALID);
	EXPECT(C_GenerateKey(s, &generic, NULL, 0, &mac), CKR_OK);
	EXPECT(C_MessageEncryptInit(s, &aes_gcm, mac), CKR_KEY_TYPE_INCONSISTENT);
	EXPECT(C_MessageSignInit(s, &hmac, mac), CKR_OK);
	EXPECT(C_SignMessage(s, &gcm, sizeof gcm, plain, PLAIN, cipher, &size), CKR_MECHANISM_PARAM_INVALID);
	EXPECT(C_SignMessage(s, NULL, 0, NULL, 4, cipher, &size), CKR_ARGUMENTS_BAD);
	EXPECT(C_SignMessageNext(s, NULL, 0, plain, 4, cipher, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_VerifyMessage(s, NULL, 0, plain, 4, cipher, 4), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

static void the_mechanism_list_says_what_does_messages(void)
{
	CK_MECHANISM_INFO info;
	module_start();
	EXPECT(C_GetMechanismInfo(SLOT, CKM_AES_GCM, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.flags & 0x3e, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE);
	EXPECT(C_GetMechanismInfo(SLOT, CKM_ECDSA_SHA256, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.flags & 0x3e, CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE);
	EXPECT(C_GetMechanismInfo(SLOT, CKM_AES_CBC, &info), CKR_OK);
	CU_ASSERT_EQUAL(info.flags & 0x3e, 0);
	module_stop();
}

TESTS("pkcs11 messages", SAY(the_tag_is_apart_and_what_was_changed_is_not_opened), SAY(counters_count_in_the_bits_that_are_not_fixed),
	SAY(a_counter_goes_over_the_first_iv), SAY(random_ivs_come_from_a_member_and_differ), SAY(lengths_are_known_and_cost_no_iv),
	SAY(in_parts_is_the_same_as_at_once), SAY(an_empty_message_has_a_tag), SAY(many_messages_are_signed_and_verified),
	SAY(what_makes_no_sense_is_refused), SAY(the_mechanism_list_says_what_does_messages))
