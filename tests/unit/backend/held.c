/* Keys that SoftHSM 2.6.1 makes and uses but can't wrap. */
#include "backend/held.h"
#include "tests/unit/backend/workshop.h"
#include <openssl/evp.h>
#include <string.h>

static const struct bytes message = { "signed by a key that the node made", 34 };
static const struct probe_wishes all = { .node_generated = HELD_ED25519 | HELD_ED448 | HELD_X25519 | HELD_X448 };

static const struct curve {
	uint8_t oid[5];
	size_t size;
	const char *name;
} ed25519 = { { 0x06, 0x03, 0x2b, 0x65, 0x70 }, 32, "ED25519" }, ed448 = { { 0x06, 0x03, 0x2b, 0x65, 0x71 }, 57, "ED448" },
  x25519 = { { 0x06, 0x03, 0x2b, 0x65, 0x6e }, 32, "X25519" };

static void allow(struct workshop *shop, const struct probe_wishes *wishes)
{
	struct capabilities capabilities;
	CU_ASSERT_FATAL(probe(shop->domain, wishes, &capabilities) == ERR_OK);
	capabilities_finish(&capabilities);
}

static CK_RV make(struct workshop *shop, const struct curve *curve, struct kind kind, struct pair *out)
{
	CK_MECHANISM mechanism = { CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0 };
	out->public = object_new((struct kind){ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, false, true });
	out->private = object_new(kind);
	object_set_bytes(out->public, CKA_EC_PARAMS, curve->oid, sizeof curve->oid);
	object_set_bool(out->private, CKA_LOCAL, true);
	object_set_bool(out->private, CKA_ALWAYS_SENSITIVE, true);
	object_set_bool(out->private, CKA_NEVER_EXTRACTABLE, true);
	object_set_number(out->private, CKA_KEY_GEN_MECHANISM, CKM_EC_EDWARDS_KEY_PAIR_GEN);
	return generate_key_pair(shop->domain, &mechanism, out->public, out->private);
}

static const struct kind closed_kind = { CKO_PRIVATE_KEY, CKK_EC_EDWARDS, CLOSED_KEY };
static const struct kind open_kind = { CKO_PRIVATE_KEY, CKK_EC_EDWARDS, OPEN_KEY };

static bool openssl_verifies(const struct curve *curve, const Craton__Object *public, const struct buf *signature)
{
	const Craton__Attribute *point = object_get(public, CKA_EC_POINT);
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, curve->name, NULL, point->value.data + 2, point->value.len - 2);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = key && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	            EVP_DigestVerify(context, signature->data, signature->size, message.data, message.size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return good;
}

static void unless_allowed_nothing_is_made(void)
{
	struct workshop shop;
	struct pair pair;
	workshop_open(&shop);
	allow(&shop, NULL);
	CU_ASSERT(make(&shop, &ed25519, closed_kind, &pair) != CKR_OK);
	CU_ASSERT_PTR_NULL(pair.private->sealed);
	pair_free(&pair);
	workshop_close(&shop);
}

