/* PKCS#11 attributes as bytes, both ways. The canonical form of a
 * value is described in wire/craton.proto. Everything that arrives is judged here:
 * what comes out has the length its type demands. */
#pragma once
#include "base/err.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <stdbool.h>

#define ATTRIBUTES_MAX 256          /* in one template or object */
#define ATTRIBUTE_SIZE_MAX (4u << 20) /* bytes of one value */

enum attribute_shape {
	SHAPE_BYTES,     /* any length */
	SHAPE_BOOL,
	SHAPE_ULONG,
	SHAPE_DATE,      /* CK_DATE, eight bytes, or empty */
	SHAPE_TEMPLATE,  /* CK_ATTRIBUTE array */
	SHAPE_MECHANISMS /* CK_MECHANISM_TYPE array, or of other types made of CK_ULONG */
};
/* The shape the standard gives a type; SHAPE_BYTES for vendor's and unknown ones. */
enum attribute_shape attribute_shape(CK_ATTRIBUTE_TYPE type);

/* A growing list of attributes with values of its own: sorted by type, each once. */
struct attribute_list {
	Craton__Attribute **items; /* as protobuf-c wants them */
	size_t count;
};
void attribute_list_finish(struct attribute_list *list);
/* Copies the value; replaces one of the same type. `value` in canonical form. */
enum err attribute_list_set(struct attribute_list *list, CK_ATTRIBUTE_TYPE type,
                            const void *value, size_t size);
enum err attribute_list_set_bool(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, bool value);
enum err attribute_list_set_ulong(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, uint64_t value);
void attribute_list_remove(struct attribute_list *list, CK_ATTRIBUTE_TYPE type);
/* NULL if absent. */
const Craton__Attribute *attribute_list_get(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type);
/* The value, or `otherwise` when absent. */
bool attribute_list_bool(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type, bool otherwise);
uint64_t attribute_list_ulong(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type, uint64_t otherwise);
/* From the wire: every value checked against its shape, sorted; ERR_MALFORMED for a bad shape,
 * ERR_BUSY for a type that stands twice (CKR_TEMPLATE_INCONSISTENT). Copies. */
enum err attribute_list_copy(struct attribute_list *list, Craton__Attribute *const *items, size_t count);

/* An application's template → a list. CKR_ATTRIBUTE_VALUE_INVALID for a wrong length,
 * CKR_TEMPLATE_INCONSISTENT for one given twice with different values, CKR_ARGUMENTS_BAD for NULL
 * with a length, CKR_HOST_MEMORY. */
CK_RV attributes_from_template(const CK_ATTRIBUTE *template_, CK_ULONG count, struct attribute_list *out);
/* A canonical value → the application's buffer, with C_GetAttributeValue's rules for one
 * attribute: pValue NULL asks for the length; CKR_BUFFER_TOO_SMALL sets ulValueLen to
 * CK_UNAVAILABLE_INFORMATION. */
CK_RV attribute_to_application(const Craton__Attribute *attribute, CK_ATTRIBUTE *out);
/* A list → a native template for a token's function. Memory is one block: free(). CKR_HOST_MEMORY. */
CK_RV attributes_to_template(const struct attribute_list *list, CK_ATTRIBUTE **out, CK_ULONG *count);
