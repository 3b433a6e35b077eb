/* A list of attributes, from the wire to a token and to an application. */
#include "tests/fuzz/fuzz.h"
#include "wire/attributes.h"
#include "wire/unpack.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void to_application(const Craton__Attribute *attribute)
{
	CK_ATTRIBUTE out = { .type = (CK_ATTRIBUTE_TYPE)attribute->type };
	CK_RV rv = attribute_to_application(attribute, &out);
	assert(rv == CKR_OK);
	out.pValue = calloc(1, out.ulValueLen + 1);
	rv = attribute_to_application(attribute, &out);
	assert(rv == CKR_OK);
	free(out.pValue);
}

/* What a token is given, taken back as if an application had given it, is the same list. */
static void to_token_and_back(const struct attribute_list *list)
{
	CK_ATTRIBUTE *native;
	CK_ULONG count;
	struct attribute_list back;
	if (attributes_to_template(list, &native, &count) != CKR_OK)
		abort();
	CK_RV rv = attributes_from_template(native, count, &back);
	if (rv == CKR_OK)
		for (size_t i = 0; i < list->count; i++)
			assert(attribute_list_get(&back, list->items[i]->type));
	attribute_list_finish(&back);
	free(native);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ProtobufCMessage *message = unpack(&craton__attributes__descriptor, data, size);
	struct attribute_list list = { 0 };
	if (!message)
		return 0;
	Craton__Attributes *items = (Craton__Attributes *)message;
	if (attribute_list_copy(&list, items->list, items->n_list) == ERR_OK) {
		for (size_t i = 0; i < list.count; i++)
			to_application(list.items[i]);
		to_token_and_back(&list);
	}
	attribute_list_finish(&list);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