static void where_allowed_it_signs_and_says_where_it_was_made(void)
{
	static const struct curve *curves[] = { &ed25519, &ed448 };
	struct workshop shop;
	workshop_open(&shop);
	allow(&shop, &all);
	for (size_t i = 0; i < 2; i++) {
		struct pair pair;
		struct buf signature;
		buf_init(&signature, RESULT_MAX);
		CU_ASSERT_FATAL(make(&shop, curves[i], closed_kind, &pair) == CKR_OK);
		CU_ASSERT(pair.private->sealed->kind == SEAL_VALUE);
		CU_ASSERT(sign_with(shop.domain, pair.private, CKM_EDDSA, message, &signature) == CKR_OK);
		CU_ASSERT(openssl_verifies(curves[i], pair.public, &signature));
		CU_ASSERT(verify_with(shop.domain, pair.public, CKM_EDDSA, message, (struct bytes){ signature.data, signature.size }) == CKR_OK);
		CU_ASSERT(!object_flag(pair.private, CKA_LOCAL, true) && !object_flag(pair.private, CKA_ALWAYS_SENSITIVE, true) &&
		          !object_flag(pair.private, CKA_NEVER_EXTRACTABLE, true) && !object_flag(pair.public, CKA_LOCAL, true));
		CU_ASSERT_EQUAL(number_of(pair.private, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
		CU_ASSERT_PTR_NULL(object_get(pair.private, CKA_VALUE));
		CU_ASSERT(object_get(pair.private, CKA_EC_PARAMS) && object_get(pair.private, CKA_PUBLIC_KEY_INFO));
		buf_finish(&signature);
		pair_free(&pair);
	}
	workshop_close(&shop);
}

/* Imported, for its value to be known: OpenSSL with the same value signs the same, for EdDSA knows no chance. */
static void an_imported_one_is_that_key(void)
{
	static const uint8_t value[32] = { 7, 7, 7 };
	struct workshop shop;
	struct attribute_list secret = { 0 };
	struct buf signature, read;
	uint8_t expected[64];
	size_t expected_size = sizeof expected;
	workshop_open(&shop);
	allow(&shop, &all);
	buf_init(&signature, RESULT_MAX);
	buf_init(&read, RESULT_MAX);
	Craton__Object *key = object_new(open_kind);
	object_set_bytes(key, CKA_EC_PARAMS, ed25519.oid, sizeof ed25519.oid);
	CU_ASSERT_FATAL(attribute_list_set(&secret, CKA_VALUE, value, 31) == ERR_OK);
	CU_ASSERT(seal_import(shop.domain, &secret, key) == CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_FATAL(attribute_list_set(&secret, CKA_VALUE, value, 32) == ERR_OK);
	CU_ASSERT_FATAL(seal_import(shop.domain, &secret, key) == CKR_OK);
	CU_ASSERT(sign_with(shop.domain, key, CKM_EDDSA, message, &signature) == CKR_OK);
	EVP_PKEY *same = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, value, sizeof value);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	CU_ASSERT(EVP_DigestSignInit(context, NULL, NULL, NULL, same) == 1);
	CU_ASSERT(EVP_DigestSign(context, expected, &expected_size, message.data, message.size) == 1);
	CU_ASSERT(signature.size == expected_size && memcmp(signature.data, expected, expected_size) == 0);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(same);
	CU_ASSERT(unseal_value(shop.domain, key, CKA_VALUE, &read) == CKR_OK);
	CU_ASSERT(read.size == 32 && memcmp(read.data, value, 32) == 0);
	buf_finish(&signature);
	buf_finish(&read);
	attribute_list_finish(&secret);
	object_free(key);
	workshop_close(&shop);
}

static void x25519_agrees_with_openssl(void)
{
	struct workshop shop;
	struct pair pair;
	struct buf read;
	uint8_t mine[32], expected[32];
	size_t size = sizeof mine, expected_size = sizeof expected;
	workshop_open(&shop);
	allow(&shop, &all);
	buf_init(&read, RESULT_MAX);
	CU_ASSERT_FATAL(make(&shop, &x25519, closed_kind, &pair) == CKR_OK);
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	CU_ASSERT_FATAL(EVP_PKEY_get_raw_public_key(key, mine, &size) == 1);
	CK_ECDH1_DERIVE_PARAMS parameter = { CKD_NULL, 0, NULL, size, mine };
	CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &parameter, sizeof parameter };
	Craton__Object *secret = object_new((struct kind){ CKO_SECRET_KEY, CKK_GENERIC_SECRET, OPEN_KEY });
	struct loaded_key *base = take(&shop, pair.private);
	CU_ASSERT_FATAL(derive_key(shop.domain, &mechanism, base, secret) == CKR_OK);
	keyring_return(shop.keyring, base);
	read_value(&shop, secret, &read);
	const Craton__Attribute *point = object_get(pair.public, CKA_EC_POINT);
	EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, point->value.data + 2, point->value.len - 2);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	CU_ASSERT_FATAL(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1);
	CU_ASSERT_FATAL(EVP_PKEY_derive(context, expected, &expected_size) == 1);
	CU_ASSERT(read.size == 32 && memcmp(read.data, expected, 32) == 0);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(key);
	EVP_PKEY_free(peer);
	object_free(secret);
	pair_free(&pair);
	buf_finish(&read);
	workshop_close(&shop);
}

