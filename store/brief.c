/* What a library keeps of an object, so that C_*Init and a question for a length need no round trip. */
#include "store/directory.h"
#include "wire/mechanism_table.h"
#include <stdlib.h>
#include <string.h>

static const CK_ATTRIBUTE_TYPE brief_types[] = {
	CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_KEY_TYPE, CKA_CERTIFICATE_TYPE, CKA_MODULUS_BITS, CKA_EC_PARAMS, CKA_VALUE_LEN,
	CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER,
	CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_ALWAYS_AUTHENTICATE, CKA_ALLOWED_MECHANISMS,
};

static enum err copy_types(const struct attribute_list *from, struct attribute_list *to)
{
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < sizeof brief_types / sizeof *brief_types; i++) {
		const Craton__Attribute *attribute = attribute_list_get(from, brief_types[i]);
		if (attribute)
			err = attribute_list_set(to, attribute->type, attribute->value.data, attribute->value.len);
	}
	return err;
}

static enum err fill(const Craton__Object *object, struct attribute_list *brief)
{
	struct attribute_list attributes = { object->attributes, object->n_attributes };
	enum err err = copy_types(&attributes, brief);
	size_t modulus = key_modulus_size(&attributes);
	if (err == ERR_OK && modulus && !attribute_list_get(brief, CKA_MODULUS_BITS))
		err = attribute_list_set_ulong(brief, CKA_MODULUS_BITS, modulus * 8);
	return err;
}

void object_brief(const Craton__Object *object, Craton__ObjectBrief **out)
{
	struct attribute_list attributes = { 0 };
	Craton__ObjectBrief *brief = calloc(1, sizeof *brief);
	uint8_t *id = malloc(object->id.len ? object->id.len : 1);
	*out = NULL;
	if (!brief || !id || fill(object, &attributes) != ERR_OK) {
		attribute_list_finish(&attributes);
		free(id);
		free(brief);
		return;
	}
	craton__object_brief__init(brief);
	if (object->id.len)
		memcpy(id, object->id.data, object->id.len);
	brief->id = (ProtobufCBinaryData){ object->id.len, id };
	brief->attributes = attributes.items;
	brief->n_attributes = attributes.count;
	*out = brief;
}
