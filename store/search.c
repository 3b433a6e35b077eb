#include "store/search.h"
#include "base/digest.h"
#include <string.h>

static const CK_ATTRIBUTE_TYPE searchable[] = {
	CKA_UNIQUE_ID, CKA_ID, CKA_LABEL, CKA_MODULUS, CKA_EC_POINT, CKA_SERIAL_NUMBER, CKA_SUBJECT,
	CKA_VALUE, CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CKA_OBJECT_ID, CKA_ISSUER, CKA_APPLICATION,
	CKA_KEY_TYPE, CKA_CLASS,
};
_Static_assert(sizeof searchable / sizeof *searchable <= SEARCH_KEYS_MAX, "room for every key");

static uint64_t value_hash(const Craton__Attribute *attribute)
{
	uint8_t digest[SHA256_SIZE];
	struct bytes value = { attribute->value.data, attribute->value.len };
	sha256(&value, 1, digest);
	uint64_t hash = 0;
	for (size_t i = 0; i < 8; i++)
		hash = hash << 8 | digest[i];
	return hash;
}

size_t search_keys(const struct attribute_list *attributes, struct search_key keys[SEARCH_KEYS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < sizeof searchable / sizeof *searchable; i++) {
		const Craton__Attribute *attribute = attribute_list_get(attributes, searchable[i]);
		if (attribute && attribute->value.len)
			keys[count++] = (struct search_key){ searchable[i], value_hash(attribute) };
	}
	return count;
}

bool search_matches(const Craton__Object *object, const struct attribute_list *wanted)
{
	struct attribute_list has = { object->attributes, object->n_attributes };
	for (size_t i = 0; i < wanted->count; i++) {
		const ProtobufCBinaryData *want = &wanted->items[i]->value;
		const Craton__Attribute *attribute = attribute_list_get(&has, wanted->items[i]->type);
		if (!attribute || attribute->value.len != want->len
		    || (want->len && memcmp(attribute->value.data, want->data, want->len) != 0))
			return false;
	}
	return true;
}
