/* Generating keys of every kind, and the signatures that only need to agree with themselves. */
#include "tests/conformance/mechanisms.h"
#include <stdlib.h>

static CK_ULONG number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 77;
	CK_ATTRIBUTE ask = { type, &value, sizeof value };
	EXPECT(P11->C_GetAttributeValue(session, object, &ask, 1), CKR_OK);
	return value;
}

static void came_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_OBJECT_CLASS class, CK_KEY_TYPE type,
                    CK_MECHANISM_TYPE mechanism)
{
	CK_BBOOL local = CK_FALSE;
	CK_ATTRIBUTE ask = { CKA_LOCAL, &local, sizeof local };
	CU_ASSERT_EQUAL(number(session, key, CKA_CLASS), class);
	CU_ASSERT_EQUAL(number(session, key, CKA_KEY_TYPE), type);
	EXPECT(P11->C_GetAttributeValue(session, key, &ask, 1), CKR_OK);
	/* SoftHSM cannot wrap keys of these curves: a node makes and holds them where its operator lets it, and they say so. */
	bool may_be_held = !token.is_softhsm && (type == CKK_EC_EDWARDS || type == CKK_EC_MONTGOMERY);
	CU_ASSERT(local == CK_TRUE || may_be_held);
	CU_ASSERT_EQUAL(number(session, key, CKA_KEY_GEN_MECHANISM), local == CK_TRUE ? mechanism : CK_UNAVAILABLE_INFORMATION);
}

void every_key_is_generated(void)
{
	static const struct { CK_MECHANISM_TYPE type; CK_KEY_TYPE key_type; CK_ULONG size, value_size; } keys[] = {
		{ CKM_AES_KEY_GEN, CKK_AES, 16, 16 }, { CKM_AES_KEY_GEN, CKK_AES, 24, 24 }, { CKM_AES_KEY_GEN, CKK_AES, 32, 32 },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 1, 1 }, { CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 77, 77 },
		{ CKM_DES_KEY_GEN, CKK_DES, 0, 8 }, { CKM_DES2_KEY_GEN, CKK_DES2, 0, 16 }, { CKM_DES3_KEY_GEN, CKK_DES3, 0, 24 } };
	CK_SESSION_HANDLE session = session_open(RO);
	for (size_t i = 0; i < COUNT(keys); i++) {
		CK_MECHANISM mechanism = { keys[i].type, NULL, 0 };
		CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
		TEMPLATE(template_, ATTR_BOOL(CKA_SENSITIVE, CK_FALSE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE), ATTR_ULONG(CKA_VALUE_LEN, keys[i].size));
		CK_ATTRIBUTE value = { CKA_VALUE, NULL, 0 };
		if (!tries(keys[i].type, CKF_GENERATE))
			continue;
		EXPECT(P11->C_GenerateKey(session, &mechanism, template_, keys[i].size ? 3 : 2, &key), CKR_OK);
		came_of(session, key, CKO_SECRET_KEY, keys[i].key_type, keys[i].type);
		EXPECT(P11->C_GetAttributeValue(session, key, &value, 1), CKR_OK);
		CU_ASSERT_EQUAL(value.ulValueLen, keys[i].value_size);
		works(keys[i].type, "generate");
	}
	session_close(session);
}

/* ---- pairs */

#define P256 { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }
#define P384 { 0x06, 5, 0x2b, 0x81, 4, 0, 0x22 }
#define P521 { 0x06, 5, 0x2b, 0x81, 4, 0, 0x23 }
#define ED25519 { 0x06, 3, 0x2b, 0x65, 0x70 }
#define X25519 { 0x06, 3, 0x2b, 0x65, 0x6e }
struct curve { CK_MECHANISM_TYPE type; CK_KEY_TYPE key_type; CK_BYTE params[10]; CK_ULONG size; };

static struct key_pair make_pair(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type, CK_ATTRIBUTE *public_key,
                                 CK_ULONG count)
{
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_MECHANISM mechanism = { type, NULL, 0 };
	TEMPLATE(private_key, ATTR_BOOL(CKA_TOKEN, CK_FALSE));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, public_key, count, private_key, 1, &pair.public_key, &pair.private_key), CKR_OK);
	came_of(session, pair.public_key, CKO_PUBLIC_KEY, key_type, type);
	came_of(session, pair.private_key, CKO_PRIVATE_KEY, key_type, type);
	works(type, "generate pair");
	return pair;
}

static void curves_make_pairs(CK_SESSION_HANDLE session)
{
	struct curve curves[] = { { CKM_EC_KEY_PAIR_GEN, CKK_EC, P256, 10 }, { CKM_EC_KEY_PAIR_GEN, CKK_EC, P384, 7 },
		{ CKM_EC_KEY_PAIR_GEN, CKK_EC, P521, 7 }, { CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, ED25519, 5 },
		{ CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, X25519, 5 } };
	for (size_t i = 0; i < COUNT(curves); i++) {
		TEMPLATE(public_key, { CKA_EC_PARAMS, curves[i].params, curves[i].size });
		if (tries(curves[i].type, CKF_GENERATE_KEY_PAIR))
			make_pair(session, curves[i].type, curves[i].key_type, public_key, 1);
	}
}

