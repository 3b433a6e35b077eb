/* Keys whose value is known, and C_CreateObject that makes them. */
#include "tests/conformance/reference.h"
#include <openssl/core_names.h>

CK_OBJECT_HANDLE import_secret(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const CK_BYTE *value, CK_ULONG size)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, type),
		{ CKA_VALUE, (void *)(uintptr_t)value, size }, ATTR_BOOL(CKA_SENSITIVE, CK_FALSE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE),
		ATTR_BOOL(CKA_ENCRYPT, CK_TRUE), ATTR_BOOL(CKA_DECRYPT, CK_TRUE), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		ATTR_BOOL(CKA_VERIFY, CK_TRUE), ATTR_BOOL(CKA_WRAP, CK_TRUE), ATTR_BOOL(CKA_UNWRAP, CK_TRUE),
		ATTR_BOOL(CKA_DERIVE, CK_TRUE));
	EXPECT(P11->C_CreateObject(session, template_, COUNT(template_), &key), CKR_OK);
	return key;
}

struct number { CK_BYTE bytes[512]; CK_ULONG size; };

static struct number number_of(EVP_PKEY *key, const char *name)
{
	struct number number = { { 0 }, 0 };
	BIGNUM *value = NULL;
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_bn_param(key, name, &value), 1);
	number.size = (CK_ULONG)BN_bn2bin(value, number.bytes);
	BN_clear_free(value);
	return number;
}
#define ATTR_NUMBER(type, number) { (type), (number).bytes, (number).size }

struct key_pair import_rsa(CK_SESSION_HANDLE session)
{
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	EVP_PKEY *key = reference_rsa();
	struct number n = number_of(key, OSSL_PKEY_PARAM_RSA_N), e = number_of(key, OSSL_PKEY_PARAM_RSA_E),
		d = number_of(key, OSSL_PKEY_PARAM_RSA_D), p = number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1),
		q = number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2), dp = number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT1),
		dq = number_of(key, OSSL_PKEY_PARAM_RSA_EXPONENT2), qi = number_of(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
	TEMPLATE(public_key, ATTR_ULONG(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_RSA), ATTR_NUMBER(CKA_MODULUS, n),
		ATTR_NUMBER(CKA_PUBLIC_EXPONENT, e), ATTR_BOOL(CKA_ENCRYPT, CK_TRUE), ATTR_BOOL(CKA_VERIFY, CK_TRUE),
		ATTR_BOOL(CKA_VERIFY_RECOVER, CK_TRUE), ATTR_BOOL(CKA_WRAP, CK_TRUE));
	TEMPLATE(private_key, ATTR_ULONG(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_RSA), ATTR_NUMBER(CKA_MODULUS, n),
		ATTR_NUMBER(CKA_PUBLIC_EXPONENT, e), ATTR_NUMBER(CKA_PRIVATE_EXPONENT, d), ATTR_NUMBER(CKA_PRIME_1, p),
		ATTR_NUMBER(CKA_PRIME_2, q), ATTR_NUMBER(CKA_EXPONENT_1, dp), ATTR_NUMBER(CKA_EXPONENT_2, dq),
		ATTR_NUMBER(CKA_COEFFICIENT, qi), ATTR_BOOL(CKA_DECRYPT, CK_TRUE), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		ATTR_BOOL(CKA_SIGN_RECOVER, CK_TRUE), ATTR_BOOL(CKA_UNWRAP, CK_TRUE), ATTR_BOOL(CKA_SENSITIVE, CK_FALSE),
		ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE));
	EXPECT(P11->C_CreateObject(session, public_key, COUNT(public_key), &pair.public_key), CKR_OK);
	EXPECT(P11->C_CreateObject(session, private_key, COUNT(private_key), &pair.private_key), CKR_OK);
	return pair;
}

struct key_pair import_ec(CK_SESSION_HANDLE session)
{
	static const CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	EVP_PKEY *key = reference_ec();
	struct number d = number_of(key, OSSL_PKEY_PARAM_PRIV_KEY);
	CK_BYTE point[67] = { 4, 65 };
	size_t point_size = 0;
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point + 2, 65, &point_size), 1);
	if (point_size != 65) { /* compressed */
		CU_ASSERT_EQUAL_FATAL(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed"), 1);
		CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point + 2, 65, &point_size), 1);
	}
	TEMPLATE(public_key, ATTR_ULONG(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_EC), ATTR_BYTES(CKA_EC_PARAMS, p256),
		ATTR_BYTES(CKA_EC_POINT, point), ATTR_BOOL(CKA_VERIFY, CK_TRUE));
	TEMPLATE(private_key, ATTR_ULONG(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_EC), ATTR_BYTES(CKA_EC_PARAMS, p256),
		ATTR_NUMBER(CKA_VALUE, d), ATTR_BOOL(CKA_SIGN, CK_TRUE), ATTR_BOOL(CKA_DERIVE, CK_TRUE),
		ATTR_BOOL(CKA_SENSITIVE, CK_FALSE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE));
	EXPECT(P11->C_CreateObject(session, public_key, COUNT(public_key), &pair.public_key), CKR_OK);
	EXPECT(P11->C_CreateObject(session, private_key, COUNT(private_key), &pair.private_key), CKR_OK);
	return pair;
}
