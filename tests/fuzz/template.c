/* An application's template: any types, lengths that are lies, values at odd addresses, templates in templates. What is accepted
 * goes to a token and back, and is the same. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"
#include "wire/attributes.h"
#include <assert.h>

#define COUNT_MAX 8
#define DEPTH_MAX 6 /* more than is accepted */

/* Types of every shape, for a number out of 32 bits seldom has one. */
static CK_ATTRIBUTE_TYPE make_type(struct hostile *hostile)
{
	static const CK_ATTRIBUTE_TYPE types[] = { CKA_CLASS, CKA_TOKEN, CKA_LABEL, CKA_VALUE, CKA_START_DATE, CKA_WRAP_TEMPLATE,
		CKA_UNWRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS, CKA_MODULUS_BITS, CKA_EC_PARAMS, CKA_DERIVE_TEMPLATE, CKA_PROFILE_ID };
	size_t which = hostile_u8(hostile);
	return which < sizeof types / sizeof *types ? types[which] : cursor_u32(&hostile->input);
}

static CK_ULONG make_template(struct hostile *hostile, CK_ATTRIBUTE *out, int depth);

/* As many as there are; or so many that they are cut or followed by zeros; or more than are looked at. In between, the lie would
 * be about pointers, which nobody survives. */
static CK_ULONG make_length(struct hostile *hostile, CK_ULONG true_length)
{
	CK_ULONG lie = hostile_u8(hostile) % 8 ? true_length : (CK_ULONG)hostile_number(hostile);
	return lie <= COUNT_MAX * sizeof(CK_ATTRIBUTE) || lie > ATTRIBUTES_MAX * sizeof(CK_ATTRIBUTE) ? lie : true_length;
}

static void make_array(struct hostile *hostile, CK_ATTRIBUTE *out, int depth)
{
	CK_ATTRIBUTE inner[COUNT_MAX];
	CK_ULONG count = depth < DEPTH_MAX ? make_template(hostile, inner, depth + 1) : 0;
	out->pValue = hostile_block(hostile, sizeof inner);
	out->ulValueLen = make_length(hostile, count * sizeof *inner);
	if (out->pValue)
		memcpy(out->pValue, inner, count * sizeof *inner);
}

static CK_ULONG make_template(struct hostile *hostile, CK_ATTRIBUTE *out, int depth)
{
	CK_ULONG count = hostile_u8(hostile) % (COUNT_MAX + 1);
	memset(out, 0, COUNT_MAX * sizeof *out);
	for (CK_ULONG i = 0; i < count; i++) {
		out[i].type = make_type(hostile);
		if (attribute_shape(out[i].type) == SHAPE_TEMPLATE) {
			make_array(hostile, &out[i], depth);
		} else {
			out[i].pValue = hostile_pointer(hostile);
			out[i].ulValueLen = (CK_ULONG)hostile_number(hostile);
		}
	}
	return count;
}

static void same(const struct attribute_list *a, const struct attribute_list *b)
{
	assert(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const Craton__Attribute *left = a->items[i], *right = b->items[i];
		assert(left->type == right->type && left->value.len == right->value.len);
		assert(left->value.len == 0 || memcmp(left->value.data, right->value.data, left->value.len) == 0);
	}
}

static void to_token_and_back(const struct attribute_list *list)
{
	CK_ATTRIBUTE *native;
	CK_ULONG count;
	struct attribute_list back;
	CK_RV rv = attributes_to_template(list, &native, &count);
	assert(rv == CKR_OK);
	rv = attributes_from_template(native, count, &back);
	assert(rv == CKR_OK);
	same(list, &back);
	attribute_list_finish(&back);
	free(native);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hostile hostile = hostile_over(data, size);
	CK_ATTRIBUTE template_[COUNT_MAX];
	struct attribute_list list;
	CK_ULONG count = make_template(&hostile, template_, 0);
	if (attributes_from_template(template_, count, &list) == CKR_OK)
		to_token_and_back(&list);
	attribute_list_finish(&list);
	hostile_finish(&hostile);
	return 0;
}
