/* Attributes as an application or a token has them, and as the wire does. */
#include "base/buf.h"
#include "wire/attributes.h"
#include "wire/block.h"
#include "wire/canonical.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 4 /* of templates in templates */

static CK_RV rv_of(enum err err)
{
	switch (err) {
	case ERR_OK:
		return CKR_OK;
	case ERR_NO_MEMORY:
		return CKR_HOST_MEMORY;
	default:
		return CKR_ATTRIBUTE_VALUE_INVALID;
	}
}

/* From an application */

static CK_RV list_from_template(const CK_ATTRIBUTE *template_, CK_ULONG count, struct attribute_list *out, int depth);

/* Applications' pointers may be unaligned, so values are copied out before they are looked at. */
static CK_RV add_ulongs(const CK_ATTRIBUTE *from, struct buf *value)
{
	if (from->ulValueLen % sizeof(CK_ULONG))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	for (CK_ULONG at = 0; at < from->ulValueLen; at += sizeof(CK_ULONG)) {
		CK_ULONG number;
		uint8_t bytes[CANONICAL_ULONG_SIZE];
		memcpy(&number, (const uint8_t *)from->pValue + at, sizeof number);
		canonical_put(bytes, canonical_widen(number));
		buf_add(value, bytes, sizeof bytes);
	}
	return CKR_OK;
}

static CK_RV add_bool(const CK_ATTRIBUTE *from, struct buf *value)
{
	if (from->ulValueLen != sizeof(CK_BBOOL))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	buf_add_u8(value, *(const CK_BBOOL *)from->pValue != CK_FALSE);
	return CKR_OK;
}

