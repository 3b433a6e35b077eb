#include "tests/unit/backend/house.h"
#include <stdlib.h>
#include <string.h>

static void set(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	CU_ASSERT_FATAL(attribute_list_set(list, type, value, size) == ERR_OK);
}

/* RFC 4231, test case 2 with a key of that value. */
static void an_imported_secret_is_that_secret_everywhere(void)
{
	static const uint8_t expected[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e };
	struct house house;
	struct attribute_list secret = { 0 };
	struct buf mac;
	buf_init(&mac, 1 << 16);
	house_open(&house, 2);
	Craton__Object *key = object_new((struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, CLOSED_KEY });
	/* Longer than SoftHSM's shortest for this HMAC; a key is padded with zeros to the block in any case (RFC 2104). */
	uint8_t value[32] = "Jefe";
	set(&secret, CKA_VALUE, value, sizeof value);
	CU_ASSERT_FATAL(seal_import(house.domains[0], &secret, key) == CKR_OK);
	CU_ASSERT_PTR_NULL(object_get(key, CKA_VALUE));
	CU_ASSERT(object_get(key, CKA_VALUE_LEN) && object_get(key, CKA_VALUE_LEN)->value.data[0] == 32);
	CU_ASSERT(sign_with(house.domains[1], key, CKM_SHA256_HMAC, (struct bytes){ "what do ya want for nothing?", 28 }, &mac) == CKR_OK);
	CU_ASSERT(mac.size == 32 && memcmp(mac.data, expected, sizeof expected) == 0);
	attribute_list_finish(&secret);
	buf_finish(&mac);
	object_free(key);
	house_close(&house);
}

/* SoftHSM wraps a secret with zeros up to a multiple of eight bytes. What is computed with a key is as if it did not; a closed
 * key with which it would not be is refused. */
static void import_length(struct house *house, struct kind kind, const uint8_t *value, size_t size)
{
	static const struct bytes text = { "text", 4 };
	uint8_t expected[SHA256_SIZE];
	struct attribute_list secret = { 0 };
	struct buf read, mac;
	bool open = kind.extractable;
	buf_init(&read, 1000);
	buf_init(&mac, 1 << 16);
	set(&secret, CKA_VALUE, value, size);
	hmac_sha256(value, size, &text, 1, expected);
	Craton__Object *key = object_new(kind);
	CK_RV rv = seal_import(house->domains[0], &secret, key);
	CU_ASSERT(rv == (!open && size > 64 && size % 8 ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK));
	if (rv == CKR_OK) {
		CU_ASSERT(sign_with(house->domains[0], key, CKM_SHA256_HMAC, text, &mac) == CKR_OK);
		CU_ASSERT(mac.size == sizeof expected && memcmp(mac.data, expected, sizeof expected) == 0);
		CU_ASSERT(unseal_value(house->domains[0], key, CKA_VALUE, &read) == (open ? CKR_OK : CKR_ATTRIBUTE_SENSITIVE));
		CU_ASSERT(!open || (read.size == size && memcmp(read.data, value, size) == 0));
	}
	buf_finish(&read);
	buf_finish(&mac);
	attribute_list_finish(&secret);
	object_free(key);
}

static void an_odd_length_is_kept(void)
{
	struct house house;
	uint8_t value[71];
	memset(value, 0x11, sizeof value);
	house_open(&house, 1);
	for (size_t size = 33; size <= sizeof value; size++) {
		import_length(&house, (struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, OPEN_KEY }, value, size);
		import_length(&house, (struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, CLOSED_KEY }, value, size);
	}
	house_close(&house);
}

