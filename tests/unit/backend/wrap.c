#include "backend/wrap.h"
#include "base/id.h"
#include "tests/unit/backend/house.h"
#include <stdlib.h>
#include <string.h>

#define RESULT_MAX (1u << 16)

static const struct bytes message = { "one block, or two blocks of DES.", 32 };

/* A token with its working set. */
struct workshop {
	struct house house;
	struct domain *domain;
	struct keyring *keyring;
};

static void workshop_open(struct workshop *shop)
{
	house_open(&shop->house, 1);
	shop->domain = shop->house.domains[0];
	shop->keyring = keyring_create(shop->domain, 20);
}

static void workshop_close(struct workshop *shop)
{
	keyring_destroy(shop->keyring);
	house_close(&shop->house);
}

static struct loaded_key *take(struct workshop *shop, const Craton__Object *object)
{
	struct loaded_key *key = NULL;
	CU_ASSERT_FATAL(keyring_load(shop->keyring, keyring_epoch(shop->keyring), object_copy(object), &key) == CKR_OK);
	return key;
}

/* A new key of our making, imported: its owner may have it wrapped. */
static Craton__Object *secret_of(struct workshop *shop, CK_KEY_TYPE type, const void *value, size_t size)
{
	struct attribute_list secret = { 0 };
	Craton__Object *object = object_new((struct kind){ CKO_SECRET_KEY, type, .sensitive = true, .extractable = true });
	CU_ASSERT_FATAL(attribute_list_set(&secret, CKA_VALUE, value, size) == ERR_OK);
	CU_ASSERT_FATAL(seal_import(shop->domain, &secret, object) == CKR_OK);
	attribute_list_finish(&secret);
	return object;
}

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
			object_free(back);
		}
		object_free(key);
	}
	object_free(aes);
	pair_free(&rsa);
	workshop_close(&shop);
}

TESTS("backend: wrap",
      SAY(a_secret_leaves_and_returns_under_every_wrapping_mechanism))
