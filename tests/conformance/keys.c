#include "tests/conformance/suite.h"

static bool flag(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 77;
	CK_ATTRIBUTE ask = { type, &value, sizeof value };
	EXPECT(P11->C_GetAttributeValue(session, object, &ask, 1), CKR_OK);
	CU_ASSERT(value == CK_TRUE || value == CK_FALSE);
	return value == CK_TRUE;
}

static CK_ULONG number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 0;
	CK_ATTRIBUTE ask = { type, &value, sizeof value };
	EXPECT(P11->C_GetAttributeValue(session, object, &ask, 1), CKR_OK);
	return value;
}

static void a_generated_private_key_is_local_sensitive_and_never_extractable(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair pair = make_ec(session, SESSION_OBJECT, "P-256", "history");
	CU_ASSERT(flag(session, pair.private_key, CKA_PRIVATE));
	if (!token.is_softhsm) { /* the default is the token's to choose (PKCS#11 4.9); SoftHSM's is false */
		CU_ASSERT(flag(session, pair.private_key, CKA_SENSITIVE));
		CU_ASSERT(flag(session, pair.private_key, CKA_ALWAYS_SENSITIVE));
	}
	CU_ASSERT(!flag(session, pair.private_key, CKA_EXTRACTABLE));
	CU_ASSERT(flag(session, pair.private_key, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT(flag(session, pair.private_key, CKA_LOCAL));
	CU_ASSERT(flag(session, pair.public_key, CKA_LOCAL));
	CU_ASSERT_EQUAL(number(session, pair.private_key, CKA_KEY_GEN_MECHANISM), CKM_EC_KEY_PAIR_GEN);
	CU_ASSERT_EQUAL(number(session, pair.private_key, CKA_CLASS), CKO_PRIVATE_KEY);
	CU_ASSERT_EQUAL(number(session, pair.public_key, CKA_KEY_TYPE), CKK_EC);
	destroy_pair(session, pair);
	session_close(session);
}

static void secret_parts_are_not_readable(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair pair = make_rsa(session, SESSION_OBJECT, 2048, "secret parts");
	CK_OBJECT_HANDLE key = make_aes(session, SESSION_OBJECT, 32, "secret value");
	static const CK_ATTRIBUTE_TYPE parts[] = { CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_COEFFICIENT };
	CK_BYTE value[512];
	for (size_t i = 0; i < COUNT(parts); i++) {
		CK_ATTRIBUTE ask = { parts[i], value, sizeof value };
		EXPECT(P11->C_GetAttributeValue(session, pair.private_key, &ask, 1), CKR_ATTRIBUTE_SENSITIVE);
		CU_ASSERT_EQUAL(ask.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	}
	CK_ATTRIBUTE ask = { CKA_VALUE, value, sizeof value };
	EXPECT(P11->C_GetAttributeValue(session, key, &ask, 1), CKR_ATTRIBUTE_SENSITIVE);
	destroy_pair(session, pair);
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

static void public_parts_are_readable_on_both_halves(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair rsa = make_rsa(session, SESSION_OBJECT, 2048, "parts");
	CK_BYTE one[512], two[512];
	CK_ATTRIBUTE a = { CKA_MODULUS, one, sizeof one }, b = { CKA_MODULUS, two, sizeof two };
	EXPECT(P11->C_GetAttributeValue(session, rsa.public_key, &a, 1), CKR_OK);
	EXPECT(P11->C_GetAttributeValue(session, rsa.private_key, &b, 1), CKR_OK);
	CU_ASSERT_EQUAL(a.ulValueLen, 256);
	CU_ASSERT(b.ulValueLen == 256 && memcmp(one, two, 256) == 0);
	CU_ASSERT_EQUAL(number(session, rsa.public_key, CKA_MODULUS_BITS), 2048);
	struct key_pair ec = make_ec(session, SESSION_OBJECT, "P-256", "parts");
	CK_ATTRIBUTE point = { CKA_EC_POINT, one, sizeof one };
	EXPECT(P11->C_GetAttributeValue(session, ec.public_key, &point, 1), CKR_OK);
	CU_ASSERT_EQUAL(point.ulValueLen, 67); /* OCTET STRING of 04 X Y */
	CU_ASSERT(one[0] == 4 && one[1] == 65 && one[2] == 4);
	CK_ATTRIBUTE curve = { CKA_EC_PARAMS, one, sizeof one };
	EXPECT(P11->C_GetAttributeValue(session, ec.private_key, &curve, 1), CKR_OK);
	CU_ASSERT_EQUAL(curve.ulValueLen, 10);
	destroy_pair(session, rsa);
	destroy_pair(session, ec);
	session_close(session);
}

static void a_token_key_outlives_its_session_and_keeps_its_attributes(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair pair = make_ec(session, TOKEN_OBJECT, "P-384", "lasting");
	session_close(session);
	session = session_open(RW);
	TEMPLATE(wanted, ATTR_ULONG(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_TEXT(CKA_LABEL, "lasting"), ATTR_TEXT(CKA_ID, "lasting"));
	CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
	CU_ASSERT_EQUAL(count_objects(session, wanted, COUNT(wanted), &found), 1);
	CU_ASSERT_EQUAL(found, pair.private_key);
	CU_ASSERT(flag(session, found, CKA_TOKEN));
	destroy_pair(session, pair);
	CU_ASSERT_EQUAL(count_labelled(session, "lasting"), 0);
	session_close(session);
}

static void key_sizes_out_of_range_are_refused(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(odd, ATTR_ULONG(CKA_VALUE_LEN, 17));
	CK_RV rv = P11->C_GenerateKey(session, &mechanism, odd, COUNT(odd), &key);
	CU_ASSERT(rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_KEY_SIZE_RANGE || rv == CKR_TEMPLATE_INCONSISTENT);
	TEMPLATE(none, ATTR_BOOL(CKA_ENCRYPT, CK_TRUE));
	EXPECT(P11->C_GenerateKey(session, &mechanism, none, COUNT(none), &key), CKR_TEMPLATE_INCOMPLETE);
	session_close(session);
}

static void a_mechanism_that_makes_no_keys_is_invalid_here(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE one, two;
	CK_MECHANISM wrong = { CKM_SHA256, NULL, 0 }, single = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, 16));
	EXPECT(P11->C_GenerateKey(session, &wrong, template_, COUNT(template_), &one), CKR_MECHANISM_INVALID);
	EXPECT(P11->C_GenerateKeyPair(session, &single, template_, 1, template_, 1, &one, &two), CKR_MECHANISM_INVALID);
	session_close(session);
}

static void a_contradicting_template_is_inconsistent(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(wrong_type, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_ULONG(CKA_KEY_TYPE, CKK_RSA));
	EXPECT(P11->C_GenerateKey(session, &mechanism, wrong_type, COUNT(wrong_type), &key), CKR_TEMPLATE_INCONSISTENT);
	TEMPLATE(wrong_class, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_ULONG(CKA_CLASS, CKO_PRIVATE_KEY));
	EXPECT_SOFTHSM_DEVIATES(P11->C_GenerateKey(session, &mechanism, wrong_class, COUNT(wrong_class), &key),
		CKR_TEMPLATE_INCONSISTENT, "it blames the value, not the contradiction");
	session_close(session);
}

static void sensitive_goes_one_way(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(closed, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_TOKEN, CK_TRUE), ATTR_BOOL(CKA_SENSITIVE, CK_TRUE),
		ATTR_BOOL(CKA_EXTRACTABLE, CK_FALSE));
	TEMPLATE(loosen, ATTR_BOOL(CKA_SENSITIVE, CK_FALSE));
	TEMPLATE(extract, ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE));
	EXPECT(P11->C_GenerateKey(session, &mechanism, closed, COUNT(closed), &key), CKR_OK);
	EXPECT(P11->C_SetAttributeValue(session, key, loosen, 1), CKR_ATTRIBUTE_READ_ONLY);
	EXPECT(P11->C_SetAttributeValue(session, key, extract, 1), CKR_ATTRIBUTE_READ_ONLY);
	EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

CHAPTER(keys,
	SAY(a_generated_private_key_is_local_sensitive_and_never_extractable),
	SAY(secret_parts_are_not_readable),
	SAY(public_parts_are_readable_on_both_halves),
	SAY(a_token_key_outlives_its_session_and_keeps_its_attributes),
	SAY(key_sizes_out_of_range_are_refused),
	SAY(a_mechanism_that_makes_no_keys_is_invalid_here),
	SAY(a_contradicting_template_is_inconsistent),
	SAY(sensitive_goes_one_way));