static void an_open_key_can_be_read_and_a_closed_one_not(void)
{
	static const uint8_t value[16] = { 1, 2, 3, 4 };
	static const struct {
		bool sensitive, extractable;
		CK_RV rv;
	} cases[] = {
		{ false, true, CKR_OK }, { true, false, CKR_ATTRIBUTE_SENSITIVE }, { true, true, CKR_ATTRIBUTE_SENSITIVE },
		{ false, false, CKR_ATTRIBUTE_SENSITIVE },
	};
	struct house house;
	house_open(&house, 1);
	for (size_t i = 0; i < 4; i++) {
		struct attribute_list secret = { 0 };
		struct buf read;
		buf_init(&read, 1000);
		set(&secret, CKA_VALUE, value, sizeof value);
		Craton__Object *key = object_new((struct kind){ CKO_SECRET_KEY, CKK_AES, cases[i].sensitive, cases[i].extractable });
		CU_ASSERT_FATAL(seal_import(house.domains[0], &secret, key) == CKR_OK);
		CU_ASSERT(unseal_value(house.domains[0], key, CKA_VALUE, &read) == cases[i].rv);
		CU_ASSERT(read.size == (cases[i].rv == CKR_OK ? sizeof value : 0) && (!read.size || memcmp(read.data, value, read.size) == 0));
		buf_finish(&read);
		attribute_list_finish(&secret);
		object_free(key);
	}
	house_close(&house);
}

static void private_data_of_any_size_is_sealed_and_read_back(void)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 100, 5000, 1 << 20 };
	struct house house;
	house_open(&house, 1);
	uint8_t *value = malloc(1 << 20);
	memset(value, 0xa5, 1 << 20);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct attribute_list secret = { 0 };
		struct buf read;
		buf_init(&read, 2 << 20);
		Craton__Object *data = object_new((struct kind){ CKO_DATA, 0, CLOSED_KEY });
		if (sizes[i])
			set(&secret, CKA_VALUE, value, sizes[i]);
		CU_ASSERT_FATAL(seal_import(house.domains[0], &secret, data) == CKR_OK);
		CU_ASSERT(data->sealed->kind == SEAL_OPEN);
		CU_ASSERT(unseal_value(house.domains[0], data, CKA_VALUE, &read) == CKR_OK);
		CU_ASSERT(read.size == sizes[i] && (!read.size || memcmp(read.data, value, read.size) == 0));
		CU_ASSERT(unseal_value(house.domains[0], data, CKA_LABEL, &read) == CKR_ATTRIBUTE_TYPE_INVALID);
		data->sealed->wrapped.data[0] ^= 1;
		CU_ASSERT(unseal_value(house.domains[0], data, CKA_VALUE, &read) == CKR_ENCRYPTED_DATA_INVALID);
		buf_finish(&read);
		attribute_list_finish(&secret);
		object_free(data);
	}
	free(value);
	house_close(&house);
}

/* P-256 with the private value 1: the public point is the curve's base point. */
static void an_imported_private_key_signs(void)
{
	static const uint8_t base_point[] = {
		0x04, 0x41, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
		0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe,
		0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb,
		0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
	};
	static const uint8_t hash[32] = { 3 }, one[32] = { [31] = 1 };
	struct house house;
	struct attribute_list secret = { 0 };
	struct buf signature;
	buf_init(&signature, 8192);
	house_open(&house, 1);
	Craton__Object *private = object_new((struct kind){ CKO_PRIVATE_KEY, CKK_EC, CLOSED_KEY });
	Craton__Object *public = object_new((struct kind){ CKO_PUBLIC_KEY, CKK_EC, false, true });
	object_set_bytes(private, CKA_EC_PARAMS, curve_p256.data, curve_p256.size);
	object_set_bytes(public, CKA_EC_PARAMS, curve_p256.data, curve_p256.size);
	object_set_bytes(public, CKA_EC_POINT, base_point, sizeof base_point);
	set(&secret, CKA_VALUE, one, sizeof one);
	struct bytes data = { hash, sizeof hash };
	CU_ASSERT_FATAL(seal_import(house.domains[0], &secret, private) == CKR_OK);
	CU_ASSERT(sign_with(house.domains[0], private, CKM_ECDSA, data, &signature) == CKR_OK);
	CU_ASSERT(verify_with(house.domains[0], public, CKM_ECDSA, data, (struct bytes){ signature.data, signature.size }) == CKR_OK);
	attribute_list_finish(&secret);
	buf_finish(&signature);
	object_free(private);
	object_free(public);
	house_close(&house);
}

TESTS("backend: import",
      SAY(an_imported_secret_is_that_secret_everywhere),
      SAY(an_odd_length_is_kept),
      SAY(an_open_key_can_be_read_and_a_closed_one_not),
      SAY(private_data_of_any_size_is_sealed_and_read_back),
      SAY(an_imported_private_key_signs))
