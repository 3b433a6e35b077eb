#include "wire/attributes.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

static CK_BBOOL yes = CK_TRUE;
static CK_ULONG key_class = CKO_SECRET_KEY;

static CK_RV from_one(CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG size)
{
	struct attribute_list list;
	CK_ATTRIBUTE one = { type, value, size };
	CK_RV rv = attributes_from_template(&one, 1, &list);
	CU_ASSERT_EQUAL(list.count, rv == CKR_OK);
	attribute_list_finish(&list);
	return rv;
}

/* From an application's template to a list, to a token's template: what was meant is what arrives. */
static void a_template_survives_the_walk(void)
{
	CK_MECHANISM_TYPE mechanisms[] = { CKM_AES_GCM, CKM_AES_CBC };
	CK_ATTRIBUTE inner[] = { { CKA_SENSITIVE, &yes, 1 }, { CKA_CLASS, &key_class, sizeof key_class } };
	CK_ATTRIBUTE all[] = {
		{ CKA_CLASS, &key_class, sizeof key_class }, { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, "label", 5 }, { CKA_ID, NULL, 0 },
		{ CKA_ALLOWED_MECHANISMS, mechanisms, sizeof mechanisms }, { CKA_UNWRAP_TEMPLATE, inner, sizeof inner },
	};
	struct attribute_list list;
	CK_ATTRIBUTE *native;
	CK_ULONG count;
	CU_ASSERT_EQUAL_FATAL(attributes_from_template(all, 6, &list), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(attributes_to_template(&list, &native, &count), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(count, 6);
	for (CK_ULONG i = 0; i < count; i++) {
		const CK_ATTRIBUTE *was = NULL;
		for (size_t j = 0; j < 6; j++)
			if (all[j].type == native[i].type)
				was = &all[j];
		CU_ASSERT_FATAL(was && native[i].pValue);
		CU_ASSERT_EQUAL_FATAL(native[i].ulValueLen, was->ulValueLen);
		if (was->type != CKA_UNWRAP_TEMPLATE)
			CU_ASSERT(!was->ulValueLen || !memcmp(native[i].pValue, was->pValue, was->ulValueLen));
	}
	const CK_ATTRIBUTE *nested = native[5].type == CKA_UNWRAP_TEMPLATE ? native[5].pValue : native[4].pValue;
	CU_ASSERT(nested[0].type == CKA_CLASS && *(CK_ULONG *)nested[0].pValue == key_class);
	CU_ASSERT(nested[1].type == CKA_SENSITIVE && *(CK_BBOOL *)nested[1].pValue == CK_TRUE);
	free(native);
	attribute_list_finish(&list);
}

static void wrong_lengths_are_invalid_values(void)
{
	CU_ASSERT_EQUAL(from_one(CKA_TOKEN, &yes, 1), CKR_OK);
	CU_ASSERT_EQUAL(from_one(CKA_TOKEN, "\1\1", 2), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_TOKEN, NULL, 0), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_CLASS, &key_class, 4), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_CLASS, NULL, 0), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_END_DATE, "2025", 4), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_ALLOWED_MECHANISMS, "1234567", 7), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_WRAP_TEMPLATE, "1234567", 7), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_VALUE, "x", CK_UNAVAILABLE_INFORMATION), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(from_one(CKA_VALUE, "x", ATTRIBUTE_SIZE_MAX + 1ul), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void nothing_with_a_length_is_a_bad_argument(void)
{
	struct attribute_list list;
	CU_ASSERT_EQUAL(from_one(CKA_VALUE, NULL, 5), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(from_one(CKA_CLASS, NULL, sizeof(CK_ULONG)), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(from_one(CKA_WRAP_TEMPLATE, NULL, sizeof(CK_ATTRIBUTE)), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(attributes_from_template(NULL, 1, &list), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(attributes_from_template(NULL, 0, &list), CKR_OK);
	CU_ASSERT_EQUAL(attributes_from_template((CK_ATTRIBUTE *)&key_class, (CK_ULONG)-1, &list), CKR_ARGUMENTS_BAD);
}

static void true_is_whatever_is_not_false(void)
{
	struct attribute_list list;
	CK_ATTRIBUTE one = { CKA_TOKEN, "\xff", 1 };
	CU_ASSERT_EQUAL(attributes_from_template(&one, 1, &list), CKR_OK);
	CU_ASSERT_EQUAL(list.items[0]->value.data[0], 1);
	attribute_list_finish(&list);
}

static void twice_is_well_if_it_says_the_same(void)
{
	struct attribute_list list;
	CK_ATTRIBUTE both[] = { { CKA_LABEL, "a", 1 }, { CKA_LABEL, "a", 1 } };
	CU_ASSERT_EQUAL(attributes_from_template(both, 2, &list), CKR_OK);
	CU_ASSERT_EQUAL(list.count, 1);
	attribute_list_finish(&list);
	both[1].pValue = "b";
	CU_ASSERT_EQUAL(attributes_from_template(both, 2, &list), CKR_TEMPLATE_INCONSISTENT);
}

static void unaligned_values_are_read(void)
{
	uint8_t bytes[1 + sizeof(CK_ULONG)];
	memcpy(bytes + 1, &key_class, sizeof key_class);
	CU_ASSERT_EQUAL(from_one(CKA_CLASS, bytes + 1, sizeof key_class), CKR_OK);
}

static void a_template_that_holds_itself_is_refused(void)
{
	CK_ATTRIBUTE self = { CKA_WRAP_TEMPLATE, NULL, sizeof self };
	struct attribute_list list;
	self.pValue = &self;
	CU_ASSERT_EQUAL(attributes_from_template(&self, 1, &list), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void an_application_asks_for_the_length_first(void)
{
	struct attribute_list list = { 0 };
	CK_ULONG number = 0;
	CK_ATTRIBUTE out = { CKA_CLASS, NULL, 77 };
	attribute_list_set_ulong(&list, CKA_CLASS, UINT64_MAX);
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_OK);
	CU_ASSERT_EQUAL(out.ulValueLen, sizeof(CK_ULONG));
	out.pValue = &number;
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_OK);
	CU_ASSERT_EQUAL(number, CK_UNAVAILABLE_INFORMATION);
	out.ulValueLen = sizeof(CK_ULONG) - 1;
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(out.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	attribute_list_finish(&list);
}

static void bytes_are_given_as_long_as_they_are(void)
{
	struct attribute_list list = { 0 };
	char text[8] = "xxxxxxx";
	CK_ATTRIBUTE out = { CKA_LABEL, text, sizeof text };
	attribute_list_set(&list, CKA_LABEL, "abc", 3);
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_OK);
	CU_ASSERT(out.ulValueLen == 3 && !memcmp(text, "abcxxxx", 7));
	attribute_list_set(&list, CKA_LABEL, "", 0);
	out.ulValueLen = 0;
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_OK);
	CU_ASSERT_EQUAL(out.ulValueLen, 0);
	attribute_list_finish(&list);
}

static void a_nested_template_is_given_element_by_element(void)
{
	CK_BBOOL got = 9;
	CK_ATTRIBUTE inner[] = { { CKA_CLASS, &key_class, sizeof key_class }, { CKA_SENSITIVE, &yes, 1 } };
	CK_ATTRIBUTE one = { CKA_WRAP_TEMPLATE, inner, sizeof inner };
	CK_ATTRIBUTE elements[2] = { { 0, NULL, 0 }, { 0, &got, 1 } };
	CK_ATTRIBUTE out = { CKA_WRAP_TEMPLATE, NULL, 0 };
	struct attribute_list list;
	CU_ASSERT_EQUAL_FATAL(attributes_from_template(&one, 1, &list), CKR_OK);
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_OK);
	CU_ASSERT_EQUAL(out.ulValueLen, sizeof elements);
	out.pValue = elements;
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_OK);
	CU_ASSERT(elements[0].type == CKA_CLASS && elements[0].ulValueLen == sizeof(CK_ULONG));
	CU_ASSERT(elements[1].type == CKA_SENSITIVE && got == CK_TRUE);
	elements[1].ulValueLen = 0;
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_BUFFER_TOO_SMALL);
	out.ulValueLen = sizeof(CK_ATTRIBUTE);
	CU_ASSERT_EQUAL(attribute_to_application(list.items[0], &out), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(out.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	attribute_list_finish(&list);
}

static void an_empty_list_is_an_empty_template(void)
{
	struct attribute_list list = { 0 };
	CK_ATTRIBUTE *native;
	CK_ULONG count = 5;
	CU_ASSERT_EQUAL(attributes_to_template(&list, &native, &count), CKR_OK);
	CU_ASSERT_EQUAL(count, 0);
	free(native);
}

/* As for want of memory: a key without its templates would be one that may do more. */
static void a_nested_template_that_cannot_be_taken_apart_is_not_left_out(void)
{
	CK_ATTRIBUTE inner = { CKA_SENSITIVE, &yes, 1 }, one = { CKA_UNWRAP_TEMPLATE, &inner, sizeof inner }, *native = NULL;
	struct attribute_list list;
	CK_ULONG count = 0;
	CU_ASSERT_EQUAL_FATAL(attributes_from_template(&one, 1, &list), CKR_OK);
	memset(list.items[0]->value.data, 0xff, list.items[0]->value.len);
	CU_ASSERT_EQUAL(attributes_to_template(&list, &native, &count), CKR_HOST_MEMORY);
	CU_ASSERT_PTR_NULL(native);
	attribute_list_finish(&list);
}

TESTS("wire/attributes_native", SAY(a_template_survives_the_walk), SAY(wrong_lengths_are_invalid_values),
      SAY(nothing_with_a_length_is_a_bad_argument), SAY(true_is_whatever_is_not_false), SAY(twice_is_well_if_it_says_the_same),
      SAY(unaligned_values_are_read), SAY(a_template_that_holds_itself_is_refused),
      SAY(an_application_asks_for_the_length_first), SAY(bytes_are_given_as_long_as_they_are),
      SAY(a_nested_template_is_given_element_by_element), SAY(an_empty_list_is_an_empty_template),
      SAY(a_nested_template_that_cannot_be_taken_apart_is_not_left_out))
