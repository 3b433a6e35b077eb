/* RSA and elliptic curves, against OpenSSL; the rest against itself. */
#include "tests/conformance/mechanisms.h"
#include <openssl/rsa.h>

#define PSS(digest, mask, salt) &(CK_RSA_PKCS_PSS_PARAMS){ digest, mask, salt }, sizeof(CK_RSA_PKCS_PSS_PARAMS)

static CK_RV verify(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece data, CK_BYTE *signature,
                    CK_ULONG size, bool in_parts_)
{
	CK_BYTE *bytes = (CK_BYTE_PTR)(uintptr_t)data.bytes;
	CK_RV rv = P11->C_VerifyInit(session, mechanism, key);
	if (rv != CKR_OK || !in_parts_)
		return rv == CKR_OK ? P11->C_Verify(session, bytes, data.size, signature, size) : rv;
	rv = P11->C_VerifyUpdate(session, bytes, 33);
	if (rv == CKR_OK)
		rv = P11->C_VerifyUpdate(session, bytes + 33, data.size - 33);
	return rv == CKR_OK ? P11->C_VerifyFinal(session, signature, size) : rv;
}

static void signs_for_openssl(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece data,
                              const struct reference_signature *how)
{
	struct result once = at_once(signing(), session, mechanism, key, data);
	EXPECT(once.rv, CKR_OK);
	CU_ASSERT(once.rv != CKR_OK || reference_verifies(how, data.bytes, data.size, once.bytes, once.size));
	if (how->digest) {
		struct result parts = in_parts(signing(), session, mechanism, key, data);
		EXPECT(parts.rv, CKR_OK);
		CU_ASSERT(parts.rv != CKR_OK || reference_verifies(how, data.bytes, data.size, parts.bytes, parts.size));
	}
	output_follows_the_convention(signing(), session, mechanism, key, data, NULL, once.size);
	works(mechanism->mechanism, "sign");
}

static void verifies_openssls(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece data,
                              const struct reference_signature *how)
{
	CK_BYTE signature[512];
	CK_ULONG size = (CK_ULONG)reference_sign(how, data.bytes, data.size, signature);
	for (int parts = 0; parts <= (how->digest != NULL); parts++) {
		EXPECT(verify(session, mechanism, key, data, signature, size, parts), CKR_OK);
		signature[size / 2] ^= 1;
		EXPECT(verify(session, mechanism, key, data, signature, size, parts), CKR_SIGNATURE_INVALID);
		signature[size / 2] ^= 1;
	}
	EXPECT(verify(session, mechanism, key, data, signature, size - 1, false), CKR_SIGNATURE_LEN_RANGE);
	works(mechanism->mechanism, "verify");
}

static void both_ways(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, struct key_pair pair, CK_ULONG size,
                      const struct reference_signature *how)
{
	if (tries(mechanism->mechanism, CKF_SIGN))
		signs_for_openssl(session, mechanism, pair.private_key, PIECE(known_data, size), how);
	if (tries(mechanism->mechanism, CKF_VERIFY))
		verifies_openssls(session, mechanism, pair.public_key, PIECE(known_data, size), how);
	messages_are_signed_the_same(session, mechanism, pair, PIECE(known_data, size));
}

