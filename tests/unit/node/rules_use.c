/* The attribute rules of what is there: what may be read, changed and used. */
#include "tests/unit/node/rules_asks.h"

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

TESTS("node: rules of use",
	SAY(secret_parts_leave_the_list),
	SAY(private_data_is_sealed_unless_there_is_none),
	SAY(what_is_sensitive_or_not_extractable_is_not_revealed),
	SAY(what_an_object_does_not_have_is_no_attribute_of_it),
	SAY(a_key_may_become_stricter_and_never_looser),
	SAY(what_never_changes_never_changes),
	SAY(who_may_change_what),
	SAY(a_key_is_used_as_it_may_be),
	SAY(a_key_leaves_only_under_a_wrapper_it_trusts))
