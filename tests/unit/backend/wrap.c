#include "tests/unit/backend/workshop.h"
#include <string.h>

static const struct bytes message = { "one block, or two blocks of DES.", 32 };

static CK_RV wrapped_and_back(struct workshop *shop, CK_MECHANISM *mechanism, const Craton__Object *in, const Craton__Object *out_of,
                              const Craton__Object *key, Craton__Object *back)
{
	struct loaded_key *wrapping = take(shop, in), *unwrapping = take(shop, out_of), *target = take(shop, key);
	struct buf wrapped;
	buf_init(&wrapped, RESULT_MAX);
	CK_RV rv = wrap_key(shop->house.tokens[0], mechanism, wrapping, target, &wrapped);
	if (rv == CKR_OK)
		rv = unwrap_key(shop->domain, mechanism, unwrapping, wrapped.data, wrapped.size, back);
	if (rv != CKR_OK)
		printf("\n\tmechanism 0x%lx: 0x%lx", mechanism->mechanism, rv);
	buf_finish(&wrapped);
	keyring_return(shop->keyring, wrapping);
	keyring_return(shop->keyring, unwrapping);
	keyring_return(shop->keyring, target);
	return rv;
}

/* The same mechanism of the same data gives the same result. */
static bool same_secret(struct workshop *shop, const Craton__Object *a, const Craton__Object *b)
{
	struct buf first, second;
	CK_MECHANISM_TYPE how = object_key_type(a) == CKK_AES ? CKM_AES_CMAC : object_key_type(a) == CKK_DES3 ? CKM_DES3_CMAC : CKM_SHA_1_HMAC;
	buf_init(&first, RESULT_MAX);
	buf_init(&second, RESULT_MAX);
	CK_RV rv = sign_with(shop->domain, a, how, message, &first);
	if (rv == CKR_OK)
		rv = sign_with(shop->domain, b, how, message, &second);
	bool same = rv == CKR_OK && first.size > 0 && first.size == second.size && !memcmp(first.data, second.data, first.size);
	buf_finish(&first);
	buf_finish(&second);
	return same;
}

/* The token says it of the one, which was imported, and not of the other. */
static bool same_check(const Craton__Object *a, const Craton__Object *b)
{
	const Craton__Attribute *first = object_get(a, CKA_CHECK_VALUE), *second = object_get(b, CKA_CHECK_VALUE);
	return first && second && first->value.len == 3 && second->value.len == 3 && memcmp(first->value.data, second->value.data, 3) == 0;
}

static CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };

static void a_secret_leaves_and_returns_under_every_wrapping_mechanism(void)
{
	static const uint8_t value[32] = { 1, 2, 3, 4, 5 };
	static const struct { CK_KEY_TYPE type; size_t size; } kinds[] = { { CKK_AES, 32 }, { CKK_AES, 16 }, { CKK_GENERIC_SECRET, 32 }, { CKK_DES3, 24 } };
	struct workshop shop;
	struct pair rsa;
	Craton__Object *aes;
	CK_MECHANISM mechanisms[] = {
		{ CKM_AES_KEY_WRAP, NULL, 0 }, { CKM_AES_KEY_WRAP_PAD, NULL, 0 }, { CKM_RSA_PKCS, NULL, 0 }, { CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep },
	};
	workshop_open(&shop);
	CU_ASSERT_FATAL(pair_rsa(shop.domain, 2048, &rsa) == CKR_OK);
	CU_ASSERT_FATAL(secret_key(shop.domain, CKM_AES_KEY_GEN, (struct kind){ CKO_SECRET_KEY, CKK_AES, CLOSED_KEY }, 32, &aes) == CKR_OK);
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		Craton__Object *key = secret_of(&shop, kinds[k].type, value, kinds[k].size);
		for (size_t m = 0; m < sizeof mechanisms / sizeof *mechanisms; m++) {
			bool by_rsa = mechanisms[m].mechanism == CKM_RSA_PKCS || mechanisms[m].mechanism == CKM_RSA_PKCS_OAEP;
			Craton__Object *back = object_new((struct kind){ CKO_SECRET_KEY, kinds[k].type, CLOSED_KEY });
			CK_RV rv = wrapped_and_back(&shop, &mechanisms[m], by_rsa ? rsa.public : aes, by_rsa ? rsa.private : aes, key, back);
			CU_ASSERT_FATAL(rv == CKR_OK);
			CU_ASSERT(back->sealed->kind == SEAL_CLOSED);
			CU_ASSERT(same_secret(&shop, key, back));
			CU_ASSERT(kinds[k].type == CKK_DES3 || number_of(back, CKA_VALUE_LEN) == kinds[k].size);
			CU_ASSERT(kinds[k].type == CKK_GENERIC_SECRET || same_check(key, back));
			object_free(back);
		}
		object_free(key);
	}
	object_free(aes);
	pair_free(&rsa);
	workshop_close(&shop);
}

