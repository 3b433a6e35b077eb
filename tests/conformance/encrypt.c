#include "tests/conformance/suite.h"

static const CK_BYTE plain[48] = "forty-eight bytes that are three whole blocks..";
static CK_BYTE iv16[16] = { 1, 2, 3 }, iv12[12] = { 4, 5, 6 }, aad[] = "who it is for";

static CK_RV encrypt_once(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                          const CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
	CK_RV rv = P11->C_EncryptInit(session, mechanism, key);
	return rv == CKR_OK ? P11->C_Encrypt(session, (CK_BYTE_PTR)(uintptr_t)data, size, out, out_size) : rv;
}

static CK_RV decrypt_once(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                          CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
	CK_RV rv = P11->C_DecryptInit(session, mechanism, key);
	return rv == CKR_OK ? P11->C_Decrypt(session, data, size, out, out_size) : rv;
}

static void comes_back(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE encrypting,
                       CK_OBJECT_HANDLE decrypting, CK_ULONG size, CK_ULONG want_size)
{
	CK_BYTE cipher[1024], back[1024];
	CK_ULONG cipher_size = sizeof cipher, back_size = sizeof back;
	EXPECT(encrypt_once(session, mechanism, encrypting, plain, size, cipher, &cipher_size), CKR_OK);
	CU_ASSERT_EQUAL(cipher_size, want_size);
	CU_ASSERT(memcmp(cipher, plain, size) != 0);
	EXPECT(decrypt_once(session, mechanism, decrypting, cipher, cipher_size, back, &back_size), CKR_OK);
	CU_ASSERT(back_size == size && memcmp(back, plain, size) == 0);
}

static CK_AES_CTR_PARAMS ctr = { 128, { 9, 8, 7 } };
static CK_GCM_PARAMS gcm = { .pIv = iv12, .ulIvLen = 12, .ulIvBits = 96, .pAAD = aad, .ulAADLen = sizeof aad, .ulTagBits = 128 };

static void aes_encrypts_in_every_mode(void)
{
	static const CK_ULONG sizes[] = { 16, 24, 32 };
	CK_SESSION_HANDLE session = session_open(RW);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		CK_OBJECT_HANDLE key = make_aes(session, SESSION_OBJECT, sizes[i], "modes");
		CK_MECHANISM cbc = { CKM_AES_CBC, iv16, 16 }, pad = { CKM_AES_CBC_PAD, iv16, 16 },
			counter = { CKM_AES_CTR, &ctr, sizeof ctr }, galois = { CKM_AES_GCM, &gcm, sizeof gcm };
		comes_back(session, &cbc, key, key, 48, 48);
		comes_back(session, &pad, key, key, 48, 64);
		comes_back(session, &pad, key, key, 47, 48);
		comes_back(session, &counter, key, key, 45, 45);
		comes_back(session, &galois, key, key, 45, 61);
		EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	}
	session_close(session);
}

