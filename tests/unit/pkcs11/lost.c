/* Every kind of operation in parts loses its member: before it begins, between any two calls, or while a question is under way. */
#include "tests/unit/pkcs11/lost.h"

static CK_BYTE iv[12] = { 3, 1, 4 };
static CK_GCM_PARAMS gcm_parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
static CK_MECHANISM gcm = { CKM_AES_GCM, &gcm_parameter, sizeof gcm_parameter }, hmac = { CKM_SHA256_HMAC, NULL, 0 };

static void start(struct trial *t, CK_ULONG part)
{
	CK_MECHANISM generation = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE ignored;
	module_prepare(2, "interval = 5ms\nreplay = " KEPT);
	EXPECT(C_Initialize(NULL), CKR_OK);
	memset(t, 0, sizeof *t);
	t->session = open_session(RW);
	EXPECT(login(t->session, CKU_USER, TOY_PIN), CKR_OK);
	t->aes = make_aes(t->session, true, "key");
	EXPECT(C_GenerateKey(t->session, &generation, NULL, 0, &t->secret), CKR_OK);
	make_ec(t->session, true, &t->ec_public, &t->ec);
	make_rsa(t->session, &ignored, &t->rsa);
	t->part = part;
	t->lost_at = NEVER;
	for (size_t i = 0; i < sizeof lost_text; i++)
		lost_text[i] = (CK_BYTE)(i * 13 + i / 256);
}

/* The same once more in the same session. */
static CK_RV again(const struct kind *kind, struct trial *t)
{
	t->made = 0;
	return kind->run(t, kind->mechanism);
}

static bool is_same(const struct kind *kind, const struct trial *t, const struct trial *quiet)
{
	bool is = t->made == quiet->made && memcmp(t->out, quiet->out, t->made) == 0;
	if (!is)
		printf("    %s: another result, lost at %d\n", kind->name, t->lost_at);
	return is;
}

/* Whichever of two it is: the one that has the operation, or the other. */
static void within_the_limit_a_member_may_die_before_any_step(void)
{
	for (const struct kind *kind = kinds; kind < kinds + kinds_count; kind++)
		for (int death = 0; death < 2 * STEPS; death++) {
			struct trial t;
			start(&t, WITHIN);
			EXPECT(again(kind, &t), CKR_OK);
			struct trial quiet = t;
			t.lost_at = death / 2;
			t.victim = (size_t)death % 2;
			CU_ASSERT(expect_rv(again(kind, &t), CKR_OK, kind->name, t.lost_at));
			CU_ASSERT(is_same(kind, &t, &quiet));
			module_stop();
		}
}

/* How many questions for cryptography it takes. */
static unsigned questions_of(const struct kind *kind, struct trial *t)
{
	struct trial once = *t;
	module.toy.cut_at = 1000;
	EXPECT(again(kind, &once), CKR_OK);
	unsigned count = 1000 - module.toy.cut_at;
	module.toy.cut_at = 0;
	return count;
}

static void within_the_limit_any_question_may_be_the_last_that_its_member_hears(void)
{
	for (const struct kind *kind = kinds; kind < kinds + kinds_count; kind++) {
		struct trial t;
		start(&t, WITHIN);
		EXPECT(again(kind, &t), CKR_OK);
		struct trial quiet = t;
		unsigned count = questions_of(kind, &t);
		for (unsigned i = 1; i <= count; i++) {
			module.toy.cut_at = i;
			CU_ASSERT(expect_rv(again(kind, &t), CKR_OK, kind->name, (int)i));
			CU_ASSERT(is_same(kind, &t, &quiet));
			CU_ASSERT_EQUAL(module.toy.cut_at, 0);
		}
		module_stop();
	}
}

static bool is_going_on(int stage)
{
	return stage == CRATON__CRYPT_STAGE__PART || stage == CRATON__CRYPT_STAGE__LAST;
}

/* An error once, where the member that was lost had what is not kept here; and the session is as good as before. */
static void beyond_the_limit_that_is_an_error_once_and_only_where_one_member_has_it(void)
{
	for (const struct kind *kind = kinds; kind < kinds + kinds_count; kind++) {
		struct trial t;
		unsigned errors = 0;
		start(&t, BEYOND);
		EXPECT(again(kind, &t), CKR_OK);
		struct trial quiet = t;
		unsigned count = questions_of(kind, &t);
		for (unsigned i = 1; i <= count; i++) {
			module.toy.cut_at = i;
			CK_RV rv = again(kind, &t);
			bool is_lost = kind->is_away && is_going_on(module.toy.cut_stage);
			CU_ASSERT(expect_rv(rv, is_lost ? CKR_DEVICE_ERROR : CKR_OK, kind->name, (int)i));
			CU_ASSERT(rv != CKR_OK || is_same(kind, &t, &quiet));
			errors += rv != CKR_OK;
			C_SessionCancel(t.session, CKF_DIGEST | CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT); /* the other half of two */
			EXPECT(again(kind, &t), CKR_OK);
			CU_ASSERT(is_same(kind, &t, &quiet));
		}
		CU_ASSERT_EQUAL(errors > 0, kind->is_away);
		module_stop();
	}
}

