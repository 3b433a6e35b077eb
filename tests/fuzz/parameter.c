/* An application's mechanism: a parameter with any numbers and lengths, at any address, whose pointers are odd or NULL. What is
 * accepted becomes a token's, too. Where a structure has its pointers is known from the table that reads it; a number in
 * a pointer's place would be an application's own end. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"
#include "wire/mechanism.h"
#include "wire/mechanism_form.h"
#include <assert.h>

#define PARTS_MAX 3 /* that hold something; more of them are zeros */
#define PARTS_ROOM (64 * sizeof(CK_PRF_DATA_PARAM))

static void fill_numbers(struct hostile *hostile, uint8_t *at, size_t size)
{
	for (size_t i = 0; i + sizeof(CK_ULONG) <= size; i += sizeof(CK_ULONG)) {
		CK_ULONG number = (CK_ULONG)hostile_number(hostile);
		memcpy(at + i, &number, sizeof number);
	}
}

static void *make_parts(struct hostile *hostile)
{
	uint8_t *at = hostile_block(hostile, PARTS_ROOM);
	for (size_t i = 0; at && i < PARTS_MAX; i++) {
		CK_PRF_DATA_PARAM part = { hostile_u8(hostile) % 8, hostile_pointer(hostile), (CK_ULONG)hostile_number(hostile) };
		memcpy(at + i * sizeof part, &part, sizeof part);
	}
	return at;
}

static void *make_structure(struct hostile *hostile, const struct layout *layout);

static void *make_pointer(struct hostile *hostile, const struct field *field)
{
	switch (field->kind) {
	case FIELD_OAEP:
		return make_structure(hostile, layout_of(FORM_OAEP));
	case FIELD_PARTS:
		return make_parts(hostile);
	default:
		return hostile_pointer(hostile);
	}
}

static bool has_pointer(const struct field *field)
{
	switch (field->kind) {
	case FIELD_BYTES: case FIELD_BITS: case FIELD_NONCE: case FIELD_POINTED: case FIELD_IV: case FIELD_OAEP: case FIELD_PARTS:
		return true;
	default:
		return false;
	}
}

static void *make_structure(struct hostile *hostile, const struct layout *layout)
{
	uint8_t *at = hostile_block(hostile, layout->size);
	if (!at)
		return NULL;
	fill_numbers(hostile, at, layout->size);
	for (size_t i = 0; i < layout->count; i++) {
		void *pointer = has_pointer(&layout->fields[i]) ? make_pointer(hostile, &layout->fields[i]) : NULL;
		if (has_pointer(&layout->fields[i]))
			memcpy(at + layout->fields[i].native, &pointer, sizeof pointer);
	}
	return at;
}

/* GCM's in 2.40's text has all but the third word. */
static void make_gcm_old(CK_MECHANISM *mechanism)
{
	uint8_t *at = mechanism->pParameter;
	size_t bits = offsetof(CK_GCM_PARAMS, ulIvBits), after = bits + sizeof(CK_ULONG);
	if (at)
		memmove(at + bits, at + after, sizeof(CK_GCM_PARAMS) - after);
	mechanism->ulParameterLen = sizeof(CK_GCM_PARAMS) - sizeof(CK_ULONG);
}

static void make_parameter(struct hostile *hostile, const struct form *form, CK_MECHANISM *mechanism)
{
	const struct layout *layout = form ? layout_of(form->kind) : NULL;
	uint8_t oddity = hostile_u8(hostile);
	if (!layout || !layout->size) {
		mechanism->pParameter = hostile_pointer(hostile);
		mechanism->ulParameterLen = (CK_ULONG)hostile_number(hostile);
		return;
	}
	mechanism->pParameter = make_structure(hostile, layout);
	mechanism->ulParameterLen = layout->size;
	if (form->kind == FORM_GCM && oddity % 2)
		make_gcm_old(mechanism);
	else if (oddity > 240)
		mechanism->ulParameterLen += oddity; /* none is so much longer than another */
}

static void to_token(Craton__Mechanism *wire, const CK_MECHANISM *asked, bool takes_bytes)
{
	static const CK_OBJECT_HANDLE keys[MECHANISM_KEYS_MAX] = { 4711 };
	CK_OBJECT_HANDLE named[MECHANISM_KEYS_MAX];
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT, *refs[MECHANISM_KEYS_MAX] = { &ref, &ref };
	CK_MECHANISM *native = NULL;
	wire->n_keys = mechanism_keys(asked, named);
	wire->keys = refs;
	CK_RV rv = mechanism_from_wire(wire, takes_bytes, keys, &native);
	assert(rv == CKR_OK && native->mechanism == asked->mechanism);
	free(native);
	wire->n_keys = 0;
	wire->keys = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hostile hostile = hostile_over(data, size);
	bool takes_bytes = hostile_u8(&hostile) & 1;
	CK_MECHANISM mechanism = { .mechanism = (CK_ULONG)hostile_u8(&hostile) << 8 };
	mechanism.mechanism |= hostile_u8(&hostile);
	Craton__Mechanism *wire = NULL;
	make_parameter(&hostile, mechanism_form(mechanism.mechanism, takes_bytes), &mechanism);
	if (mechanism_to_wire(&mechanism, takes_bytes, &wire) == CKR_OK) {
		to_token(wire, &mechanism, takes_bytes);
		craton__mechanism__free_unpacked(wire, NULL);
	}
	hostile_finish(&hostile);
	return 0;
}
