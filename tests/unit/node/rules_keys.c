/* The attribute rules of keys: what comes out of another key, what one hash allows, what binds a copy, and how large is too large. */
#include "tests/unit/node/rules_asks.h"

/* "The CKA_EXTRACTABLE attribute is by default set to CK_TRUE." Sensitive it stays, as nobody asked to read it. */
static void an_unwrapped_key_is_extractable_and_sensitive_by_default(void)
{
	struct attribute_list key = { 0 }, wanted = of_class(CKO_SECRET_KEY, CKA_KEY_TYPE, CKK_AES), out;
	CU_ASSERT_EQUAL_FATAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_OK);
	CU_ASSERT(is_true(&out, CKA_EXTRACTABLE));
	CU_ASSERT(is_true(&out, CKA_SENSITIVE));
	CU_ASSERT(is_false(&out, CKA_ALWAYS_SENSITIVE));
	CU_ASSERT(is_false(&out, CKA_NEVER_EXTRACTABLE));
	attribute_list_finish(&out);
	attribute_list_finish(&wanted);
}

static struct attribute_list base_key(bool sensitive, bool extractable)
{
	struct attribute_list list = { 0 };
	set_bool(&list, CKA_SENSITIVE, sensitive);
	set_bool(&list, CKA_ALWAYS_SENSITIVE, sensitive);
	set_bool(&list, CKA_EXTRACTABLE, extractable);
	set_bool(&list, CKA_NEVER_EXTRACTABLE, !extractable);
	return list;
}

/* "If either of the two original keys has its CKA_SENSITIVE attribute set to CK_TRUE, so does the derived key." */
static void a_concatenation_is_as_guarded_as_the_more_guarded_part(void)
{
	struct attribute_list keys[2] = { base_key(false, true), base_key(true, false) }, wanted = { 0 }, out;
	CU_ASSERT_EQUAL_FATAL(rules_derive(&user, CKM_CONCATENATE_BASE_AND_KEY, keys, 2, &wanted, &id, &out), CKR_OK);
	CU_ASSERT(is_true(&out, CKA_SENSITIVE));
	CU_ASSERT(is_false(&out, CKA_EXTRACTABLE));
	CU_ASSERT(is_false(&out, CKA_ALWAYS_SENSITIVE));
	CU_ASSERT(is_false(&out, CKA_NEVER_EXTRACTABLE));
	attribute_list_finish(&out);
	set_bool(&wanted, CKA_EXTRACTABLE, true);
	CU_ASSERT_EQUAL(rules_derive(&user, CKM_CONCATENATE_BASE_AND_KEY, keys, 2, &wanted, &id, &out), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(rules_derive(&user, CKM_VENDOR_DEFINED | 1, &keys[1], 1, &wanted, &id, &out), CKR_TEMPLATE_INCONSISTENT);
	/* an agreement lets the template choose */
	CU_ASSERT_EQUAL(rules_derive(&user, CKM_ECDH1_DERIVE, &keys[1], 1, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&out);
	attribute_list_finish(&wanted);
	attribute_list_finish(&keys[0]);
	attribute_list_finish(&keys[1]);
}

static void keys_of_the_third_version_have_tables_too(void)
{
	static const struct {
		CK_KEY_TYPE type;
		size_t size;
		CK_RV rv;
	} keys[] = {
		{ CKK_CHACHA20, 32, CKR_OK }, { CKK_CHACHA20, 16, CKR_ATTRIBUTE_VALUE_INVALID }, { CKK_POLY1305, 32, CKR_OK },
		{ CKK_HKDF, 7, CKR_OK }, { CKK_SHA3_256_HMAC, 20, CKR_OK }, { CKK_AES_XTS, 64, CKR_OK },
		{ CKK_AES_XTS, 24, CKR_ATTRIBUTE_VALUE_INVALID },
	};
	static const char bytes[64] = "a value";
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct attribute_list wanted = of_class(CKO_SECRET_KEY, CKA_KEY_TYPE, keys[i].type);
		set(&wanted, CKA_VALUE, bytes, keys[i].size);
		CU_ASSERT_EQUAL(creating(&user, wanted), keys[i].rv);
	}
	struct attribute_list wanted = of_class(CKO_SECRET_KEY, CKA_KEY_TYPE, CKK_CHACHA20);
	set(&wanted, CKA_VALUE, bytes, 32);
	set(&wanted, CKA_VENDOR_DEFINED | 1, "x", 1);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_TYPE_INVALID);
}

