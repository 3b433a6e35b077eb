/* The attribute rules: what templates give, what may be read, changed and used. */
#include "tests/unit/node/rules_asks.h"

/* Templates that are good as they are. */
static struct attribute_list aes_to_generate(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_VALUE_LEN, 32);
	return list;
}
static struct attribute_list aes_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_SECRET_KEY);
	set_ulong(&list, CKA_KEY_TYPE, CKK_AES);
	set(&list, CKA_VALUE, "0123456789abcdef", 16);
	return list;
}
static struct attribute_list certificate_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_CERTIFICATE);
	set_ulong(&list, CKA_CERTIFICATE_TYPE, CKC_X_509);
	set(&list, CKA_SUBJECT, "subject", 7);
	set(&list, CKA_VALUE, "abc", 3);
	return list;
}
static struct attribute_list data_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_DATA);
	set(&list, CKA_VALUE, "value", 5);
	return list;
}
static struct attribute_list rsa_public_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_PUBLIC_KEY);
	set_ulong(&list, CKA_KEY_TYPE, CKK_RSA);
	set(&list, CKA_MODULUS, "\0\x3f" "23456789", 10);
	set(&list, CKA_PUBLIC_EXPONENT, "\1\0\1", 3);
	return list;
}
static struct attribute_list ec_private_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_PRIVATE_KEY);
	set_ulong(&list, CKA_KEY_TYPE, CKK_EC);
	set(&list, CKA_EC_PARAMS, P256);
	set(&list, CKA_VALUE, "secret number", 13);
	return list;
}