static CK_RV add_template(const CK_ATTRIBUTE *from, struct buf *value, int depth)
{
	struct attribute_list inner = { 0 };
	CK_ULONG count = from->ulValueLen / sizeof(CK_ATTRIBUTE);
	if (from->ulValueLen % sizeof(CK_ATTRIBUTE) || depth >= DEPTH_MAX || count > ATTRIBUTES_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	CK_ATTRIBUTE *copy = calloc(count + 1, sizeof *copy);
	if (!copy)
		return CKR_HOST_MEMORY;
	if (count)
		memcpy(copy, from->pValue, from->ulValueLen);
	CK_RV rv = list_from_template(copy, count, &inner, depth + 1);
	if (rv == CKR_OK) {
		Craton__Attributes message = CRATON__ATTRIBUTES__INIT;
		message.n_list = inner.count;
		message.list = inner.items;
		uint8_t *at = buf_extend(value, craton__attributes__get_packed_size(&message));
		if (at)
			craton__attributes__pack(&message, at);
	}
	attribute_list_finish(&inner);
	free(copy);
	return rv;
}

static CK_RV add_value(const CK_ATTRIBUTE *from, struct buf *value, int depth)
{
	switch (attribute_shape(from->type)) {
	case SHAPE_BOOL:
		return from->pValue ? add_bool(from, value) : CKR_ATTRIBUTE_VALUE_INVALID;
	case SHAPE_ULONG:
		return from->ulValueLen == sizeof(CK_ULONG) ? add_ulongs(from, value) : CKR_ATTRIBUTE_VALUE_INVALID;
	case SHAPE_MECHANISMS:
		return add_ulongs(from, value);
	case SHAPE_TEMPLATE:
		return add_template(from, value, depth);
	case SHAPE_DATE:
	case SHAPE_BYTES:
		break;
	}
	buf_add(value, from->pValue, from->ulValueLen);
	return CKR_OK;
}

static bool same(const Craton__Attribute *attribute, const struct buf *value)
{
	return attribute->value.len == value->size &&
	       (value->size == 0 || memcmp(attribute->value.data, value->data, value->size) == 0);
}

static CK_RV add_attribute(const CK_ATTRIBUTE *from, struct attribute_list *out, int depth)
{
	struct buf value;
	if (from->ulValueLen > ATTRIBUTE_SIZE_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (!from->pValue && from->ulValueLen)
		return CKR_ARGUMENTS_BAD;
	buf_init(&value, ATTRIBUTE_SIZE_MAX);
	CK_RV rv = add_value(from, &value, depth);
	if (rv == CKR_OK && value.failed)
		rv = CKR_HOST_MEMORY;
	const Craton__Attribute *before = attribute_list_get(out, from->type);
	if (rv == CKR_OK && before)
		rv = same(before, &value) ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
	else if (rv == CKR_OK)
		rv = rv_of(attribute_list_set(out, from->type, value.data, value.size));
	buf_finish(&value);
	return rv;
}

static CK_RV list_from_template(const CK_ATTRIBUTE *template_, CK_ULONG count, struct attribute_list *out, int depth)
{
	CK_RV rv = CKR_OK;
	if ((!template_ && count) || count > ATTRIBUTES_MAX)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
		rv = add_attribute(&template_[i], out, depth);
	return rv;
}

CK_RV attributes_from_template(const CK_ATTRIBUTE *template_, CK_ULONG count, struct attribute_list *out)
{
	*out = (struct attribute_list){ 0 };
	CK_RV rv = list_from_template(template_, count, out, 0);
	if (rv != CKR_OK)
		attribute_list_finish(out);
	return rv;
}

/* To an application */

/* "5. ... ulValueLen ... if the length specified is not large enough, CK_UNAVAILABLE_INFORMATION." */
static CK_RV give(CK_ATTRIBUTE *out, const void *value, CK_ULONG size)
{
	if (out->pValue && out->ulValueLen < size) {
		out->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (out->pValue && size)
		memcpy(out->pValue, value, size);
	out->ulValueLen = size;
	return CKR_OK;
}

static CK_RV give_ulongs(const Craton__Attribute *attribute, CK_ATTRIBUTE *out)
{
	size_t count = attribute->value.len / CANONICAL_ULONG_SIZE;
	CK_ULONG *numbers = calloc(count + 1, sizeof *numbers);
	if (!numbers)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < count; i++)
		numbers[i] = canonical_narrow(canonical_get(attribute->value.data + i * CANONICAL_ULONG_SIZE));
	CK_RV rv = give(out, numbers, count * sizeof *numbers);
	free(numbers);
	return rv;
}

/* "If the attribute is an array of attributes": the types are filled in, and each element's value goes to
 * the element's own pValue, by the same rules. */
static CK_RV give_template(const Craton__Attribute *attribute, CK_ATTRIBUTE *out)
{
	Craton__Attributes *inner = canonical_template(attribute->value.data, attribute->value.len);
	if (!inner)
		return CKR_HOST_MEMORY;
	CK_ULONG size = inner->n_list * sizeof(CK_ATTRIBUTE);
	CK_RV rv = CKR_OK;
	if (out->pValue && out->ulValueLen < size) {
		out->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		rv = CKR_BUFFER_TOO_SMALL;
	} else {
		out->ulValueLen = size;
	}
	for (size_t i = 0; rv != CKR_BUFFER_TOO_SMALL && out->pValue && i < inner->n_list; i++) {
		CK_ATTRIBUTE element;
		uint8_t *at = (uint8_t *)out->pValue + i * sizeof element;
		memcpy(&element, at, sizeof element);
		element.type = (CK_ATTRIBUTE_TYPE)inner->list[i]->type;
		CK_RV one = attribute_to_application(inner->list[i], &element);
		memcpy(at, &element, sizeof element);
		rv = rv == CKR_OK ? one : rv;
	}
	craton__attributes__free_unpacked(inner, NULL);
	return rv;
}

CK_RV attribute_to_application(const Craton__Attribute *attribute, CK_ATTRIBUTE *out)
{
	switch (attribute_shape((CK_ATTRIBUTE_TYPE)attribute->type)) {
	case SHAPE_ULONG:
	case SHAPE_MECHANISMS:
		return give_ulongs(attribute, out);
	case SHAPE_TEMPLATE:
		return give_template(attribute, out);
	default:
		return give(out, attribute->value.data, attribute->value.len);
	}
}

/* To a token */

static CK_ATTRIBUTE *lay_out(struct block *block, Craton__Attribute *const *items, size_t count);

static void lay_ulongs(struct block *block, const Craton__Attribute *from, CK_ATTRIBUTE *to)
{
	size_t count = from->value.len / CANONICAL_ULONG_SIZE;
	CK_ULONG *numbers = block_take(block, count * sizeof *numbers);
	for (size_t i = 0; numbers && i < count; i++)
		numbers[i] = canonical_narrow(canonical_get(from->value.data + i * CANONICAL_ULONG_SIZE));
	to->pValue = numbers;
	to->ulValueLen = count * sizeof *numbers;
}

static void lay_bytes(struct block *block, const Craton__Attribute *from, CK_ATTRIBUTE *to)
{
	void *bytes = block_take(block, from->value.len + 1); /* never NULL: some modules look before they count */
	if (bytes && from->value.len)
		memcpy(bytes, from->value.data, from->value.len);
	to->pValue = bytes;
	to->ulValueLen = from->value.len;
}

static void lay_template(struct block *block, const Craton__Attribute *from, CK_ATTRIBUTE *to)
{
	Craton__Attributes *inner = canonical_template(from->value.data, from->value.len);
	if (!inner) {
		block->failed = true;
		return;
	}
	to->pValue = lay_out(block, inner->list, inner->n_list);
	to->ulValueLen = inner->n_list * sizeof(CK_ATTRIBUTE);
	craton__attributes__free_unpacked(inner, NULL);
}

static CK_ATTRIBUTE *lay_out(struct block *block, Craton__Attribute *const *items, size_t count)
{
	CK_ATTRIBUTE *template_ = block_take(block, (count + 1) * sizeof *template_);
	for (size_t i = 0; i < count; i++) {
		CK_ATTRIBUTE one = { .type = (CK_ATTRIBUTE_TYPE)items[i]->type };
		enum attribute_shape shape = attribute_shape(one.type);
		if (shape == SHAPE_ULONG || shape == SHAPE_MECHANISMS)
			lay_ulongs(block, items[i], &one);
		else if (shape == SHAPE_TEMPLATE)
			lay_template(block, items[i], &one);
		else
			lay_bytes(block, items[i], &one);
		if (template_)
			template_[i] = one;
	}
	return template_;
}

CK_RV attributes_to_template(const struct attribute_list *list, CK_ATTRIBUTE **out, CK_ULONG *count)
{
	struct block counting = { 0 };
	lay_out(&counting, list->items, list->count);
	struct block block = { .data = counting.failed ? NULL : calloc(1, counting.size) };
	if (!block.data)
		return CKR_HOST_MEMORY;
	CK_ATTRIBUTE *template_ = lay_out(&block, list->items, list->count);
	if (block.failed) {
		free(template_);
		return CKR_HOST_MEMORY;
	}
	*out = template_;
	*count = list->count;
	return CKR_OK;
}
