/* The attribute rules of what is made: what templates must say, may say, and give. */
#include "tests/unit/node/rules_asks.h"

static void a_generated_key_has_everything_the_standard_lists(void)
{
	struct attribute_list key = generated(aes_to_generate());
	CU_ASSERT_EQUAL(attribute_list_ulong(&key, CKA_CLASS, 0), CKO_SECRET_KEY);
	CU_ASSERT_EQUAL(attribute_list_ulong(&key, CKA_KEY_TYPE, 0), CKK_AES);
	CU_ASSERT_EQUAL(attribute_list_ulong(&key, CKA_VALUE_LEN, 0), 32);
	CU_ASSERT_EQUAL(attribute_list_ulong(&key, CKA_KEY_GEN_MECHANISM, 0), CKM_AES_KEY_GEN);
	static const CK_ATTRIBUTE_TYPE yes[] = { CKA_PRIVATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE, CKA_ENCRYPT, CKA_DECRYPT,
		CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_LOCAL, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE };
	static const CK_ATTRIBUTE_TYPE no[] = { CKA_TOKEN, CKA_DERIVE, CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_TRUSTED };
	static const CK_ATTRIBUTE_TYPE empty[] = { CKA_LABEL, CKA_ID, CKA_START_DATE, CKA_END_DATE, CKA_ALLOWED_MECHANISMS,
		CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE };
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		CU_ASSERT(is_true(&key, yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		CU_ASSERT(is_false(&key, no[i]));
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
		CU_ASSERT(has(&key, empty[i]) && attribute_list_get(&key, empty[i])->value.len == 0);
	const Craton__Attribute *unique = attribute_list_get(&key, CKA_UNIQUE_ID);
	CU_ASSERT(unique && unique->value.len == 32 && !memcmp(unique->value.data, "ab01000000", 10));
	attribute_list_finish(&key);
}

static void a_key_pair_shares_what_the_public_template_says(void)
{
	struct attribute_list ask_public = { 0 }, ask_private = { 0 }, public_key, private_key;
	set(&ask_public, CKA_EC_PARAMS, P256);
	set(&ask_private, CKA_LABEL, "mine", 4);
	set_bool(&ask_private, CKA_TOKEN, true);
	CU_ASSERT_EQUAL_FATAL(rules_generate_pair(&user, CKM_EC_KEY_PAIR_GEN, &ask_public, &id, &ask_private, &other_id,
	                                          &public_key, &private_key), CKR_OK);
	CU_ASSERT(is_false(&public_key, CKA_PRIVATE));
	CU_ASSERT(is_false(&public_key, CKA_TOKEN));
	CU_ASSERT(is_true(&public_key, CKA_VERIFY));
	CU_ASSERT(!has(&public_key, CKA_SIGN));
	CU_ASSERT(!has(&public_key, CKA_EC_POINT)); /* only the token knows */
	CU_ASSERT(is_true(&private_key, CKA_PRIVATE));
	CU_ASSERT(is_true(&private_key, CKA_TOKEN));
	CU_ASSERT(is_true(&private_key, CKA_SIGN));
	CU_ASSERT(is_true(&private_key, CKA_ALWAYS_SENSITIVE));
	CU_ASSERT(is_false(&private_key, CKA_ALWAYS_AUTHENTICATE));
	CU_ASSERT(has(&private_key, CKA_EC_PARAMS));
	CU_ASSERT(memcmp(attribute_list_get(&private_key, CKA_UNIQUE_ID)->value.data, "cd02", 4) == 0);
	attribute_list_finish(&public_key);
	attribute_list_finish(&private_key);
	attribute_list_finish(&ask_public);
	set_ulong(&ask_public, CKA_MODULUS_BITS, 2048);
	CU_ASSERT_EQUAL_FATAL(rules_generate_pair(&user, CKM_RSA_PKCS_KEY_PAIR_GEN, &ask_public, &id, &ask_private, &other_id,
	                                          &public_key, &private_key), CKR_OK);
	CU_ASSERT_EQUAL(attribute_list_get(&public_key, CKA_PUBLIC_EXPONENT)->value.len, 3);
	CU_ASSERT(has(&private_key, CKA_PUBLIC_EXPONENT));
	attribute_list_finish(&public_key);
	attribute_list_finish(&private_key);
	/* One half that is refused leaves none. */
	set_bool(&ask_private, CKA_VERIFY, true);
	CU_ASSERT_EQUAL(rules_generate_pair(&user, CKM_RSA_PKCS_KEY_PAIR_GEN, &ask_public, &id, &ask_private, &other_id,
	                                    &public_key, &private_key), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT(public_key.count == 0 && private_key.count == 0);
	attribute_list_finish(&ask_public);
	attribute_list_finish(&ask_private);
}

static void what_must_be_said_is_missed(void)
{
	struct attribute_list none = { 0 };
	CU_ASSERT_EQUAL(creating(&user, none), CKR_TEMPLATE_INCOMPLETE);
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_KEY_GEN, none), CKR_TEMPLATE_INCOMPLETE);
	static const CK_ATTRIBUTE_TYPE of_certificate[] = { CKA_CLASS, CKA_CERTIFICATE_TYPE, CKA_SUBJECT, CKA_VALUE };
	static const CK_ATTRIBUTE_TYPE of_key[] = { CKA_CLASS, CKA_KEY_TYPE, CKA_VALUE };
	static const CK_ATTRIBUTE_TYPE of_rsa[] = { CKA_MODULUS, CKA_PUBLIC_EXPONENT };
	for (size_t i = 0; i < 4; i++) {
		struct attribute_list wanted = certificate_to_create();
		attribute_list_remove(&wanted, of_certificate[i]);
		CU_ASSERT_EQUAL(creating(&user, wanted), CKR_TEMPLATE_INCOMPLETE);
	}
	for (size_t i = 0; i < 3; i++) {
		struct attribute_list wanted = aes_to_create();
		attribute_list_remove(&wanted, of_key[i]);
		CU_ASSERT_EQUAL(creating(&user, wanted), CKR_TEMPLATE_INCOMPLETE);
	}
	for (size_t i = 0; i < 2; i++) {
		struct attribute_list wanted = rsa_public_to_create();
		attribute_list_remove(&wanted, of_rsa[i]);
		CU_ASSERT_EQUAL(creating(&user, wanted), CKR_TEMPLATE_INCOMPLETE);
	}
}

static void what_must_not_be_said_is_refused(void)
{
	struct attribute_list wanted = aes_to_create();
	set_bool(&wanted, CKA_LOCAL, true);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_READ_ONLY);
	wanted = aes_to_create();
	set_ulong(&wanted, CKA_VALUE_LEN, 16);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_READ_ONLY);
	wanted = aes_to_create();
	set(&wanted, CKA_UNIQUE_ID, "mine", 4);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_READ_ONLY);
	wanted = aes_to_create();
	set(&wanted, CKA_MODULUS, "m", 1);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_TYPE_INVALID);
	wanted = aes_to_create();
	set(&wanted, CKA_VENDOR_DEFINED | 5, "m", 1);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_TYPE_INVALID);
	wanted = aes_to_generate();
	set(&wanted, CKA_VALUE, "0123456789abcdef", 16);
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_KEY_GEN, wanted), CKR_ATTRIBUTE_READ_ONLY);
	wanted = aes_to_generate();
	set_bool(&wanted, CKA_NEVER_EXTRACTABLE, true);
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_KEY_GEN, wanted), CKR_ATTRIBUTE_READ_ONLY);
}

