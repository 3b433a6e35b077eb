/* A length that is said without asking a token is the one that the token would say. */
#include "tests/check.h"
#include "wire/mechanism_table.h"

static size_t size_of(const Craton__Mechanism *mechanism, CK_FLAGS use, const struct attribute_list *key, size_t input, bool *exact)
{
	return mechanism_result_size(mechanism, use, key, input, exact);
}

static size_t plain(CK_MECHANISM_TYPE type, CK_FLAGS use, const struct attribute_list *key, size_t input)
{
	Craton__Mechanism mechanism;
	bool exact;
	craton__mechanism__init(&mechanism);
	mechanism.type = type;
	return size_of(&mechanism, use, key, input, &exact);
}

static void a_signature_is_as_long_as_its_key_makes_it(void)
{
	struct attribute_list key = { 0 };
	CU_ASSERT_EQUAL(plain(CKM_SHA256_RSA_PKCS, CKF_SIGN, &key, 100), SIZE_MAX);
	attribute_list_set_ulong(&key, CKA_MODULUS_BITS, 2048);
	CU_ASSERT_EQUAL(plain(CKM_SHA256_RSA_PKCS, CKF_SIGN, &key, 100), 256);
	attribute_list_set_ulong(&key, CKA_MODULUS_BITS, 2047);
	CU_ASSERT_EQUAL(plain(CKM_RSA_PKCS_PSS, CKF_SIGN, &key, 32), 256);
	attribute_list_set(&key, CKA_MODULUS, "\0\0\x80" "1234567", 10);
	CU_ASSERT_EQUAL(plain(CKM_RSA_PKCS, CKF_SIGN, &key, 1), 8);
	attribute_list_finish(&key);
	attribute_list_set(&key, CKA_EC_PARAMS, "\x06\x05\x2b\x81\x04\x00\x23", 7);
	CU_ASSERT_EQUAL(plain(CKM_ECDSA_SHA512, CKF_SIGN, &key, 100), 132);
	attribute_list_set(&key, CKA_EC_PARAMS, "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10);
	CU_ASSERT_EQUAL(plain(CKM_ECDSA, CKF_SIGN, &key, 32), 64);
	attribute_list_set(&key, CKA_EC_PARAMS, "\x06\x01\x2b", 3);
	CU_ASSERT_EQUAL(plain(CKM_ECDSA, CKF_SIGN, &key, 32), SIZE_MAX);
	attribute_list_finish(&key);
	CU_ASSERT_EQUAL(plain(CKM_SHA256_HMAC, CKF_SIGN, &key, 5), 32);
	CU_ASSERT_EQUAL(plain(CKM_AES_CMAC, CKF_SIGN, &key, 5), 16);
	CU_ASSERT_EQUAL(plain(CKM_AES_GMAC, CKF_SIGN, &key, 5), 16);
	CU_ASSERT_EQUAL(plain(CKM_POLY1305, CKF_SIGN, &key, 5), 16);
	CU_ASSERT_EQUAL(plain(CKM_SHA3_512_HMAC, CKF_SIGN, &key, 5), 64);
	CU_ASSERT_EQUAL(plain(CKM_SHA512_224_HMAC, CKF_SIGN, &key, 5), 28);
	CU_ASSERT_EQUAL(plain(CKM_SHA384, CKF_DIGEST, &key, 5), 48);
	CU_ASSERT_EQUAL(plain(CKM_VENDOR_DEFINED | 1, CKF_SIGN, &key, 5), SIZE_MAX);
}

static void an_edwards_signature_is_as_long_as_rfc_8032_says(void)
{
	struct attribute_list key = { 0 };
	attribute_list_set(&key, CKA_EC_PARAMS, "\x06\x03\x2b\x65\x70", 5);
	CU_ASSERT_EQUAL(plain(CKM_EDDSA, CKF_SIGN, &key, 100), 64);
	attribute_list_set(&key, CKA_EC_PARAMS, "\x06\x03\x2b\x65\x71", 5);
	CU_ASSERT_EQUAL(plain(CKM_EDDSA, CKF_SIGN, &key, 100), 114);
	attribute_list_set(&key, CKA_EC_PARAMS, "\x13\x0c" "edwards25519", 14);
	CU_ASSERT_EQUAL(plain(CKM_EDDSA, CKF_SIGN, &key, 100), 64);
	attribute_list_finish(&key);
}

static void what_is_recovered_is_at_most_the_modulus(void)
{
	struct attribute_list key = { 0 };
	Craton__Mechanism mechanism;
	bool exact;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_RSA_PKCS;
	attribute_list_set_ulong(&key, CKA_MODULUS_BITS, 2048);
	CU_ASSERT(size_of(&mechanism, CKF_SIGN_RECOVER, &key, 20, &exact) == 256 && exact);
	CU_ASSERT(size_of(&mechanism, CKF_VERIFY_RECOVER, &key, 256, &exact) == 256 && !exact);
	mechanism.type = CKM_RSA_X_509;
	CU_ASSERT(size_of(&mechanism, CKF_VERIFY_RECOVER, &key, 256, &exact) == 256 && exact);
	attribute_list_finish(&key);
}

static void a_mac_is_as_long_as_its_parameter_says(void)
{
	struct attribute_list key = { 0 };
	Craton__Mechanism mechanism;
	bool exact;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_SHA256_HMAC_GENERAL;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_SIGN, &key, 9, &exact), SIZE_MAX);
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_NUMBER;
	mechanism.number = 10;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_SIGN, &key, 9, &exact), 10);
	mechanism.number = 33;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_SIGN, &key, 9, &exact), SIZE_MAX);
}