/* Also where the token, sealing it, would have made it longer (SoftHSM 2.6.1 fills up with zeros what it wraps with AES). */
static void an_open_secret_leaves_with_its_own_length(void)
{
	static const uint8_t value[20] = "twenty bytes, not 21";
	struct workshop shop;
	struct pair rsa;
	struct buf wrapped, plain;
	CK_MECHANISM mechanism = { CKM_RSA_PKCS, NULL, 0 };
	workshop_open(&shop);
	buf_init(&wrapped, RESULT_MAX);
	buf_init(&plain, RESULT_MAX);
	CU_ASSERT_FATAL(pair_rsa(shop.domain, 2048, &rsa) == CKR_OK);
	Craton__Object *key = secret_of(&shop, CKK_GENERIC_SECRET, value, sizeof value);
	struct loaded_key *wrapping = take(&shop, rsa.public), *opening = take(&shop, rsa.private), *target = take(&shop, key);
	CU_ASSERT(wrap_key(shop.house.tokens[0], &mechanism, wrapping, target, &wrapped) == CKR_OK);
	CU_ASSERT(operate(shop.house.tokens[0], CRATON__CRYPT_KIND__DECRYPT, &mechanism, opening, wrapped.data, wrapped.size,
	                  NULL, 0, &plain) == CKR_OK);
	CU_ASSERT(plain.size == sizeof value && memcmp(plain.data, value, sizeof value) == 0);
	keyring_return(shop.keyring, wrapping);
	keyring_return(shop.keyring, opening);
	keyring_return(shop.keyring, target);
	object_free(key);
	pair_free(&rsa);
	buf_finish(&wrapped);
	buf_finish(&plain);
	workshop_close(&shop);
}