/* An object made of a template, which is given up. */
static struct attribute_list made(const struct asker *asker, struct attribute_list wanted)
{
	struct attribute_list out;
	CU_ASSERT_EQUAL_FATAL(rules_create(asker, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&wanted);
	return out;
}
static struct attribute_list generated(struct attribute_list wanted)
{
	struct attribute_list out;
	CU_ASSERT_EQUAL_FATAL(rules_generate(&user, CKM_AES_KEY_GEN, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&wanted);
	return out;
}
static CK_RV generating(const struct asker *asker, CK_MECHANISM_TYPE mechanism, struct attribute_list wanted)
{
	struct attribute_list out;
	CK_RV rv = rules_generate(asker, mechanism, &wanted, &id, &out);
	CU_ASSERT(rv == CKR_OK || out.count == 0);
	attribute_list_finish(&out);
	attribute_list_finish(&wanted);
	return rv;
}
static CK_RV changing(const struct asker *asker, const struct attribute_list *before, CK_ATTRIBUTE_TYPE type,
                      const void *value, size_t size)
{
	struct attribute_list changes = { 0 }, out;
	set(&changes, type, value, size);
	CK_RV rv = rules_change(asker, before, &changes, &out);
	if (rv == CKR_OK) {
		const Craton__Attribute *after = attribute_list_get(&out, type);
		CU_ASSERT(after && after->value.len == size);
		CU_ASSERT(out.count >= before->count);
	}
	attribute_list_finish(&out);
	attribute_list_finish(&changes);
	return rv;
}
static CK_RV changing_bool(const struct asker *asker, const struct attribute_list *before, CK_ATTRIBUTE_TYPE type, bool value)
{
	return changing(asker, before, type, value ? "\1" : "\0", 1);
}

/* ---- making */

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

static struct attribute_list with_template(CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE_TYPE inner, bool value)
{
	uint8_t packed[64], byte = value;
	Craton__Attribute attribute = CRATON__ATTRIBUTE__INIT, *list = &attribute;
	Craton__Attributes inner_list = CRATON__ATTRIBUTES__INIT;
	struct attribute_list key = { 0 };
	attribute.type = inner;
	attribute.value = (ProtobufCBinaryData){ 1, &byte };
	inner_list.n_list = 1;
	inner_list.list = &list;
	set(&key, type, packed, craton__attributes__pack(&inner_list, packed));
	return key;
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

/* ---- secrets and reading */

static void secret_parts_leave_the_list(void)
{
	struct attribute_list key = made(&user, ec_private_to_create()), secret;
	CU_ASSERT_EQUAL(rules_take_secret(&key, &secret), CKR_OK);
	CU_ASSERT_EQUAL(secret.count, 1);
	CU_ASSERT(has(&secret, CKA_VALUE) && !has(&key, CKA_VALUE));
	CU_ASSERT(has(&key, CKA_EC_PARAMS));
	CU_ASSERT(rules_is_sealed(&key));
	rules_wipe(&secret);
	attribute_list_finish(&key);
	struct attribute_list certificate = made(&user, certificate_to_create());
	CU_ASSERT_EQUAL(rules_take_secret(&certificate, &secret), CKR_OK);
	CU_ASSERT_EQUAL(secret.count, 0);
	CU_ASSERT(!rules_is_sealed(&certificate));
	attribute_list_finish(&certificate);
}

static void private_data_is_sealed_unless_there_is_none(void)
{
	struct attribute_list data = made(&user, data_to_create()), secret;
	const Craton__Attribute *value;
	CU_ASSERT_EQUAL(rules_take_secret(&data, &secret), CKR_OK);
	CU_ASSERT(has(&secret, CKA_VALUE) && rules_is_sealed(&data));
	CU_ASSERT_EQUAL(rules_read(&data, CKA_VALUE, &value), CKR_OK);
	CU_ASSERT_PTR_NULL(value); /* unseal, then */
	rules_wipe(&secret);
	attribute_list_finish(&data);
	struct attribute_list wanted = data_to_create();
	set(&wanted, CKA_VALUE, "", 0);
	data = made(&user, wanted);
	CU_ASSERT_EQUAL(rules_take_secret(&data, &secret), CKR_OK);
	CU_ASSERT(secret.count == 0 && !rules_is_sealed(&data));
	CU_ASSERT_EQUAL(rules_read(&data, CKA_VALUE, &value), CKR_OK);
	CU_ASSERT(value && value->value.len == 0);
	attribute_list_finish(&data);
	wanted = data_to_create();
	set_bool(&wanted, CKA_PRIVATE, false);
	data = made(&anyone, wanted);
	CU_ASSERT_EQUAL(rules_take_secret(&data, &secret), CKR_OK);
	CU_ASSERT(secret.count == 0 && has(&data, CKA_VALUE) && !rules_is_sealed(&data));
	attribute_list_finish(&data);
}

static void what_is_sensitive_or_not_extractable_is_not_revealed(void)
{
	for (int i = 0; i < 4; i++) {
		bool sensitive = i & 1, extractable = i & 2;
		struct attribute_list wanted = aes_to_create(), secret;
		const Craton__Attribute *value;
		set_bool(&wanted, CKA_SENSITIVE, sensitive);
		set_bool(&wanted, CKA_EXTRACTABLE, extractable);
		struct attribute_list key = made(&user, wanted);
		CU_ASSERT_EQUAL(rules_take_secret(&key, &secret), CKR_OK);
		CU_ASSERT_EQUAL(rules_read(&key, CKA_VALUE, &value), !sensitive && extractable ? CKR_OK : CKR_ATTRIBUTE_SENSITIVE);
		CU_ASSERT_PTR_NULL(value);
		CU_ASSERT_EQUAL(rules_read(&key, CKA_VALUE_LEN, &value), CKR_OK);
		CU_ASSERT(value && value->value.len == 8);
		rules_wipe(&secret);
		attribute_list_finish(&key);
	}
}

static void what_an_object_does_not_have_is_no_attribute_of_it(void)
{
	struct attribute_list key = generated(aes_to_generate());
	const Craton__Attribute *value;
	CU_ASSERT_EQUAL(rules_read(&key, CKA_MODULUS, &value), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(rules_read(&key, CKA_VENDOR_DEFINED | 1, &value), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(rules_read(&key, CKA_CHECK_VALUE, &value), CKR_OK); /* has it, nobody said */
	CU_ASSERT(value && value->value.len == 0);
	attribute_list_remove(&key, CKA_VALUE_LEN);
	CU_ASSERT_EQUAL(rules_read(&key, CKA_VALUE_LEN, &value), CKR_ATTRIBUTE_TYPE_INVALID); /* no empty number */
	attribute_list_finish(&key);
}

/* ---- changing */

static void a_key_may_become_stricter_and_never_looser(void)
{
	struct attribute_list wanted = aes_to_generate();
	set_bool(&wanted, CKA_SENSITIVE, false);
	set_bool(&wanted, CKA_EXTRACTABLE, true);
	struct attribute_list key = generated(wanted);
	CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_SENSITIVE, true), CKR_OK);
	CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_EXTRACTABLE, false), CKR_OK);
	CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_WRAP_WITH_TRUSTED, true), CKR_OK);
	CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_TRUSTED, true), CKR_ATTRIBUTE_READ_ONLY);
	set_bool(&key, CKA_SENSITIVE, true);
	set_bool(&key, CKA_EXTRACTABLE, false);
	set_bool(&key, CKA_WRAP_WITH_TRUSTED, true);
	for (int value = 0; value < 2; value++) {
		CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_SENSITIVE, value), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_EXTRACTABLE, value), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_WRAP_WITH_TRUSTED, value), CKR_ATTRIBUTE_READ_ONLY);
	}
	attribute_list_finish(&key);
}