void rsa_signatures_are_those_of_openssl(void)
{
	const struct { CK_MECHANISM mechanism; const char *digest, *pss; int salt; CK_ULONG size; } samples[] = {
		{ { CKM_MD5_RSA_PKCS, NULL, 0 }, "MD5", NULL, 0, 100 }, { { CKM_SHA1_RSA_PKCS, NULL, 0 }, "SHA1", NULL, 0, 100 },
		{ { CKM_SHA224_RSA_PKCS, NULL, 0 }, "SHA224", NULL, 0, 100 }, { { CKM_SHA256_RSA_PKCS, NULL, 0 }, "SHA256", NULL, 0, 100 },
		{ { CKM_SHA384_RSA_PKCS, NULL, 0 }, "SHA384", NULL, 0, 100 }, { { CKM_SHA512_RSA_PKCS, NULL, 0 }, "SHA512", NULL, 0, 100 },
		{ { CKM_SHA3_224_RSA_PKCS, NULL, 0 }, "SHA3-224", NULL, 0, 100 }, { { CKM_SHA3_256_RSA_PKCS, NULL, 0 }, "SHA3-256", NULL, 0, 100 },
		{ { CKM_SHA3_384_RSA_PKCS, NULL, 0 }, "SHA3-384", NULL, 0, 100 }, { { CKM_SHA3_512_RSA_PKCS, NULL, 0 }, "SHA3-512", NULL, 0, 100 },
		{ { CKM_SHA1_RSA_PKCS_PSS, PSS(CKM_SHA_1, CKG_MGF1_SHA1, 20) }, "SHA1", "SHA1", 20, 100 },
		{ { CKM_SHA224_RSA_PKCS_PSS, PSS(CKM_SHA224, CKG_MGF1_SHA224, 28) }, "SHA224", "SHA224", 28, 100 },
		{ { CKM_SHA256_RSA_PKCS_PSS, PSS(CKM_SHA256, CKG_MGF1_SHA256, 32) }, "SHA256", "SHA256", 32, 100 },
		{ { CKM_SHA384_RSA_PKCS_PSS, PSS(CKM_SHA384, CKG_MGF1_SHA384, 0) }, "SHA384", "SHA384", 0, 100 },
		{ { CKM_SHA512_RSA_PKCS_PSS, PSS(CKM_SHA512, CKG_MGF1_SHA512, 17) }, "SHA512", "SHA512", 17, 100 },
		{ { CKM_RSA_PKCS_PSS, PSS(CKM_SHA256, CKG_MGF1_SHA256, 32) }, NULL, "SHA256", 32, 32 },
		{ { CKM_RSA_PKCS, NULL, 0 }, NULL, NULL, 0, 51 },
	};
	CK_SESSION_HANDLE session = session_open(RO);
	struct key_pair rsa = import_rsa(session);
	for (size_t i = 0; i < COUNT(samples); i++) {
		CK_MECHANISM mechanism = samples[i].mechanism;
		struct reference_signature how = { reference_rsa(), samples[i].digest, samples[i].pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING,
			samples[i].pss, samples[i].salt };
		both_ways(session, &mechanism, rsa, samples[i].size, &how);
	}
	CK_BYTE number[256] = { 0 }; /* a number as long as the modulus, and smaller */
	memcpy(number + 100, known_data, 100);
	struct reference_signature plain = { reference_rsa(), NULL, RSA_NO_PADDING, NULL, 0 };
	CK_MECHANISM raw = { CKM_RSA_X_509, NULL, 0 };
	if (tries(CKM_RSA_X_509, CKF_SIGN))
		signs_for_openssl(session, &raw, rsa.private_key, PIECE(number, 256), &plain);
	if (tries(CKM_RSA_X_509, CKF_VERIFY))
		verifies_openssls(session, &raw, rsa.public_key, PIECE(number, 256), &plain);
	messages_are_signed_the_same(session, &raw, rsa, PIECE(number, 256));
	session_close(session);
}

void ecdsa_signatures_are_those_of_openssl(void)
{
	static const struct { CK_MECHANISM_TYPE type; const char *digest; } samples[] = { { CKM_ECDSA, NULL }, { CKM_ECDSA_SHA1, "SHA1" },
		{ CKM_ECDSA_SHA224, "SHA224" }, { CKM_ECDSA_SHA256, "SHA256" }, { CKM_ECDSA_SHA384, "SHA384" }, { CKM_ECDSA_SHA512, "SHA512" },
		{ CKM_ECDSA_SHA3_224, "SHA3-224" }, { CKM_ECDSA_SHA3_256, "SHA3-256" }, { CKM_ECDSA_SHA3_384, "SHA3-384" },
		{ CKM_ECDSA_SHA3_512, "SHA3-512" } };
	CK_SESSION_HANDLE session = session_open(RO);
	struct key_pair ec = import_ec(session);
	for (size_t i = 0; i < COUNT(samples); i++) {
		CK_MECHANISM mechanism = { samples[i].type, NULL, 0 };
		struct reference_signature how = { reference_ec(), samples[i].digest, 0, NULL, 0 };
		both_ways(session, &mechanism, ec, samples[i].digest ? sizeof known_data : 32, &how);
	}
	session_close(session);
}

/* ---- RSA as a cipher */

