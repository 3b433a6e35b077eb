#include "tests/unit/backend/house.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t hash[32] = { 7 };
static CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };

static struct id id_of(const Craton__Object *object)
{
	struct id id;
	if (!id_from_bytes(&id, object->id.data, object->id.len))
		abort();
	return id;
}

/* As the node does it: from the working set, or read and loaded. */
static CK_RV get(struct keyring *keyring, const Craton__Object *object, struct loaded_key **out)
{
	struct id id = id_of(object);
	uint64_t epoch = keyring_epoch(keyring);
	if ((*out = keyring_borrow(keyring, &id)))
		return CKR_OK;
	return keyring_load(keyring, epoch, object_copy(object), out);
}

static CK_RV sign(struct house *house, const struct loaded_key *key)
{
	struct buf signature;
	buf_init(&signature, 8192);
	CK_RV rv = operate(house->tokens[0], CRATON__CRYPT_KIND__SIGN, &ecdsa, key, hash, sizeof hash, NULL, 0, &signature);
	buf_finish(&signature);
	return rv;
}

static CK_ULONG session_objects(struct house *house)
{
	CK_OBJECT_HANDLE found[512];
	CK_ULONG count = 0;
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE which = { CKA_TOKEN, &no, 1 };
	CK_SESSION_HANDLE session;
	CK_FUNCTION_LIST *p11 = token_functions(house->tokens[0]);
	if (token_borrow(house->tokens[0], &session) != CKR_OK)
		abort();
	p11->C_FindObjectsInit(session, &which, 1);
	p11->C_FindObjects(session, found, 512, &count);
	p11->C_FindObjectsFinal(session);
	token_return(house->tokens[0], session, CKR_OK);
	return count;
}

static void a_key_is_loaded_once_and_used_often(void)
{
	struct house house;
	struct pair pair;
	struct loaded_key *key;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 10);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_FATAL(get(keyring, pair.private, &key) == CKR_OK);
		CU_ASSERT(sign(&house, key) == CKR_OK);
		CU_ASSERT(key->object->slot == pair.private->slot);
		keyring_return(keyring, key);
	}
	keyring_return(keyring, NULL);
	struct keyring_counts counts = keyring_counts(keyring);
	CU_ASSERT(counts.misses == 1 && counts.hits == 4 && counts.loaded == 1 && counts.evictions == 0);
	keyring_destroy(keyring);
	CU_ASSERT(session_objects(&house) == 0);
	pair_free(&pair);
	house_close(&house);
}

/* Begun, and not ended: the token takes the session's next C_SignInit for a second operation. */
static CK_RV fail_to_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG *signature_size)
{
	(void)session, (void)data, (void)size, (void)signature, (void)signature_size;
	return CKR_DEVICE_MEMORY;
}

/* The keeper's session is for as long as the token is open: whatever were left on it would fail every key from then on. */
static void a_key_whose_loading_failed_half_way_can_be_loaded_after_all(void)
{
	struct house house;
	struct pair pair;
	struct loaded_key *key;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 10);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	CK_FUNCTION_LIST *p11 = token_functions(house.tokens[0]);
	CK_C_Sign sign_really = p11->C_Sign;
	p11->C_Sign = fail_to_sign;
	CU_ASSERT(get(keyring, pair.private, &key) == CKR_DEVICE_MEMORY);
	p11->C_Sign = sign_really;
	CU_ASSERT_FATAL(get(keyring, pair.private, &key) == CKR_OK);
	CU_ASSERT(sign(&house, key) == CKR_OK);
	keyring_return(keyring, key);
	keyring_destroy(keyring);
	pair_free(&pair);
	house_close(&house);
}

static void a_public_key_is_made_from_its_attributes(void)
{
	struct house house;
	struct pair pair;
	struct loaded_key *public = NULL, *private = NULL;
	struct buf signature;
	buf_init(&signature, 8192);
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 10);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p384, &pair) == CKR_OK);
	CU_ASSERT_FATAL(get(keyring, pair.private, &private) == CKR_OK && get(keyring, pair.public, &public) == CKR_OK);
	CU_ASSERT(operate(house.tokens[0], CRATON__CRYPT_KIND__SIGN, &ecdsa, private, hash, sizeof hash, NULL, 0, &signature) == CKR_OK);
	CU_ASSERT(operate(house.tokens[0], CRATON__CRYPT_KIND__VERIFY, &ecdsa, public, hash, sizeof hash, signature.data,
	                  signature.size, NULL) == CKR_OK);
	keyring_return(keyring, public);
	keyring_return(keyring, private);
	keyring_destroy(keyring);
	buf_finish(&signature);
	pair_free(&pair);
	house_close(&house);
}