static void what_contradicts_itself_is_refused(void)
{
	struct attribute_list wanted = aes_to_generate();
	set_ulong(&wanted, CKA_KEY_TYPE, CKK_EC);
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_KEY_GEN, wanted), CKR_TEMPLATE_INCONSISTENT);
	wanted = aes_to_generate();
	set_ulong(&wanted, CKA_CLASS, CKO_PRIVATE_KEY);
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_KEY_GEN, wanted), CKR_TEMPLATE_INCONSISTENT);
	wanted = ec_private_to_create();
	set_bool(&wanted, CKA_PRIVATE, false);
	set_bool(&wanted, CKA_ALWAYS_AUTHENTICATE, true);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_TEMPLATE_INCONSISTENT);
	wanted = aes_to_generate();
	set_ulong(&wanted, CKA_CLASS, CKO_SECRET_KEY); /* said again is no contradiction */
	set_ulong(&wanted, CKA_KEY_TYPE, CKK_AES);
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_KEY_GEN, wanted), CKR_OK);
}

static void a_value_that_cannot_be_is_refused(void)
{
	struct attribute_list wanted = aes_to_create();
	set(&wanted, CKA_VALUE, "12345", 5);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
	wanted = aes_to_generate();
	set_ulong(&wanted, CKA_VALUE_LEN, 5);
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_KEY_GEN, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
	wanted = aes_to_generate();
	set_ulong(&wanted, CKA_VALUE_LEN, 0);
	CU_ASSERT_EQUAL(generating(&user, CKM_GENERIC_SECRET_KEY_GEN, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
	wanted = rsa_public_to_create();
	set(&wanted, CKA_MODULUS, "", 0);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
	wanted = data_to_create();
	set_ulong(&wanted, CKA_CLASS, 77);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
	wanted = certificate_to_create();
	set_ulong(&wanted, CKA_CERTIFICATE_TYPE, 77);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void a_mechanism_that_makes_no_such_key_is_refused(void)
{
	CU_ASSERT_EQUAL(generating(&user, CKM_AES_CBC, aes_to_generate()), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(generating(&user, CKM_EC_KEY_PAIR_GEN, aes_to_generate()), CKR_MECHANISM_INVALID);
	/* One that we know nothing of: the template says what it makes. */
	CU_ASSERT_EQUAL(generating(&user, CKM_VENDOR_DEFINED | 7, aes_to_generate()), CKR_TEMPLATE_INCOMPLETE);
	struct attribute_list wanted = aes_to_generate();
	set_ulong(&wanted, CKA_KEY_TYPE, CKK_VENDOR_DEFINED | 7);
	set(&wanted, CKA_VENDOR_DEFINED | 9, "x", 1);
	CU_ASSERT_EQUAL(generating(&user, CKM_VENDOR_DEFINED | 7, wanted), CKR_OK);
}

static void lengths_of_what_is_imported_are_computed(void)
{
	struct attribute_list key = made(&user, rsa_public_to_create());
	CU_ASSERT_EQUAL(attribute_list_ulong(&key, CKA_MODULUS_BITS, 0), 70); /* 0x3f: six bits, and eight bytes */
	CU_ASSERT(is_false(&key, CKA_LOCAL));
	CU_ASSERT_EQUAL(attribute_list_ulong(&key, CKA_KEY_GEN_MECHANISM, 0), CK_UNAVAILABLE_INFORMATION);
	attribute_list_finish(&key);
	key = made(&user, aes_to_create());
	CU_ASSERT_EQUAL(attribute_list_ulong(&key, CKA_VALUE_LEN, 0), 16);
	CU_ASSERT(is_true(&key, CKA_SENSITIVE));
	CU_ASSERT(is_false(&key, CKA_ALWAYS_SENSITIVE));
	CU_ASSERT(is_false(&key, CKA_NEVER_EXTRACTABLE));
	attribute_list_finish(&key);
}

static void a_certificate_gets_its_check_value_and_may_not_lie_about_it(void)
{
	struct attribute_list certificate = made(&anyone, certificate_to_create());
	const Craton__Attribute *check = attribute_list_get(&certificate, CKA_CHECK_VALUE);
	CU_ASSERT(check && check->value.len == 3 && !memcmp(check->value.data, "\xa9\x99\x3e", 3)); /* SHA-1("abc") */
	CU_ASSERT(is_false(&certificate, CKA_PRIVATE));
	attribute_list_finish(&certificate);
	struct attribute_list wanted = certificate_to_create();
	set(&wanted, CKA_CHECK_VALUE, "\xa9\x99\x3f", 3);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
	/* By reference: then hashes must say which. */
	wanted = certificate_to_create();
	set(&wanted, CKA_VALUE, "", 0);
	set(&wanted, CKA_URL, "http://x/", 9);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_TEMPLATE_INCOMPLETE);
	wanted = certificate_to_create();
	set(&wanted, CKA_VALUE, "", 0);
	set(&wanted, CKA_URL, "http://x/", 9);
	set(&wanted, CKA_HASH_OF_SUBJECT_PUBLIC_KEY, "12345678901234567890", 20);
	set(&wanted, CKA_HASH_OF_ISSUER_PUBLIC_KEY, "12345678901234567890", 20);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_OK);
}

static void who_is_logged_in_decides_what_may_be_made(void)
{
	CU_ASSERT_EQUAL(creating(&anyone, aes_to_create()), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(creating(&so, aes_to_create()), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(creating(&anyone, data_to_create()), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(creating(&anyone, certificate_to_create()), CKR_OK);
	struct attribute_list wanted = aes_to_create();
	set_bool(&wanted, CKA_PRIVATE, false);
	CU_ASSERT_EQUAL(creating(&anyone, wanted), CKR_OK);
	wanted = certificate_to_create();
	set_bool(&wanted, CKA_TOKEN, true);
	CU_ASSERT_EQUAL(creating(&reading_user, wanted), CKR_SESSION_READ_ONLY);
	CU_ASSERT_EQUAL(creating(&reading_user, certificate_to_create()), CKR_OK);
	wanted = certificate_to_create();
	set_bool(&wanted, CKA_TRUSTED, true);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_READ_ONLY);
	wanted = certificate_to_create();
	set_bool(&wanted, CKA_TRUSTED, true);
	CU_ASSERT_EQUAL(creating(&so, wanted), CKR_OK);
}

static void an_unwrapped_key_obeys_the_template_of_its_wrapper(void)
{
	struct attribute_list key = with_template(CKA_UNWRAP_TEMPLATE, CKA_EXTRACTABLE, false), wanted = { 0 }, out;
	CU_ASSERT_EQUAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_TEMPLATE_INCOMPLETE);
	set_ulong(&wanted, CKA_CLASS, CKO_SECRET_KEY);
	CU_ASSERT_EQUAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_TEMPLATE_INCOMPLETE);
	set_ulong(&wanted, CKA_KEY_TYPE, CKK_AES);
	CU_ASSERT_EQUAL_FATAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_OK);
	CU_ASSERT(is_false(&out, CKA_EXTRACTABLE));
	CU_ASSERT(is_false(&out, CKA_LOCAL));
	CU_ASSERT(is_false(&out, CKA_NEVER_EXTRACTABLE));
	attribute_list_finish(&out);
	set_bool(&wanted, CKA_EXTRACTABLE, true);
	CU_ASSERT_EQUAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_TEMPLATE_INCONSISTENT);
	attribute_list_remove(&wanted, CKA_EXTRACTABLE);
	set_ulong(&wanted, CKA_VALUE_LEN, 16);
	CU_ASSERT_EQUAL_FATAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&out);
	set(&wanted, CKA_VALUE, "0123456789abcdef", 16);
	CU_ASSERT_EQUAL(rules_unwrap(&user, &key, &wanted, &id, &out), CKR_ATTRIBUTE_READ_ONLY);
	attribute_list_finish(&wanted);
	attribute_list_finish(&key);
}