static void rsa_cipher_is_as_openssls(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, struct key_pair rsa, int padding,
                                      const char *digest, struct piece data)
{
	CK_BYTE cipher[256], back[256];
	if (tries(mechanism->mechanism, CKF_ENCRYPT)) {
		struct result got = at_once(encrypting(), session, mechanism, rsa.public_key, data);
		EXPECT(got.rv, CKR_OK);
		CU_ASSERT(got.rv != CKR_OK || (got.size == 256 && reference_rsa_decrypt(padding, digest, got.bytes, 256, back) == data.size &&
			memcmp(back, data.bytes, data.size) == 0));
		output_follows_the_convention(encrypting(), session, mechanism, rsa.public_key, data, NULL, 256);
		works(mechanism->mechanism, "encrypt");
	}
	if (tries(mechanism->mechanism, CKF_DECRYPT)) {
		reference_rsa_encrypt(padding, digest, data.bytes, data.size, cipher);
		struct result got = at_once(decrypting(), session, mechanism, rsa.private_key, PIECE(cipher, 256));
		CU_ASSERT(is_same(&got, data));
		output_follows_the_convention(decrypting(), session, mechanism, rsa.private_key, PIECE(cipher, 256), data.bytes, data.size);
		works(mechanism->mechanism, "decrypt");
	}
}

void rsa_ciphers_are_those_of_openssl(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	struct key_pair rsa = import_rsa(session);
	CK_BYTE number[256] = { 0, 1, 2, 3 };
	CK_RSA_PKCS_OAEP_PARAMS sha1 = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM pkcs = { CKM_RSA_PKCS, NULL, 0 }, raw = { CKM_RSA_X_509, NULL, 0 }, oaep = { CKM_RSA_PKCS_OAEP, &sha1, sizeof sha1 };
	rsa_cipher_is_as_openssls(session, &pkcs, rsa, RSA_PKCS1_PADDING, NULL, PIECE(known_data, 48));
	rsa_cipher_is_as_openssls(session, &oaep, rsa, RSA_PKCS1_OAEP_PADDING, "SHA1", PIECE(known_data, 48));
	rsa_cipher_is_as_openssls(session, &raw, rsa, RSA_NO_PADDING, NULL, PIECE(number, 256));
	session_close(session);
}

/* ---- with recovery */

void signatures_give_back_what_was_signed(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	struct key_pair rsa = import_rsa(session);
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[256], back[256], *data = (CK_BYTE_PTR)(uintptr_t)known_data;
	CK_ULONG size = sizeof signature, back_size = sizeof back;
	struct reference_signature how = { reference_rsa(), NULL, RSA_PKCS1_PADDING, NULL, 0 };
	for (int raw = 0; raw < 2; raw++) {
		CK_MECHANISM_TYPE type = mechanism.mechanism = raw ? CKM_RSA_X_509 : CKM_RSA_PKCS;
		if (!tries(type, CKF_SIGN_RECOVER) || !tries(type, CKF_VERIFY_RECOVER))
			continue;
		size = sizeof signature;
		EXPECT(P11->C_SignRecoverInit(session, &mechanism, rsa.private_key), CKR_OK);
		EXPECT(P11->C_SignRecover(session, data, 51, NULL, &size), CKR_OK);
		CU_ASSERT_EQUAL(size, 256);
		EXPECT(P11->C_SignRecover(session, data, 51, signature, &size), CKR_OK);
		CU_ASSERT(raw || reference_verifies(&how, data, 51, signature, size));
		works(type, "sign with recovery");
		back_size = 5;
		EXPECT(P11->C_VerifyRecoverInit(session, &mechanism, rsa.public_key), CKR_OK);
		EXPECT(P11->C_VerifyRecover(session, signature, size, back, &back_size), CKR_BUFFER_TOO_SMALL);
		back_size = sizeof back;
		EXPECT(P11->C_VerifyRecover(session, signature, size, back, &back_size), CKR_OK);
		CU_ASSERT(back_size >= 51 && memcmp(back + back_size - 51, data, 51) == 0);
		CU_ASSERT_EQUAL(back_size, raw ? 256 : 51);
		signature[0] ^= 1;
		EXPECT(P11->C_VerifyRecoverInit(session, &mechanism, rsa.public_key), CKR_OK);
		CK_RV rv = P11->C_VerifyRecover(session, signature, size, back, &back_size);
		CU_ASSERT(raw || rv == CKR_SIGNATURE_INVALID);
		works(type, "verify with recovery");
	}
	session_close(session);
}
