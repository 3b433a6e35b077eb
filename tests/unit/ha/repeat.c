#include "ha/repeat.h"
#include "tests/check.h"
#include "wire/cryptoki.h"

#define BODY(name) CRATON__REQUEST__BODY_##name

static const struct question_kind *kind(Craton__Request__BodyCase body)
{
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Crypt crypt = CRATON__CRYPT__INIT;
	request.body_case = body;
	request.crypt = &crypt;
	return question_kind(&request);
}

static bool is_once(Craton__CryptKind crypt_kind, uint64_t mechanism_type)
{
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Crypt crypt = CRATON__CRYPT__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = mechanism_type;
	crypt.kind = crypt_kind;
	crypt.mechanism = &mechanism;
	request.body_case = CRATON__REQUEST__BODY_CRYPT;
	request.crypt = &crypt;
	return question_kind(&request)->is_once;
}

static void a_signature_that_uses_its_key_up_is_made_once(void)
{
	CU_ASSERT(is_once(CRATON__CRYPT_KIND__SIGN, CKM_HSS));
	CU_ASSERT(is_once(CRATON__CRYPT_KIND__SIGN, CKM_XMSS));
	CU_ASSERT(is_once(CRATON__CRYPT_KIND__SIGN, CKM_XMSSMT));
	CU_ASSERT(!is_once(CRATON__CRYPT_KIND__VERIFY, CKM_HSS));
	CU_ASSERT(!is_once(CRATON__CRYPT_KIND__SIGN, CKM_ECDSA));
	CU_ASSERT(fault_is_before_deed(CRATON__FAULT__FAULT_BUSY));
	CU_ASSERT(!fault_is_before_deed(CRATON__FAULT__FAULT_NOT_SERVING)); /* its token may have failed in the middle */
}

static void whatever_changes_something_is_a_deed(void)
{
	static const Craton__Request__BodyCase deeds[] = { BODY(LOGIN), BODY(INIT_TOKEN), BODY(INIT_PIN), BODY(SET_PIN),
		BODY(CREATE_OBJECT), BODY(DESTROY_OBJECT), BODY(SET_ATTRIBUTES), BODY(GENERATE_KEY), BODY(GENERATE_KEY_PAIR),
		BODY(UNWRAP_KEY), BODY(DERIVE_KEY), BODY(COPY_OBJECT) };
	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		CU_ASSERT(kind(deeds[i])->is_deed);
		CU_ASSERT(!kind(deeds[i])->is_measured);
	}
}

/* Making a key twice is work for a token; these are not. */
static void what_makes_keys_is_not_light(void)
{
	CU_ASSERT(kind(BODY(LOGIN))->is_light && kind(BODY(DESTROY_OBJECT))->is_light && kind(BODY(SET_ATTRIBUTES))->is_light);
	CU_ASSERT_FALSE(kind(BODY(GENERATE_KEY))->is_light || kind(BODY(GENERATE_KEY_PAIR))->is_light || kind(BODY(DERIVE_KEY))->is_light ||
	                kind(BODY(UNWRAP_KEY))->is_light);
}

static void what_changes_nothing_needs_no_request_id(void)
{
	static const Craton__Request__BodyCase reads[] = { BODY(SLOT_INFO), BODY(MECHANISM_LIST), BODY(GET_ATTRIBUTES), BODY(FIND),
		BODY(CRYPT), BODY(RANDOM), BODY(OBJECT_SIZE), BODY(WRAP_KEY), BODY(SLOT_LIST) };
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
		CU_ASSERT(!kind(reads[i])->is_deed);
}

static void a_fault_nobody_knows_sends_the_asker_elsewhere(void)
{
	int64_t rest_ms;
	CU_ASSERT_EQUAL(fault_verdict((Craton__Fault)77, &rest_ms), VERDICT_ELSEWHERE);
	CU_ASSERT(rest_ms > 0);
	CU_ASSERT_STRING_EQUAL(fault_name((Craton__Fault)77), "unknown");
	CU_ASSERT_EQUAL(fault_verdict((Craton__Fault)-1, &rest_ms), VERDICT_ELSEWHERE);
}

static void no_majority_is_no_reason_to_leave_a_member_alone(void)
{
	int64_t rest_ms;
	CU_ASSERT_EQUAL(fault_verdict(CRATON__FAULT__FAULT_NO_MAJORITY, &rest_ms), VERDICT_ELSEWHERE);
	CU_ASSERT_EQUAL(rest_ms, 0);
}

TESTS("ha repeat", SAY(a_signature_that_uses_its_key_up_is_made_once),
	SAY(whatever_changes_something_is_a_deed), SAY(what_makes_keys_is_not_light), SAY(what_changes_nothing_needs_no_request_id),
	SAY(a_fault_nobody_knows_sends_the_asker_elsewhere), SAY(no_majority_is_no_reason_to_leave_a_member_alone))
