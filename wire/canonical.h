/* CK_ULONGs and templates in their canonical form. */
#pragma once
#include "wire/cryptoki.h"
#include "wire/craton.pb-c.h"
#include <stddef.h>
#include <stdint.h>

#define CANONICAL_ULONG_SIZE 8 /* bytes, little endian */

void canonical_put(uint8_t bytes[CANONICAL_ULONG_SIZE], uint64_t value);
uint64_t canonical_get(const uint8_t *bytes);
/* Between a machine's CK_ULONG and 64 bits; "unavailable" is all ones in both. */
uint64_t canonical_widen(CK_ULONG value);
CK_ULONG canonical_narrow(uint64_t value);
/* The attributes in a template's value, memory bounded; craton__attributes__free_unpacked(it, NULL). NULL if it is none. */
Craton__Attributes *canonical_template(const void *value, size_t size);
