/* Generating, wrapping, unwrapping, deriving. */
#include "tests/conformance/states.h"

static CK_BYTE block[16] = "sixteen bytes...", wrapped[24] = { 0x8f, 0x4c };

static CK_RV and_destroy(CK_SESSION_HANDLE s, CK_RV rv, CK_OBJECT_HANDLE object)
{
	if (rv == CKR_OK)
		P11->C_DestroyObject(s, object);
	return rv;
}

static CK_RV generate(CK_SESSION_HANDLE s, bool is_token, bool is_private)
{
	CK_OBJECT_HANDLE key;
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_TOKEN, is_token), ATTR_BOOL(CKA_PRIVATE, is_private));
	CK_RV rv = P11->C_GenerateKey(s, &(CK_MECHANISM){ CKM_AES_KEY_GEN, NULL, 0 }, template_, COUNT(template_), &key);
	return and_destroy(s, rv, key);
}

static CK_RV generate_pair(CK_SESSION_HANDLE s, bool is_token, bool is_private)
{
	struct key_pair pair;
	static const CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	TEMPLATE(public_key, ATTR_BYTES(CKA_EC_PARAMS, p256), ATTR_BOOL(CKA_TOKEN, is_token));
	TEMPLATE(private_key, ATTR_BOOL(CKA_TOKEN, is_token), ATTR_BOOL(CKA_PRIVATE, is_private));
	CK_RV rv = P11->C_GenerateKeyPair(s, &(CK_MECHANISM){ CKM_EC_KEY_PAIR_GEN, NULL, 0 }, public_key, COUNT(public_key),
		private_key, COUNT(private_key), &pair.public_key, &pair.private_key);
	and_destroy(s, rv, pair.public_key);
	return and_destroy(s, rv, pair.private_key);
}

static CK_RV derive(CK_SESSION_HANDLE s, bool is_token, bool is_private)
{
	CK_OBJECT_HANDLE key;
	CK_KEY_DERIVATION_STRING_DATA data = { block, sizeof block };
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_AES), ATTR_ULONG(CKA_VALUE_LEN, 16),
		ATTR_BOOL(CKA_TOKEN, is_token), ATTR_BOOL(CKA_PRIVATE, is_private));
	CK_RV rv = P11->C_DeriveKey(s, &(CK_MECHANISM){ CKM_AES_ECB_ENCRYPT_DATA, &data, sizeof data }, fixture.aes, template_,
		COUNT(template_), &key);
	return and_destroy(s, rv, key);
}

static void wrap_fresh(void)
{
	CK_ULONG size = sizeof wrapped;
	EXPECT(P11->C_WrapKey(fixture.session, &(CK_MECHANISM){ CKM_AES_KEY_WRAP, NULL, 0 }, fixture.aes, fixture.aes, wrapped, &size),
		CKR_OK);
}

static CK_RV unwrap(CK_SESSION_HANDLE s, bool is_token, bool is_private)
{
	CK_OBJECT_HANDLE key;
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_AES), ATTR_BOOL(CKA_TOKEN, is_token),
		ATTR_BOOL(CKA_PRIVATE, is_private));
	CK_RV rv = P11->C_UnwrapKey(s, &(CK_MECHANISM){ CKM_AES_KEY_WRAP, NULL, 0 }, fixture.aes, wrapped, sizeof wrapped,
		template_, COUNT(template_), &key);
	return and_destroy(s, rv, key);
}

CALL(generate_key, generate(s, false, false))
CALL(generate_token_key, generate(s, true, false))
CALL(generate_private_key, generate(s, false, true))
CALL(generate_key_pair, generate_pair(s, false, false))
CALL(generate_token_pair, generate_pair(s, true, false))
CALL(generate_private_pair, generate_pair(s, false, true))
CALL(wrap_key, P11->C_WrapKey(s, &(CK_MECHANISM){ CKM_AES_KEY_WRAP, NULL, 0 }, fixture.aes, fixture.hmac, NULL, &(CK_ULONG){ 0 }))
CALL(unwrap_key, unwrap(s, false, false))
CALL(unwrap_token_key, unwrap(s, true, false))
CALL(unwrap_private_key, unwrap(s, false, true))
CALL(derive_key, derive(s, false, false))
CALL(derive_token_key, derive(s, true, false))
CALL(derive_private_key, derive(s, false, true))

CALLS(keys,
	{ "C_GenerateKey", generate_key, EVERYWHERE(CKR_OK) },
	{ "C_GenerateKey (token object)", generate_token_key, NEEDS_WRITABLE },
	{ "C_GenerateKey (private object)", generate_private_key, NEEDS_USER },
	{ "C_GenerateKeyPair", generate_key_pair, EVERYWHERE(CKR_OK) },
	{ "C_GenerateKeyPair (token objects)", generate_token_pair, NEEDS_WRITABLE },
	{ "C_GenerateKeyPair (private object)", generate_private_pair, NEEDS_USER },
	{ "C_WrapKey", wrap_key, EVERYWHERE(CKR_OK) },
	{ "C_UnwrapKey", unwrap_key, EVERYWHERE(CKR_OK), .before = wrap_fresh },
	{ "C_UnwrapKey (token object)", unwrap_token_key, NEEDS_WRITABLE, .before = wrap_fresh },
	{ "C_UnwrapKey (private object)", unwrap_private_key, NEEDS_USER, .before = wrap_fresh },
	{ "C_DeriveKey", derive_key, EVERYWHERE(CKR_OK) },
	{ "C_DeriveKey (token object)", derive_token_key, NEEDS_WRITABLE },
	{ "C_DeriveKey (private object)", derive_private_key, NEEDS_USER });