static void what_never_changes_never_changes(void)
{
	struct attribute_list key = generated(aes_to_generate());
	static const CK_ATTRIBUTE_TYPE fixed[] = { CKA_TOKEN, CKA_PRIVATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE, CKA_LOCAL,
		CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE };
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		CU_ASSERT_EQUAL(changing_bool(&user, &key, fixed[i], true), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(changing(&user, &key, CKA_VALUE, "0123456789abcdef", 16), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(changing(&user, &key, CKA_UNIQUE_ID, "x", 1), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(changing(&user, &key, CKA_MODULUS, "x", 1), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(changing(&user, &key, CKA_LABEL, "x", 1), CKR_OK);
	CU_ASSERT_EQUAL(changing(&user, &key, CKA_ID, "x", 1), CKR_OK);
	CU_ASSERT_EQUAL(changing_bool(&user, &key, CKA_SIGN, false), CKR_OK);
	attribute_list_finish(&key);
}

static void who_may_change_what(void)
{
	struct attribute_list wanted = aes_to_generate();
	set_bool(&wanted, CKA_TOKEN, true);
	struct attribute_list key = generated(wanted);
	CU_ASSERT_EQUAL(changing(&reading_user, &key, CKA_LABEL, "x", 1), CKR_SESSION_READ_ONLY);
	CU_ASSERT_EQUAL(changing(&anyone, &key, CKA_LABEL, "x", 1), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(rules_destroy(&reading_user, &key), CKR_SESSION_READ_ONLY);
	CU_ASSERT_EQUAL(rules_destroy(&anyone, &key), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(rules_destroy(&user, &key), CKR_OK);
	CU_ASSERT(!rules_visible(&anyone, &key) && !rules_visible(&so, &key) && rules_visible(&user, &key));
	set_bool(&key, CKA_MODIFIABLE, false);
	set_bool(&key, CKA_DESTROYABLE, false);
	CU_ASSERT_EQUAL(changing(&user, &key, CKA_LABEL, "x", 1), CKR_ACTION_PROHIBITED);
	CU_ASSERT_EQUAL(rules_destroy(&user, &key), CKR_ACTION_PROHIBITED);
	attribute_list_finish(&key);
	struct attribute_list certificate = made(&user, certificate_to_create());
	CU_ASSERT_EQUAL(changing_bool(&user, &certificate, CKA_TRUSTED, true), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(changing_bool(&so, &certificate, CKA_TRUSTED, true), CKR_OK);
	attribute_list_finish(&certificate);
}

/* ---- using */

static void a_key_is_used_as_it_may_be(void)
{
	struct attribute_list key = generated(aes_to_generate());
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_ENCRYPT, CKM_AES_CBC_PAD), CKR_OK);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_SIGN, CKM_AES_CMAC), CKR_OK);
	CU_ASSERT_EQUAL(rules_use(&anyone, &key, CKF_SIGN, CKM_AES_CMAC), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_SIGN, CKM_AES_CBC_PAD), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_SIGN, CKM_ECDSA), CKR_KEY_TYPE_INCONSISTENT);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_SIGN, CKM_SHA256_HMAC), CKR_KEY_TYPE_INCONSISTENT);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_DERIVE, CKM_AES_ECB_ENCRYPT_DATA), CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_ENCRYPT, CKM_VENDOR_DEFINED | 3), CKR_OK); /* the token judges */
	CU_ASSERT_EQUAL(rules_use(&user, &key, 0, CKM_AES_CMAC), CKR_KEY_FUNCTION_NOT_PERMITTED);
	set_bool(&key, CKA_ENCRYPT, false);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_ENCRYPT, CKM_AES_CBC_PAD), CKR_KEY_FUNCTION_NOT_PERMITTED);
	set(&key, CKA_ALLOWED_MECHANISMS, "\x8a\x10\0\0\0\0\0\0", 8); /* CKM_AES_CMAC */
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_SIGN, CKM_AES_CMAC), CKR_OK);
	CU_ASSERT_EQUAL(rules_use(&user, &key, CKF_DECRYPT, CKM_AES_CBC_PAD), CKR_MECHANISM_INVALID);
	attribute_list_finish(&key);
	struct attribute_list data = made(&user, data_to_create());
	CU_ASSERT_EQUAL(rules_use(&user, &data, CKF_SIGN, CKM_AES_CMAC), CKR_KEY_HANDLE_INVALID);
	attribute_list_finish(&data);
}

