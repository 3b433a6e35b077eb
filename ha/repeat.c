#include "ha/repeat.h"
#include "wire/cryptoki.h"
#include <assert.h>
#include <stddef.h>

#define BODY(name) CRATON__REQUEST__BODY_##name

#define READ .is_measured = true
#define DEED .is_deed = true
#define ONCE_BY_ID "done once under its request id"

static const struct question_kind kinds[] = {
	{ BODY(SLOT_INFO), READ, .reason = "reads" },
	{ BODY(MECHANISM_LIST), READ, .reason = "reads" },
	{ BODY(SLOT_LIST), READ, .reason = "reads" },
	{ BODY(GET_ATTRIBUTES), READ, .reason = "reads" },
	{ BODY(FIND), READ, .reason = "reads; a search goes on after an object's id, which is the same everywhere" },
	{ BODY(OBJECT_SIZE), READ, .reason = "reads" },
	{ BODY(WRAP_KEY), READ, .reason = "another wrapping of the same key harms no one; an IV the token makes is another one each time" },
	/* Signing, MACs, verifying, decrypting: nobody can tell how often it was done. Encryption with the caller's IV gives the same each time; where
	 * the token makes the IV (GCM) each answer has its own, and that of an answer nobody saw is as good as never used. */
	{ BODY(CRYPT), READ, .reason = "a signature made, or begun, twice harms no one; its key is not changed by use" },
	{ BODY(RANDOM), READ, .reason = "an answer that was lost is as good as never made" },
	{ BODY(LOGIN), DEED, .is_light = true, .reason = "a failure is counted once under its request id" },
	{ BODY(INIT_TOKEN), DEED, .reason = ONCE_BY_ID },
	{ BODY(INIT_PIN), DEED, .reason = ONCE_BY_ID },
	{ BODY(SET_PIN), DEED, .reason = ONCE_BY_ID },
	{ BODY(CREATE_OBJECT), DEED, .reason = ONCE_BY_ID },
	{ BODY(DESTROY_OBJECT), DEED, .is_light = true, .reason = ONCE_BY_ID },
	{ BODY(SET_ATTRIBUTES), DEED, .is_light = true, .reason = ONCE_BY_ID },
	{ BODY(GENERATE_KEY), DEED, .reason = ONCE_BY_ID "; a key nobody heard of is never stored" },
	{ BODY(GENERATE_KEY_PAIR), DEED, .reason = ONCE_BY_ID "; a key nobody heard of is never stored" },
	{ BODY(UNWRAP_KEY), DEED, .reason = ONCE_BY_ID },
	{ BODY(DERIVE_KEY), DEED, .reason = ONCE_BY_ID },
	{ BODY(COPY_OBJECT), DEED, .reason = ONCE_BY_ID },
};

/* A stateful hash-based key is changed by use: each signature takes one of its leaves for good, and two signatures with one leaf give
 * the key away (NIST SP 800-208, 7). */
static const struct question_kind by_stateful_key = {
	BODY(CRYPT), .is_measured = true, .is_once = true, .reason = "a signature takes one of the key's leaves, and no leaf may sign twice",
};
static const uint64_t stateful_mechanisms[] = { CKM_HSS, CKM_XMSS, CKM_XMSSMT };

bool crypt_is_once(Craton__CryptKind kind, uint64_t mechanism)
{
	for (size_t i = 0; i < sizeof stateful_mechanisms / sizeof *stateful_mechanisms; i++)
		if (mechanism == stateful_mechanisms[i])
			return kind != CRATON__CRYPT_KIND__VERIFY;
	return false;
}

static bool is_stateful_signature(const Craton__Request *request)
{
	const Craton__Crypt *crypt = request->body_case == BODY(CRYPT) ? request->crypt : NULL;
	return crypt && crypt->mechanism && crypt_is_once(crypt->kind, crypt->mechanism->type);
}

const struct question_kind *question_kind(const Craton__Request *request)
{
	if (is_stateful_signature(request))
		return &by_stateful_key;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].body == request->body_case)
			return &kinds[i];
	assert(false && "a question that nobody said may be repeated");
	return NULL;
}

static const struct {
	const char *name;
	enum verdict verdict;
	int64_t rest_ms;
} faults[] = {
	[CRATON__FAULT__FAULT_NONE] = { "none", VERDICT_ANSWERED, 0 },
	[CRATON__FAULT__FAULT_BEHIND] = { "behind", VERDICT_ELSEWHERE, 50 },
	[CRATON__FAULT__FAULT_NOT_SERVING] = { "not-serving", VERDICT_ELSEWHERE, 200 },
	/* It may be on the wrong side of a partition; for cryptography it is as good as before. */
	[CRATON__FAULT__FAULT_NO_MAJORITY] = { "no-majority", VERDICT_ELSEWHERE, 0 },
	[CRATON__FAULT__FAULT_UNKNOWN_OBJECT] = { "unknown-object", VERDICT_SHOW, 0 },
	[CRATON__FAULT__FAULT_MALFORMED] = { "malformed", VERDICT_ANSWERED, 0 },
	[CRATON__FAULT__FAULT_REFUSED] = { "refused", VERDICT_ANSWERED, 0 },
	[CRATON__FAULT__FAULT_BUSY] = { "busy", VERDICT_ELSEWHERE, 50 },
	/* A ticket is checked against an index the asker sent: every member would say the same. */
	[CRATON__FAULT__FAULT_TICKET] = { "ticket", VERDICT_ANSWERED, 0 },
};
#define FAULT_COUNT (sizeof faults / sizeof *faults)

/* A fault that only a newer node knows is some trouble of its own. */
enum verdict fault_verdict(Craton__Fault fault, int64_t *rest_ms)
{
	bool is_known = (size_t)fault < FAULT_COUNT;
	*rest_ms = is_known ? faults[fault].rest_ms : 200;
	return is_known ? faults[fault].verdict : VERDICT_ELSEWHERE;
}

bool fault_is_before_deed(Craton__Fault fault)
{
	return fault == CRATON__FAULT__FAULT_BEHIND || fault == CRATON__FAULT__FAULT_BUSY || fault == CRATON__FAULT__FAULT_UNKNOWN_OBJECT;
}

const char *fault_name(Craton__Fault fault)
{
	return (size_t)fault < FAULT_COUNT ? faults[fault].name : "unknown";
}
