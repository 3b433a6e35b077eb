#include "backend/armory.h"
#include "base/clock.h"
#include "tests/unit/backend/house.h"
#include <pthread.h>
#include <stdlib.h>

static const uint8_t hash[32] = { 7 };
static CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };

#define SESSIONS 16
#define A_LONG_WAIT_MS 60000 /* for giving up, not for passing */

struct workshop {
	struct house house;
	struct keyring *keyring;
	struct armory *armory;
};

static void workshop_open(struct workshop *shop)
{
	house_open(&shop->house, 1);
	shop->keyring = keyring_create(shop->house.domains[0], 10);
	shop->armory = armory_create(shop->keyring, SESSIONS);
	CU_ASSERT_FATAL(shop->armory != NULL);
}

static void workshop_close(struct workshop *shop)
{
	armory_destroy(shop->armory);
	keyring_destroy(shop->keyring);
	house_close(&shop->house);
}

static struct loaded_key *loaded(struct workshop *shop, const Craton__Object *object)
{
	struct loaded_key *key = NULL;
	struct id id;
	CU_ASSERT_FATAL(id_from_bytes(&id, object->id.data, object->id.len));
	uint64_t epoch = keyring_epoch(shop->keyring);
	if (!(key = keyring_borrow(shop->keyring, &id)))
		CU_ASSERT_FATAL(keyring_load(shop->keyring, epoch, object_copy(object), &key) == CKR_OK);
	return key;
}

/* One signature through the armory, verified with the public half. */
static bool signs(struct workshop *shop, const struct pair *pair)
{
	struct loaded_key *key = loaded(shop, pair->private);
	struct buf signature;
	buf_init(&signature, 8192);
	CK_RV rv = armory_operate(shop->armory, CRATON__CRYPT_KIND__SIGN, &ecdsa, key, hash, sizeof hash, NULL, 0, &signature);
	keyring_return(shop->keyring, key);
	bool good = rv == CKR_OK && verify_with(shop->house.domains[0], pair->public, CKM_ECDSA, (struct bytes){ hash, sizeof hash },
	                                        (struct bytes){ signature.data, signature.size }) == CKR_OK;
	buf_finish(&signature);
	return good;
}

/* Signs until operations are found begun; false if that never happens. */
static bool becomes_hot(struct workshop *shop, const struct pair *pair)
{
	uint64_t before = armory_hits(shop->armory);
	deadline_ms deadline = deadline_in(A_LONG_WAIT_MS);
	while (armory_hits(shop->armory) < before + 3 && !deadline_passed(deadline))
		CU_ASSERT_FATAL(signs(shop, pair));
	return armory_hits(shop->armory) >= before + 3;
}

static void a_key_that_signs_again_and_again_finds_its_operations_begun(void)
{
	struct workshop shop;
	struct pair pair;
	workshop_open(&shop);
	CU_ASSERT_FATAL(pair_ec(shop.house.domains[0], curve_p256, &pair) == CKR_OK);
	CU_ASSERT(signs(&shop, &pair));
	CU_ASSERT(armory_hits(shop.armory) == 0);
	CU_ASSERT(becomes_hot(&shop, &pair));
	pair_free(&pair);
	workshop_close(&shop);
}

/* The token may give the old key's handle to a new one: what was begun with the old one must be gone by then. */
static void what_was_begun_ends_with_its_key(void)
{
	struct workshop shop;
	struct pair one, two;
	workshop_open(&shop);
	CU_ASSERT_FATAL(pair_ec(shop.house.domains[0], curve_p256, &one) == CKR_OK);
	CU_ASSERT_FATAL(pair_ec(shop.house.domains[0], curve_p256, &two) == CKR_OK);
	for (int round = 0; round < 3; round++) {
		CU_ASSERT(becomes_hot(&shop, &one));
		keyring_forget_all(shop.keyring);
		keyring_tidy(shop.keyring);
		CU_ASSERT(becomes_hot(&shop, &two));
	}
	pair_free(&one);
	pair_free(&two);
	workshop_close(&shop);
}

static void what_the_token_has_forgotten_is_begun_anew(void)
{
	struct workshop shop;
	struct pair pair;
	workshop_open(&shop);
	CU_ASSERT_FATAL(pair_ec(shop.house.domains[0], curve_p256, &pair) == CKR_OK);
	CU_ASSERT(becomes_hot(&shop, &pair));
	start_afresh(shop.house.tokens[0]);
	CU_ASSERT(signs(&shop, &pair));
	CU_ASSERT(becomes_hot(&shop, &pair));
	pair_free(&pair);
	workshop_close(&shop);
}

static void a_mechanism_with_a_parameter_is_never_begun(void)
{
	struct workshop shop;
	struct pair pair;
	CK_RSA_PKCS_PSS_PARAMS parameter = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	CK_MECHANISM pss = { CKM_RSA_PKCS_PSS, &parameter, sizeof parameter };
	workshop_open(&shop);
	CU_ASSERT_FATAL(pair_rsa(shop.house.domains[0], 2048, &pair) == CKR_OK);
	for (int i = 0; i < 20; i++) {
		struct loaded_key *key = loaded(&shop, pair.private);
		struct buf signature;
		buf_init(&signature, 8192);
		CU_ASSERT(armory_operate(shop.armory, CRATON__CRYPT_KIND__SIGN, &pss, key, hash, sizeof hash, NULL, 0, &signature) == CKR_OK);
		keyring_return(shop.keyring, key);
		buf_finish(&signature);
	}
	CU_ASSERT(armory_hits(shop.armory) == 0);
	pair_free(&pair);
	workshop_close(&shop);
}

struct signer {
	struct workshop *shop;
	const struct pair *pair;
	int failures;
};

static void *sign_often(void *argument)
{
	struct signer *signer = argument;
	for (int i = 0; i < 60; i++)
		signer->failures += !signs(signer->shop, signer->pair);
	return NULL;
}

/* Two keys, four threads, and a working set that is swept all the while: each signature is its own key's. */
static void threads_never_sign_with_each_others_keys(void)
{
	struct workshop shop;
	struct pair pairs[2];
	struct signer signers[4];
	pthread_t threads[4];
	workshop_open(&shop);
	for (size_t i = 0; i < 2; i++)
		CU_ASSERT_FATAL(pair_ec(shop.house.domains[0], curve_p256, &pairs[i]) == CKR_OK);
	for (size_t i = 0; i < 4; i++) {
		signers[i] = (struct signer){ &shop, &pairs[i % 2], 0 };
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, sign_often, &signers[i]) == 0);
	}
	for (int i = 0; i < 20; i++) {
		CU_ASSERT(signs(&shop, &pairs[0]));
		keyring_forget_all(shop.keyring);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT(signers[i].failures == 0);
	}
	pair_free(&pairs[0]);
	pair_free(&pairs[1]);
	workshop_close(&shop);
}

TESTS("armory",
	SAY(a_key_that_signs_again_and_again_finds_its_operations_begun),
	SAY(what_was_begun_ends_with_its_key),
	SAY(what_the_token_has_forgotten_is_begun_anew),
	SAY(a_mechanism_with_a_parameter_is_never_begun),
	SAY(threads_never_sign_with_each_others_keys))