static void what_was_lost_is_over(void)
{
	CK_BYTE mac[32], out[2 * BEYOND];
	CK_ULONG size = sizeof out, mac_size = sizeof mac;
	struct trial t;
	start(&t, BEYOND);
	EXPECT(C_EncryptInit(t.session, &gcm, t.aes), CKR_OK);
	EXPECT(C_EncryptUpdate(t.session, lost_text, BEYOND, out, &size), CKR_OK);
	EXPECT(C_SignInit(t.session, &hmac, t.secret), CKR_OK);
	EXPECT(C_SignUpdate(t.session, lost_text, BEYOND), CKR_OK);
	module.toy.cut_at = 1;
	size = sizeof out;
	EXPECT(C_EncryptUpdate(t.session, lost_text, BEYOND, out, &size), CKR_DEVICE_ERROR);
	EXPECT(C_EncryptFinal(t.session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_SignFinal(t.session, mac, &mac_size), CKR_OK); /* its own connection was not cut */
	EXPECT(C_EncryptInit(t.session, &gcm, t.aes), CKR_OK);
	module_stop();
}

/* Whatever it is that a member lets an operation go for; but not if it is the operation that is wrong. */
static void a_member_that_can_no_more_gives_it_away(void)
{
	static const struct { Craton__Fault fault; CK_RV rv; } faults[] = {
		{ CRATON__FAULT__FAULT_NOT_SERVING, CKR_OK }, { CRATON__FAULT__FAULT_NO_MAJORITY, CKR_OK },
		{ CRATON__FAULT__FAULT_BEHIND, CKR_OK }, { CRATON__FAULT__FAULT_BUSY, CKR_OK },
		{ CRATON__FAULT__FAULT_REFUSED, CKR_FUNCTION_REJECTED }, { CRATON__FAULT__FAULT_MALFORMED, CKR_DEVICE_ERROR } };
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct trial t;
		start(&t, WITHIN);
		EXPECT(again(&kinds[0], &t), CKR_OK);
		struct trial quiet = t;
		module.toy.parts.ends_with = (int)faults[i].fault;
		module.toy.parts.ends_at = module.toy.parts.parts + 2;
		CU_ASSERT(expect_rv(again(&kinds[0], &t), faults[i].rv, "fault", (int)faults[i].fault));
		CU_ASSERT(faults[i].rv != CKR_OK || is_same(&kinds[0], &t, &quiet));
		module_stop();
	}
}

/* ---- searches and session objects */

#define MANY 1200 /* more than one round trip brings */

static void a_search_goes_on(void)
{
	for (size_t victim = 0; victim < 2; victim++) {
		static CK_OBJECT_HANDLE found[2 * MANY];
		CK_ULONG first, rest;
		struct trial t;
		start(&t, WITHIN);
		for (int i = 0; i < MANY; i++)
			make_data(t.session, true, "one of many");
		EXPECT(C_FindObjectsInit(t.session, NULL, 0), CKR_OK);
		EXPECT(C_FindObjects(t.session, found, 10, &first), CKR_OK);
		node_stop(victim);
		EXPECT(C_FindObjects(t.session, found + first, COUNT(found) - first, &rest), CKR_OK);
		EXPECT(C_FindObjectsFinal(t.session), CKR_OK);
		CU_ASSERT_EQUAL(first, 10);
		CU_ASSERT_EQUAL(first + rest, module.toy.count + 3); /* and the session's own keys */
		module_stop();
	}
}

static void a_session_object_lives_on_whoever_made_it(void)
{
	for (size_t victim = 0; victim < 2; victim++) {
		CK_BYTE before[32], after[32];
		CK_ULONG size = 32;
		struct trial t;
		start(&t, WITHIN);
		EXPECT(C_SignInit(t.session, &hmac, t.secret), CKR_OK);
		EXPECT(C_Sign(t.session, lost_text, 4, before, &size), CKR_OK);
		node_stop(victim);
		EXPECT(C_SignInit(t.session, &hmac, t.secret), CKR_OK);
		EXPECT(C_Sign(t.session, lost_text, 4, after, &size), CKR_OK);
		CU_ASSERT(memcmp(before, after, 32) == 0);
		module_stop();
	}
}

TESTS("pkcs11 lost", SAY(within_the_limit_a_member_may_die_before_any_step),
	SAY(within_the_limit_any_question_may_be_the_last_that_its_member_hears),
	SAY(beyond_the_limit_that_is_an_error_once_and_only_where_one_member_has_it), SAY(what_was_lost_is_over),
	SAY(a_member_that_can_no_more_gives_it_away),
	SAY(a_search_goes_on), SAY(a_session_object_lives_on_whoever_made_it))
