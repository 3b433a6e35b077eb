/* Two operations at once, and a key that is digested. */
#include "tests/unit/pkcs11/module.h"

static CK_BYTE iv[16] = { 5 }, plain[64] = "sixteen bytes and more of plain text, all of it to be hidden.", cipher[64], back[64];
static CK_MECHANISM cbc = { CKM_AES_CBC, iv, 16 }, sha256 = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };
static CK_MECHANISM generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };

static void digest_of(CK_SESSION_HANDLE s, CK_BYTE *data, CK_ULONG length, CK_BYTE digest[32])
{
	CK_ULONG size = 32;
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_Digest(s, data, length, digest, &size), CKR_OK);
}

static void what_is_encrypted_is_digested_and_so_is_what_is_decrypted(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key");
	CK_BYTE want[32], got[32];
	CK_ULONG size = 64, digest_size = 32;
	digest_of(s, plain, 64, want);
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, plain, 64, cipher, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 64);
	EXPECT(C_DigestFinal(s, got, &digest_size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	size = 0;
	EXPECT(C_EncryptFinal(s, cipher + 64, &size), CKR_OK);
	EXPECT(C_DecryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	size = 64;
	EXPECT(C_DecryptDigestUpdate(s, cipher, 64, back, &size), CKR_OK);
	CU_ASSERT(size == 64 && memcmp(back, plain, 64) == 0);
	EXPECT(C_DigestFinal(s, got, &digest_size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	module_stop();
}

static void what_is_encrypted_is_signed_and_what_is_decrypted_verified(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key"), mac;
	CK_BYTE want[32], got[32];
	CK_ULONG size = 64, mac_size = 32;
	EXPECT(C_GenerateKey(s, &generic, NULL, 0, &mac), CKR_OK);
	EXPECT(C_SignInit(s, &hmac, mac), CKR_OK);
	EXPECT(C_Sign(s, plain, 64, want, &mac_size), CKR_OK);
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_SignInit(s, &hmac, mac), CKR_OK);
	EXPECT(C_SignEncryptUpdate(s, plain, 48, cipher, &size), CKR_OK);
	size = 16;
	EXPECT(C_SignEncryptUpdate(s, plain + 48, 16, cipher + 48, &size), CKR_OK);
	EXPECT(C_SignFinal(s, got, &mac_size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	EXPECT(C_DecryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_VerifyInit(s, &hmac, mac), CKR_OK);
	size = 64;
	EXPECT(C_DecryptVerifyUpdate(s, cipher, 64, back, &size), CKR_OK);
	EXPECT(C_VerifyFinal(s, want, 32), CKR_OK);
	EXPECT(C_VerifyInit(s, &hmac, mac), CKR_OK);
	EXPECT(C_DecryptVerifyUpdate(s, cipher, 32, back, &size), CKR_OK);
	EXPECT(C_VerifyFinal(s, want, 32), CKR_SIGNATURE_INVALID);
	module_stop();
}

static void a_short_buffer_or_a_question_moves_neither(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key");
	CK_BYTE want[32], got[32];
	CK_ULONG size = 15, digest_size = 32;
	digest_of(s, plain, 32, want);
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, plain, 32, cipher, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 32);
	EXPECT(C_DigestEncryptUpdate(s, plain, 32, NULL, &size), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, plain, 32, cipher, &size), CKR_OK);
	EXPECT(C_DigestFinal(s, got, &digest_size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DecryptInit(s, &cbc, key), CKR_OK);
	size = 15;
	EXPECT(C_DecryptDigestUpdate(s, cipher, 32, back, &size), CKR_BUFFER_TOO_SMALL);
	EXPECT(C_DecryptDigestUpdate(s, cipher, 32, back, &size), CKR_OK);
	EXPECT(C_DigestFinal(s, got, &digest_size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	module_stop();
}

static void output_may_lie_over_input(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key");
	CK_BYTE want[32], got[32], data[32];
	CK_ULONG size = 32, digest_size = 32;
	memcpy(data, plain, 32);
	digest_of(s, data, 32, want);
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, data, 32, data, &size), CKR_OK);
	CU_ASSERT(memcmp(data, plain, 32) != 0);
	EXPECT(C_DigestFinal(s, got, &digest_size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	module_stop();
}

static void both_have_to_be_going_on(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key");
	CK_ULONG size = 64;
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DecryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, plain, 16, cipher, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DecryptDigestUpdate(s, plain, 16, cipher, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_SignEncryptUpdate(s, plain, 16, cipher, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DecryptVerifyUpdate(s, plain, 16, cipher, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_EncryptInit(s, NULL, 0), CKR_OK); /* 3.0: ends it */
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, plain, 16, cipher, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, NULL, 16, cipher, &size), CKR_ARGUMENTS_BAD);
	EXPECT(C_DigestEncryptUpdate(s, plain, 16, cipher, NULL), CKR_ARGUMENTS_BAD);
	module_stop();
}

static void a_key_is_digested_where_its_value_may_be_read(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL no = CK_FALSE;
	CK_BYTE value[] = "0123456789abcdef", want[32], got[32];
	CK_ULONG size = 32;
	CK_ATTRIBUTE open[] = { { CKA_CLASS, &class, sizeof class }, { CKA_VALUE, value, 16 }, { CKA_SENSITIVE, &no, 1 } };
	CK_OBJECT_HANDLE key, closed = make_aes(s, true, "closed"), data = make_data(s, true, "data");
	EXPECT(C_CreateObject(s, open, 3, &key), CKR_OK);
	digest_of(s, value, 16, want);
	EXPECT(C_DigestKey(s, key), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestKey(s, key), CKR_OK);
	EXPECT(C_DigestFinal(s, got, &size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestKey(s, closed), CKR_KEY_INDIGESTIBLE);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestKey(s, data), CKR_KEY_HANDLE_INVALID);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestKey(s, 0x7ffffff0), CKR_KEY_HANDLE_INVALID);
	module_stop();
}

/* What is signed in one part is kept, up to a mebibyte: the second half fails where the first has moved. */
static void when_one_half_fails_the_other_is_over_too(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key"), open, own;
	CK_MECHANISM rsa = { CKM_RSA_PKCS, NULL, 0 };
	CK_ULONG length = (1 << 20) + 16, size = length;
	CK_BYTE *data = calloc(1, length), *out = malloc(length);
	make_rsa(s, &open, &own);
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_SignInit(s, &rsa, own), CKR_OK);
	EXPECT(C_SignEncryptUpdate(s, data, length, out, &size), CKR_DATA_LEN_RANGE);
	EXPECT(C_SignFinal(s, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_EncryptFinal(s, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	free(data);
	free(out);
	module_stop();
}

TESTS("pkcs11 dual", SAY(when_one_half_fails_the_other_is_over_too), SAY(what_is_encrypted_is_digested_and_so_is_what_is_decrypted),
	SAY(what_is_encrypted_is_signed_and_what_is_decrypted_verified), SAY(a_short_buffer_or_a_question_moves_neither),
	SAY(output_may_lie_over_input), SAY(both_have_to_be_going_on), SAY(a_key_is_digested_where_its_value_may_be_read))
