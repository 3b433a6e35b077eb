/* Operations that cannot begin, or cannot go on. */
#include "tests/conformance/bad_input.h"
#include "tests/conformance/mechanisms.h"

static CK_BYTE bytes[512], iv[17];
#define OUT bytes, &(CK_ULONG){ sizeof bytes }
#define OBJECT_FOR_KEY "it says object where the standard says key"
#define LATE "it finds out when the data comes"

static CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 }, sha256 = { CKM_SHA256, NULL, 0 },
	rsa = { CKM_RSA_PKCS, NULL, 0 };

/* The four that take mechanism and key are refused alike. */
static void init_is_refused(const char *function, CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE),
                            CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	TRY(function, "mechanism NULL, none active", init(s, NULL, key), CKR_ARGUMENTS_BAD, NULL);
	TRY(function, "no such mechanism", init(s, NO_MECHANISM, key), CKR_MECHANISM_INVALID, NULL);
	TRY(function, "a mechanism for something else", init(s, &sha256, key), CKR_MECHANISM_INVALID, NULL);
	TRY(function, "key 0", init(s, mechanism, 0), CKR_KEY_HANDLE_INVALID, OBJECT_FOR_KEY);
	TRY(function, "stale key", init(s, mechanism, STALE), CKR_KEY_HANDLE_INVALID, OBJECT_FOR_KEY);
	TRY(function, "key −1", init(s, mechanism, ABSURD), CKR_KEY_HANDLE_INVALID, OBJECT_FOR_KEY);
	TRY(function, "no key but data", init(s, mechanism, fixture.data), CKR_KEY_HANDLE_INVALID, "it looks for a permission instead");
	TRY(function, "key of another type", init(s, mechanism, fixture.rsa.public_key), CKR_KEY_TYPE_INCONSISTENT, LATE);
}