static void the_least_recently_used_key_goes_first(void)
{
	struct house house;
	struct pair pairs[3];
	struct loaded_key *key;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 2);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pairs[i]) == CKR_OK);
	static const int order[] = { 0, 1, 0, 2 }; /* 1 is the one not used of late */
	for (size_t i = 0; i < 4; i++) {
		CU_ASSERT_FATAL(get(keyring, pairs[order[i]].private, &key) == CKR_OK);
		keyring_return(keyring, key);
	}
	struct id id = id_of(pairs[1].private);
	CU_ASSERT_PTR_NULL(keyring_borrow(keyring, &id));
	id = id_of(pairs[0].private);
	CU_ASSERT_PTR_NOT_NULL(key = keyring_borrow(keyring, &id));
	keyring_return(keyring, key);
	CU_ASSERT(keyring_counts(keyring).evictions == 1 && keyring_counts(keyring).loaded == 2);
	keyring_tidy(keyring);
	CU_ASSERT(session_objects(&house) == 2);
	keyring_destroy(keyring);
	for (int i = 0; i < 3; i++)
		pair_free(&pairs[i]);
	house_close(&house);
}

static void a_borrowed_key_stays_whatever_comes(void)
{
	struct house house;
	struct pair pairs[4];
	struct loaded_key *first, *other;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 1);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pairs[i]) == CKR_OK);
	CU_ASSERT_FATAL(get(keyring, pairs[0].private, &first) == CKR_OK);
	for (int i = 1; i < 4; i++) {
		CU_ASSERT_FATAL(get(keyring, pairs[i].private, &other) == CKR_OK);
		keyring_return(keyring, other);
	}
	CU_ASSERT(sign(&house, first) == CKR_OK);
	keyring_forget_all(keyring);
	CU_ASSERT(sign(&house, first) == CKR_OK); /* a call in flight ends as it began */
	keyring_return(keyring, first);
	struct id id = id_of(pairs[0].private);
	CU_ASSERT_PTR_NULL(keyring_borrow(keyring, &id));
	CU_ASSERT(keyring_counts(keyring).loaded == 0);
	CU_ASSERT(session_objects(&house) == 0);
	keyring_destroy(keyring);
	for (int i = 0; i < 4; i++)
		pair_free(&pairs[i]);
	house_close(&house);
}

/* A token with memory for so many keys. */
#define ROOM 4
static CK_C_UnwrapKey unwrap_really;
static CK_C_DestroyObject destroy_really;
static int held;

static CK_RV unwrap_if_there_is_room(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with, CK_BYTE *wrapped,
                                     CK_ULONG size, CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	if (held == ROOM)
		return CKR_DEVICE_MEMORY;
	held++;
	return unwrap_really(session, mechanism, with, wrapped, size, attributes, count, out);
}

static CK_RV destroy_and_make_room(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	held--;
	return destroy_really(session, object);
}

/* Keys are bounded by the disk, not by the token, whatever capacity somebody set. */
static void where_the_token_is_full_the_keys_used_longest_ago_go(void)
{
	struct house house;
	struct pair pairs[ROOM + 2];
	struct loaded_key *keys[ROOM + 2];
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 100);
	CK_FUNCTION_LIST *p11 = token_functions(house.tokens[0]);
	for (size_t i = 0; i < ROOM + 2; i++)
		CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pairs[i]) == CKR_OK);
	start_afresh(house.tokens[0]); /* what was just made is not at hand any more */
	unwrap_really = p11->C_UnwrapKey;
	destroy_really = p11->C_DestroyObject;
	p11->C_UnwrapKey = unwrap_if_there_is_room;
	p11->C_DestroyObject = destroy_and_make_room;
	held = 0;
	for (size_t i = 0; i < ROOM + 2; i++) {
		CU_ASSERT_FATAL(get(keyring, pairs[i].private, &keys[i]) == CKR_OK);
		CU_ASSERT(sign(&house, keys[i]) == CKR_OK);
		keyring_return(keyring, keys[i]);
	}
	struct id newest = id_of(pairs[ROOM + 1].private), oldest = id_of(pairs[0].private);
	CU_ASSERT_PTR_NULL(keyring_borrow(keyring, &oldest));
	CU_ASSERT_PTR_NOT_NULL(keys[0] = keyring_borrow(keyring, &newest));
	keyring_return(keyring, keys[0]);
	/* Those in hand stay, and then the token's word is the answer. */
	for (size_t i = 0; i < ROOM; i++)
		CU_ASSERT_FATAL(get(keyring, pairs[i].private, &keys[i]) == CKR_OK);
	CU_ASSERT(get(keyring, pairs[ROOM].private, &keys[ROOM]) == CKR_DEVICE_MEMORY);
	for (size_t i = 0; i < ROOM; i++)
		keyring_return(keyring, keys[i]);
	p11->C_UnwrapKey = unwrap_really;
	p11->C_DestroyObject = destroy_really;
	keyring_destroy(keyring);
	for (size_t i = 0; i < ROOM + 2; i++)
		pair_free(&pairs[i]);
	house_close(&house);
}