/* CKM_ECDSA_SHA256 is a hash, made where the data is, and CKM_ECDSA. */
static void a_key_for_one_hash_signs_digests_of_that_size_only(void)
{
	static const uint8_t digest[64] = "a digest";
	struct attribute_list key = of_class(CKO_PRIVATE_KEY, CKA_KEY_TYPE, CKK_EC);
	set_bool(&key, CKA_SIGN, true);
	set(&key, CKA_ALLOWED_MECHANISMS, "\x44\x10\0\0\0\0\0\0", 8); /* CKM_ECDSA_SHA256 */
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_SIGN, CKM_ECDSA_SHA256), CKR_OK);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_SIGN, CKM_ECDSA), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(rules_use_data(&user, &key, CKF_SIGN, CKM_ECDSA, (struct bytes){ digest, 32 }), CKR_OK);
	CU_ASSERT_EQUAL(rules_use_data(&user, &key, CKF_SIGN, CKM_ECDSA, (struct bytes){ digest, 48 }), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(rules_use_data(&user, &key, CKF_SIGN, CKM_ECDSA_SHA1, (struct bytes){ digest, 32 }), CKR_MECHANISM_INVALID);
	attribute_list_finish(&key);
}

/* The DigestInfo says which hash it is. */
static void an_rsa_key_for_one_hash_signs_no_other(void)
{
	const struct hash_facts *sha256 = hash_facts(CKM_SHA256);
	uint8_t info[64] = { 0 };
	struct attribute_list key = of_class(CKO_PRIVATE_KEY, CKA_KEY_TYPE, CKK_RSA);
	set_bool(&key, CKA_SIGN, true);
	set(&key, CKA_ALLOWED_MECHANISMS, "\x40\0\0\0\0\0\0\0", 8); /* CKM_SHA256_RSA_PKCS */
	memcpy(info, sha256->info, sha256->info_size);
	struct bytes data = { info, sha256->info_size + sha256->size };
	CU_ASSERT_EQUAL(rules_use_data(&user, &key, CKF_SIGN, CKM_RSA_PKCS, data), CKR_OK);
	info[14] ^= 1;
	CU_ASSERT_EQUAL(rules_use_data(&user, &key, CKF_SIGN, CKM_RSA_PKCS, data), CKR_MECHANISM_INVALID);
	attribute_list_finish(&key);
}