static void cbc_takes_only_whole_blocks_and_a_whole_iv(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = make_aes(session, SESSION_OBJECT, 16, "blocks");
	CK_MECHANISM cbc = { CKM_AES_CBC, iv16, 16 }, short_iv = { CKM_AES_CBC, iv16, 8 }, no_iv = { CKM_AES_CBC, NULL, 0 };
	CK_BYTE out[64];
	CK_ULONG size = sizeof out;
	EXPECT(encrypt_once(session, &cbc, key, plain, 47, out, &size), CKR_DATA_LEN_RANGE);
	EXPECT_SOFTHSM_DEVIATES(P11->C_EncryptInit(session, &short_iv, key), CKR_MECHANISM_PARAM_INVALID, "it takes a short IV");
	if (token.is_softhsm) { /* and leaves an operation behind */
		session_close(session);
		session = session_open(RW);
		key = make_aes(session, SESSION_OBJECT, 16, "blocks");
	}
	EXPECT_SOFTHSM_DEVIATES(P11->C_EncryptInit(session, &no_iv, key), CKR_MECHANISM_PARAM_INVALID, "it blames the arguments");
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

static void an_altered_gcm_cipher_text_is_refused(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = make_aes(session, SESSION_OBJECT, 32, "gcm");
	CK_MECHANISM galois = { CKM_AES_GCM, &gcm, sizeof gcm };
	CK_BYTE cipher[64], out[64];
	CK_ULONG size = sizeof cipher, out_size = sizeof out;
	EXPECT(encrypt_once(session, &galois, key, plain, 20, cipher, &size), CKR_OK);
	cipher[3] ^= 1;
	CK_RV rv = decrypt_once(session, &galois, key, cipher, size, out, &out_size);
	CU_ASSERT(rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_GENERAL_ERROR); /* SoftHSM's, which travels untouched */
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

static void rsa_encrypts_in_both_paddings(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair rsa = make_rsa(session, SESSION_OBJECT, 2048, "rsa encrypts");
	CK_RSA_PKCS_OAEP_PARAMS sha1 = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM pkcs = { CKM_RSA_PKCS, NULL, 0 }, oaep = { CKM_RSA_PKCS_OAEP, &sha1, sizeof sha1 };
	comes_back(session, &pkcs, rsa.public_key, rsa.private_key, 48, 256);
	comes_back(session, &oaep, rsa.public_key, rsa.private_key, 48, 256);
	destroy_pair(session, rsa);
	session_close(session);
}

static void asking_for_the_length_keeps_the_operation(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = make_aes(session, SESSION_OBJECT, 16, "length");
	CK_MECHANISM pad = { CKM_AES_CBC_PAD, iv16, 16 };
	CK_BYTE out[64], *data = (CK_BYTE_PTR)(uintptr_t)plain;
	CK_ULONG size = 0;
	EXPECT(P11->C_EncryptInit(session, &pad, key), CKR_OK);
	EXPECT(P11->C_Encrypt(session, data, 48, NULL, &size), CKR_OK);
	CU_ASSERT(size >= 64);
	size = 5;
	EXPECT(P11->C_Encrypt(session, data, 48, out, &size), CKR_BUFFER_TOO_SMALL);
	size = sizeof out;
	EXPECT(P11->C_Encrypt(session, data, 48, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 64);
	EXPECT(P11->C_Encrypt(session, data, 48, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

static void output_may_lie_over_the_input(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = make_aes(session, SESSION_OBJECT, 16, "in place");
	CK_MECHANISM cbc = { CKM_AES_CBC, iv16, 16 };
	CK_BYTE data[48], apart[48];
	CK_ULONG size = sizeof data, apart_size = sizeof apart;
	memcpy(data, plain, sizeof data);
	EXPECT(encrypt_once(session, &cbc, key, plain, 48, apart, &apart_size), CKR_OK);
	EXPECT(encrypt_once(session, &cbc, key, data, 48, data, &size), CKR_OK);
	CU_ASSERT(size == 48 && memcmp(data, apart, 48) == 0);
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

static void a_key_that_may_not_encrypt_does_not(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key;
	CK_MECHANISM generate = { CKM_AES_KEY_GEN, NULL, 0 }, cbc = { CKM_AES_CBC, iv16, 16 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_ENCRYPT, CK_FALSE));
	EXPECT(P11->C_GenerateKey(session, &generate, template_, COUNT(template_), &key), CKR_OK);
	EXPECT(P11->C_EncryptInit(session, &cbc, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

CHAPTER(encrypt,
	SAY(aes_encrypts_in_every_mode),
	SAY(cbc_takes_only_whole_blocks_and_a_whole_iv),
	SAY(an_altered_gcm_cipher_text_is_refused),
	SAY(rsa_encrypts_in_both_paddings),
	SAY(asking_for_the_length_keeps_the_operation),
	SAY(output_may_lie_over_the_input),
	SAY(a_key_that_may_not_encrypt_does_not));
