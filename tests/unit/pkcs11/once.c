/* Keys that each signature uses up (stateful hash-based ones): what a lost member may have signed is an error, once, and no leaf
 * signs for it again; whatever the way in which the signature is asked for. */
#include "tests/unit/pkcs11/parts.h"
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define LONG_SIZE (35u << 20) /* bytes: more than goes in one question */

static CK_MECHANISM hss = { CKM_HSS, NULL, 0 };
static CK_BYTE signature[64];
static CK_ULONG size;

struct keys {
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE open, closed;
};

static struct keys start(void)
{
	CK_MECHANISM generation = { CKM_HSS_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE stored = { CKA_TOKEN, &yes, 1 };
	module_command = "1h"; /* a member is waited for, for nobody else may be asked */
	struct keys keys = { .session = start_with_members(2) };
	EXPECT(C_GenerateKeyPair(keys.session, &generation, &stored, 1, &stored, 1, &keys.open, &keys.closed), CKR_OK);
	return keys;
}

/* ---- the ways */

static CK_RV sign_data(const struct keys *keys, CK_BYTE *data, CK_ULONG data_size)
{
	CK_RV rv = C_SignInit(keys->session, &hss, keys->closed);
	size = sizeof signature;
	return rv == CKR_OK ? C_Sign(keys->session, data, data_size, signature, &size) : rv;
}

static CK_RV whole(const struct keys *keys) { return sign_data(keys, text, 100); }

static CK_RV length_first(const struct keys *keys)
{
	CK_RV rv = C_SignInit(keys->session, &hss, keys->closed);
	if (rv == CKR_OK)
		rv = C_Sign(keys->session, text, 100, NULL, &size);
	return rv == CKR_OK ? C_Sign(keys->session, text, 100, signature, &size) : rv;
}

/* Kept here until the end. */
static CK_RV in_parts(const struct keys *keys)
{
	CK_RV rv = C_SignInit(keys->session, &hss, keys->closed);
	size = sizeof signature;
	for (CK_ULONG at = 0; rv == CKR_OK && at < 100; at += 25)
		rv = C_SignUpdate(keys->session, text + at, 25);
	return rv == CKR_OK ? C_SignFinal(keys->session, signature, &size) : rv;
}

static CK_RV message(const struct keys *keys)
{
	CK_RV rv = C_MessageSignInit(keys->session, &hss, keys->closed);
	size = sizeof signature;
	if (rv == CKR_OK)
		rv = C_SignMessage(keys->session, NULL, 0, text, 100, signature, &size);
	EXPECT(C_MessageSignFinal(keys->session), CKR_OK);
	return rv;
}

static const struct way {
	const char *name;
	CK_RV (*sign)(const struct keys *keys);
} ways[] = { { "whole", whole }, { "length first", length_first }, { "in parts", in_parts }, { "message", message } };

static CK_RV verify(const struct keys *keys)
{
	CK_RV rv = C_VerifyInit(keys->session, &hss, keys->open);
	return rv == CKR_OK ? C_Verify(keys->session, text, 100, signature, size) : rv;
}

/* ---- what is true of all of them */

static void a_signature_takes_one_leaf(void)
{
	struct keys keys = start();
	for (size_t i = 0; i < COUNT(ways); i++) {
		CU_ASSERT(expect_rv(ways[i].sign(&keys), CKR_OK, ways[i].name, 0));
		CU_ASSERT_EQUAL(module.toy.leaves, i + 1);
		CU_ASSERT_EQUAL(signature[0], i + 1);
		EXPECT(verify(&keys), CKR_OK);
	}
	module_stop();
}

/* The token has signed, and its answer is lost. Nobody else is asked, and the next signature takes another leaf. */
static void a_lost_answer_is_an_error_once_and_its_leaf_never_signs_again(void)
{
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct keys keys = start();
		CU_ASSERT(expect_rv(ways[i].sign(&keys), CKR_OK, ways[i].name, 0));
		module.toy.cut_at = 1;
		CU_ASSERT(expect_rv(ways[i].sign(&keys), CKR_DEVICE_ERROR, ways[i].name, 1));
		CU_ASSERT_EQUAL(module.toy.cut_at, 0);
		CU_ASSERT_EQUAL(module.toy.leaves, 2);
		EXPECT(C_Sign(keys.session, text, 100, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
		CU_ASSERT(expect_rv(ways[i].sign(&keys), CKR_OK, ways[i].name, 2));
		CU_ASSERT_EQUAL(signature[0], 3);
		EXPECT(verify(&keys), CKR_OK);
		module_stop();
	}
}

static void a_result_that_found_no_room_costs_no_second_leaf(void)
{
	struct keys keys = start();
	EXPECT(C_SignInit(keys.session, &hss, keys.closed), CKR_OK);
	size = 1;
	EXPECT(C_Sign(keys.session, text, 100, signature, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, sizeof signature);
	EXPECT(C_Sign(keys.session, text, 100, signature, &size), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.leaves, 1);
	module_stop();
}

/* The application has all of it and could send it again: of another key that is what would be done. */
static void what_goes_in_pieces_is_begun_once(void)
{
	struct keys keys = start();
	CK_BYTE *data = long_data(LONG_SIZE);
	EXPECT(sign_data(&keys, data, LONG_SIZE), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 1);
	module.toy.cut_at = 3;
	EXPECT(sign_data(&keys, data, LONG_SIZE), CKR_DEVICE_ERROR);
	CU_ASSERT_EQUAL(module.toy.cut_at, 0);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 2);
	EXPECT(whole(&keys), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.leaves, 2);
	free(data);
	module_stop();
}

static void *fall_silent(void *unused)
{
	const struct timespec more_than_others_are_given = { .tv_sec = 1, .tv_nsec = 200 * 1000000 };
	(void)unused;
	while (!module.toy.parts.firsts)
		sched_yield();
	pthread_mutex_lock(&module.toy.silence);
	nanosleep(&more_than_others_are_given, NULL);
	pthread_mutex_unlock(&module.toy.silence);
	return NULL;
}

/* A member that is silent in the middle of another key's operation is left for one that begins it anew; here that would be the end of it. */
static void what_is_begun_once_is_waited_for(void)
{
	struct keys keys = start();
	CK_BYTE *data = long_data(LONG_SIZE);
	pthread_t thread;
	pthread_create(&thread, NULL, fall_silent, NULL);
	EXPECT(sign_data(&keys, data, LONG_SIZE), CKR_OK);
	pthread_join(thread, NULL);
	free(data);
	module_stop();
}

/* Verifying takes nothing. */
static void a_verification_is_asked_again(void)
{
	struct keys keys = start();
	EXPECT(whole(&keys), CKR_OK);
	module.toy.cut_at = 1;
	EXPECT(verify(&keys), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.cut_at, 0);
	module_stop();
}

TESTS("pkcs11 once", SAY(a_signature_takes_one_leaf), SAY(a_lost_answer_is_an_error_once_and_its_leaf_never_signs_again),
	SAY(a_result_that_found_no_room_costs_no_second_leaf), SAY(what_goes_in_pieces_is_begun_once),
	SAY(what_is_begun_once_is_waited_for), SAY(a_verification_is_asked_again))