/* The object was read, then destroyed, then loaded: the caller, who was first, may use it; nobody after. */
static void what_was_forgotten_meanwhile_is_not_kept(void)
{
	struct house house;
	struct pair pair;
	struct loaded_key *key;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 10);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	struct id id = id_of(pair.private);
	uint64_t epoch = keyring_epoch(keyring);
	keyring_forget(keyring, &id);
	CU_ASSERT_FATAL(keyring_load(keyring, epoch, object_copy(pair.private), &key) == CKR_OK);
	CU_ASSERT(sign(&house, key) == CKR_OK);
	CU_ASSERT_PTR_NULL(keyring_borrow(keyring, &id));
	keyring_return(keyring, key);
	CU_ASSERT_PTR_NULL(keyring_borrow(keyring, &id));
	CU_ASSERT(session_objects(&house) == 0);
	keyring_destroy(keyring);
	pair_free(&pair);
	house_close(&house);
}

static void a_slot_is_forgotten_as_one(void)
{
	struct house house;
	struct pair pair;
	Craton__Object *other;
	struct loaded_key *key;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 10);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	other = object_copy(pair.private);
	struct id id = id_random(), own = id_of(pair.private);
	memcpy(other->id.data, id.bytes, ID_SIZE);
	other->slot = 2;
	CU_ASSERT_FATAL(seal_again(house.domains[0], pair.private, other) == CKR_OK);
	CU_ASSERT(get(keyring, pair.private, &key) == CKR_OK);
	keyring_return(keyring, key);
	CU_ASSERT(get(keyring, other, &key) == CKR_OK);
	keyring_return(keyring, key);
	keyring_forget_slot(keyring, 1);
	CU_ASSERT_PTR_NULL(keyring_borrow(keyring, &own));
	CU_ASSERT_PTR_NOT_NULL(key = keyring_borrow(keyring, &id));
	keyring_return(keyring, key);
	keyring_destroy(keyring);
	object_free(other);
	pair_free(&pair);
	house_close(&house);
}

static void what_was_altered_is_refused(void)
{
	struct house house;
	struct pair pair;
	struct loaded_key *key;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 10);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	/* Fresh or not: also with the MAC of the key that was just made. */
	object_set_bool(pair.private, CKA_EXTRACTABLE, true);
	CU_ASSERT(keyring_load(keyring, keyring_epoch(keyring), object_copy(pair.private), &key) == CKR_ENCRYPTED_DATA_INVALID);
	CU_ASSERT_PTR_NULL(key);
	object_set_bool(pair.private, CKA_EXTRACTABLE, false);
	CU_ASSERT(keyring_load(keyring, keyring_epoch(keyring), object_copy(pair.private), &key) == CKR_OK);
	keyring_return(keyring, key);
	Craton__Object *strange = object_copy(pair.private);
	strange->id.len = 3;
	CU_ASSERT(keyring_load(keyring, keyring_epoch(keyring), strange, &key) == CKR_ENCRYPTED_DATA_INVALID);
	strange = object_copy(pair.private);
	strange->id.data[0] ^= 1;
	object_set_number(strange, CKA_CLASS, CKO_CERTIFICATE);
	CU_ASSERT(keyring_load(keyring, keyring_epoch(keyring), strange, &key) == CKR_KEY_HANDLE_INVALID);
	CU_ASSERT(keyring_counts(keyring).loaded == 1);
	keyring_destroy(keyring);
	pair_free(&pair);
	house_close(&house);
}

/* A key just made waits in the token for its first use; one that is forgotten before it is used does not wait. */
static void a_fresh_key_is_used_as_it_is_and_can_be_forgotten(void)
{
	struct house house;
	struct pair pair;
	struct loaded_key *key;
	house_open(&house, 1);
	struct keyring *keyring = keyring_create(house.domains[0], 10);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	CU_ASSERT(session_objects(&house) == 1);
	CU_ASSERT_FATAL(get(keyring, pair.private, &key) == CKR_OK);
	CU_ASSERT(session_objects(&house) == 1);
	CU_ASSERT(sign(&house, key) == CKR_OK);
	keyring_return(keyring, key);
	pair_free(&pair);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	CU_ASSERT(session_objects(&house) == 2);
	struct id id = id_of(pair.private);
	keyring_forget(keyring, &id);
	keyring_tidy(keyring);
	CU_ASSERT(session_objects(&house) == 1);
	pair_free(&pair);
	for (int i = 0; i < 40; i++) { /* more than wait */
		CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
		pair_free(&pair);
	}
	CU_ASSERT(session_objects(&house) == 33);
	keyring_destroy(keyring);
	CU_ASSERT(session_objects(&house) == 0);
	house_close(&house);
}

