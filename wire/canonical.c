#include "wire/canonical.h"
#include "wire/unpack.h"

void canonical_put(uint8_t bytes[CANONICAL_ULONG_SIZE], uint64_t value)
{
	for (size_t i = 0; i < CANONICAL_ULONG_SIZE; i++, value >>= 8)
		bytes[i] = (uint8_t)value;
}

uint64_t canonical_get(const uint8_t *bytes)
{
	uint64_t value = 0;
	for (size_t i = CANONICAL_ULONG_SIZE; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

uint64_t canonical_widen(CK_ULONG value)
{
	return value == CK_UNAVAILABLE_INFORMATION ? UINT64_MAX : value;
}

CK_ULONG canonical_narrow(uint64_t value)
{
	return value == UINT64_MAX ? CK_UNAVAILABLE_INFORMATION : (CK_ULONG)value;
}

Craton__Attributes *canonical_template(const void *value, size_t size)
{
	return (Craton__Attributes *)unpack(&craton__attributes__descriptor, value, size);
}