static void rsa_makes_a_pair(CK_SESSION_HANDLE session)
{
	CK_BYTE exponent[] = { 1, 0, 1 };
	TEMPLATE(public_key, ATTR_ULONG(CKA_MODULUS_BITS, 1024), ATTR_BYTES(CKA_PUBLIC_EXPONENT, exponent));
	if (tries(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR))
		make_pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, public_key, 2);
}

struct parameters { CK_BYTE prime[256], subprime[64], base[256]; CK_ATTRIBUTE list[3]; };

/* Domain parameters of the token's making. Not kept: the caller owns `out`. */
static bool make_parameters(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ULONG bits, struct parameters *out)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { type, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_PRIME_BITS, bits));
	if (!tries(type, CKF_GENERATE))
		return false;
	EXPECT(P11->C_GenerateKey(session, &mechanism, template_, 1, &object), CKR_OK);
	CU_ASSERT_EQUAL(number(session, object, CKA_CLASS), CKO_DOMAIN_PARAMETERS);
	out->list[0] = (CK_ATTRIBUTE){ CKA_PRIME, out->prime, sizeof out->prime };
	out->list[1] = (CK_ATTRIBUTE){ CKA_BASE, out->base, sizeof out->base };
	out->list[2] = (CK_ATTRIBUTE){ CKA_SUBPRIME, out->subprime, sizeof out->subprime };
	EXPECT(P11->C_GetAttributeValue(session, object, out->list, type == CKM_DSA_PARAMETER_GEN ? 3 : 2), CKR_OK);
	works(type, "generate");
	return true;
}

static void hashes_sign_with_dsa(CK_SESSION_HANDLE session, struct key_pair pair);

static void finite_fields_make_pairs(CK_SESSION_HANDLE session)
{
	static struct parameters parameters;
	if (make_parameters(session, CKM_DH_PKCS_PARAMETER_GEN, 512, &parameters) && tries(CKM_DH_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR))
		make_pair(session, CKM_DH_PKCS_KEY_PAIR_GEN, CKK_DH, parameters.list, 2);
	if (make_parameters(session, CKM_DSA_PARAMETER_GEN, 1024, &parameters) && tries(CKM_DSA_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR))
		hashes_sign_with_dsa(session, make_pair(session, CKM_DSA_KEY_PAIR_GEN, CKK_DSA, parameters.list, 3));
}

void every_key_pair_is_generated(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	curves_make_pairs(session);
	rsa_makes_a_pair(session);
	finite_fields_make_pairs(session);
	session_close(session);
}

/* ---- signatures that OpenSSL is not asked about */

static void signs_and_verifies(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, struct key_pair pair, CK_ULONG size)
{
	CK_BYTE *data = (CK_BYTE_PTR)(uintptr_t)known_data;
	if (!tries(mechanism->mechanism, CKF_SIGN) || !tries(mechanism->mechanism, CKF_VERIFY))
		return;
	struct result signature = at_once(signing(), session, mechanism, pair.private_key, PIECE(known_data, size));
	EXPECT(signature.rv, CKR_OK);
	works(mechanism->mechanism, "sign");
	for (int wrong = 0; wrong < 2; wrong++) {
		signature.bytes[signature.size - 1] ^= (CK_BYTE)wrong;
		EXPECT(P11->C_VerifyInit(session, mechanism, pair.public_key), CKR_OK);
		EXPECT(P11->C_Verify(session, data, size, signature.bytes, signature.size), wrong ? CKR_SIGNATURE_INVALID : CKR_OK);
	}
	works(mechanism->mechanism, "verify");
	messages_are_signed_the_same(session, mechanism, pair, PIECE(known_data, size));
}

static void hashes_sign_with_dsa(CK_SESSION_HANDLE session, struct key_pair pair)
{
	static const CK_MECHANISM_TYPE hashes[] = { CKM_DSA_SHA1, CKM_DSA_SHA224, CKM_DSA_SHA256, CKM_DSA_SHA384, CKM_DSA_SHA512 };
	CK_MECHANISM raw = { CKM_DSA, NULL, 0 };
	signs_and_verifies(session, &raw, pair, 20);
	for (size_t i = 0; i < COUNT(hashes); i++) {
		CK_MECHANISM mechanism = { hashes[i], NULL, 0 };
		signs_and_verifies(session, &mechanism, pair, sizeof known_data);
	}
}

void other_signatures_verify(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_BYTE ed25519[] = ED25519;
	TEMPLATE(public_key, ATTR_BYTES(CKA_EC_PARAMS, ed25519));
	CK_MECHANISM eddsa = { CKM_EDDSA, NULL, 0 };
	if (is_offered(CKM_EDDSA, CKF_SIGN))
		signs_and_verifies(session, &eddsa, make_pair(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, public_key, 1), sizeof known_data);
	session_close(session);
}
