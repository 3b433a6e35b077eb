#include "ha/repeat.h"
#include <assert.h>
#include <stddef.h>

#define BODY(name) CRATON__REQUEST__BODY_##name

static const struct question_kind kinds[] = {
	{ BODY(SLOT_INFO), false, true, "reads" },
	{ BODY(MECHANISM_LIST), false, true, "reads" },
	{ BODY(SLOT_LIST), false, true, "reads" },
	{ BODY(GET_ATTRIBUTES), false, true, "reads" },
	{ BODY(FIND), false, true, "reads" },
	{ BODY(OBJECT_SIZE), false, true, "reads" },
	{ BODY(WRAP_KEY), false, true, "another wrapping of the same key harms no one" },
	{ BODY(CRYPT), false, true, "a signature made, or begun, twice harms no one; its key is not changed by use" },
	{ BODY(RANDOM), false, true, "an answer that was lost is as good as never made" },
	{ BODY(LOGIN), true, false, "a failure is counted once under its request id" },
	{ BODY(INIT_TOKEN), true, false, "done once under its request id" },
	{ BODY(INIT_PIN), true, false, "done once under its request id" },
	{ BODY(SET_PIN), true, false, "done once under its request id" },
	{ BODY(CREATE_OBJECT), true, false, "done once under its request id" },
	{ BODY(DESTROY_OBJECT), true, false, "done once under its request id" },
	{ BODY(SET_ATTRIBUTES), true, false, "done once under its request id" },
	{ BODY(GENERATE_KEY), true, false, "done once under its request id; a key nobody heard of is never stored" },
	{ BODY(GENERATE_KEY_PAIR), true, false, "done once under its request id; a key nobody heard of is never stored" },
	{ BODY(UNWRAP_KEY), true, false, "done once under its request id" },
	{ BODY(DERIVE_KEY), true, false, "done once under its request id" },
	{ BODY(COPY_OBJECT), true, false, "done once under its request id" },
};

const struct question_kind *question_kind(Craton__Request__BodyCase body)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].body == body)
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

const char *fault_name(Craton__Fault fault)
{
	return (size_t)fault < FAULT_COUNT ? faults[fault].name : "unknown";
}
