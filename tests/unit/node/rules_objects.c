/* The attribute rules, class by class and table by table: certificates of every kind, domain parameters, dates, check values. */
#include "tests/unit/node/rules_asks.h"

static struct attribute_list wtls(const char *subject, const char *value)
{
	struct attribute_list list = of_class(CKO_CERTIFICATE, CKA_CERTIFICATE_TYPE, CKC_WTLS);
	set(&list, CKA_SUBJECT, subject, strlen(subject));
	set(&list, CKA_VALUE, value, strlen(value));
	return list;
}

static struct attribute_list attribute_certificate(void)
{
	struct attribute_list list = of_class(CKO_CERTIFICATE, CKA_CERTIFICATE_TYPE, CKC_X_509_ATTR_CERT);
	set(&list, CKA_OWNER, "owner", 5);
	set(&list, CKA_VALUE, "abc", 3);
	return list;
}

static struct attribute_list dsa_parameters(void)
{
	struct attribute_list list = of_class(CKO_DOMAIN_PARAMETERS, CKA_KEY_TYPE, CKK_DSA);
	set(&list, CKA_PRIME, "\xff\x01", 2);
	set(&list, CKA_SUBPRIME, "\x0b", 1);
	set(&list, CKA_BASE, "\x02", 1);
	return list;
}

static CK_RV changing_text(const struct asker *asker, struct attribute_list object, CK_ATTRIBUTE_TYPE type, const char *value)
{
	struct attribute_list changes = { 0 }, out;
	set(&changes, type, value, strlen(value));
	CK_RV rv = rules_change(asker, &object, &changes, &out);
	attribute_list_finish(&out);
	attribute_list_finish(&changes);
	attribute_list_finish(&object);
	return rv;
}