static void a_key_leaves_only_under_a_wrapper_it_trusts(void)
{
	struct attribute_list wrapper = generated(aes_to_generate()), target = generated(aes_to_generate());
	CU_ASSERT_EQUAL(rules_wrap(&user, &wrapper, &target), CKR_KEY_UNEXTRACTABLE);
	set_bool(&target, CKA_EXTRACTABLE, true);
	CU_ASSERT_EQUAL(rules_wrap(&user, &wrapper, &target), CKR_OK);
	set_bool(&target, CKA_WRAP_WITH_TRUSTED, true);
	CU_ASSERT_EQUAL(rules_wrap(&user, &wrapper, &target), CKR_KEY_NOT_WRAPPABLE);
	set_bool(&wrapper, CKA_TRUSTED, true);
	CU_ASSERT_EQUAL(rules_wrap(&user, &wrapper, &target), CKR_OK);
	struct attribute_list picky = with_template(CKA_WRAP_TEMPLATE, CKA_SIGN, false);
	set_bool(&picky, CKA_TRUSTED, true);
	CU_ASSERT_EQUAL(rules_wrap(&user, &picky, &target), CKR_KEY_HANDLE_INVALID);
	set_bool(&target, CKA_SIGN, false);
	CU_ASSERT_EQUAL(rules_wrap(&user, &picky, &target), CKR_OK);
	attribute_list_finish(&picky);
	attribute_list_finish(&wrapper);
	attribute_list_finish(&target);
}

TESTS("node: rules",
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
	SAY(a_copy_may_be_stricter_but_not_looser),
	SAY(secret_parts_leave_the_list),
	SAY(private_data_is_sealed_unless_there_is_none),
	SAY(what_is_sensitive_or_not_extractable_is_not_revealed),
	SAY(what_an_object_does_not_have_is_no_attribute_of_it),
	SAY(a_key_may_become_stricter_and_never_looser),
	SAY(what_never_changes_never_changes),
	SAY(who_may_change_what),
	SAY(a_key_is_used_as_it_may_be),
	SAY(a_key_leaves_only_under_a_wrapper_it_trusts))