#define CROWD 6
#define CROWD_KEYS 8

struct crowd {
	struct house house;
	struct keyring *keyring;
	struct pair pairs[CROWD_KEYS];
	pthread_barrier_t start;
	atomic_uint seed;
	atomic_int failures;
};

static void *load_the_same(void *argument)
{
	struct crowd *crowd = argument;
	struct loaded_key *key = NULL;
	pthread_barrier_wait(&crowd->start);
	if (keyring_load(crowd->keyring, keyring_epoch(crowd->keyring), object_copy(crowd->pairs[0].private), &key) != CKR_OK)
		crowd->failures++;
	return key;
}

static void threads_that_load_the_same_key_end_with_one(void)
{
	struct crowd crowd = { .failures = 0 };
	pthread_t threads[CROWD];
	struct loaded_key *keys[CROWD];
	house_open(&crowd.house, 1);
	pthread_barrier_init(&crowd.start, NULL, CROWD);
	crowd.keyring = keyring_create(crowd.house.domains[0], 4);
	CU_ASSERT_FATAL(pair_rsa(crowd.house.domains[0], 2048, &crowd.pairs[0]) == CKR_OK);
	for (int i = 0; i < CROWD; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, load_the_same, &crowd) == 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(threads[i], (void **)&keys[i]);
	CU_ASSERT(crowd.failures == 0);
	for (int i = 0; i < CROWD; i++) {
		CU_ASSERT_PTR_EQUAL(keys[i], keys[0]);
		keyring_return(crowd.keyring, keys[i]);
	}
	CU_ASSERT(keyring_counts(crowd.keyring).misses == 1);
	keyring_destroy(crowd.keyring);
	CU_ASSERT(session_objects(&crowd.house) == 0);
	pthread_barrier_destroy(&crowd.start);
	pair_free(&crowd.pairs[0]);
	house_close(&crowd.house);
}

static void *use_and_forget(void *argument)
{
	struct crowd *crowd = argument;
	unsigned state = atomic_fetch_add(&crowd->seed, 1);
	pthread_barrier_wait(&crowd->start);
	for (int i = 0; i < 60; i++) {
		struct loaded_key *key;
		Craton__Object *object = crowd->pairs[(unsigned)rand_r(&state) % CROWD_KEYS].private;
		if (get(crowd->keyring, object, &key) != CKR_OK || sign(&crowd->house, key) != CKR_OK)
			crowd->failures++;
		keyring_return(crowd->keyring, key);
		struct id id = id_of(object);
		if (rand_r(&state) % 5 == 0)
			keyring_forget(crowd->keyring, &id);
		if (rand_r(&state) % 50 == 0)
			keyring_tidy(crowd->keyring);
	}
	return NULL;
}

static void a_crowd_signs_while_keys_come_and_go(void)
{
	struct crowd crowd = { .seed = 1 };
	pthread_t threads[CROWD];
	house_open(&crowd.house, 1);
	pthread_barrier_init(&crowd.start, NULL, CROWD);
	crowd.keyring = keyring_create(crowd.house.domains[0], CROWD_KEYS / 2);
	for (int i = 0; i < CROWD_KEYS; i++)
		CU_ASSERT_FATAL(pair_ec(crowd.house.domains[0], curve_p256, &crowd.pairs[i]) == CKR_OK);
	for (int i = 0; i < CROWD; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, use_and_forget, &crowd) == 0);
	for (int i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT(crowd.failures == 0);
	CU_ASSERT(keyring_counts(crowd.keyring).loaded <= CROWD_KEYS / 2);
	keyring_destroy(crowd.keyring);
	CU_ASSERT(session_objects(&crowd.house) == 0);
	pthread_barrier_destroy(&crowd.start);
	for (int i = 0; i < CROWD_KEYS; i++)
		pair_free(&crowd.pairs[i]);
	house_close(&crowd.house);
}

TESTS("backend: keyring",
      SAY(a_key_is_loaded_once_and_used_often),
      SAY(a_key_whose_loading_failed_half_way_can_be_loaded_after_all),
      SAY(a_public_key_is_made_from_its_attributes),
      SAY(the_least_recently_used_key_goes_first),
      SAY(a_borrowed_key_stays_whatever_comes),
      SAY(where_the_token_is_full_the_keys_used_longest_ago_go),
      SAY(what_was_forgotten_meanwhile_is_not_kept),
      SAY(a_slot_is_forgotten_as_one),
      SAY(what_was_altered_is_refused),
      SAY(a_fresh_key_is_used_as_it_is_and_can_be_forgotten),
      SAY(threads_that_load_the_same_key_end_with_one),
      SAY(a_crowd_signs_while_keys_come_and_go))
