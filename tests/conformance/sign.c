#include "tests/conformance/suite.h"

static const CK_BYTE message[] = "the message that is signed, long enough to be cut in two parts";
#define MESSAGE_SIZE (sizeof message - 1)

static CK_RSA_PKCS_PSS_PARAMS pss_sha256 = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
static CK_RSA_PKCS_PSS_PARAMS pss_sha1 = { CKM_SHA_1, CKG_MGF1_SHA1, 20 };

static CK_RV sign_once(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                       const CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
	CK_RV rv = P11->C_SignInit(session, mechanism, key);
	return rv == CKR_OK ? P11->C_Sign(session, (CK_BYTE_PTR)(uintptr_t)data, size, out, out_size) : rv;
}

static CK_RV verify_once(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                         const CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG signature_size)
{
	CK_RV rv = P11->C_VerifyInit(session, mechanism, key);
	return rv == CKR_OK ? P11->C_Verify(session, (CK_BYTE_PTR)(uintptr_t)data, size, signature, signature_size) : rv;
}

/* Sign, verify, refuse another message, and refuse another signature. */
static void signs_and_verifies(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE signing,
                               CK_OBJECT_HANDLE verifying, CK_ULONG data_size, CK_ULONG want_size)
{
	CK_BYTE signature[1024], other[128];
	CK_ULONG size = sizeof signature;
	memcpy(other, message, MESSAGE_SIZE);
	other[0] ^= 1;
	EXPECT(sign_once(session, mechanism, signing, message, data_size, signature, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, want_size);
	EXPECT(verify_once(session, mechanism, verifying, message, data_size, signature, size), CKR_OK);
	EXPECT(verify_once(session, mechanism, verifying, other, data_size, signature, size), CKR_SIGNATURE_INVALID);
	signature[size - 1] ^= 1;
	EXPECT(verify_once(session, mechanism, verifying, message, data_size, signature, size), CKR_SIGNATURE_INVALID);
	EXPECT(verify_once(session, mechanism, verifying, message, data_size, signature, size - 1), CKR_SIGNATURE_LEN_RANGE);
}

static void in_parts_is_the_same_as_at_once(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                                            CK_OBJECT_HANDLE signing, CK_OBJECT_HANDLE verifying)
{
	CK_BYTE signature[1024];
	CK_BYTE *data = (CK_BYTE_PTR)(uintptr_t)message;
	CK_ULONG size = sizeof signature;
	EXPECT(P11->C_SignInit(session, mechanism, signing), CKR_OK);
	EXPECT(P11->C_SignUpdate(session, data, 10), CKR_OK);
	EXPECT(P11->C_SignUpdate(session, data + 10, MESSAGE_SIZE - 10), CKR_OK);
	EXPECT(P11->C_SignFinal(session, signature, &size), CKR_OK);
	EXPECT(verify_once(session, mechanism, verifying, message, MESSAGE_SIZE, signature, size), CKR_OK);
	EXPECT(P11->C_VerifyInit(session, mechanism, verifying), CKR_OK);
	EXPECT(P11->C_VerifyUpdate(session, data, 33), CKR_OK);
	EXPECT(P11->C_VerifyUpdate(session, data + 33, MESSAGE_SIZE - 33), CKR_OK);
	EXPECT(P11->C_VerifyFinal(session, signature, size), CKR_OK);
}

static void rsa_signs_in_every_padding(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair rsa = make_rsa(session, SESSION_OBJECT, 2048, "rsa signs");
	CK_MECHANISM whole[] = { { CKM_SHA1_RSA_PKCS, NULL, 0 }, { CKM_SHA256_RSA_PKCS, NULL, 0 },
		{ CKM_SHA384_RSA_PKCS, NULL, 0 }, { CKM_SHA512_RSA_PKCS, NULL, 0 },
		{ CKM_SHA256_RSA_PKCS_PSS, &pss_sha256, sizeof pss_sha256 }, { CKM_SHA1_RSA_PKCS_PSS, &pss_sha1, sizeof pss_sha1 } };
	CK_MECHANISM raw = { CKM_RSA_PKCS, NULL, 0 }, pss = { CKM_RSA_PKCS_PSS, &pss_sha256, sizeof pss_sha256 };
	for (size_t i = 0; i < COUNT(whole); i++) {
		signs_and_verifies(session, &whole[i], rsa.private_key, rsa.public_key, MESSAGE_SIZE, 256);
		in_parts_is_the_same_as_at_once(session, &whole[i], rsa.private_key, rsa.public_key);
	}
	signs_and_verifies(session, &raw, rsa.private_key, rsa.public_key, 51, 256);
	signs_and_verifies(session, &pss, rsa.private_key, rsa.public_key, 32, 256);
	destroy_pair(session, rsa);
	session_close(session);
}

static void ecdsa_signs_on_every_curve(void)
{
	static const struct { const char *curve; CK_ULONG size; } curves[] = { { "P-256", 64 }, { "P-384", 96 }, { "P-521", 132 } };
	CK_SESSION_HANDLE session = session_open(RW);
	for (size_t i = 0; i < COUNT(curves); i++) {
		struct key_pair ec = make_ec(session, SESSION_OBJECT, curves[i].curve, "ec signs");
		CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
		signs_and_verifies(session, &mechanism, ec.private_key, ec.public_key, 32, curves[i].size);
		destroy_pair(session, ec);
	}
	session_close(session);
}

static void ecdsa_hashes_where_that_is_offered(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_MECHANISM mechanism = { CKM_ECDSA_SHA256, NULL, 0 };
	CK_MECHANISM_INFO info;
	CK_RV rv = P11->C_GetMechanismInfo(token.slot, CKM_ECDSA_SHA256, &info);
	if (token.is_softhsm && rv != CKR_OK) {
		printf("    SoftHSM deviates: it offers no CKM_ECDSA_SHA256\n");
	} else {
		struct key_pair ec = make_ec(session, SESSION_OBJECT, "P-256", "ec hashes");
		EXPECT(rv, CKR_OK);
		signs_and_verifies(session, &mechanism, ec.private_key, ec.public_key, MESSAGE_SIZE, 64);
		in_parts_is_the_same_as_at_once(session, &mechanism, ec.private_key, ec.public_key);
		destroy_pair(session, ec);
	}
	session_close(session);
}

static void hmac_and_cmac_authenticate(void)
{
	static const struct { CK_MECHANISM_TYPE type; CK_ULONG size; } hmacs[] = { { CKM_SHA_1_HMAC, 20 },
		{ CKM_SHA224_HMAC, 28 }, { CKM_SHA256_HMAC, 32 }, { CKM_SHA384_HMAC, 48 }, { CKM_SHA512_HMAC, 64 } };
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE secret = make_secret(session, SESSION_OBJECT, 64, "hmac"), aes = make_aes(session, SESSION_OBJECT, 16, "cmac");
	for (size_t i = 0; i < COUNT(hmacs); i++) {
		CK_MECHANISM mechanism = { hmacs[i].type, NULL, 0 };
		signs_and_verifies(session, &mechanism, secret, secret, MESSAGE_SIZE, hmacs[i].size);
		in_parts_is_the_same_as_at_once(session, &mechanism, secret, secret);
	}
	CK_MECHANISM cmac = { CKM_AES_CMAC, NULL, 0 };
	signs_and_verifies(session, &cmac, aes, aes, MESSAGE_SIZE, 16);
	in_parts_is_the_same_as_at_once(session, &cmac, aes, aes);
	EXPECT(P11->C_DestroyObject(session, secret), CKR_OK);
	EXPECT(P11->C_DestroyObject(session, aes), CKR_OK);
	session_close(session);
}

static void asking_for_the_length_keeps_the_operation(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair ec = make_ec(session, SESSION_OBJECT, "P-256", "length");
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_BYTE signature[64], *data = (CK_BYTE_PTR)(uintptr_t)message;
	CK_ULONG size = 0;
	EXPECT(P11->C_SignInit(session, &mechanism, ec.private_key), CKR_OK);
	EXPECT(P11->C_Sign(session, data, 32, NULL, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 64);
	size = 10;
	EXPECT(P11->C_Sign(session, data, 32, signature, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 64);
	size = sizeof signature;
	EXPECT(P11->C_Sign(session, data, 32, signature, &size), CKR_OK);
	EXPECT(P11->C_Sign(session, data, 32, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
	destroy_pair(session, ec);
	session_close(session);
}

static void an_operation_is_active_until_it_ends(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = make_secret(session, SESSION_OBJECT, 32, "active");
	CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
	CK_BYTE mac[32];
	CK_ULONG size = sizeof mac;
	EXPECT(P11->C_SignUpdate(session, mac, 1), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_SignFinal(session, mac, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_SignInit(session, &mechanism, key), CKR_OK);
	EXPECT(P11->C_SignInit(session, &mechanism, key), CKR_OPERATION_ACTIVE);
	EXPECT(P11->C_SignFinal(session, mac, &size), CKR_OK);
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

static void a_key_does_only_what_it_may(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key;
	CK_MECHANISM generate = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 };
	TEMPLATE(mute, ATTR_ULONG(CKA_VALUE_LEN, 32), ATTR_BOOL(CKA_SIGN, CK_FALSE));
	EXPECT(P11->C_GenerateKey(session, &generate, mute, COUNT(mute), &key), CKR_OK);
	EXPECT(P11->C_SignInit(session, &hmac, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

static void key_and_mechanism_must_fit(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair ec = make_ec(session, SESSION_OBJECT, "P-256", "fit");
	CK_MECHANISM rsa = { CKM_SHA256_RSA_PKCS, NULL, 0 }, digest = { CKM_SHA256, NULL, 0 }, none = { 0x7ffffff0, NULL, 0 };
	EXPECT_SOFTHSM_DEVIATES(P11->C_SignInit(session, &rsa, ec.private_key), CKR_KEY_TYPE_INCONSISTENT,
		"it finds out when it signs");
	if (token.is_softhsm) { /* and leaves an operation behind */
		session_close(session);
		session = session_open(RW);
		ec = make_ec(session, SESSION_OBJECT, "P-256", "fit");
	}
	EXPECT(P11->C_SignInit(session, &digest, ec.private_key), CKR_MECHANISM_INVALID);
	EXPECT(P11->C_SignInit(session, &none, ec.private_key), CKR_MECHANISM_INVALID);
	destroy_pair(session, ec);
	session_close(session);
}

CHAPTER(sign,
	SAY(rsa_signs_in_every_padding),
	SAY(ecdsa_signs_on_every_curve),
	SAY(ecdsa_hashes_where_that_is_offered),
	SAY(hmac_and_cmac_authenticate),
	SAY(asking_for_the_length_keeps_the_operation),
	SAY(an_operation_is_active_until_it_ends),
	SAY(a_key_does_only_what_it_may),
	SAY(key_and_mechanism_must_fit));
