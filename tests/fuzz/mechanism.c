/* A mechanism from the wire, made native, taken back as if an application had given it, and so once more: after the first
 * time nothing changes. The first byte says whether the mechanism is declared to take bytes. */
#include "tests/fuzz/fuzz.h"
#include "wire/mechanism.h"
#include "wire/mechanism_table.h"
#include "wire/unpack.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEY 4711

static CK_MECHANISM *to_native(const Craton__Mechanism *wire, bool takes_bytes)
{
	static const CK_OBJECT_HANDLE keys[MECHANISM_KEYS_MAX] = { KEY };
	CK_MECHANISM *native = NULL;
	return mechanism_from_wire(wire, takes_bytes, keys, &native) == CKR_OK ? native : NULL;
}

/* What we made of a stranger's message is good enough to come from an application. */
static Craton__Mechanism *to_wire(const CK_MECHANISM *native, bool takes_bytes)
{
	CK_OBJECT_HANDLE named[MECHANISM_KEYS_MAX];
	Craton__Mechanism *wire = NULL;
	CK_RV rv = mechanism_to_wire(native, takes_bytes, &wire);
	assert(rv == CKR_OK);
	size_t count = mechanism_keys(native, named);
	wire->keys = calloc(count + 1, sizeof *wire->keys);
	for (; wire->n_keys < count; wire->n_keys++) {
		assert(named[wire->n_keys] == KEY);
		wire->keys[wire->n_keys] = malloc(sizeof **wire->keys);
		craton__object_ref__init(wire->keys[wire->n_keys]);
	}
	return wire;
}

static void same(const Craton__Mechanism *a, const Craton__Mechanism *b)
{
	size_t size = craton__mechanism__get_packed_size(a);
	assert(size == craton__mechanism__get_packed_size(b));
	uint8_t *left = malloc(size + 1), *right = malloc(size + 1);
	craton__mechanism__pack(a, left);
	craton__mechanism__pack(b, right);
	assert(memcmp(left, right, size) == 0);
	free(left);
	free(right);
}

static void measure(const Craton__Mechanism *wire)
{
	static const CK_FLAGS uses[] = { CKF_SIGN, CKF_ENCRYPT, CKF_DECRYPT, CKF_WRAP, CKF_VERIFY_RECOVER };
	struct attribute_list key = { 0 };
	bool exact;
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		mechanism_result_size(wire, uses[i], &key, 1000, &exact);
}

static void walk(const Craton__Mechanism *asked, bool takes_bytes)
{
	struct bytes iv;
	CK_MECHANISM *native = to_native(asked, takes_bytes);
	if (!native)
		return;
	bool made = mechanism_new_iv(asked, native, &iv); /* nobody has changed it; it may have been asked for */
	assert(made == (asked->parameter_case == CRATON__MECHANISM__PARAMETER_GCM && asked->gcm->iv_size));
	measure(asked);
	Craton__Mechanism *once = to_wire(native, takes_bytes);
	CK_MECHANISM *again = to_native(once, takes_bytes);
	assert(again && again->mechanism == native->mechanism && again->ulParameterLen == native->ulParameterLen);
	Craton__Mechanism *twice = to_wire(again, takes_bytes);
	same(once, twice);
	craton__mechanism__free_unpacked(once, NULL);
	craton__mechanism__free_unpacked(twice, NULL);
	free(again);
	free(native);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ProtobufCMessage *message = size ? unpack(&craton__mechanism__descriptor, data + 1, size - 1) : NULL;
	if (!message)
		return 0;
	walk((Craton__Mechanism *)message, data[0] & 1);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
