#include "wire/attributes.h"
#include "base/secret.h"
#include "wire/bytes.h"
#include "wire/canonical.h"
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_DEPTH_MAX 4 /* a template in a template in ...: two would do */

/* "CKF_ARRAY_ATTRIBUTE ... identifies an attribute which consists of an array of values": pointers, which are not to travel
 * as bytes. A vendor's numbers may have any bit. */
static bool is_template_to_come(CK_ATTRIBUTE_TYPE type)
{
	return (type & CKF_ARRAY_ATTRIBUTE) && !(type & CKA_VENDOR_DEFINED);
}

enum attribute_shape attribute_shape(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_TOKEN: case CKA_PRIVATE: case CKA_TRUSTED: case CKA_SENSITIVE: case CKA_ENCRYPT:
	case CKA_DECRYPT: case CKA_WRAP: case CKA_UNWRAP: case CKA_SIGN: case CKA_SIGN_RECOVER:
	case CKA_VERIFY: case CKA_VERIFY_RECOVER: case CKA_DERIVE: case CKA_EXTRACTABLE: case CKA_LOCAL:
	case CKA_NEVER_EXTRACTABLE: case CKA_ALWAYS_SENSITIVE: case CKA_MODIFIABLE: case CKA_COPYABLE:
	case CKA_DESTROYABLE: case CKA_SECONDARY_AUTH: case CKA_ALWAYS_AUTHENTICATE: case CKA_WRAP_WITH_TRUSTED:
	case CKA_OTP_USER_FRIENDLY_MODE: case CKA_RESET_ON_INIT: case CKA_HAS_RESET: case CKA_COLOR:
	case CKA_X2RATCHET_ISALICE: case CKA_ENCAPSULATE: case CKA_DECAPSULATE:
		return SHAPE_BOOL;
	case CKA_CLASS: case CKA_CERTIFICATE_TYPE: case CKA_CERTIFICATE_CATEGORY: case CKA_JAVA_MIDP_SECURITY_DOMAIN:
	case CKA_NAME_HASH_ALGORITHM: case CKA_KEY_TYPE: case CKA_MODULUS_BITS: case CKA_PRIME_BITS:
	case CKA_SUB_PRIME_BITS: case CKA_VALUE_BITS: case CKA_VALUE_LEN: case CKA_KEY_GEN_MECHANISM:
	case CKA_AUTH_PIN_FLAGS: case CKA_OTP_FORMAT: case CKA_OTP_LENGTH: case CKA_OTP_TIME_INTERVAL:
	case CKA_OTP_CHALLENGE_REQUIREMENT: case CKA_OTP_TIME_REQUIREMENT: case CKA_OTP_COUNTER_REQUIREMENT:
	case CKA_OTP_PIN_REQUIREMENT: case CKA_HW_FEATURE_TYPE: case CKA_PIXEL_X: case CKA_PIXEL_Y:
	case CKA_RESOLUTION: case CKA_CHAR_ROWS: case CKA_CHAR_COLUMNS: case CKA_BITS_PER_PIXEL: case CKA_MECHANISM_TYPE:
	case CKA_PROFILE_ID: case CKA_X2RATCHET_BAGSIZE: case CKA_X2RATCHET_NR: case CKA_X2RATCHET_NS: case CKA_X2RATCHET_PNS:
	case CKA_HSS_LEVELS: case CKA_HSS_LMS_TYPE: case CKA_HSS_LMOTS_TYPE: case CKA_HSS_KEYS_REMAINING: case CKA_PARAMETER_SET:
	case CKA_OBJECT_VALIDATION_FLAGS: case CKA_VALIDATION_TYPE: case CKA_VALIDATION_LEVEL: case CKA_VALIDATION_FLAG:
	case CKA_VALIDATION_AUTHORITY_TYPE:
		return SHAPE_ULONG;
	case CKA_START_DATE: case CKA_END_DATE:
		return SHAPE_DATE;
	case CKA_WRAP_TEMPLATE: case CKA_UNWRAP_TEMPLATE: case CKA_DERIVE_TEMPLATE:
	case CKA_ENCAPSULATE_TEMPLATE: case CKA_DECAPSULATE_TEMPLATE:
		return SHAPE_TEMPLATE;
	case CKA_ALLOWED_MECHANISMS: case CKA_HSS_LMS_TYPES: case CKA_HSS_LMOTS_TYPES:
		return SHAPE_MECHANISMS;
	default:
		return is_template_to_come(type) ? SHAPE_TEMPLATE : SHAPE_BYTES;
	}
}

/* Judging values */

static enum err judge_value(CK_ATTRIBUTE_TYPE type, const void *value, size_t size, int depth);

static enum err judge_template(const void *value, size_t size, int depth)
{
	Craton__Attributes *inner = depth < TEMPLATE_DEPTH_MAX ? canonical_template(value, size) : NULL;
	enum err err = inner && inner->n_list <= ATTRIBUTES_MAX ? ERR_OK : ERR_MALFORMED;
	for (size_t i = 0; err == ERR_OK && i < inner->n_list; i++)
		err = judge_value(inner->list[i]->type, inner->list[i]->value.data, inner->list[i]->value.len, depth + 1);
	if (inner)
		craton__attributes__free_unpacked(inner, NULL);
	return err;
}

