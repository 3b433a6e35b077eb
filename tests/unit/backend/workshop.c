#include "tests/unit/backend/workshop.h"

void workshop_open(struct workshop *shop)
{
	house_open(&shop->house, 1);
	shop->domain = shop->house.domains[0];
	shop->keyring = keyring_create(shop->domain, 20);
}

void workshop_close(struct workshop *shop)
{
	keyring_destroy(shop->keyring);
	house_close(&shop->house);
}

struct loaded_key *take(struct workshop *shop, const Craton__Object *object)
{
	struct loaded_key *key = NULL;
	CU_ASSERT_FATAL(keyring_load(shop->keyring, keyring_epoch(shop->keyring), object_copy(object), &key) == CKR_OK);
	return key;
}

Craton__Object *secret_of(struct workshop *shop, CK_KEY_TYPE type, const void *value, size_t size)
{
	struct attribute_list secret = { 0 };
	Craton__Object *object = object_new((struct kind){ CKO_SECRET_KEY, type, .sensitive = true, .extractable = true });
	CU_ASSERT_FATAL(attribute_list_set(&secret, CKA_VALUE, value, size) == ERR_OK);
	CU_ASSERT_FATAL(seal_import(shop->domain, &secret, object) == CKR_OK);
	attribute_list_finish(&secret);
	return object;
}

void read_value(struct workshop *shop, const Craton__Object *object, struct buf *out)
{
	CU_ASSERT_FATAL(unseal_value(shop->domain, object, CKA_VALUE, out) == CKR_OK);
}

uint64_t number_of(const Craton__Object *object, CK_ATTRIBUTE_TYPE type)
{
	struct attribute_list list = object_list(object);
	return attribute_list_ulong(&list, type, 0);
}