static void pair_open(struct workshop *shop, CK_KEY_TYPE type, struct pair *out)
{
	CK_MECHANISM mechanism = { type == CKK_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	out->public = object_new((struct kind){ CKO_PUBLIC_KEY, type, false, true });
	out->private = object_new((struct kind){ CKO_PRIVATE_KEY, type, .sensitive = true, .extractable = true });
	if (type == CKK_RSA)
		object_set_number(out->public, CKA_MODULUS_BITS, 2048);
	else
		object_set_bytes(out->public, CKA_EC_PARAMS, curve_p256.data, curve_p256.size);
	CU_ASSERT_FATAL(generate_key_pair(shop->domain, &mechanism, out->public, out->private) == CKR_OK);
}

static void a_private_key_leaves_and_returns(void)
{
	static const CK_KEY_TYPE types[] = { CKK_RSA, CKK_EC };
	static const CK_MECHANISM_TYPE ways[] = { CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD };
	struct workshop shop;
	struct buf signature;
	workshop_open(&shop);
	buf_init(&signature, RESULT_MAX);
	Craton__Object *aes = secret_of(&shop, CKK_AES, "0123456789abcdef", 16);
	for (size_t i = 0; i < 4; i++) {
		struct pair pair;
		CK_KEY_TYPE type = types[i / 2];
		CK_MECHANISM way = { ways[i % 2], NULL, 0 };
		CK_MECHANISM_TYPE signing = type == CKK_RSA ? CKM_RSA_PKCS : CKM_ECDSA;
		pair_open(&shop, type, &pair);
		Craton__Object *back = object_new((struct kind){ CKO_PRIVATE_KEY, type, CLOSED_KEY });
		CU_ASSERT_FATAL(wrapped_and_back(&shop, &way, aes, aes, pair.private, back) == CKR_OK);
		CU_ASSERT(back->sealed->kind == SEAL_CLOSED);
		CU_ASSERT(object_get(back, type == CKK_RSA ? CKA_MODULUS : CKA_EC_PARAMS) != NULL);
		buf_reset(&signature);
		CU_ASSERT(sign_with(shop.domain, back, signing, message, &signature) == CKR_OK);
		CU_ASSERT(verify_with(shop.domain, pair.public, signing, message, (struct bytes){ signature.data, signature.size }) == CKR_OK);
		object_free(back);
		pair_free(&pair);
	}
	buf_finish(&signature);
	object_free(aes);
	workshop_close(&shop);
}

/* Its owner can read it, but nobody may carry it away: the token says so itself. */
static void a_key_that_is_not_extractable_does_not_leave(void)
{
	struct workshop shop;
	struct buf wrapped;
	CK_MECHANISM padded = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	workshop_open(&shop);
	buf_init(&wrapped, RESULT_MAX);
	Craton__Object *aes = secret_of(&shop, CKK_AES, "0123456789abcdef", 16), *key;
	struct kind kinds[] = { { CKO_SECRET_KEY, CKK_AES, .sensitive = false, .extractable = false }, { CKO_SECRET_KEY, CKK_AES, CLOSED_KEY } };
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_FATAL(secret_key(shop.domain, CKM_AES_KEY_GEN, kinds[i], 32, &key) == CKR_OK);
		struct loaded_key *wrapping = take(&shop, aes), *target = take(&shop, key);
		CK_RV rv = wrap_key(shop.house.tokens[0], &padded, wrapping, target, &wrapped);
		CU_ASSERT(rv == CKR_KEY_UNEXTRACTABLE || rv == CKR_KEY_NOT_WRAPPABLE);
		CU_ASSERT(wrapped.size == 0);
		keyring_return(shop.keyring, wrapping);
		keyring_return(shop.keyring, target);
		object_free(key);
	}
	object_free(aes);
	buf_finish(&wrapped);
	workshop_close(&shop);
}

static void what_was_altered_or_is_of_another_length_is_not_unwrapped(void)
{
	struct workshop shop;
	struct buf wrapped;
	CK_MECHANISM padded = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	workshop_open(&shop);
	buf_init(&wrapped, RESULT_MAX);
	Craton__Object *aes = secret_of(&shop, CKK_AES, "0123456789abcdef", 16), *key = secret_of(&shop, CKK_AES, "fedcba9876543210", 16);
	struct loaded_key *wrapping = take(&shop, aes), *target = take(&shop, key);
	CU_ASSERT_FATAL(wrap_key(shop.house.tokens[0], &padded, wrapping, target, &wrapped) == CKR_OK);
	Craton__Object *back = object_new((struct kind){ CKO_SECRET_KEY, CKK_AES, CLOSED_KEY });
	object_set_number(back, CKA_VALUE_LEN, 32);
	CU_ASSERT(unwrap_key(shop.domain, &padded, wrapping, wrapped.data, wrapped.size, back) == CKR_TEMPLATE_INCONSISTENT);
	object_set_number(back, CKA_VALUE_LEN, 16);
	CU_ASSERT(unwrap_key(shop.domain, &padded, wrapping, wrapped.data, wrapped.size, back) == CKR_OK);
	object_free(back);
	back = object_new((struct kind){ CKO_SECRET_KEY, CKK_AES, CLOSED_KEY });
	wrapped.data[3] ^= 1;
	CU_ASSERT(unwrap_key(shop.domain, &padded, wrapping, wrapped.data, wrapped.size, back) != CKR_OK);
	CU_ASSERT_PTR_NULL(back->sealed);
	object_free(back);
	keyring_return(shop.keyring, wrapping);
	keyring_return(shop.keyring, target);
	object_free(aes);
	object_free(key);
	buf_finish(&wrapped);
	workshop_close(&shop);
}

TESTS("backend: wrap",
      SAY(a_secret_leaves_and_returns_under_every_wrapping_mechanism),
      SAY(an_open_secret_leaves_with_its_own_length),
      SAY(a_private_key_leaves_and_returns),
      SAY(a_key_that_is_not_extractable_does_not_leave),
      SAY(what_was_altered_or_is_of_another_length_is_not_unwrapped))
