/* A mechanism's way to the wire, through its bytes, and back. */
#pragma once
#include "tests/check.h"
#include "wire/mechanism.h"
#include <stdlib.h>
#include <string.h>

#define SECOND_KEY 0x1234 /* the handle that a key named by a parameter has at the other end */

static inline Craton__Mechanism *wire_of(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG size)
{
	CK_MECHANISM mechanism = { type, (void *)(uintptr_t)parameter, size };
	CK_OBJECT_HANDLE handles[MECHANISM_KEYS_MAX];
	Craton__Mechanism *wire = NULL, *back;
	CU_ASSERT_EQUAL_FATAL(mechanism_to_wire(&mechanism, false, &wire), CKR_OK);
	wire->n_keys = mechanism_keys(&mechanism, handles);
	wire->keys = calloc(wire->n_keys + 1, sizeof *wire->keys);
	for (size_t i = 0; i < wire->n_keys; i++) {
		wire->keys[i] = malloc(sizeof **wire->keys);
		craton__object_ref__init(wire->keys[i]);
	}
	size_t packed = craton__mechanism__get_packed_size(wire);
	uint8_t *bytes = malloc(packed + 1);
	craton__mechanism__pack(wire, bytes);
	craton__mechanism__free_unpacked(wire, NULL);
	back = craton__mechanism__unpack(NULL, packed, bytes);
	free(bytes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	return back;
}

static inline CK_RV judged_wire(const Craton__Mechanism *wire)
{
	static const CK_OBJECT_HANDLE keys[MECHANISM_KEYS_MAX] = { SECOND_KEY };
	CK_MECHANISM *native = NULL;
	CK_RV rv = mechanism_from_wire(wire, false, keys, &native);
	free(native);
	return rv;
}

static inline CK_MECHANISM *around(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG size)
{
	static const CK_OBJECT_HANDLE keys[MECHANISM_KEYS_MAX] = { SECOND_KEY };
	CK_MECHANISM *back = NULL;
	Craton__Mechanism *wire = wire_of(type, parameter, size);
	CU_ASSERT_EQUAL_FATAL(mechanism_from_wire(wire, false, keys, &back), CKR_OK);
	craton__mechanism__free_unpacked(wire, NULL);
	CU_ASSERT_EQUAL(back->mechanism, type);
	CU_ASSERT_EQUAL(back->ulParameterLen, size);
	return back;
}

/* The same, from an odd address, with odd pointers inside if the story has made them so. */
static inline CK_MECHANISM *around_unaligned(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG size)
{
	uint8_t *moved = malloc(size + 1);
	memcpy(moved + 1, parameter, size);
	CK_MECHANISM *back = around(type, moved + 1, size);
	free(moved);
	return back;
}

static inline CK_RV judged(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG size)
{
	CK_MECHANISM mechanism = { type, (void *)(uintptr_t)parameter, size };
	Craton__Mechanism *wire = NULL;
	CK_RV rv = mechanism_to_wire(&mechanism, false, &wire);
	if (wire)
		craton__mechanism__free_unpacked(wire, NULL);
	return rv;
}

#define REFUSED(type, parameter) CU_ASSERT_EQUAL(judged(type, &(parameter), sizeof(parameter)), CKR_MECHANISM_PARAM_INVALID)
#define REFUSED_WIRE(wire) CU_ASSERT_EQUAL(judged_wire(wire), CKR_MECHANISM_PARAM_INVALID)