void operations_without_mechanism_or_key(void)
{
	fixture_make();
	init_is_refused("C_EncryptInit", P11->C_EncryptInit, &ecb, fixture.aes);
	init_is_refused("C_DecryptInit", P11->C_DecryptInit, &ecb, fixture.aes);
	init_is_refused("C_SignInit", P11->C_SignInit, &hmac, fixture.hmac);
	init_is_refused("C_VerifyInit", P11->C_VerifyInit, &hmac, fixture.hmac);
	TRY("C_DigestInit", "mechanism NULL, none active", P11->C_DigestInit(s, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_DigestInit", "no such mechanism", P11->C_DigestInit(s, NO_MECHANISM), CKR_MECHANISM_INVALID, NULL);
	TRY("C_DigestInit", "a mechanism for something else", P11->C_DigestInit(s, &ecb), CKR_MECHANISM_INVALID, NULL);
	if (is_offered(CKM_RSA_PKCS, CKF_SIGN_RECOVER)) {
		TRY("C_SignRecoverInit", "stale key", P11->C_SignRecoverInit(s, &rsa, STALE), CKR_KEY_HANDLE_INVALID, NULL);
		TRY("C_SignRecoverInit", "a mechanism for something else", P11->C_SignRecoverInit(s, &ecb, fixture.rsa.private_key), CKR_MECHANISM_INVALID, NULL);
		TRY("C_VerifyRecoverInit", "stale key", P11->C_VerifyRecoverInit(s, &rsa, STALE), CKR_KEY_HANDLE_INVALID, NULL);
	}
}

#define ENCRYPTS(argument, mechanism, softhsm) \
	TRY("C_EncryptInit", argument, P11->C_EncryptInit(s, mechanism, fixture.aes), CKR_MECHANISM_PARAM_INVALID, softhsm)
#define ENCRYPTS_NOT_ON_SOFTHSM(argument, mechanism, why) \
	TRY_NOT_ON_SOFTHSM("C_EncryptInit", argument, P11->C_EncryptInit(s, mechanism, fixture.aes), CKR_MECHANISM_PARAM_INVALID, why)
#define GCM(...) &(CK_GCM_PARAMS){ __VA_ARGS__ }, sizeof(CK_GCM_PARAMS)
#define NAMES_ARGUMENTS "it names the arguments"

static void cipher_parameters(void)
{
	CK_AES_CTR_PARAMS counter = { 128, { 0 } }, none = { 0, { 0 } }, many = { 129, { 0 } };
	CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	ENCRYPTS("CBC: no parameter", MECHANISM(CKM_AES_CBC, NULL, 0), NAMES_ARGUMENTS);
	ENCRYPTS("CBC: parameter NULL with a length", MECHANISM(CKM_AES_CBC, NULL, 16), NAMES_ARGUMENTS);
	ENCRYPTS("CBC: half an IV", MECHANISM(CKM_AES_CBC, iv, 8), NAMES_ARGUMENTS);
	ENCRYPTS("CBC: a byte too many", MECHANISM(CKM_AES_CBC, iv, 17), "it takes the first sixteen");
	ENCRYPTS("CBC with padding: no IV", MECHANISM(CKM_AES_CBC_PAD, NULL, 0), NAMES_ARGUMENTS);
	ENCRYPTS("CTR: cut short", MECHANISM(CKM_AES_CTR, &counter, sizeof counter - 1), NAMES_ARGUMENTS);
	ENCRYPTS("CTR: an IV instead", MECHANISM(CKM_AES_CTR, iv, 16), NAMES_ARGUMENTS);
	ENCRYPTS("CTR: counter of no bits", MECHANISM(CKM_AES_CTR, &none, sizeof none), NAMES_ARGUMENTS);
	ENCRYPTS("CTR: counter of 129 bits", MECHANISM(CKM_AES_CTR, &many, sizeof many), NAMES_ARGUMENTS);
	ENCRYPTS("GCM: no parameter", MECHANISM(CKM_AES_GCM, NULL, 0), NAMES_ARGUMENTS);
	ENCRYPTS("GCM: cut short", MECHANISM(CKM_AES_GCM, &gcm, sizeof gcm - 1), NAMES_ARGUMENTS);
	ENCRYPTS("GCM: an IV instead", MECHANISM(CKM_AES_GCM, iv, 12), NAMES_ARGUMENTS);
	ENCRYPTS_NOT_ON_SOFTHSM("GCM: IV of length −1", MECHANISM(CKM_AES_GCM, GCM(.pIv = iv, .ulIvLen = ABSURD, .ulTagBits = 128)), "it crashes");
	ENCRYPTS_NOT_ON_SOFTHSM("GCM: additional data NULL with a length", MECHANISM(CKM_AES_GCM, GCM(.pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulAADLen = 9, .ulTagBits = 128)), "it crashes");
	ENCRYPTS_NOT_ON_SOFTHSM("GCM: additional data of length −1", MECHANISM(CKM_AES_GCM, GCM(.pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .pAAD = iv, .ulAADLen = ABSURD, .ulTagBits = 128)), "it crashes");
	ENCRYPTS("GCM: tag of 129 bits", MECHANISM(CKM_AES_GCM, GCM(.pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 129)), NAMES_ARGUMENTS);
}

/* At an odd address, as applications in other languages may have it. */
static void unaligned_parameters_work(void)
{
	CK_BYTE space[sizeof(CK_GCM_PARAMS) + 1];
	CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	memcpy(space + 1, &gcm, sizeof gcm);
	CK_SESSION_HANDLE session = session_open(RO);
	EXPECT(P11->C_EncryptInit(session, MECHANISM(CKM_AES_GCM, space + 1, sizeof gcm), fixture.aes), CKR_OK);
	EXPECT(P11->C_Encrypt(session, bytes, 16, OUT), CKR_OK);
	session_close(session);
}

#define PSS(hash, mask, salt) &(CK_RSA_PKCS_PSS_PARAMS){ hash, mask, salt }, sizeof(CK_RSA_PKCS_PSS_PARAMS)
#define SIGNS(argument, mechanism, softhsm) \
	TRY("C_SignInit", argument, P11->C_SignInit(s, mechanism, fixture.rsa.private_key), CKR_MECHANISM_PARAM_INVALID, softhsm)

void parameters_that_make_no_sense(void)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 }, source = { CKM_SHA_1, CKG_MGF1_SHA1, 77, NULL, 0 },
		label = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 5 };
	fixture_make();
	cipher_parameters();
	unaligned_parameters_work();
	SIGNS("PSS: no parameter", MECHANISM(CKM_RSA_PKCS_PSS, NULL, 0), NAMES_ARGUMENTS);
	SIGNS("PSS: cut short", MECHANISM(CKM_RSA_PKCS_PSS, &pss, sizeof pss - 1), NAMES_ARGUMENTS);
	SIGNS("PSS: no such hash", MECHANISM(CKM_RSA_PKCS_PSS, PSS(0x7ffffff0, CKG_MGF1_SHA256, 32)), NAMES_ARGUMENTS);
	SIGNS("PSS: no such mask", MECHANISM(CKM_RSA_PKCS_PSS, PSS(CKM_SHA256, 77, 32)), NAMES_ARGUMENTS);
	SIGNS("PSS: another hash than the mechanism's", MECHANISM(CKM_SHA256_RSA_PKCS_PSS, PSS(CKM_SHA_1, CKG_MGF1_SHA1, 20)), NAMES_ARGUMENTS);
	SIGNS("PSS: salt of length −1", MECHANISM(CKM_SHA256_RSA_PKCS_PSS, PSS(CKM_SHA256, CKG_MGF1_SHA256, ABSURD)), NAMES_ARGUMENTS);
#define RSA_ENCRYPTS(argument, parameter, size) \
	TRY("C_EncryptInit", argument, P11->C_EncryptInit(s, MECHANISM(CKM_RSA_PKCS_OAEP, parameter, size), fixture.rsa.public_key), CKR_MECHANISM_PARAM_INVALID, NAMES_ARGUMENTS)
	RSA_ENCRYPTS("OAEP: no parameter", NULL, 0);
	RSA_ENCRYPTS("OAEP: cut short", &oaep, sizeof oaep - 1);
	RSA_ENCRYPTS("OAEP: no such source", &source, sizeof source);
	RSA_ENCRYPTS("OAEP: label NULL with a length", &label, sizeof label);
}

