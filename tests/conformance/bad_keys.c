/* Keys that cannot be made, wrapped, unwrapped or derived. */
#include "tests/conformance/bad_input.h"

static CK_BYTE bytes[512];
static CK_OBJECT_HANDLE out, other;
static CK_MECHANISM aes_gen = { CKM_AES_KEY_GEN, NULL, 0 }, rsa_gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 },
	ec_gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, kw = { CKM_AES_KEY_WRAP, NULL, 0 }, sha256 = { CKM_SHA256, NULL, 0 };

#define GENERATE(argument, want, softhsm, ...) \
	TRY("C_GenerateKey", argument, P11->C_GenerateKey(s, &aes_gen, LIST(__VA_ARGS__), &out), want, softhsm)
#define PAIR(argument, mechanism, want, softhsm, ...) \
	TRY("C_GenerateKeyPair", argument, P11->C_GenerateKeyPair(s, mechanism, LIST(__VA_ARGS__), NULL, 0, &out, &other), want, softhsm)

void keys_that_cannot_be_made(void)
{
	CK_ULONG length = 16;
	CK_BYTE exponent[] = { 1, 0, 1 };
	static const CK_BYTE no_curve[] = { 0x06, 3, 0x2a, 0x03, 0x04 }, no_der[] = { 0xff, 0xff, 0xff };
	TRY("C_GenerateKey", "mechanism NULL", P11->C_GenerateKey(s, NULL, NULL, 0, &out), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GenerateKey", "template NULL", P11->C_GenerateKey(s, &aes_gen, NULL, 2, &out), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GenerateKey", "handle NULL", P11->C_GenerateKey(s, &aes_gen, LIST(ATTR_ULONG(CKA_VALUE_LEN, 16)), NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GenerateKey", "no such mechanism", P11->C_GenerateKey(s, NO_MECHANISM, LIST(ATTR_ULONG(CKA_VALUE_LEN, 16)), &out), CKR_MECHANISM_INVALID, NULL);
	TRY("C_GenerateKey", "a mechanism for something else", P11->C_GenerateKey(s, &sha256, LIST(ATTR_ULONG(CKA_VALUE_LEN, 16)), &out),
		CKR_MECHANISM_INVALID, NULL);
	GENERATE("no length", CKR_TEMPLATE_INCOMPLETE, NULL, ATTR_BOOL(CKA_ENCRYPT, CK_TRUE));
	GENERATE("length 0", CKR_ATTRIBUTE_VALUE_INVALID, "it takes it for none", ATTR_ULONG(CKA_VALUE_LEN, 0));
	GENERATE("length 17", CKR_ATTRIBUTE_VALUE_INVALID, NULL, ATTR_ULONG(CKA_VALUE_LEN, 17));
	GENERATE("length −1", CKR_ATTRIBUTE_VALUE_INVALID, NULL, ATTR_ULONG(CKA_VALUE_LEN, ABSURD));
	GENERATE("length of three bytes", CKR_ATTRIBUTE_VALUE_INVALID, NULL, { CKA_VALUE_LEN, &length, 3 });
	GENERATE("length NULL", CKR_ATTRIBUTE_VALUE_INVALID, NULL, { CKA_VALUE_LEN, NULL, 0 });
	GENERATE("two lengths", CKR_TEMPLATE_INCONSISTENT, "the last counts", ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_ULONG(CKA_VALUE_LEN, 32));
	GENERATE("a value, too", CKR_ATTRIBUTE_READ_ONLY, NULL, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_TEXT(CKA_VALUE, "0123456789abcdef"));
	GENERATE("another key type", CKR_TEMPLATE_INCONSISTENT, NULL, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_ULONG(CKA_KEY_TYPE, CKK_DES3));
	TRY("C_GenerateKeyPair", "mechanism NULL", P11->C_GenerateKeyPair(s, NULL, NULL, 0, NULL, 0, &out, &other), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GenerateKeyPair", "handles NULL", P11->C_GenerateKeyPair(s, &rsa_gen, NULL, 0, NULL, 0, NULL, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GenerateKeyPair", "template NULL", P11->C_GenerateKeyPair(s, &rsa_gen, NULL, 2, NULL, 0, &out, &other), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GenerateKeyPair", "a mechanism for single keys", P11->C_GenerateKeyPair(s, &aes_gen, NULL, 0, NULL, 0, &out, &other), CKR_MECHANISM_INVALID, NULL);
	PAIR("RSA: no length", &rsa_gen, CKR_TEMPLATE_INCOMPLETE, NULL, ATTR_BYTES(CKA_PUBLIC_EXPONENT, exponent));
	PAIR("RSA: seven bits", &rsa_gen, CKR_ATTRIBUTE_VALUE_INVALID, "it has one word for whatever fails", ATTR_ULONG(CKA_MODULUS_BITS, 7), ATTR_BYTES(CKA_PUBLIC_EXPONENT, exponent));
	PAIR("RSA: −1 bits", &rsa_gen, CKR_ATTRIBUTE_VALUE_INVALID, "it has one word for whatever fails", ATTR_ULONG(CKA_MODULUS_BITS, ABSURD), ATTR_BYTES(CKA_PUBLIC_EXPONENT, exponent));
	PAIR("EC: no curve", &ec_gen, CKR_TEMPLATE_INCOMPLETE, NULL, ATTR_BOOL(CKA_VERIFY, CK_TRUE));
	PAIR("EC: no such curve", &ec_gen, CKR_CURVE_NOT_SUPPORTED, "it has no word for it", ATTR_BYTES(CKA_EC_PARAMS, no_curve));
	PAIR("EC: no DER", &ec_gen, CKR_DOMAIN_PARAMS_INVALID, "it has no word for it", ATTR_BYTES(CKA_EC_PARAMS, no_der));
}

static CK_OBJECT_HANDLE make_with(CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_WRAP, CK_TRUE), ATTR_BOOL(CKA_UNWRAP, CK_TRUE),
		ATTR_BOOL(CKA_PRIVATE, CK_FALSE), ATTR_BOOL(CKA_DERIVE, CK_TRUE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE));
	for (size_t i = 1; i < COUNT(template_); i++)
		if (template_[i].type == type)
			*(CK_BBOOL *)template_[i].pValue = value;
	EXPECT(P11->C_GenerateKey(session, &aes_gen, template_, COUNT(template_), &key), CKR_OK);
	return key;
}

void keys_that_cannot_be_wrapped(void)
{
	fixture_make();
	CK_OBJECT_HANDLE closed = make_with(fixture.session, CKA_EXTRACTABLE, CK_FALSE), not_wrapping = make_with(fixture.session, CKA_WRAP, CK_FALSE);
	CK_ULONG size = sizeof bytes;
#define WRAP(argument, wrapping, key, want, softhsm) \
	TRY("C_WrapKey", argument, (size = sizeof bytes, P11->C_WrapKey(s, &kw, wrapping, key, bytes, &size)), want, softhsm)
	WRAP("wrapping key stale", STALE, fixture.hmac, CKR_WRAPPING_KEY_HANDLE_INVALID, NULL);
	WRAP("wrapping key 0", 0, fixture.hmac, CKR_WRAPPING_KEY_HANDLE_INVALID, NULL);
	WRAP("wrapping key of another type", fixture.hmac, fixture.aes, CKR_WRAPPING_KEY_TYPE_INCONSISTENT, NULL);
	WRAP("wrapping key that may not", not_wrapping, fixture.hmac, CKR_KEY_FUNCTION_NOT_PERMITTED, NULL);
	WRAP("key stale", fixture.aes, STALE, CKR_KEY_HANDLE_INVALID, NULL);
	WRAP("key that is public", fixture.aes, fixture.rsa.public_key, CKR_KEY_NOT_WRAPPABLE, "it blames the handle");
	WRAP("key that is not extractable", fixture.aes, closed, CKR_KEY_UNEXTRACTABLE, NULL);
	TRY("C_WrapKey", "length NULL", P11->C_WrapKey(s, &kw, fixture.aes, fixture.hmac, bytes, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_WrapKey", "mechanism NULL", P11->C_WrapKey(s, NULL, fixture.aes, fixture.hmac, bytes, &size), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_WrapKey", "no such mechanism", P11->C_WrapKey(s, NO_MECHANISM, fixture.aes, fixture.hmac, bytes, &size), CKR_MECHANISM_INVALID, NULL);
	P11->C_DestroyObject(fixture.session, closed);
	P11->C_DestroyObject(fixture.session, not_wrapping);
}

void keys_that_cannot_be_unwrapped_or_derived(void)
{
	fixture_make();
	CK_OBJECT_HANDLE not_unwrapping = make_with(fixture.session, CKA_UNWRAP, CK_FALSE), not_deriving = make_with(fixture.session, CKA_DERIVE, CK_FALSE);
	CK_KEY_DERIVATION_STRING_DATA data = { bytes, 16 }, odd = { bytes, 15 }, no_data = { NULL, 16 };
#define AES_KEY LIST(ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_AES))
#define UNWRAP(argument, unwrapping, wrapped, size, want, softhsm) \
	TRY("C_UnwrapKey", argument, P11->C_UnwrapKey(s, &kw, unwrapping, wrapped, size, AES_KEY, &out), want, softhsm)
	UNWRAP("unwrapping key stale", STALE, bytes, 24, CKR_UNWRAPPING_KEY_HANDLE_INVALID, NULL);
	UNWRAP("unwrapping key of another type", fixture.hmac, bytes, 24, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, NULL);
	UNWRAP("unwrapping key that may not", not_unwrapping, bytes, 24, CKR_KEY_FUNCTION_NOT_PERMITTED, NULL);
	UNWRAP("bytes that were never wrapped", fixture.aes, bytes, 24, CKR_WRAPPED_KEY_INVALID, "it has one word for whatever fails");
	UNWRAP("seven bytes", fixture.aes, bytes, 7, CKR_WRAPPED_KEY_LEN_RANGE, NULL);
	UNWRAP("NULL", fixture.aes, NULL, 24, CKR_ARGUMENTS_BAD, NULL);
	TRY("C_UnwrapKey", "handle NULL", P11->C_UnwrapKey(s, &kw, fixture.aes, bytes, 24, AES_KEY, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_UnwrapKey", "no class", P11->C_UnwrapKey(s, &kw, fixture.aes, bytes, 24, LIST(ATTR_ULONG(CKA_KEY_TYPE, CKK_AES)), &out),
		CKR_TEMPLATE_INCOMPLETE, NULL);
	TRY("C_UnwrapKey", "no such mechanism", P11->C_UnwrapKey(s, NO_MECHANISM, fixture.aes, bytes, 24, AES_KEY, &out), CKR_MECHANISM_INVALID, NULL);
#define DERIVE(argument, base, parameter, size, want, softhsm) \
	TRY("C_DeriveKey", argument, P11->C_DeriveKey(s, MECHANISM(CKM_AES_ECB_ENCRYPT_DATA, parameter, size), base, \
		LIST(ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_AES), ATTR_ULONG(CKA_VALUE_LEN, 16)), &out), want, softhsm)
	DERIVE("base key stale", STALE, &data, sizeof data, CKR_KEY_HANDLE_INVALID, "it says object where the standard says key");
	DERIVE("base key of another type", fixture.hmac, &data, sizeof data, CKR_KEY_TYPE_INCONSISTENT, NULL);
	DERIVE("base key that may not", not_deriving, &data, sizeof data, CKR_KEY_FUNCTION_NOT_PERMITTED, NULL);
	DERIVE("no parameter", fixture.aes, NULL, 0, CKR_MECHANISM_PARAM_INVALID, NULL);
	DERIVE("parameter cut short", fixture.aes, &data, sizeof data - 1, CKR_MECHANISM_PARAM_INVALID, NULL);
	DERIVE("data NULL with a length", fixture.aes, &no_data, sizeof no_data, CKR_MECHANISM_PARAM_INVALID, NULL);
	DERIVE("not whole blocks", fixture.aes, &odd, sizeof odd, CKR_MECHANISM_PARAM_INVALID, NULL);
	TRY("C_DeriveKey", "no such mechanism", P11->C_DeriveKey(s, NO_MECHANISM, fixture.aes, NULL, 0, &out), CKR_MECHANISM_INVALID,
		"it looks for a parameter first");
	TRY("C_DeriveKey", "mechanism NULL", P11->C_DeriveKey(s, NULL, fixture.aes, NULL, 0, &out), CKR_ARGUMENTS_BAD, NULL);
	P11->C_DestroyObject(fixture.session, not_unwrapping);
	P11->C_DestroyObject(fixture.session, not_deriving);
}
