#include "tests/unit/backend/house.h"
#include <string.h>

static const struct bytes message = { "attack at dawn", 14 };

static void a_pair_made_on_one_token_signs_on_another(void)
{
	struct house house;
	static const struct bytes *const curves[] = { &curve_p256, &curve_p384, &curve_p521 };
	static const uint8_t hash[32] = { 1, 2, 3 };
	house_open(&house, 2);
	for (size_t i = 0; i < 3; i++) {
		struct pair pair;
		struct buf signature;
		struct bytes data = { hash, sizeof hash };
		buf_init(&signature, 1 << 16);
		CU_ASSERT_FATAL(pair_ec(house.domains[0], *curves[i], &pair) == CKR_OK);
		CU_ASSERT(sign_with(house.domains[1], pair.private, CKM_ECDSA, data, &signature) == CKR_OK);
		CU_ASSERT(verify_with(house.domains[0], pair.public, CKM_ECDSA, data, (struct bytes){ signature.data, signature.size }) == CKR_OK);
		signature.data[0] ^= 1;
		CU_ASSERT(verify_with(house.domains[0], pair.public, CKM_ECDSA, data, (struct bytes){ signature.data, signature.size }) ==
		          CKR_SIGNATURE_INVALID);
		buf_finish(&signature);
		pair_free(&pair);
	}
	house_close(&house);
}

static void an_rsa_pair_tells_its_public_parts(void)
{
	struct house house;
	struct pair pair;
	struct buf signature;
	buf_init(&signature, 1 << 16);
	house_open(&house, 1);
	CU_ASSERT_FATAL(pair_rsa(house.domains[0], 2048, &pair) == CKR_OK);
	CU_ASSERT(sign_with(house.domains[0], pair.private, CKM_SHA256_RSA_PKCS, message, &signature) == CKR_OK);
	CU_ASSERT(signature.size == 256);
	CU_ASSERT(verify_with(house.domains[0], pair.public, CKM_SHA256_RSA_PKCS, message, (struct bytes){ signature.data, signature.size }) ==
	          CKR_OK);
	const Craton__Attribute *modulus = object_get(pair.public, CKA_MODULUS), *also = object_get(pair.private, CKA_MODULUS);
	CU_ASSERT_FATAL(modulus && also && modulus->value.len == 256 && also->value.len == 256);
	CU_ASSERT(memcmp(modulus->value.data, also->value.data, 256) == 0);
	CU_ASSERT(object_get(pair.private, CKA_PUBLIC_EXPONENT) != NULL);
	CU_ASSERT_PTR_NULL(object_get(pair.private, CKA_PRIVATE_EXPONENT));
	CU_ASSERT_PTR_NULL(object_get(pair.private, CKA_PRIME_1));
	buf_finish(&signature);
	pair_free(&pair);
	house_close(&house);
}

static void an_ec_pair_tells_its_point_and_curve(void)
{
	struct house house;
	struct pair pair;
	house_open(&house, 1);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	CU_ASSERT(object_get(pair.public, CKA_EC_POINT) && object_get(pair.public, CKA_EC_POINT)->value.len == 67);
	CU_ASSERT_PTR_NOT_NULL(object_get(pair.private, CKA_EC_PARAMS));
	CU_ASSERT_PTR_NULL(object_get(pair.private, CKA_EC_POINT));
	CU_ASSERT_PTR_NULL(object_get(pair.private, CKA_VALUE));
	CU_ASSERT_PTR_NULL(pair.public->sealed);
	pair_free(&pair);
	house_close(&house);
}

/* RFC 5649 pads: any length will do. */
static void secrets_of_any_length_are_sealed(void)
{
	static const struct {
		CK_MECHANISM_TYPE generation, use;
		CK_KEY_TYPE type;
		uint64_t size;
	} cases[] = {
		{ CKM_AES_KEY_GEN, CKM_AES_CMAC, CKK_AES, 16 }, { CKM_AES_KEY_GEN, CKM_AES_CMAC, CKK_AES, 24 },
		{ CKM_AES_KEY_GEN, CKM_AES_CMAC, CKK_AES, 32 },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256_HMAC, CKK_GENERIC_SECRET, 32 },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256_HMAC, CKK_GENERIC_SECRET, 33 },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256_HMAC, CKK_GENERIC_SECRET, 39 },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256_HMAC, CKK_GENERIC_SECRET, 512 },
		{ CKM_DES3_KEY_GEN, CKM_DES3_CMAC, CKK_DES3, 0 },
	};
	struct house house;
	house_open(&house, 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		Craton__Object *key;
		struct buf mac;
		buf_init(&mac, 1 << 16);
		struct kind kind = { CKO_SECRET_KEY, cases[i].type, CLOSED_KEY };
		CU_ASSERT(secret_key(house.domains[0], cases[i].generation, kind, cases[i].size, &key) == CKR_OK);
		CU_ASSERT(sign_with(house.domains[0], key, cases[i].use, message, &mac) == CKR_OK);
		CU_ASSERT(verify_with(house.domains[0], key, cases[i].use, message, (struct bytes){ mac.data, mac.size }) == CKR_OK);
		CU_ASSERT_PTR_NULL(object_get(key, CKA_VALUE));
		buf_finish(&mac);
		object_free(key);
	}
	house_close(&house);
}

