/* Three walks over a parameter's fields: into a message, judging it, and out of it. Nothing is read through a pointer
 * of a structure's own type, for what an application gives may lie anywhere. */
#include "wire/bytes.h"
#include "wire/mechanism_form.h"
#include "wire/mechanism_table.h"
#include <stdlib.h>
#include <string.h>

static CK_ULONG ulong_at(const void *structure, size_t offset)
{
	CK_ULONG value;
	memcpy(&value, (const uint8_t *)structure + offset, sizeof value);
	return value;
}

static void *pointer_at(const void *structure, size_t offset)
{
	void *pointer;
	memcpy(&pointer, (const uint8_t *)structure + offset, sizeof pointer);
	return pointer;
}

static uint64_t *number_in(const void *message, size_t offset)
{
	return (uint64_t *)(uintptr_t)((const uint8_t *)message + offset);
}

static ProtobufCBinaryData *bytes_in(const void *message, size_t offset)
{
	return (ProtobufCBinaryData *)(uintptr_t)((const uint8_t *)message + offset);
}

static protobuf_c_boolean *flag_in(const void *message, size_t offset)
{
	return (protobuf_c_boolean *)(uintptr_t)((const uint8_t *)message + offset);
}

/* Into a message */

static CK_RV bytes_to_wire(const struct field *field, const void *data, size_t size, void *message)
{
	if (size > field->max || (!data && size))
		return CKR_MECHANISM_PARAM_INVALID;
	return wire_set_bytes(bytes_in(message, field->wire), data, size) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV bits_to_wire(const struct field *field, const void *from, void *message)
{
	CK_ULONG bits = ulong_at(from, field->native_size);
	if (bits % 8)
		return CKR_MECHANISM_PARAM_INVALID;
	return bytes_to_wire(field, pointer_at(from, field->native), bits / 8, message);
}

/* The standard's text counts in bits, its header's name and most applications in bytes. No nonce has 64 bytes or more, nor so
 * few bits, so each is known for what it is, and passed on as it was given. */
static CK_RV nonce_to_wire(const struct field *field, const void *from, void *message)
{
	CK_ULONG size = ulong_at(from, field->native_size);
	*flag_in(message, field->wire_size) = size > field->max;
	return size > field->max ? bits_to_wire(field, from, message) : bytes_to_wire(field, pointer_at(from, field->native), size, message);
}

static CK_RV iv_to_wire(const struct field *field, const void *from, void *message)
{
	void *iv = pointer_at(from, field->native);
	CK_ULONG size = ulong_at(from, field->native_size);
	if (!iv)
		*number_in(message, field->wire_size) = size;
	return bytes_to_wire(field, iv, iv ? size : 0, message);
}

static CK_RV oaep_to_wire(const struct field *field, const void *from, void *message)
{
	const struct layout *layout = layout_of(FORM_OAEP);
	const void *pointer = pointer_at(from, field->native);
	union structure copy;
	Craton__OaepParameter *oaep = pointer ? malloc(sizeof *oaep) : NULL;
	if (!oaep)
		return pointer ? CKR_HOST_MEMORY : CKR_MECHANISM_PARAM_INVALID;
	craton__oaep_parameter__init(oaep);
	memcpy((uint8_t *)message + field->wire, &oaep, sizeof oaep);
	CK_RV rv = layout_read(layout, pointer, layout->size, &copy);
	return rv == CKR_OK ? layout_to_wire(layout, &copy, oaep) : rv;
}

static CK_RV field_to_wire(const struct field *field, const void *from, void *message)
{
	switch (field->kind) {
	case FIELD_NUMBER:
	case FIELD_HASH:
	case FIELD_MGF:
		*number_in(message, field->wire) = ulong_at(from, field->native);
		return CKR_OK;
	case FIELD_FLAG:
		*flag_in(message, field->wire) = *((const CK_BBOOL *)from + field->native) != CK_FALSE;
		return CKR_OK;
	case FIELD_BYTES:
		return bytes_to_wire(field, pointer_at(from, field->native), ulong_at(from, field->native_size), message);
	case FIELD_BITS:
		return bits_to_wire(field, from, message);
	case FIELD_NONCE:
		return nonce_to_wire(field, from, message);
	case FIELD_POINTED:
		return bytes_to_wire(field, pointer_at(from, field->native), (size_t)field->max, message);
	case FIELD_BLOCK:
		return bytes_to_wire(field, (const uint8_t *)from + field->native, (size_t)field->max, message);
	case FIELD_IV:
		return iv_to_wire(field, from, message);
	case FIELD_OAEP:
		return oaep_to_wire(field, from, message);
	case FIELD_PARTS:
		return kdf_to_wire(pointer_at(from, field->native), ulong_at(from, field->native_size), message);
	case FIELD_CONSTANT:
	case FIELD_KEY:
		return CKR_OK;
	}
	abort();
}

CK_RV layout_to_wire(const struct layout *layout, const union structure *from, void *message)
{
	CK_RV rv = CKR_OK;
	for (size_t i = 0; rv == CKR_OK && i < layout->count; i++)
		rv = field_to_wire(&layout->fields[i], from, message);
	return rv;
}

/* Judging it */

static bool is_vendors(uint64_t number)
{
	return number >= CKM_VENDOR_DEFINED && number <= (CK_ULONG)-1;
}

/* The last two are hashes that we cannot make ourselves. */
static bool is_hash(uint64_t type)
{
	return is_vendors(type) || type == CKM_RIPEMD128 || type == CKM_RIPEMD160 ||
	       (type <= (CK_ULONG)-1 && hash_facts((CK_MECHANISM_TYPE)type));
}

static bool is_mgf(uint64_t mgf)
{
	return is_vendors(mgf) || (mgf >= CKG_MGF1_SHA1 && mgf <= CKG_MGF1_SHA3_512);
}

static bool iv_is_sane(const struct field *field, const void *message)
{
	size_t given = bytes_in(message, field->wire)->len;
	uint64_t wanted = *number_in(message, field->wire_size);
	return given <= field->max && wanted <= field->max && !(given && wanted);
}

static bool field_is_sane(const struct field *field, const void *message)
{
	switch (field->kind) {
	case FIELD_NUMBER:
		return *number_in(message, field->wire) >= field->min && *number_in(message, field->wire) <= field->max;
	case FIELD_HASH:
		return is_hash(*number_in(message, field->wire));
	case FIELD_MGF:
		return is_mgf(*number_in(message, field->wire));
	case FIELD_BYTES:
	case FIELD_BITS:
	case FIELD_NONCE:
		return bytes_in(message, field->wire)->len >= field->min && bytes_in(message, field->wire)->len <= field->max;
	case FIELD_POINTED:
	case FIELD_BLOCK:
		return bytes_in(message, field->wire)->len == field->max;
	case FIELD_IV:
		return iv_is_sane(field, message);
	case FIELD_OAEP:
		return pointer_at(message, field->wire) && layout_judge(layout_of(FORM_OAEP), pointer_at(message, field->wire));
	case FIELD_PARTS:
		return kdf_judge(message);
	case FIELD_FLAG:
	case FIELD_CONSTANT:
	case FIELD_KEY:
		return true;
	}
	abort();
}

bool layout_judge(const struct layout *layout, const void *message)
{
	for (size_t i = 0; i < layout->count; i++)
		if (!field_is_sane(&layout->fields[i], message))
			return false;
	return true;
}

/* Out of it */

static void set_ulong(uint8_t *structure, size_t offset, CK_ULONG value)
{
	if (structure)
		memcpy(structure + offset, &value, sizeof value);
}

static void set_pointer(uint8_t *structure, size_t offset, void *pointer)
{
	if (structure)
		memcpy(structure + offset, &pointer, sizeof pointer);
}

static void bytes_to_native(const struct field *field, const void *message, uint8_t *structure, struct block *block)
{
	const ProtobufCBinaryData *from = bytes_in(message, field->wire);
	bool in_bits = field->kind == FIELD_BITS || (field->kind == FIELD_NONCE && *flag_in(message, field->wire_size));
	set_pointer(structure, field->native, block_copy(block, from));
	if (field->kind != FIELD_POINTED)
		set_ulong(structure, field->native_size, in_bits ? from->len * 8 : from->len);
}

static void iv_to_native(const struct field *field, const void *message, uint8_t *structure, struct block *block)
{
	size_t wanted = (size_t)*number_in(message, field->wire_size);
	bytes_to_native(field, message, structure, block);
	if (!wanted)
		return;
	set_pointer(structure, field->native, block_take(block, wanted));
	set_ulong(structure, field->native_size, wanted);
}

static void parts_to_native(const struct field *field, const Craton__KdfParameter *message, uint8_t *structure, struct block *block)
{
	set_pointer(structure, field->native, kdf_to_native(message, block));
	set_ulong(structure, field->native_size, message->n_parts);
}

static void field_to_native(const struct field *field, const void *message, const CK_OBJECT_HANDLE *keys, uint8_t *structure,
                            struct block *block)
{
	switch (field->kind) {
	case FIELD_NUMBER:
	case FIELD_HASH:
	case FIELD_MGF:
		set_ulong(structure, field->native, (CK_ULONG)*number_in(message, field->wire));
		break;
	case FIELD_FLAG:
		if (structure)
			structure[field->native] = *flag_in(message, field->wire) ? CK_TRUE : CK_FALSE;
		break;
	case FIELD_BYTES:
	case FIELD_BITS:
	case FIELD_NONCE:
	case FIELD_POINTED:
		bytes_to_native(field, message, structure, block);
		break;
	case FIELD_BLOCK:
		if (structure)
			memcpy(structure + field->native, bytes_in(message, field->wire)->data, (size_t)field->max);
		break;
	case FIELD_IV:
		iv_to_native(field, message, structure, block);
		break;
	case FIELD_CONSTANT:
		set_ulong(structure, field->native, (CK_ULONG)field->max);
		break;
	case FIELD_KEY:
		set_ulong(structure, field->native, keys ? keys[0] : CK_INVALID_HANDLE);
		break;
	case FIELD_OAEP:
		set_pointer(structure, field->native, layout_to_native(layout_of(FORM_OAEP), pointer_at(message, field->wire), NULL, block));
		break;
	case FIELD_PARTS:
		parts_to_native(field, message, structure, block);
		break;
	}
}

void *layout_to_native(const struct layout *layout, const void *message, const CK_OBJECT_HANDLE *keys, struct block *block)
{
	void *structure = block_take(block, layout->size);
	for (size_t i = 0; i < layout->count; i++)
		field_to_native(&layout->fields[i], message, keys, structure, block);
	return structure;
}
