#include "wire/attributes.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

static Craton__Attribute made(CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	Craton__Attribute attribute = CRATON__ATTRIBUTE__INIT;
	attribute.type = type;
	attribute.value.data = (uint8_t *)(uintptr_t)value;
	attribute.value.len = size;
	return attribute;
}

static enum err copy_one(CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	struct attribute_list list;
	Craton__Attribute attribute = made(type, value, size), *items[] = { &attribute };
	enum err err = attribute_list_copy(&list, items, 1);
	CU_ASSERT_EQUAL(list.count, err == ERR_OK);
	attribute_list_finish(&list);
	return err;
}

static void a_list_is_sorted_and_has_each_type_once(void)
{
	struct attribute_list list = { 0 };
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_VALUE, CKA_CLASS, CKA_LABEL, CKA_ID, CKA_LABEL, CKA_CLASS };
	for (size_t i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(attribute_list_set(&list, types[i], "12345678", 8), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(list.count, 4);
	for (size_t i = 1; i < list.count; i++)
		CU_ASSERT(list.items[i - 1]->type < list.items[i]->type);
	attribute_list_finish(&list);
	CU_ASSERT(list.count == 0 && !list.items);
}

static void values_are_copied_replaced_and_removed(void)
{
	struct attribute_list list = { 0 };
	char label[] = "one";
	attribute_list_set(&list, CKA_LABEL, label, 3);
	label[0] = 'x';
	CU_ASSERT(!memcmp(attribute_list_get(&list, CKA_LABEL)->value.data, "one", 3));
	attribute_list_set(&list, CKA_LABEL, "", 0);
	CU_ASSERT_EQUAL(attribute_list_get(&list, CKA_LABEL)->value.len, 0);
	attribute_list_remove(&list, CKA_ID);
	attribute_list_remove(&list, CKA_LABEL);
	CU_ASSERT(list.count == 0 && !attribute_list_get(&list, CKA_LABEL));
	attribute_list_finish(&list);
}

static void numbers_and_booleans_have_their_form(void)
{
	struct attribute_list list = { 0 };
	attribute_list_set_bool(&list, CKA_TOKEN, true);
	attribute_list_set_ulong(&list, CKA_KEY_TYPE, 0x0102030405060708);
	const Craton__Attribute *type = attribute_list_get(&list, CKA_KEY_TYPE);
	CU_ASSERT(type->value.len == 8 && !memcmp(type->value.data, "\10\7\6\5\4\3\2\1", 8));
	CU_ASSERT(attribute_list_bool(&list, CKA_TOKEN, false));
	CU_ASSERT(!attribute_list_bool(&list, CKA_PRIVATE, false) && attribute_list_bool(&list, CKA_PRIVATE, true));
	CU_ASSERT_EQUAL(attribute_list_ulong(&list, CKA_KEY_TYPE, 0), 0x0102030405060708);
	CU_ASSERT_EQUAL(attribute_list_ulong(&list, CKA_CLASS, 42), 42);
	attribute_list_finish(&list);
}

static void a_shape_is_judged(void)
{
	CU_ASSERT_EQUAL(copy_one(CKA_TOKEN, "\1", 1), ERR_OK);
	CU_ASSERT_EQUAL(copy_one(CKA_TOKEN, "\2", 1), ERR_MALFORMED);
	CU_ASSERT_EQUAL(copy_one(CKA_TOKEN, "", 0), ERR_MALFORMED);
	CU_ASSERT_EQUAL(copy_one(CKA_CLASS, "1234", 4), ERR_MALFORMED);
	CU_ASSERT_EQUAL(copy_one(CKA_START_DATE, "20250101", 8), ERR_OK);
	CU_ASSERT_EQUAL(copy_one(CKA_START_DATE, "", 0), ERR_OK);
	CU_ASSERT_EQUAL(copy_one(CKA_START_DATE, "2025010", 7), ERR_MALFORMED);
	CU_ASSERT_EQUAL(copy_one(CKA_ALLOWED_MECHANISMS, "12345678", 8), ERR_OK);
	CU_ASSERT_EQUAL(copy_one(CKA_ALLOWED_MECHANISMS, "", 0), ERR_OK);
	CU_ASSERT_EQUAL(copy_one(CKA_ALLOWED_MECHANISMS, "123456789", 9), ERR_MALFORMED);
	CU_ASSERT_EQUAL(copy_one(CKA_VENDOR_DEFINED | 5, "anything", 8), ERR_OK);
	CU_ASSERT_EQUAL(copy_one(CKA_UNWRAP_TEMPLATE, "\xff\xff", 2), ERR_MALFORMED);
	CU_ASSERT_EQUAL(copy_one(CKA_UNWRAP_TEMPLATE, "", 0), ERR_OK);
}

/* A template with a boolean of two bytes in it is as wrong as that boolean. */
static void attributes_of_version_3_have_their_shapes(void)
{
	CU_ASSERT_EQUAL(attribute_shape(CKA_UNIQUE_ID), SHAPE_BYTES);
	CU_ASSERT_EQUAL(attribute_shape(CKA_PROFILE_ID), SHAPE_ULONG);
	CU_ASSERT_EQUAL(attribute_shape(CKA_OBJECT_VALIDATION_FLAGS), SHAPE_ULONG);
	CU_ASSERT_EQUAL(attribute_shape(CKA_VALIDATION_LEVEL), SHAPE_ULONG);
	CU_ASSERT_EQUAL(attribute_shape(CKA_ENCAPSULATE), SHAPE_BOOL);
	CU_ASSERT_EQUAL(attribute_shape(CKA_ENCAPSULATE_TEMPLATE), SHAPE_TEMPLATE);
	CU_ASSERT_EQUAL(attribute_shape(CKA_HSS_LMS_TYPES), SHAPE_MECHANISMS);
}

/* Pointers never travel as bytes: not those of an array that is yet to be invented. */
static void an_unknown_array_is_one_of_attributes(void)
{
	CU_ASSERT_EQUAL(attribute_shape(CKF_ARRAY_ATTRIBUTE | 0x7777), SHAPE_TEMPLATE);
	CU_ASSERT_EQUAL(attribute_shape(0xce534350), SHAPE_BYTES); /* NSS's numbers have the bit by chance */
	CU_ASSERT_EQUAL(attribute_shape(CKA_ALLOWED_MECHANISMS), SHAPE_MECHANISMS);
}

static void what_is_in_a_template_is_judged_too(void)
{
	Craton__Attribute inner = made(CKA_SENSITIVE, "\1\1", 2), *items[] = { &inner };
	Craton__Attributes template = CRATON__ATTRIBUTES__INIT;
	uint8_t packed[64];
	template.n_list = 1;
	template.list = items;
	size_t size = craton__attributes__pack(&template, packed);
	CU_ASSERT_EQUAL(copy_one(CKA_WRAP_TEMPLATE, packed, size), ERR_MALFORMED);
	inner.value.len = 1;
	size = craton__attributes__pack(&template, packed);
	CU_ASSERT_EQUAL(copy_one(CKA_WRAP_TEMPLATE, packed, size), ERR_OK);
}

static void templates_in_templates_end_somewhere(void)
{
	uint8_t packed[1000], value[1000];
	size_t size = 0;
	enum err err = ERR_OK;
	int depth = 0;
	while (err == ERR_OK && depth < 20) {
		memcpy(value, packed, size);
		Craton__Attribute inner = made(CKA_WRAP_TEMPLATE, value, size), *items[] = { &inner };
		Craton__Attributes template = CRATON__ATTRIBUTES__INIT;
		template.n_list = 1;
		template.list = items;
		size = craton__attributes__pack(&template, packed);
		err = copy_one(CKA_WRAP_TEMPLATE, packed, size);
		depth++;
	}
	CU_ASSERT_EQUAL(err, ERR_MALFORMED);
	CU_ASSERT(depth > 2 && depth < 10);
}

static void twice_the_same_type_is_told_apart_from_malformed(void)
{
	struct attribute_list list;
	Craton__Attribute a = made(CKA_LABEL, "a", 1), b = made(CKA_LABEL, "a", 1), *items[] = { &a, &b };
	CU_ASSERT_EQUAL(attribute_list_copy(&list, items, 2), ERR_BUSY);
	CU_ASSERT_EQUAL(list.count, 0);
}

static void counts_and_sizes_have_limits(void)
{
	static Craton__Attribute many[ATTRIBUTES_MAX + 1], *items[ATTRIBUTES_MAX + 1];
	struct attribute_list list;
	for (size_t i = 0; i <= ATTRIBUTES_MAX; i++) {
		many[i] = made(CKA_VENDOR_DEFINED | i, "", 0);
		items[i] = &many[i];
	}
	CU_ASSERT_EQUAL(attribute_list_copy(&list, items, ATTRIBUTES_MAX + 1), ERR_TOO_BIG);
	CU_ASSERT_EQUAL(attribute_list_copy(&list, items, ATTRIBUTES_MAX), ERR_OK);
	CU_ASSERT_EQUAL(attribute_list_set(&list, CKA_LABEL, "", 0), ERR_TOO_BIG);
	CU_ASSERT_EQUAL(attribute_list_set(&list, CKA_VENDOR_DEFINED, "new", 3), ERR_OK);
	attribute_list_finish(&list);
	uint8_t *big = calloc(1, ATTRIBUTE_SIZE_MAX + 1);
	CU_ASSERT_EQUAL(copy_one(CKA_VALUE, big, ATTRIBUTE_SIZE_MAX + 1), ERR_TOO_BIG);
	CU_ASSERT_EQUAL(copy_one(CKA_VALUE, big, ATTRIBUTE_SIZE_MAX), ERR_OK);
	free(big);
}

TESTS("wire/attributes", SAY(a_list_is_sorted_and_has_each_type_once), SAY(values_are_copied_replaced_and_removed),
      SAY(numbers_and_booleans_have_their_form), SAY(a_shape_is_judged), SAY(attributes_of_version_3_have_their_shapes),
      SAY(an_unknown_array_is_one_of_attributes), SAY(what_is_in_a_template_is_judged_too),
      SAY(templates_in_templates_end_somewhere), SAY(twice_the_same_type_is_told_apart_from_malformed),
      SAY(counts_and_sizes_have_limits))