static void only_what_may_be_extracted_or_seen_is_open(void)
{
	static const struct {
		bool sensitive, extractable;
		enum seal_kind kind;
	} cases[] = { { true, false, SEAL_CLOSED }, { true, true, SEAL_OPEN }, { false, false, SEAL_OPEN }, { false, true, SEAL_OPEN } };
	struct house house;
	house_open(&house, 1);
	for (size_t i = 0; i < 4; i++) {
		Craton__Object *key;
		struct kind kind = { CKO_SECRET_KEY, CKK_AES, cases[i].sensitive, cases[i].extractable };
		CU_ASSERT_FATAL(secret_key(house.domains[0], CKM_AES_KEY_GEN, kind, 32, &key) == CKR_OK);
		CU_ASSERT(key->sealed->kind == cases[i].kind);
		CU_ASSERT(seal_check(house.domains[0], key) == CKR_OK);
		object_free(key);
	}
	house_close(&house);
}

static void refused(struct house *house, const Craton__Object *object)
{
	CU_ASSERT(seal_check(house->domains[0], object) == CKR_ENCRYPTED_DATA_INVALID);
}

static void every_byte(struct house *house, const Craton__Object *object, ProtobufCBinaryData *bytes)
{
	for (size_t i = 0; i < bytes->len; i++) {
		bytes->data[i] ^= 0x01;
		refused(house, object);
		bytes->data[i] ^= 0x81;
		refused(house, object);
		bytes->data[i] ^= 0x80;
	}
}

static void every_byte_of_a_sealed_object_counts(void)
{
	struct house house;
	struct pair pair;
	house_open(&house, 1);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	Craton__Object *object = pair.private;
	object_set_bytes(object, CKA_LABEL, "key one", 7);
	Craton__Object *before = object_copy(object);
	refused(&house, object); /* the label came later */
	object_free(before);
	pair_free(&pair);

	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	object = pair.private;
	every_byte(&house, object, &object->sealed->wrapped);
	every_byte(&house, object, &object->sealed->mac);
	every_byte(&house, object, &object->id);
	for (size_t i = 0; i < object->n_attributes; i++) {
		every_byte(&house, object, &object->attributes[i]->value);
		for (int bit = 0; bit < 64; bit++) {
			object->attributes[i]->type ^= (uint64_t)1 << bit;
			refused(&house, object);
			object->attributes[i]->type ^= (uint64_t)1 << bit;
		}
	}
	for (int bit = 0; bit < 32; bit++) {
		object->slot ^= 1u << bit;
		refused(&house, object);
		object->slot ^= 1u << bit;
		object->sealed->kind ^= 1u << bit;
		refused(&house, object);
		object->sealed->kind ^= 1u << bit;
	}
	CU_ASSERT(seal_check(house.domains[0], object) == CKR_OK);
	pair_free(&pair);
	house_close(&house);
}

static void whole_parts_of_a_sealed_object_count(void)
{
	struct house house;
	struct pair one, other;
	house_open(&house, 1);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &one) == CKR_OK);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &other) == CKR_OK);
	Craton__Object *object = one.private;
	/* Another key's material under these attributes. */
	Craton__Sealed *own = object->sealed;
	object->sealed = other.private->sealed;
	refused(&house, object);
	object->sealed = NULL;
	refused(&house, object);
	object->sealed = own;
	/* An attribute less, two exchanged, bytes moved from one end to the other. */
	object->n_attributes--;
	refused(&house, object);
	object->n_attributes++;
	Craton__Attribute *first = object->attributes[0];
	object->attributes[0] = object->attributes[1];
	object->attributes[1] = first;
	refused(&house, object);
	object->attributes[1] = object->attributes[0];
	object->attributes[0] = first;
	own->wrapped.len--;
	refused(&house, object);
	own->wrapped.len++;
	own->mac.len--;
	refused(&house, object);
	own->mac.len = 0;
	refused(&house, object);
	own->mac.len = SHA256_SIZE;
	CU_ASSERT(seal_check(house.domains[0], object) == CKR_OK);
	pair_free(&one);
	pair_free(&other);
	house_close(&house);
}