/* ---- data */

#define AFTER(init, ...) (init == CKR_OK ? (__VA_ARGS__) : CKR_GENERAL_ERROR)
#define ENCRYPTING(...) AFTER(P11->C_EncryptInit(s, &ecb, fixture.aes), __VA_ARGS__)
#define DECRYPTING(...) AFTER(P11->C_DecryptInit(s, &ecb, fixture.aes), __VA_ARGS__)
#define SIGNING(...) AFTER(P11->C_SignInit(s, &hmac, fixture.hmac), __VA_ARGS__)
#define VERIFYING(...) AFTER(P11->C_VerifyInit(s, &hmac, fixture.hmac), __VA_ARGS__)
#define DIGESTING(...) AFTER(P11->C_DigestInit(s, &sha256), __VA_ARGS__)

void data_that_does_not_fit(void)
{
	fixture_make();
	TRY("C_Encrypt", "data NULL with a length", ENCRYPTING(P11->C_Encrypt(s, NULL, 16, OUT)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Encrypt", "length NULL", ENCRYPTING(P11->C_Encrypt(s, bytes, 16, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Encrypt", "not whole blocks", ENCRYPTING(P11->C_Encrypt(s, bytes, 15, OUT)), CKR_DATA_LEN_RANGE, NULL);
	TRY("C_Encrypt", "data of length −1", ENCRYPTING(P11->C_Encrypt(s, bytes, ABSURD, OUT)), CKR_ARGUMENTS_BAD, "it looks for whole blocks");
	TRY("C_EncryptUpdate", "data NULL with a length", ENCRYPTING(P11->C_EncryptUpdate(s, NULL, 16, OUT)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_EncryptUpdate", "length NULL", ENCRYPTING(P11->C_EncryptUpdate(s, bytes, 16, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_EncryptFinal", "length NULL", ENCRYPTING(P11->C_EncryptFinal(s, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Decrypt", "data NULL with a length", DECRYPTING(P11->C_Decrypt(s, NULL, 16, OUT)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Decrypt", "length NULL", DECRYPTING(P11->C_Decrypt(s, bytes, 16, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Decrypt", "not whole blocks", DECRYPTING(P11->C_Decrypt(s, bytes, 15, OUT)), CKR_ENCRYPTED_DATA_LEN_RANGE, NULL);
	TRY("C_DecryptUpdate", "data NULL with a length", DECRYPTING(P11->C_DecryptUpdate(s, NULL, 16, OUT)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_DecryptFinal", "length NULL", DECRYPTING(P11->C_DecryptFinal(s, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Sign", "data NULL with a length", SIGNING(P11->C_Sign(s, NULL, 16, OUT)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Sign", "length NULL", SIGNING(P11->C_Sign(s, bytes, 16, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY_NOT_ON_SOFTHSM("C_Sign", "data of length −1", SIGNING(P11->C_Sign(s, bytes, ABSURD, OUT)), CKR_ARGUMENTS_BAD, "it crashes");
	TRY("C_Sign", "longer than the modulus", AFTER(P11->C_SignInit(s, &rsa, fixture.rsa.private_key), P11->C_Sign(s, bytes, 400, OUT)),
		CKR_DATA_LEN_RANGE, "it has one word for whatever fails");
	TRY("C_SignUpdate", "data NULL with a length", SIGNING(P11->C_SignUpdate(s, NULL, 16)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_SignFinal", "length NULL", SIGNING(P11->C_SignFinal(s, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Verify", "data NULL with a length", VERIFYING(P11->C_Verify(s, NULL, 16, bytes, 32)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Verify", "signature NULL with a length", VERIFYING(P11->C_Verify(s, bytes, 16, NULL, 32)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Verify", "signature of no length", VERIFYING(P11->C_Verify(s, bytes, 16, bytes, 0)), CKR_SIGNATURE_LEN_RANGE, NULL);
	TRY("C_Verify", "signature of length −1", VERIFYING(P11->C_Verify(s, bytes, 16, bytes, ABSURD)), CKR_ARGUMENTS_BAD,
		"it compares the lengths");
	TRY("C_VerifyUpdate", "data NULL with a length", VERIFYING(P11->C_VerifyUpdate(s, NULL, 16)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_VerifyFinal", "signature NULL with a length", VERIFYING(P11->C_VerifyFinal(s, NULL, 32)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Digest", "data NULL with a length", DIGESTING(P11->C_Digest(s, NULL, 16, OUT)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Digest", "length NULL", DIGESTING(P11->C_Digest(s, bytes, 16, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_DigestUpdate", "data NULL with a length", DIGESTING(P11->C_DigestUpdate(s, NULL, 16)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_DigestFinal", "length NULL", DIGESTING(P11->C_DigestFinal(s, bytes, NULL)), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_DigestKey", "stale key", DIGESTING(P11->C_DigestKey(s, STALE)), CKR_KEY_HANDLE_INVALID, NULL);
}