static void a_ciphertexts_length_follows_from_the_plaintexts(void)
{
	struct attribute_list key = { 0 };
	CU_ASSERT_EQUAL(plain(CKM_AES_CBC, CKF_ENCRYPT, &key, 32), 32);
	CU_ASSERT_EQUAL(plain(CKM_AES_CTR, CKF_ENCRYPT, &key, 33), 33);
	CU_ASSERT_EQUAL(plain(CKM_AES_CBC_PAD, CKF_ENCRYPT, &key, 0), 16);
	CU_ASSERT_EQUAL(plain(CKM_AES_CBC_PAD, CKF_ENCRYPT, &key, 15), 16);
	CU_ASSERT_EQUAL(plain(CKM_AES_CBC_PAD, CKF_ENCRYPT, &key, 16), 32);
	CU_ASSERT_EQUAL(plain(CKM_DES3_CBC_PAD, CKF_ENCRYPT, &key, 16), 24);
	CU_ASSERT_EQUAL(plain(CKM_AES_KEY_WRAP_PAD, CKF_WRAP, &key, 17), 32);
	CU_ASSERT_EQUAL(plain(CKM_AES_KEY_WRAP, CKF_WRAP, &key, 16), 24);
	CU_ASSERT_EQUAL(plain(CKM_AES_KEY_WRAP_KWP, CKF_WRAP, &key, 17), 32);
	CU_ASSERT_EQUAL(plain(CKM_AES_KEY_WRAP_PKCS7, CKF_WRAP, &key, 16), 32);
	CU_ASSERT_EQUAL(plain(CKM_AES_KEY_WRAP_PKCS7, CKF_WRAP, &key, 17), 32);
	CU_ASSERT_EQUAL(plain(CKM_AES_CBC_PAD, CKF_ENCRYPT, &key, SIZE_MAX), SIZE_MAX);
}

static void a_plaintexts_length_is_exact_only_if_nothing_is_padded(void)
{
	struct attribute_list key = { 0 };
	Craton__Mechanism mechanism;
	bool exact;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_AES_CBC_PAD;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_DECRYPT, &key, 32, &exact), 32);
	CU_ASSERT(!exact);
	mechanism.type = CKM_AES_CBC;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_DECRYPT, &key, 32, &exact), 32);
	CU_ASSERT(exact);
	attribute_list_set_ulong(&key, CKA_MODULUS_BITS, 2048);
	mechanism.type = CKM_RSA_PKCS_OAEP;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_DECRYPT, &key, 256, &exact), 256);
	CU_ASSERT(!exact);
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact), 256);
	CU_ASSERT(exact);
	attribute_list_finish(&key);
}

static void gcm_adds_its_tag_and_takes_it_off(void)
{
	struct attribute_list key = { 0 };
	Craton__Mechanism mechanism;
	Craton__GcmParameter gcm = CRATON__GCM_PARAMETER__INIT;
	bool exact;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_AES_GCM;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact), SIZE_MAX);
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_GCM;
	mechanism.gcm = &gcm;
	gcm.tag_bits = 96;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact), 17);
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_DECRYPT, &key, 17, &exact), 5);
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_DECRYPT, &key, 3, &exact), 0);
	gcm.iv_size = 12; /* which may come out with the rest */
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact), SIZE_MAX);
	gcm.iv_size = 0;
	gcm.tag_bits = 1000;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact), SIZE_MAX);
}

static void ccm_and_poly1305_have_tags_too(void)
{
	struct attribute_list key = { 0 };
	Craton__Mechanism mechanism;
	Craton__CcmParameter ccm = CRATON__CCM_PARAMETER__INIT;
	Craton__ChachaPolyParameter poly = CRATON__CHACHA_POLY_PARAMETER__INIT;
	bool exact;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_AES_CCM;
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_CCM;
	mechanism.ccm = &ccm;
	ccm.mac_size = 8;
	CU_ASSERT(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact) == 13 && exact);
	CU_ASSERT(size_of(&mechanism, CKF_DECRYPT, &key, 13, &exact) == 5 && exact);
	ccm.mac_size = 17;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact), SIZE_MAX);
	mechanism.type = CKM_CHACHA20_POLY1305;
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_CHACHA_POLY;
	mechanism.chacha_poly = &poly;
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_ENCRYPT, &key, 5, &exact), 21);
	CU_ASSERT_EQUAL(size_of(&mechanism, CKF_DECRYPT, &key, 21, &exact), 5);
}

TESTS("wire: result size",
	SAY(a_signature_is_as_long_as_its_key_makes_it),
	SAY(a_mac_is_as_long_as_its_parameter_says),
	SAY(a_ciphertexts_length_follows_from_the_plaintexts),
	SAY(a_plaintexts_length_is_exact_only_if_nothing_is_padded),
	SAY(gcm_adds_its_tag_and_takes_it_off),
	SAY(ccm_and_poly1305_have_tags_too),
	SAY(an_edwards_signature_is_as_long_as_rfc_8032_says),
	SAY(what_is_recovered_is_at_most_the_modulus))