/* The check comes first: the token is not asked to unwrap what the domain did not seal. */
static void an_altered_object_is_not_unsealed(void)
{
	struct house house;
	struct pair pair;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	house_open(&house, 1);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	object_set_bool(pair.private, CKA_EXTRACTABLE, true);
	CU_ASSERT_FATAL(token_borrow(house.tokens[0], &session) == CKR_OK);
	CU_ASSERT(unseal_key(house.domains[0], session, pair.private, &key) == CKR_ENCRYPTED_DATA_INVALID);
	CU_ASSERT(key == 0);
	token_return(house.tokens[0], session, CKR_OK);
	pair_free(&pair);
	house_close(&house);
}

static void changed_attributes_are_sealed_again(void)
{
	struct house house;
	struct pair pair;
	house_open(&house, 1);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	Craton__Object *after = object_copy(pair.private);
	object_set_bytes(after, CKA_LABEL, "new", 3);
	CU_ASSERT(seal_again(house.domains[0], pair.private, after) == CKR_OK);
	CU_ASSERT(seal_check(house.domains[0], after) == CKR_OK);
	/* Not for who shows no sealed object, or another key. */
	Craton__Object *forged = object_copy(after);
	forged->sealed->wrapped.data[3] ^= 1;
	CU_ASSERT(seal_again(house.domains[0], after, forged) == CKR_ENCRYPTED_DATA_INVALID);
	CU_ASSERT(seal_again(house.domains[0], forged, after) == CKR_ENCRYPTED_DATA_INVALID);
	forged->sealed->wrapped.data[3] ^= 1;
	forged->sealed->kind = SEAL_OPEN;
	CU_ASSERT(seal_again(house.domains[0], after, forged) == CKR_ENCRYPTED_DATA_INVALID);
	object_free(forged);
	object_free(after);
	pair_free(&pair);
	house_close(&house);
}

static CK_ULONG said_size;

static CK_RV wrap_strangely(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key,
                            CK_BYTE *wrapped, CK_ULONG *size)
{
	(void)session, (void)mechanism, (void)with, (void)key, (void)wrapped;
	*size = said_size;
	return CKR_OK;
}

/* Else the key would be lost with the next start of the token, or bytes that are nobody's business be stored. */
static void a_key_is_not_called_sealed_when_the_token_gave_nothing_or_too_much(void)
{
	static const CK_ULONG sizes[] = { 0, 1 << 30 };
	struct house house;
	struct pair pair;
	house_open(&house, 1);
	CK_FUNCTION_LIST *p11 = token_functions(house.tokens[0]);
	CK_C_WrapKey wrap_really = p11->C_WrapKey;
	p11->C_WrapKey = wrap_strangely;
	for (size_t i = 0; i < 2; i++) {
		said_size = sizes[i];
		CU_ASSERT(pair_ec(house.domains[0], curve_p256, &pair) == CKR_DEVICE_ERROR);
		pair_free(&pair);
	}
	p11->C_WrapKey = wrap_really;
	CU_ASSERT(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	pair_free(&pair);
	house_close(&house);
}

static void what_is_sealed_in_another_domain_is_refused(void)
{
	struct house house;
	struct pair pair;
	house_open(&house, 1);
	softhsm_add("other");
	struct token_config config = softhsm_config(&house.softhsm, 0);
	config.uri = "pkcs11:token=other";
	struct token *token;
	struct domain *domain;
	CU_ASSERT_FATAL(domain_create(&config, house.softhsm.so_pin, NULL) == ERR_OK);
	CU_ASSERT_FATAL(token_open(&config, &token, NULL) == ERR_OK);
	CU_ASSERT_FATAL(domain_open(token, &domain, NULL) == ERR_OK);
	CU_ASSERT_FATAL(pair_ec(domain, curve_p256, &pair) == CKR_OK);
	CU_ASSERT(seal_check(house.domains[0], pair.private) == CKR_ENCRYPTED_DATA_INVALID);
	CU_ASSERT(seal_check(domain, pair.private) == CKR_OK);
	pair_free(&pair);
	domain_close(domain);
	token_close(token);
	house_close(&house);
}

TESTS("backend: seal",
      SAY(a_pair_made_on_one_token_signs_on_another),
      SAY(an_rsa_pair_tells_its_public_parts),
      SAY(an_ec_pair_tells_its_point_and_curve),
      SAY(secrets_of_any_length_are_sealed),
      SAY(only_what_may_be_extracted_or_seen_is_open),
      SAY(every_byte_of_a_sealed_object_counts),
      SAY(whole_parts_of_a_sealed_object_count),
      SAY(an_altered_object_is_not_unsealed),
      SAY(changed_attributes_are_sealed_again),
      SAY(a_key_is_not_called_sealed_when_the_token_gave_nothing_or_too_much),
      SAY(what_is_sealed_in_another_domain_is_refused))