static void a_wtls_certificate_says_whose_it_is_unless_it_is_elsewhere(void)
{
	CU_ASSERT_EQUAL(creating(&anyone, wtls("subject", "value")), CKR_OK);
	CU_ASSERT_EQUAL(creating(&anyone, wtls("", "value")), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(creating(&anyone, wtls("subject", "")), CKR_TEMPLATE_INCOMPLETE);
	struct attribute_list elsewhere = wtls("", "");
	set(&elsewhere, CKA_URL, "http://x/", 9);
	set(&elsewhere, CKA_HASH_OF_SUBJECT_PUBLIC_KEY, "s", 1);
	set(&elsewhere, CKA_HASH_OF_ISSUER_PUBLIC_KEY, "i", 1);
	CU_ASSERT_EQUAL(creating(&anyone, elsewhere), CKR_OK);
	struct attribute_list with_id = wtls("subject", "value");
	set(&with_id, CKA_ID, "1", 1);
	CU_ASSERT_EQUAL(creating(&anyone, with_id), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(changing_text(&user, object_of(wtls("subject", "value")), CKA_ISSUER, "other"), CKR_OK);
	CU_ASSERT_EQUAL(changing_text(&user, object_of(wtls("subject", "value")), CKA_SUBJECT, "other"), CKR_ATTRIBUTE_READ_ONLY);
}

static void an_attribute_certificate_has_an_owner(void)
{
	CU_ASSERT_EQUAL(creating(&anyone, attribute_certificate()), CKR_OK);
	static const CK_ATTRIBUTE_TYPE must[] = { CKA_OWNER, CKA_VALUE }, may_change[] = { CKA_AC_ISSUER, CKA_SERIAL_NUMBER, CKA_ATTR_TYPES };
	for (size_t i = 0; i < 2; i++) {
		struct attribute_list wanted = attribute_certificate();
		attribute_list_remove(&wanted, must[i]);
		CU_ASSERT_EQUAL(creating(&anyone, wanted), CKR_TEMPLATE_INCOMPLETE);
		CU_ASSERT_EQUAL(changing_text(&user, object_of(attribute_certificate()), must[i], "x"), CKR_ATTRIBUTE_READ_ONLY);
	}
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(changing_text(&user, object_of(attribute_certificate()), may_change[i], "x"), CKR_OK);
}

/* "Trusted certificates cannot be modified." */
static void a_trusted_certificate_is_left_alone(void)
{
	struct attribute_list trusted = object_of(attribute_certificate()), wanted = { 0 }, out;
	set_bool(&trusted, CKA_TRUSTED, true);
	set_bool(&wanted, CKA_TOKEN, true);
	CU_ASSERT_EQUAL(rules_copy(&user, &trusted, &wanted, &other_id, &out), CKR_OK);
	attribute_list_finish(&out);
	set(&wanted, CKA_AC_ISSUER, "somebody else", 13);
	CU_ASSERT_EQUAL(rules_copy(&user, &trusted, &wanted, &other_id, &out), CKR_ATTRIBUTE_READ_ONLY);
	attribute_list_finish(&wanted);
	CU_ASSERT_EQUAL(changing_text(&so, trusted, CKA_LABEL, "x"), CKR_ATTRIBUTE_READ_ONLY);
}

static void domain_parameters_are_created_and_measured(void)
{
	struct attribute_list object = object_of(dsa_parameters());
	CU_ASSERT_EQUAL(attribute_list_ulong(&object, CKA_PRIME_BITS, 0), 16);
	CU_ASSERT(is_false(&object, CKA_LOCAL));
	CU_ASSERT(is_false(&object, CKA_PRIVATE));
	CU_ASSERT(!has(&object, CKA_KEY_GEN_MECHANISM)); /* no key */
	CU_ASSERT(!rules_is_sealed(&object));
	CU_ASSERT_EQUAL(rules_use(&user, &object, CKF_SIGN, CKM_DSA), CKR_KEY_HANDLE_INVALID);
	attribute_list_finish(&object);
	struct attribute_list wanted = dsa_parameters();
	attribute_list_remove(&wanted, CKA_SUBPRIME);
	CU_ASSERT_EQUAL(creating(&anyone, wanted), CKR_TEMPLATE_INCOMPLETE);
	wanted = dsa_parameters();
	set_ulong(&wanted, CKA_PRIME_BITS, 16);
	CU_ASSERT_EQUAL(creating(&anyone, wanted), CKR_ATTRIBUTE_READ_ONLY);
}

static void domain_parameters_are_generated_by_their_length(void)
{
	struct attribute_list wanted = { 0 }, out;
	CU_ASSERT(rules_makes_parameters(CKM_DSA_PARAMETER_GEN) && rules_makes_parameters(CKM_DH_PKCS_PARAMETER_GEN));
	CU_ASSERT_FALSE(rules_makes_parameters(CKM_AES_KEY_GEN));
	CU_ASSERT_EQUAL(rules_generate(&user, CKM_DSA_PARAMETER_GEN, &wanted, &id, &out), CKR_TEMPLATE_INCOMPLETE);
	set_ulong(&wanted, CKA_PRIME_BITS, 1024);
	CU_ASSERT_EQUAL_FATAL(rules_generate(&user, CKM_DSA_PARAMETER_GEN, &wanted, &id, &out), CKR_OK);
	CU_ASSERT_EQUAL(attribute_list_ulong(&out, CKA_CLASS, 0), CKO_DOMAIN_PARAMETERS);
	CU_ASSERT_EQUAL(attribute_list_ulong(&out, CKA_KEY_TYPE, 99), CKK_DSA);
	CU_ASSERT(is_true(&out, CKA_LOCAL));
	attribute_list_finish(&out);
	set(&wanted, CKA_PRIME, "\xff", 1);
	CU_ASSERT_EQUAL(rules_generate(&user, CKM_DSA_PARAMETER_GEN, &wanted, &id, &out), CKR_ATTRIBUTE_READ_ONLY);
	attribute_list_finish(&wanted);
}

/* A token's own, which nobody creates. */
static void features_and_mechanisms_are_not_created(void)
{
	static const CK_OBJECT_CLASS classes[] = { CKO_HW_FEATURE, CKO_MECHANISM, CKO_OTP_KEY };
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		struct attribute_list wanted = { 0 };
		set_ulong(&wanted, CKA_CLASS, classes[i]);
		CU_ASSERT_EQUAL(creating(&user, wanted), CKR_ATTRIBUTE_VALUE_INVALID);
	}
}

static void a_date_is_a_date_or_nothing(void)
{
	static const struct {
		const char *text;
		CK_RV rv;
	} dates[] = {
		{ "", CKR_OK }, { "20260229", CKR_OK }, { "19000101", CKR_OK }, { "99991231", CKR_OK },
		{ "18991231", CKR_ATTRIBUTE_VALUE_INVALID }, { "20261301", CKR_ATTRIBUTE_VALUE_INVALID },
		{ "20260001", CKR_ATTRIBUTE_VALUE_INVALID }, { "20260132", CKR_ATTRIBUTE_VALUE_INVALID },
		{ "2026-1-1", CKR_ATTRIBUTE_VALUE_INVALID },
	};
	for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
		struct attribute_list wanted = aes();
		set(&wanted, CKA_END_DATE, dates[i].text, strlen(dates[i].text));
		CU_ASSERT_EQUAL(creating(&user, wanted), dates[i].rv);
		CU_ASSERT_EQUAL(changing_text(&user, object_of(aes()), CKA_START_DATE, dates[i].text), dates[i].rv);
	}
	/* "For reference only": an end before the start is the application's own business. */
	struct attribute_list wanted = aes();
	set(&wanted, CKA_START_DATE, "20260101", 8);
	set(&wanted, CKA_END_DATE, "20250101", 8);
	CU_ASSERT_EQUAL(creating(&user, wanted), CKR_OK);
}

static void a_check_value_may_be_destroyed_and_not_replaced(void)
{
	struct attribute_list key = object_of(aes());
	set(&key, CKA_CHECK_VALUE, "123", 3);
	CU_ASSERT_EQUAL(changing_text(&user, key, CKA_CHECK_VALUE, "456"), CKR_ATTRIBUTE_READ_ONLY);
	key = object_of(aes());
	set(&key, CKA_CHECK_VALUE, "123", 3);
	CU_ASSERT_EQUAL(changing_text(&user, key, CKA_CHECK_VALUE, ""), CKR_OK);
}

TESTS("node: rules of objects",
	SAY(a_wtls_certificate_says_whose_it_is_unless_it_is_elsewhere),
	SAY(an_attribute_certificate_has_an_owner),
	SAY(a_trusted_certificate_is_left_alone),
	SAY(domain_parameters_are_created_and_measured),
	SAY(domain_parameters_are_generated_by_their_length),
	SAY(features_and_mechanisms_are_not_created),
	SAY(a_date_is_a_date_or_nothing),
	SAY(a_check_value_may_be_destroyed_and_not_replaced))
