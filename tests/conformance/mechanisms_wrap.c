/* Wrapping, unwrapping and deriving, against OpenSSL. */
#include "tests/conformance/mechanisms.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

static CK_BYTE iv[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static bool has_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const CK_BYTE *want, CK_ULONG size)
{
	CK_BYTE value[512];
	CK_ATTRIBUTE ask = { CKA_VALUE, value, sizeof value };
	EXPECT(P11->C_GetAttributeValue(session, key, &ask, 1), CKR_OK);
	return ask.ulValueLen == size && memcmp(value, want, size) == 0;
}

#define OPEN_SECRET(type) ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, type), \
	ATTR_BOOL(CKA_SENSITIVE, CK_FALSE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE)

static void unwraps_to(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_BYTE *wrapped, CK_ULONG size,
                       CK_KEY_TYPE type, const CK_BYTE *want, CK_ULONG want_size)
{
	CK_OBJECT_HANDLE back = CK_INVALID_HANDLE;
	TEMPLATE(template_, OPEN_SECRET(type));
	if (!tries(mechanism->mechanism, CKF_UNWRAP))
		return;
	EXPECT(P11->C_UnwrapKey(session, mechanism, key, wrapped, size, template_, COUNT(template_), &back), CKR_OK);
	CU_ASSERT(has_value(session, back, want, want_size));
	works(mechanism->mechanism, "unwrap");
}

