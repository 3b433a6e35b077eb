/* Keys to test with. */
#include "tests/conformance/suite.h"

#define LABEL_AND_ID(label) \
	{ CKA_LABEL, (void *)(uintptr_t)(label), strlen(label) }, { CKA_ID, (void *)(uintptr_t)(label), strlen(label) }

struct key_pair make_rsa(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bits, const char *label)
{
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_BYTE exponent[] = { 1, 0, 1 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	TEMPLATE(public_key, ATTR_ULONG(CKA_MODULUS_BITS, bits), ATTR_BYTES(CKA_PUBLIC_EXPONENT, exponent),
		ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_VERIFY, CK_TRUE),
		ATTR_BOOL(CKA_ENCRYPT, CK_TRUE), LABEL_AND_ID(label));
	TEMPLATE(private_key, ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		ATTR_BOOL(CKA_DECRYPT, CK_TRUE), LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, public_key, COUNT(public_key), private_key,
		COUNT(private_key), &pair.public_key, &pair.private_key), CKR_OK);
	return pair;
}

struct key_pair make_ec(CK_SESSION_HANDLE session, enum lifetime lifetime, const char *curve, const char *label)
{
	static const struct { const char *name; CK_BYTE oid[10]; CK_ULONG size; } curves[] = {
		{ "P-256", { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, 10 },
		{ "P-384", { 0x06, 5, 0x2b, 0x81, 4, 0, 0x22 }, 7 },
		{ "P-521", { 0x06, 5, 0x2b, 0x81, 4, 0, 0x23 }, 7 },
	};
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	size_t i = 0;
	while (strcmp(curves[i].name, curve) != 0)
		i++;
	TEMPLATE(public_key, { CKA_EC_PARAMS, (void *)(uintptr_t)curves[i].oid, curves[i].size },
		ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_VERIFY, CK_TRUE), LABEL_AND_ID(label));
	TEMPLATE(private_key, ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, public_key, COUNT(public_key), private_key,
		COUNT(private_key), &pair.public_key, &pair.private_key), CKR_OK);
	return pair;
}

CK_OBJECT_HANDLE make_aes(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bytes, const char *label)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, bytes), ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT),
		ATTR_BOOL(CKA_ENCRYPT, CK_TRUE), ATTR_BOOL(CKA_DECRYPT, CK_TRUE), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		ATTR_BOOL(CKA_VERIFY, CK_TRUE), LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKey(session, &mechanism, template_, COUNT(template_), &key), CKR_OK);
	return key;
}

CK_OBJECT_HANDLE make_secret(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bytes, const char *label)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, bytes), ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT),
		ATTR_ULONG(CKA_KEY_TYPE, CKK_GENERIC_SECRET), ATTR_BOOL(CKA_SIGN, CK_TRUE), ATTR_BOOL(CKA_VERIFY, CK_TRUE),
		LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKey(session, &mechanism, template_, COUNT(template_), &key), CKR_OK);
	return key;
}

void destroy_pair(CK_SESSION_HANDLE session, struct key_pair pair)
{
	EXPECT(P11->C_DestroyObject(session, pair.public_key), CKR_OK);
	EXPECT(P11->C_DestroyObject(session, pair.private_key), CKR_OK);
}

CK_OBJECT_HANDLE make_data(CK_SESSION_HANDLE session, enum lifetime lifetime, const char *label)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT),
		ATTR_BOOL(CKA_PRIVATE, CK_FALSE), ATTR_TEXT(CKA_APPLICATION, "conformance"), ATTR_TEXT(CKA_VALUE, "some data"),
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) });
	EXPECT(P11->C_CreateObject(session, template_, COUNT(template_), &object), CKR_OK);
	return object;
}
