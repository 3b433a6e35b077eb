#include "tests/unit/backend/workshop.h"
#include "base/id.h"
#include <string.h>

static const struct bytes message = { "two blocks of AES, which are 32.", 32 };

/* Another object of the same key, as C_CopyObject makes it. */
static Craton__Object *copy_of(const Craton__Object *object)
{
	Craton__Object *copy = object_copy(object);
	struct id id = id_random();
	memcpy(copy->id.data, id.bytes, ID_SIZE);
	craton__sealed__free_unpacked(copy->sealed, NULL);
	copy->sealed = NULL;
	return copy;
}

static void close_it(Craton__Object *object)
{
	object_set_bool(object, CKA_EXTRACTABLE, false);
	object_set_bool(object, CKA_SENSITIVE, true);
}

static bool same_mac(struct workshop *shop, const Craton__Object *a, const Craton__Object *b)
{
	struct buf first, second;
	buf_init(&first, RESULT_MAX);
	buf_init(&second, RESULT_MAX);
	bool same = sign_with(shop->domain, a, CKM_SHA256_HMAC, message, &first) == CKR_OK &&
	            sign_with(shop->domain, b, CKM_SHA256_HMAC, message, &second) == CKR_OK && first.size == 32 &&
	            second.size == 32 && memcmp(first.data, second.data, 32) == 0;
	buf_finish(&first);
	buf_finish(&second);
	return same;
}

/* 32 bytes are sealed as a key, 37 as a value. */
static void an_open_key_becomes_a_closed_one(void)
{
	static const uint8_t value[37] = { 1, 2, 3 };
	static const size_t sizes[] = { 32, 37 };
	struct workshop shop;
	struct buf read;
	workshop_open(&shop);
	buf_init(&read, RESULT_MAX);
	for (size_t i = 0; i < 2; i++) {
		Craton__Object *open = secret_of(&shop, CKK_GENERIC_SECRET, value, sizes[i]), *closed = copy_of(open);
		close_it(closed);
		CU_ASSERT(reseal_key(shop.domain, open, closed) == CKR_OK);
		CU_ASSERT_FATAL(closed->sealed != NULL);
		CU_ASSERT(closed->sealed->kind == SEAL_CLOSED);
		CU_ASSERT(same_mac(&shop, open, closed));
		CU_ASSERT(unseal_value(shop.domain, closed, CKA_VALUE, &read) == CKR_ATTRIBUTE_SENSITIVE);
		/* Not even the token itself would let it go. */
		struct loaded_key *wrapping = take(&shop, open), *target = take(&shop, closed);
		CK_MECHANISM padded = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
		CU_ASSERT(wrap_key(shop.house.tokens[0], &padded, wrapping, target, &read) != CKR_OK);
		keyring_return(shop.keyring, wrapping);
		keyring_return(shop.keyring, target);
		object_free(open);
		object_free(closed);
	}
	buf_finish(&read);
	workshop_close(&shop);
}

static void a_closed_key_never_becomes_an_open_one(void)
{
	struct workshop shop;
	Craton__Object *closed;
	workshop_open(&shop);
	CU_ASSERT_FATAL(secret_key(shop.domain, CKM_AES_KEY_GEN, (struct kind){ CKO_SECRET_KEY, CKK_AES, CLOSED_KEY }, 32, &closed) == CKR_OK);
	CK_ATTRIBUTE_TYPE types[] = { CKA_EXTRACTABLE, CKA_SENSITIVE };
	for (size_t i = 0; i < 2; i++) {
		Craton__Object *open = copy_of(closed);
		object_set_bool(open, types[i], types[i] == CKA_EXTRACTABLE);
		CU_ASSERT(reseal_key(shop.domain, closed, open) == CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_PTR_NULL(open->sealed);
		object_free(open);
	}
	object_free(closed);
	workshop_close(&shop);
}

static void a_copy_of_the_same_kind_is_the_same_key_under_its_own_seal(void)
{
	static const uint8_t value[32] = { 4, 5, 6 };
	struct workshop shop;
	workshop_open(&shop);
	Craton__Object *key = secret_of(&shop, CKK_GENERIC_SECRET, value, sizeof value), *copy = copy_of(key);
	object_set_bytes(copy, CKA_LABEL, "copy", 4);
	CU_ASSERT_FATAL(reseal_key(shop.domain, key, copy) == CKR_OK);
	CU_ASSERT(seal_check(shop.domain, copy) == CKR_OK);
	CU_ASSERT(same_mac(&shop, key, copy));
	object_set_bytes(copy, CKA_LABEL, "capy", 4);
	CU_ASSERT(seal_check(shop.domain, copy) == CKR_ENCRYPTED_DATA_INVALID);
	object_free(key);
	object_free(copy);
	workshop_close(&shop);
}

static void what_was_altered_is_not_sealed_again(void)
{
	static const uint8_t value[32] = { 4, 5, 6 };
	struct workshop shop;
	workshop_open(&shop);
	Craton__Object *key = secret_of(&shop, CKK_GENERIC_SECRET, value, sizeof value), *copy = copy_of(key);
	close_it(copy);
	object_set_bool(key, CKA_COPYABLE, true);
	CU_ASSERT(reseal_key(shop.domain, key, copy) == CKR_ENCRYPTED_DATA_INVALID);
	CU_ASSERT_PTR_NULL(copy->sealed);
	object_free(key);
	object_free(copy);
	workshop_close(&shop);
}

TESTS("backend: reseal",
      SAY(an_open_key_becomes_a_closed_one),
      SAY(a_closed_key_never_becomes_an_open_one),
      SAY(a_copy_of_the_same_kind_is_the_same_key_under_its_own_seal),
      SAY(what_was_altered_is_not_sealed_again))