/* Into `wrapped`, asking for the length first. */
static CK_ULONG wraps(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE target, CK_BYTE *wrapped)
{
	CK_ULONG size = 0, short_size = 1;
	EXPECT(P11->C_WrapKey(session, mechanism, key, target, NULL, &size), CKR_OK);
	EXPECT(P11->C_WrapKey(session, mechanism, key, target, wrapped, &short_size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT(size > 1 && size <= 2048);
	EXPECT(P11->C_WrapKey(session, mechanism, key, target, wrapped, &size), CKR_OK);
	works(mechanism->mechanism, "wrap");
	return size;
}

static void wraps_as_openssl(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, const char *cipher, CK_KEY_TYPE type, CK_ULONG size)
{
	CK_BYTE wrapped[2048], want[2048];
	struct reference_cipher reference = { .name = cipher, .key = known_key, .iv = mechanism->pParameter ? iv : NULL,
		.pads = mechanism->mechanism == CKM_AES_CBC_PAD || mechanism->mechanism == CKM_DES3_CBC_PAD };
	if (!tries(mechanism->mechanism, CKF_WRAP))
		return;
	CK_KEY_TYPE wrapping_type = strncmp(cipher, "DES", 3) == 0 ? CKK_DES3 : CKK_AES;
	CK_OBJECT_HANDLE key = import_secret(session, wrapping_type, known_key, wrapping_type == CKK_AES ? 32 : 24),
		target = import_secret(session, type, known_key + 8, size);
	CK_ULONG wrapped_size = wraps(session, mechanism, key, target, wrapped);
	CK_ULONG want_size = (CK_ULONG)reference_encrypt(&reference, known_key + 8, size, want);
	if (token.is_softhsm && size % 8) {
		observe_deviation(mechanism_text(mechanism->mechanism), "another result", "it fills secrets up to eight bytes before it pads");
		return;
	}
	CU_ASSERT(wrapped_size == want_size && memcmp(wrapped, want, want_size) == 0);
	unwraps_to(session, mechanism, key, wrapped, wrapped_size, type, known_key + 8, size);
}

static void rsa_wraps(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, int padding, const char *digest)
{
	CK_BYTE wrapped[2048], back[256];
	if (!tries(mechanism->mechanism, CKF_WRAP))
		return;
	struct key_pair rsa = import_rsa(session);
	CK_ULONG size = wraps(session, mechanism, rsa.public_key, import_secret(session, CKK_AES, known_key, 16), wrapped);
	CU_ASSERT_EQUAL_FATAL(size, 256);
	CU_ASSERT(reference_rsa_decrypt(padding, digest, wrapped, size, back) == 16 && memcmp(back, known_key, 16) == 0);
	unwraps_to(session, mechanism, rsa.private_key, wrapped, size, CKK_AES, known_key, 16);
}

void secret_keys_are_wrapped_and_unwrapped(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_RSA_PKCS_OAEP_PARAMS sha1 = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
	CK_MECHANISM kw = { CKM_AES_KEY_WRAP, NULL, 0 }, kwp = { CKM_AES_KEY_WRAP_PAD, NULL, 0 }, cbc = { CKM_AES_CBC, iv, 16 },
		pad = { CKM_AES_CBC_PAD, iv, 16 }, ecb = { CKM_AES_ECB, NULL, 0 }, des = { CKM_DES3_CBC, iv, 8 },
		des_pad = { CKM_DES3_CBC_PAD, iv, 8 }, pkcs = { CKM_RSA_PKCS, NULL, 0 }, oaep = { CKM_RSA_PKCS_OAEP, &sha1, sizeof sha1 };
	wraps_as_openssl(session, &kw, "AES-256-WRAP", CKK_AES, 24);
	wraps_as_openssl(session, &kwp, "AES-256-WRAP-PAD", CKK_AES, 32);
	wraps_as_openssl(session, &kwp, "AES-256-WRAP-PAD", CKK_GENERIC_SECRET, 24);
	if (token.is_softhsm) /* which shows through a slot, too, whose token it is */
		wraps_as_openssl(session, &kwp, "AES-256-WRAP-PAD", CKK_GENERIC_SECRET, 21);
	wraps_as_openssl(session, &cbc, "AES-256-CBC", CKK_AES, 16);
	wraps_as_openssl(session, &pad, "AES-256-CBC", CKK_GENERIC_SECRET, 21);
	wraps_as_openssl(session, &ecb, "AES-256-ECB", CKK_AES, 32);
	wraps_as_openssl(session, &des, "DES-EDE3-CBC", CKK_AES, 16);
	wraps_as_openssl(session, &des_pad, "DES-EDE3-CBC", CKK_AES, 16);
	rsa_wraps(session, &pkcs, RSA_PKCS1_PADDING, NULL);
	rsa_wraps(session, &oaep, RSA_PKCS1_OAEP_PADDING, "SHA1");
	session_close(session);
}

/* What comes back signs what the half that stayed verifies. */
static void private_key_comes_back(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, struct key_pair pair, CK_KEY_TYPE type,
                                   CK_MECHANISM_TYPE signature_type)
{
	CK_BYTE wrapped[2048], *data = (CK_BYTE_PTR)(uintptr_t)known_data;
	CK_MECHANISM sign = { signature_type, NULL, 0 };
	CK_OBJECT_HANDLE key = import_secret(session, CKK_AES, known_key, 32), back = CK_INVALID_HANDLE;
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_ULONG(CKA_KEY_TYPE, type), ATTR_BOOL(CKA_SIGN, CK_TRUE));
	CK_ULONG size = wraps(session, mechanism, key, pair.private_key, wrapped);
	EXPECT(P11->C_UnwrapKey(session, mechanism, key, wrapped, size, template_, COUNT(template_), &back), CKR_OK);
	struct result signature = at_once(signing(), session, &sign, back, PIECE(known_data, 32));
	EXPECT(P11->C_VerifyInit(session, &sign, pair.public_key), CKR_OK);
	EXPECT(P11->C_Verify(session, data, 32, signature.bytes, signature.size), CKR_OK);
}

void private_keys_are_wrapped_and_unwrapped(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_MECHANISM mechanisms[] = { { CKM_AES_KEY_WRAP_PAD, NULL, 0 }, { CKM_AES_CBC_PAD, iv, 16 } };
	for (size_t i = 0; i < COUNT(mechanisms); i++) {
		if (!is_offered(mechanisms[i].mechanism, CKF_WRAP) || !is_offered(mechanisms[i].mechanism, CKF_UNWRAP))
			continue;
		private_key_comes_back(session, &mechanisms[i], import_rsa(session), CKK_RSA, CKM_RSA_PKCS);
		private_key_comes_back(session, &mechanisms[i], import_ec(session), CKK_EC, CKM_ECDSA);
	}
	session_close(session);
}

/* ---- deriving */

static void derives_to(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, void *parameter, CK_ULONG parameter_size,
                       CK_OBJECT_HANDLE base, const CK_BYTE *want, CK_ULONG want_size)
{
	CK_MECHANISM mechanism = { type, parameter, parameter_size };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	TEMPLATE(template_, OPEN_SECRET(CKK_GENERIC_SECRET), ATTR_ULONG(CKA_VALUE_LEN, want_size));
	EXPECT(P11->C_DeriveKey(session, &mechanism, base, template_, COUNT(template_), &key), CKR_OK);
	CU_ASSERT(has_value(session, key, want, want_size));
	works(type, "derive");
}

static void derives_by_encrypting(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, const char *cipher, CK_KEY_TYPE key_type,
                                  CK_ULONG key_size)
{
	CK_BYTE want[64], thrice[24];
	struct { CK_BYTE iv[16]; CK_BYTE_PTR data; CK_ULONG size; } aes = { { 0 }, (CK_BYTE_PTR)(uintptr_t)known_data, 32 };
	struct { CK_BYTE iv[8]; CK_BYTE_PTR data; CK_ULONG size; } des = { { 0 }, (CK_BYTE_PTR)(uintptr_t)known_data, 32 };
	CK_KEY_DERIVATION_STRING_DATA ecb = { (CK_BYTE_PTR)(uintptr_t)known_data, 32 };
	if (!tries(type, CKF_DERIVE))
		return;
	for (size_t i = 0; i < sizeof thrice; i++)
		thrice[i] = known_key[i % 8];
	memcpy(aes.iv, iv, 16);
	memcpy(des.iv, iv, 8);
	struct reference_cipher how = { .name = cipher, .key = key_type == CKK_DES ? thrice : known_key, .iv = iv };
	reference_encrypt(&how, known_data, 32, want);
	CK_OBJECT_HANDLE base = import_secret(session, key_type, known_key, key_size);
	if (strstr(cipher, "ECB"))
		derives_to(session, type, &ecb, sizeof ecb, base, want, 32);
	else if (key_type == CKK_AES)
		derives_to(session, type, &aes, sizeof aes, base, want, 32);
	else
		derives_to(session, type, &des, sizeof des, base, want, 32);
}

static void derives_by_joining(CK_SESSION_HANDLE session)
{
	CK_KEY_DERIVATION_STRING_DATA data = { (CK_BYTE_PTR)(uintptr_t)known_data, 16 };
	CK_OBJECT_HANDLE base = import_secret(session, CKK_GENERIC_SECRET, known_key, 16),
		other = import_secret(session, CKK_GENERIC_SECRET, known_key + 16, 16);
	CK_BYTE want[32];
	memcpy(want, known_key, 32);
	if (tries(CKM_CONCATENATE_BASE_AND_KEY, CKF_DERIVE))
		derives_to(session, CKM_CONCATENATE_BASE_AND_KEY, &other, sizeof other, base, want, 32);
	memcpy(want + 16, known_data, 16);
	if (tries(CKM_CONCATENATE_BASE_AND_DATA, CKF_DERIVE))
		derives_to(session, CKM_CONCATENATE_BASE_AND_DATA, &data, sizeof data, base, want, 32);
	memcpy(want, known_data, 16);
	memcpy(want + 16, known_key, 16);
	if (tries(CKM_CONCATENATE_DATA_AND_BASE, CKF_DERIVE))
		derives_to(session, CKM_CONCATENATE_DATA_AND_BASE, &data, sizeof data, base, want, 32);
	for (size_t i = 0; i < 16; i++)
		want[i] = known_key[i] ^ known_data[i];
	if (tries(CKM_XOR_BASE_AND_DATA, CKF_DERIVE))
		derives_to(session, CKM_XOR_BASE_AND_DATA, &data, sizeof data, base, want, 16);
}

void keys_are_derived_from_data(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	derives_by_encrypting(session, CKM_AES_ECB_ENCRYPT_DATA, "AES-128-ECB", CKK_AES, 16);
	derives_by_encrypting(session, CKM_AES_CBC_ENCRYPT_DATA, "AES-128-CBC", CKK_AES, 16);
	derives_by_encrypting(session, CKM_DES3_ECB_ENCRYPT_DATA, "DES-EDE3-ECB", CKK_DES3, 24);
	derives_by_encrypting(session, CKM_DES3_CBC_ENCRYPT_DATA, "DES-EDE3-CBC", CKK_DES3, 24);
	derives_by_encrypting(session, CKM_DES_ECB_ENCRYPT_DATA, "DES-EDE3-ECB", CKK_DES, 8);
	derives_by_encrypting(session, CKM_DES_CBC_ENCRYPT_DATA, "DES-EDE3-CBC", CKK_DES, 8);
	derives_by_joining(session);
	session_close(session);
}

static size_t reference_ecdh(EVP_PKEY *peer, CK_BYTE *out)
{
	size_t size = 32;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, reference_ec(), NULL);
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_derive_init(context), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_derive_set_peer(context, peer), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_derive(context, out, &size), 1);
	EVP_PKEY_CTX_free(context);
	return size;
}