/* What is deciphered is no digest, whatever it looks like. */
static void a_key_for_one_hash_does_nothing_else(void)
{
	const struct hash_facts *sha256 = hash_facts(CKM_SHA256);
	uint8_t info[64] = { 0 };
	struct attribute_list key = of_class(CKO_PRIVATE_KEY, CKA_KEY_TYPE, CKK_RSA);
	set_bool(&key, CKA_DECRYPT, true);
	set_bool(&key, CKA_SIGN_RECOVER, true);
	set(&key, CKA_ALLOWED_MECHANISMS, "\x40\0\0\0\0\0\0\0", 8); /* CKM_SHA256_RSA_PKCS */
	memcpy(info, sha256->info, sha256->info_size);
	struct bytes data = { info, sha256->info_size + sha256->size };
	CU_ASSERT_EQUAL(rules_use_data(&user, &key, CKF_DECRYPT, CKM_RSA_PKCS, data), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(rules_use_data(&user, &key, CKF_SIGN_RECOVER, CKM_RSA_PKCS, data), CKR_MECHANISM_INVALID);
	attribute_list_finish(&key);
}

/* Its value, as any other object's, would not be sealed. */
static void only_keys_come_out_of_a_wrapping(void)
{
	struct attribute_list key = { 0 }, data = { 0 }, public = of_class(CKO_PUBLIC_KEY, CKA_KEY_TYPE, CKK_RSA), out;
	set_ulong(&data, CKA_CLASS, CKO_DATA);
	CU_ASSERT_EQUAL(rules_unwrap(&user, &key, &data, &id, &out), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(rules_unwrap(&user, &key, &public, &id, &out), CKR_ATTRIBUTE_VALUE_INVALID);
	attribute_list_finish(&public);
	attribute_list_finish(&data);
}

/* Of a kind that we cannot know all about: what has the standard's name for a secret is one. */
static void a_vendors_private_key_has_its_secrets_sealed(void)
{
	static const CK_ATTRIBUTE_TYPE secrets[] = { CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1,
	                                             CKA_EXPONENT_2, CKA_COEFFICIENT };
	struct attribute_list wanted = of_class(CKO_PRIVATE_KEY, CKA_KEY_TYPE, CKK_VENDOR_DEFINED | 1), secret;
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		set(&wanted, secrets[i], "secret", 6);
	struct attribute_list key = object_of(wanted);
	CU_ASSERT_EQUAL_FATAL(rules_take_secret(&key, &secret), CKR_OK);
	CU_ASSERT_EQUAL(secret.count, sizeof secrets / sizeof *secrets);
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		CU_ASSERT(!has(&key, secrets[i]));
	rules_wipe(&secret);
	attribute_list_finish(&key);
}

static CK_RV copying(const struct attribute_list *key, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	struct attribute_list wanted = { 0 }, out;
	set(&wanted, type, value, size);
	CK_RV rv = rules_copy(&user, key, &wanted, &other_id, &out);
	attribute_list_finish(&out);
	attribute_list_finish(&wanted);
	return rv;
}

/* Nor does it gain what only the SO gives. */
static void a_copy_does_not_shed_what_binds_a_key(void)
{
	static const CK_ATTRIBUTE_TYPE lists[] = { CKA_ALLOWED_MECHANISMS, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE, CKA_WRAP_TEMPLATE };
	struct attribute_list key = object_of(aes()), wanted = { 0 }, out;
	set(&key, CKA_ALLOWED_MECHANISMS, "\x40\0\0\0\0\0\0\0", 8);
	for (size_t i = 1; i < sizeof lists / sizeof *lists; i++)
		set(&key, lists[i], "\x0a\x04\x08\x03\x12\0", 6); /* {CKA_LABEL: ""} */
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		CU_ASSERT_EQUAL(copying(&key, lists[i], "", 0), CKR_ATTRIBUTE_READ_ONLY);
	set_bool(&key, CKA_WRAP_WITH_TRUSTED, true);
	CU_ASSERT_EQUAL(copying(&key, CKA_WRAP_WITH_TRUSTED, "\0", 1), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(copying(&key, CKA_TRUSTED, "\1", 1), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(copying(&key, CKA_NEVER_EXTRACTABLE, "\1", 1), CKR_ATTRIBUTE_READ_ONLY);
	set_bool(&wanted, CKA_TRUSTED, true);
	set_ulong(&wanted, CKA_VALUE_LEN, 16);
	CU_ASSERT_EQUAL(rules_derive(&user, CKM_AES_ECB_ENCRYPT_DATA, &key, 1, &wanted, &id, &out), CKR_ATTRIBUTE_READ_ONLY);
	attribute_list_finish(&wanted);
	attribute_list_finish(&key);
	key = of_class(CKO_PRIVATE_KEY, CKA_KEY_TYPE, CKK_EC);
	set_bool(&key, CKA_ALWAYS_AUTHENTICATE, true);
	CU_ASSERT_EQUAL(copying(&key, CKA_ALWAYS_AUTHENTICATE, "\0", 1), CKR_ATTRIBUTE_READ_ONLY);
	attribute_list_finish(&key);
}

static struct attribute_list dh_public(size_t prime_size)
{
	static const uint8_t prime[4096] = { 0, 0xff };
	struct attribute_list list = of_class(CKO_PUBLIC_KEY, CKA_KEY_TYPE, CKK_DH);
	set(&list, CKA_PRIME, prime, prime_size);
	set(&list, CKA_BASE, "\2", 1);
	set(&list, CKA_VALUE, "\4", 1);
	return list;
}

/* Zeros before a number do not count. */
static void a_number_is_one_that_a_token_can_compute_with(void)
{
	static const uint8_t exponent[4096] = { 1, 0, 1 };
	struct attribute_list rsa = { 0 }, none = { 0 }, public, private;
	CU_ASSERT_EQUAL(creating(&user, dh_public(2049)), CKR_OK);
	CU_ASSERT_EQUAL(creating(&user, dh_public(2050)), CKR_ATTRIBUTE_VALUE_INVALID);
	set_ulong(&rsa, CKA_MODULUS_BITS, 2048);
	set(&rsa, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
	CU_ASSERT_EQUAL(rules_generate_pair(&user, CKM_RSA_PKCS_KEY_PAIR_GEN, &rsa, &id, &none, &other_id, &public, &private),
	                CKR_ATTRIBUTE_VALUE_INVALID);
	attribute_list_finish(&rsa);
}

static void a_secret_is_no_longer_than_a_token_can_make(void)
{
	struct attribute_list base = base_key(true, false), wanted = { 0 }, out;
	set_ulong(&wanted, CKA_VALUE_LEN, 64u << 10);
	CU_ASSERT_EQUAL(rules_derive(&user, CKM_HKDF_DERIVE, &base, 1, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&out);
	CU_ASSERT_EQUAL(rules_generate(&user, CKM_GENERIC_SECRET_KEY_GEN, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&out);
	set_ulong(&wanted, CKA_VALUE_LEN, (64u << 10) + 1);
	CU_ASSERT_EQUAL(rules_derive(&user, CKM_HKDF_DERIVE, &base, 1, &wanted, &id, &out), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(rules_generate(&user, CKM_GENERIC_SECRET_KEY_GEN, &wanted, &id, &out), CKR_ATTRIBUTE_VALUE_INVALID);
	attribute_list_finish(&wanted);
	attribute_list_finish(&base);
}

/* What a wrapping key's template would give to keys is judged like what an application asks for. */
static void a_template_within_a_key_gives_no_more_than_a_user_may_ask_for(void)
{
	uint8_t packed[64], yes = 1;
	Craton__Attribute attribute = CRATON__ATTRIBUTE__INIT, *list = &attribute;
	Craton__Attributes inner = CRATON__ATTRIBUTES__INIT;
	struct attribute_list key = { 0 }, wanted = of_class(CKO_SECRET_KEY, CKA_KEY_TYPE, CKK_AES), out;
	attribute.type = CKA_TRUSTED;
	attribute.value = (ProtobufCBinaryData){ 1, &yes };
	inner.n_list = 1;
	inner.list = &list;
	set(&key, CKA_UNWRAP_TEMPLATE, packed, craton__attributes__pack(&inner, packed));
	CU_ASSERT_EQUAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_ATTRIBUTE_READ_ONLY);
	attribute_list_finish(&wanted);
	attribute_list_finish(&key);
}

TESTS("node: rules of keys",
	SAY(an_unwrapped_key_is_extractable_and_sensitive_by_default),
	SAY(a_concatenation_is_as_guarded_as_the_more_guarded_part),
	SAY(keys_of_the_third_version_have_tables_too),
	SAY(a_key_for_one_hash_signs_digests_of_that_size_only),
	SAY(an_rsa_key_for_one_hash_signs_no_other),
	SAY(a_key_for_one_hash_does_nothing_else),
	SAY(only_keys_come_out_of_a_wrapping),
	SAY(a_vendors_private_key_has_its_secrets_sealed),
	SAY(a_copy_does_not_shed_what_binds_a_key),
	SAY(a_number_is_one_that_a_token_can_compute_with),
	SAY(a_secret_is_no_longer_than_a_token_can_make),
	SAY(a_template_within_a_key_gives_no_more_than_a_user_may_ask_for))