static void a_derived_key_is_no_less_guarded_than_its_base(void)
{
	struct attribute_list base = generated(aes_to_generate()), wanted = { 0 }, out;
	set_ulong(&wanted, CKA_VALUE_LEN, 16);
	set_ulong(&wanted, CKA_KEY_TYPE, CKK_AES);
	CU_ASSERT_EQUAL_FATAL(rules_derive(&user, CKM_ECDH1_DERIVE, &base, 1, &wanted, &id, &out), CKR_OK);
	CU_ASSERT(is_true(&out, CKA_ALWAYS_SENSITIVE));
	CU_ASSERT(is_true(&out, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT(is_false(&out, CKA_LOCAL));
	CU_ASSERT_EQUAL(attribute_list_ulong(&out, CKA_VALUE_LEN, 0), 16);
	attribute_list_finish(&out);
	set_bool(&base, CKA_ALWAYS_SENSITIVE, false);
	set_bool(&base, CKA_NEVER_EXTRACTABLE, false);
	CU_ASSERT_EQUAL_FATAL(rules_derive(&user, CKM_ECDH1_DERIVE, &base, 1, &wanted, &id, &out), CKR_OK);
	CU_ASSERT(is_false(&out, CKA_ALWAYS_SENSITIVE));
	CU_ASSERT(is_false(&out, CKA_NEVER_EXTRACTABLE));
	attribute_list_finish(&out);
	attribute_list_finish(&wanted);
	attribute_list_finish(&base);
}

static void a_copy_may_be_stricter_but_not_looser(void)
{
	struct attribute_list key = generated(aes_to_generate()), wanted = { 0 }, out;
	set_bool(&wanted, CKA_TOKEN, true);
	set(&wanted, CKA_LABEL, "copy", 4);
	set_bool(&wanted, CKA_SENSITIVE, true); /* as it is */
	CU_ASSERT_EQUAL_FATAL(rules_copy(&user, &key, &wanted, &other_id, &out), CKR_OK);
	CU_ASSERT(is_true(&out, CKA_TOKEN));
	CU_ASSERT(is_true(&out, CKA_LOCAL));
	CU_ASSERT(!memcmp(attribute_list_get(&out, CKA_UNIQUE_ID)->value.data, "cd02", 4));
	attribute_list_finish(&out);
	CU_ASSERT_EQUAL(rules_copy(&reading_user, &key, &wanted, &other_id, &out), CKR_SESSION_READ_ONLY);
	attribute_list_finish(&wanted);
	static const CK_ATTRIBUTE_TYPE to_true[] = { CKA_EXTRACTABLE }, to_false[] = { CKA_SENSITIVE, CKA_LOCAL };
	for (size_t i = 0; i < 3; i++) {
		set_bool(&wanted, i ? to_false[i - 1] : to_true[0], i == 0);
		CU_ASSERT_EQUAL(rules_copy(&user, &key, &wanted, &other_id, &out), CKR_ATTRIBUTE_READ_ONLY);
		attribute_list_finish(&wanted);
	}
	set_bool(&wanted, CKA_PRIVATE, false);
	CU_ASSERT_EQUAL(rules_copy(&user, &key, &wanted, &other_id, &out), CKR_TEMPLATE_INCONSISTENT);
	attribute_list_finish(&wanted);
	CU_ASSERT_EQUAL(rules_copy(&anyone, &key, &wanted, &other_id, &out), CKR_USER_NOT_LOGGED_IN);
	set_bool(&key, CKA_COPYABLE, false);
	CU_ASSERT_EQUAL(rules_copy(&user, &key, &wanted, &other_id, &out), CKR_ACTION_PROHIBITED);
	attribute_list_finish(&key);
}

TESTS("node: rules of making",
	SAY(a_generated_key_has_everything_the_standard_lists),
	SAY(a_key_pair_shares_what_the_public_template_says),
	SAY(what_must_be_said_is_missed),
	SAY(what_must_not_be_said_is_refused),
	SAY(what_contradicts_itself_is_refused),
	SAY(a_value_that_cannot_be_is_refused),
	SAY(a_mechanism_that_makes_no_such_key_is_refused),
	SAY(lengths_of_what_is_imported_are_computed),
	SAY(a_certificate_gets_its_check_value_and_may_not_lie_about_it),
	SAY(who_is_logged_in_decides_what_may_be_made),
	SAY(an_unwrapped_key_obeys_the_template_of_its_wrapper),
	SAY(a_derived_key_is_no_less_guarded_than_its_base),
	SAY(a_copy_may_be_stricter_but_not_looser))