static void an_altered_one_is_refused(void)
{
	struct workshop shop;
	struct pair pair, other;
	struct buf signature;
	workshop_open(&shop);
	allow(&shop, &all);
	buf_init(&signature, RESULT_MAX);
	CU_ASSERT_FATAL(make(&shop, &ed25519, closed_kind, &pair) == CKR_OK && make(&shop, &ed25519, closed_kind, &other) == CKR_OK);
	/* Another kind: what is a value must not be taken for a key, nor for one under the closed key. */
	for (uint32_t kind = 0; kind <= 5; kind++) {
		pair.private->sealed->kind = kind;
		CK_RV rv = sign_with(shop.domain, pair.private, CKM_EDDSA, message, &signature);
		CU_ASSERT_EQUAL(rv, kind == SEAL_VALUE ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
	}
	pair.private->sealed->kind = SEAL_VALUE;
	/* Another's value, more rights, another curve, a bit. */
	Craton__Object *copy = object_copy(pair.private);
	ProtobufCBinaryData mine = copy->sealed->wrapped;
	copy->sealed->wrapped = other.private->sealed->wrapped;
	CU_ASSERT(sign_with(shop.domain, copy, CKM_EDDSA, message, &signature) == CKR_ENCRYPTED_DATA_INVALID);
	copy->sealed->wrapped = mine;
	mine.data[7] ^= 1;
	CU_ASSERT(sign_with(shop.domain, copy, CKM_EDDSA, message, &signature) == CKR_ENCRYPTED_DATA_INVALID);
	mine.data[7] ^= 1;
	CU_ASSERT(sign_with(shop.domain, copy, CKM_EDDSA, message, &signature) == CKR_OK);
	object_set_bytes(copy, CKA_EC_PARAMS, x25519.oid, sizeof x25519.oid);
	CU_ASSERT(sign_with(shop.domain, copy, CKM_EDDSA, message, &signature) == CKR_ENCRYPTED_DATA_INVALID);
	object_free(copy);
	copy = object_copy(pair.private);
	object_set_bool(copy, CKA_EXTRACTABLE, true);
	object_set_bool(copy, CKA_SENSITIVE, false);
	CU_ASSERT(unseal_value(shop.domain, copy, CKA_VALUE, &signature) == CKR_ENCRYPTED_DATA_INVALID);
	object_free(copy);
	buf_finish(&signature);
	pair_free(&pair);
	pair_free(&other);
	workshop_close(&shop);
}

static void a_node_whose_operator_does_not_want_it_does_not_load_it(void)
{
	struct workshop shop;
	struct pair pair;
	struct buf signature;
	workshop_open(&shop);
	allow(&shop, &all);
	buf_init(&signature, RESULT_MAX);
	CU_ASSERT_FATAL(make(&shop, &ed25519, closed_kind, &pair) == CKR_OK);
	allow(&shop, NULL);
	CU_ASSERT(sign_with(shop.domain, pair.private, CKM_EDDSA, message, &signature) == CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_EQUAL(signature.size, 0);
	buf_finish(&signature);
	pair_free(&pair);
	workshop_close(&shop);
}

TESTS("backend: held",
      SAY(unless_allowed_nothing_is_made),
      SAY(where_allowed_it_signs_and_says_where_it_was_made),
      SAY(an_imported_one_is_that_key),
      SAY(x25519_agrees_with_openssl),
      SAY(an_altered_one_is_refused),
      SAY(a_node_whose_operator_does_not_want_it_does_not_load_it))
