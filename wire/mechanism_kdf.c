/* The parts that SP 800-108's input is made of (Current Mechanisms 3.0, 2.42.2): what stands behind a part's pointer depends on
 * its type. */
#include "wire/bytes.h"
#include "wire/mechanism_form.h"
#include <stdlib.h>
#include <string.h>

#define PARTS_MAX 64
#define PART_SIZE_MAX (64u << 10) /* bytes of a byte array */
#define FORM_BITS_MAX 64          /* width of a counter or a length */

static bool part_is_sane(const Craton__KdfPart *part)
{
	switch (part->type) {
	case CK_SP800_108_ITERATION_VARIABLE: /* with a form where it is a counter */
		return part->bits <= FORM_BITS_MAX;
	case CK_SP800_108_COUNTER:
		return part->bits && part->bits <= FORM_BITS_MAX;
	case CK_SP800_108_DKM_LENGTH:
		return part->bits && part->bits <= FORM_BITS_MAX && part->method <= CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS;
	case CK_SP800_108_BYTE_ARRAY:
		return part->value.len <= PART_SIZE_MAX;
	default:
		return false;
	}
}

bool kdf_judge(const Craton__KdfParameter *kdf)
{
	for (size_t i = 0; i < kdf->n_parts; i++)
		if (!part_is_sane(kdf->parts[i]))
			return false;
	return kdf->n_parts <= PARTS_MAX;
}

/* To the wire */

static bool read_value(const CK_PRF_DATA_PARAM *from, void *to, size_t size)
{
	bool good = from->pValue && from->ulValueLen == size;
	if (good)
		memcpy(to, from->pValue, size);
	return good;
}

static CK_RV counter_to_wire(const CK_PRF_DATA_PARAM *from, Craton__KdfPart *to)
{
	CK_SP800_108_COUNTER_FORMAT format;
	if (from->type == CK_SP800_108_ITERATION_VARIABLE && !from->ulValueLen)
		return CKR_OK;
	if (!read_value(from, &format, sizeof format) || !format.ulWidthInBits)
		return CKR_MECHANISM_PARAM_INVALID;
	to->little_endian = format.bLittleEndian != CK_FALSE;
	to->bits = format.ulWidthInBits;
	return CKR_OK;
}

static CK_RV length_to_wire(const CK_PRF_DATA_PARAM *from, Craton__KdfPart *to)
{
	CK_SP800_108_DKM_LENGTH_FORMAT format;
	if (!read_value(from, &format, sizeof format))
		return CKR_MECHANISM_PARAM_INVALID;
	to->method = format.dkmLengthMethod;
	to->little_endian = format.bLittleEndian != CK_FALSE;
	to->bits = format.ulWidthInBits;
	return CKR_OK;
}

static CK_RV part_to_wire(const CK_PRF_DATA_PARAM *from, Craton__KdfPart *to)
{
	to->type = from->type;
	switch (from->type) {
	case CK_SP800_108_ITERATION_VARIABLE:
	case CK_SP800_108_COUNTER:
		return counter_to_wire(from, to);
	case CK_SP800_108_DKM_LENGTH:
		return length_to_wire(from, to);
	case CK_SP800_108_BYTE_ARRAY:
		if (from->ulValueLen > PART_SIZE_MAX || (!from->pValue && from->ulValueLen))
			return CKR_MECHANISM_PARAM_INVALID;
		return wire_set_bytes(&to->value, from->pValue, from->ulValueLen) ? CKR_OK : CKR_HOST_MEMORY;
	default:
		return CKR_MECHANISM_PARAM_INVALID;
	}
}

CK_RV kdf_to_wire(const void *parts, size_t count, Craton__KdfParameter *to)
{
	CK_RV rv = CKR_OK;
	if (count > PARTS_MAX || (!parts && count))
		return CKR_MECHANISM_PARAM_INVALID;
	to->parts = calloc(count + 1, sizeof *to->parts);
	if (!to->parts)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		CK_PRF_DATA_PARAM part;
		Craton__KdfPart *made = malloc(sizeof *made);
		if (!made)
			return CKR_HOST_MEMORY;
		craton__kdf_part__init(made);
		to->parts[to->n_parts++] = made;
		memcpy(&part, (const uint8_t *)parts + i * sizeof part, sizeof part);
		rv = part_to_wire(&part, made);
	}
	return rv;
}

/* From it */

static CK_PRF_DATA_PARAM counter_to_native(const Craton__KdfPart *from, struct block *block)
{
	CK_PRF_DATA_PARAM part = { .type = (CK_PRF_DATA_TYPE)from->type };
	if (!from->bits)
		return part;
	CK_SP800_108_COUNTER_FORMAT *format = block_take(block, sizeof *format);
	if (format)
		*format = (CK_SP800_108_COUNTER_FORMAT){ .bLittleEndian = from->little_endian ? CK_TRUE : CK_FALSE,
		                                         .ulWidthInBits = (CK_ULONG)from->bits };
	part.pValue = format;
	part.ulValueLen = sizeof *format;
	return part;
}

static CK_PRF_DATA_PARAM length_to_native(const Craton__KdfPart *from, struct block *block)
{
	CK_SP800_108_DKM_LENGTH_FORMAT *format = block_take(block, sizeof *format);
	if (format)
		*format = (CK_SP800_108_DKM_LENGTH_FORMAT){ .dkmLengthMethod = (CK_ULONG)from->method,
		                                            .bLittleEndian = from->little_endian ? CK_TRUE : CK_FALSE,
		                                            .ulWidthInBits = (CK_ULONG)from->bits };
	return (CK_PRF_DATA_PARAM){ (CK_PRF_DATA_TYPE)from->type, format, sizeof *format };
}

static CK_PRF_DATA_PARAM part_to_native(const Craton__KdfPart *from, struct block *block)
{
	if (from->type == CK_SP800_108_BYTE_ARRAY)
		return (CK_PRF_DATA_PARAM){ CK_SP800_108_BYTE_ARRAY, block_copy(block, &from->value), from->value.len };
	return from->type == CK_SP800_108_DKM_LENGTH ? length_to_native(from, block) : counter_to_native(from, block);
}

CK_PRF_DATA_PARAM *kdf_to_native(const Craton__KdfParameter *from, struct block *block)
{
	CK_PRF_DATA_PARAM *parts = block_take(block, from->n_parts * sizeof *parts);
	for (size_t i = 0; i < from->n_parts; i++) {
		CK_PRF_DATA_PARAM part = part_to_native(from->parts[i], block);
		if (parts)
			parts[i] = part;
	}
	return parts;
}