static void ecdh_agrees(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type)
{
	CK_BYTE want[32], point[65];
	size_t point_size = 0;
	EVP_PKEY *peer = EVP_EC_gen("P-256");
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, 65, &point_size), 1);
	CK_ECDH1_DERIVE_PARAMS parameter = { CKD_NULL, 0, NULL, (CK_ULONG)point_size, point };
	CK_ULONG size = (CK_ULONG)reference_ecdh(peer, want);
	derives_to(session, type, &parameter, sizeof parameter, import_ec(session).private_key, want, size);
	EVP_PKEY_free(peer);
}

static struct key_pair make_dh(CK_SESSION_HANDLE session, CK_ATTRIBUTE *group, CK_ATTRIBUTE *value)
{
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_MECHANISM mechanism = { CKM_DH_PKCS_KEY_PAIR_GEN, NULL, 0 };
	TEMPLATE(private_key, ATTR_BOOL(CKA_DERIVE, CK_TRUE));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, group, 2, private_key, 1, &pair.public_key, &pair.private_key), CKR_OK);
	EXPECT(P11->C_GetAttributeValue(session, pair.public_key, value, 1), CKR_OK);
	return pair;
}

/* Two keys of a group come to the same secret. */
static void diffie_hellman_agrees(CK_SESSION_HANDLE session)
{
	CK_BYTE prime[256], base[] = { 2 }, one[256], two[256], secret[256];
	CK_ULONG prime_size = (CK_ULONG)reference_dh_prime(prime);
	TEMPLATE(group, { CKA_PRIME, prime, prime_size }, ATTR_BYTES(CKA_BASE, base));
	CK_ATTRIBUTE one_value = { CKA_VALUE, one, sizeof one }, two_value = { CKA_VALUE, two, sizeof two }, value = { CKA_VALUE, secret, sizeof secret };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	struct key_pair mine = make_dh(session, group, &one_value), yours = make_dh(session, group, &two_value);
	CK_MECHANISM mechanism = { CKM_DH_PKCS_DERIVE, two, two_value.ulValueLen };
	TEMPLATE(template_, OPEN_SECRET(CKK_GENERIC_SECRET), ATTR_ULONG(CKA_VALUE_LEN, 256));
	EXPECT(P11->C_DeriveKey(session, &mechanism, mine.private_key, template_, COUNT(template_), &key), CKR_OK);
	EXPECT(P11->C_GetAttributeValue(session, key, &value, 1), CKR_OK);
	derives_to(session, CKM_DH_PKCS_DERIVE, one, one_value.ulValueLen, yours.private_key, secret, value.ulValueLen);
}

void keys_are_agreed_on(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	if (tries(CKM_ECDH1_DERIVE, CKF_DERIVE))
		ecdh_agrees(session, CKM_ECDH1_DERIVE);
	if (tries(CKM_ECDH1_COFACTOR_DERIVE, CKF_DERIVE))
		ecdh_agrees(session, CKM_ECDH1_COFACTOR_DERIVE);
	if (tries(CKM_DH_PKCS_DERIVE, CKF_DERIVE))
		diffie_hellman_agrees(session);
	session_close(session);
}