static enum err judge_value(CK_ATTRIBUTE_TYPE type, const void *value, size_t size, int depth)
{
	bool good = true;
	if (size > ATTRIBUTE_SIZE_MAX)
		return ERR_TOO_BIG;
	switch (attribute_shape(type)) {
	case SHAPE_BYTES:
		break;
	case SHAPE_BOOL:
		good = size == 1 && *(const uint8_t *)value <= 1;
		break;
	case SHAPE_ULONG:
		good = size == CANONICAL_ULONG_SIZE;
		break;
	case SHAPE_DATE:
		good = size == 0 || size == sizeof(CK_DATE);
		break;
	case SHAPE_MECHANISMS:
		good = size % CANONICAL_ULONG_SIZE == 0;
		break;
	case SHAPE_TEMPLATE:
		return judge_template(value, size, depth);
	}
	return good ? ERR_OK : ERR_MALFORMED;
}

/* The list */

static void attribute_destroy(Craton__Attribute *attribute)
{
	secret_wipe(attribute->value.data, attribute->value.len); /* may be a key's, on its way in */
	free(attribute->value.data);
	free(attribute);
}

static Craton__Attribute *attribute_create(CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	Craton__Attribute *attribute = malloc(sizeof *attribute);
	if (!attribute)
		return NULL;
	craton__attribute__init(attribute);
	attribute->type = type;
	if (wire_set_bytes(&attribute->value, value, size))
		return attribute;
	free(attribute);
	return NULL;
}

void attribute_list_finish(struct attribute_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		attribute_destroy(list->items[i]);
	free(list->items);
	*list = (struct attribute_list){ 0 };
}

/* The place of a type, or where it would have to stand. */
static size_t place_of(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type, bool *is_there)
{
	size_t low = 0, high = list->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->items[middle]->type < type)
			low = middle + 1;
		else
			high = middle;
	}
	*is_there = low < list->count && list->items[low]->type == type;
	return low;
}

static enum err insert(struct attribute_list *list, size_t place, Craton__Attribute *attribute)
{
	Craton__Attribute **items = reallocarray(list->items, list->count + 1, sizeof *items);
	if (!items)
		return ERR_NO_MEMORY;
	list->items = items;
	memmove(list->items + place + 1, list->items + place, (list->count - place) * sizeof *list->items);
	list->items[place] = attribute;
	list->count++;
	return ERR_OK;
}

enum err attribute_list_set(struct attribute_list *list, CK_ATTRIBUTE_TYPE type,
                            const void *value, size_t size)
{
	bool is_there;
	size_t place = place_of(list, type, &is_there);
	enum err err = judge_value(type, value, size, 0);
	if (err != ERR_OK)
		return err;
	if (!is_there && list->count == ATTRIBUTES_MAX)
		return ERR_TOO_BIG;
	Craton__Attribute *attribute = attribute_create(type, value, size);
	if (!attribute)
		return ERR_NO_MEMORY;
	if (is_there) {
		attribute_destroy(list->items[place]);
		list->items[place] = attribute;
		return ERR_OK;
	}
	err = insert(list, place, attribute);
	if (err != ERR_OK)
		attribute_destroy(attribute);
	return err;
}

enum err attribute_list_set_bool(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, bool value)
{
	return attribute_list_set(list, type, &(uint8_t){ value }, 1);
}

enum err attribute_list_set_ulong(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, uint64_t value)
{
	uint8_t bytes[CANONICAL_ULONG_SIZE];
	canonical_put(bytes, value);
	return attribute_list_set(list, type, bytes, sizeof bytes);
}

void attribute_list_remove(struct attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
	bool is_there;
	size_t place = place_of(list, type, &is_there);
	if (!is_there)
		return;
	attribute_destroy(list->items[place]);
	list->count--;
	memmove(list->items + place, list->items + place + 1, (list->count - place) * sizeof *list->items);
}

const Craton__Attribute *attribute_list_get(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
	bool is_there;
	size_t place = place_of(list, type, &is_there);
	return is_there ? list->items[place] : NULL;
}

bool attribute_list_bool(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	const Craton__Attribute *attribute = attribute_list_get(list, type);
	return attribute && attribute->value.len == 1 ? attribute->value.data[0] != 0 : otherwise;
}

uint64_t attribute_list_ulong(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type, uint64_t otherwise)
{
	const Craton__Attribute *attribute = attribute_list_get(list, type);
	bool good = attribute && attribute->value.len == CANONICAL_ULONG_SIZE;
	return good ? canonical_get(attribute->value.data) : otherwise;
}

enum err attribute_list_copy(struct attribute_list *list, Craton__Attribute *const *items, size_t count)
{
	enum err err = count <= ATTRIBUTES_MAX ? ERR_OK : ERR_TOO_BIG;
	*list = (struct attribute_list){ 0 };
	for (size_t i = 0; err == ERR_OK && i < count; i++) {
		if (attribute_list_get(list, items[i]->type))
			err = ERR_BUSY;
		else
			err = attribute_list_set(list, items[i]->type, items[i]->value.data, items[i]->value.len);
	}
	if (err != ERR_OK)
		attribute_list_finish(list);
	return err;
}
