/* What an application is told of failures that could not be hidden from it; the table of docs/functions.md. */
#include "tests/unit/pkcs11/module.h"
#include "pkcs11/door.h"

static void each_failure_has_its_word(void)
{
	static const struct { enum err err; CK_RV rv; bool is_loss; } errors[] = {
		{ ERR_CLOSED, CKR_DEVICE_REMOVED, true }, { ERR_TIMEOUT, CKR_DEVICE_REMOVED, true }, { ERR_MALFORMED, CKR_DEVICE_REMOVED, true },
		{ ERR_REFUSED, CKR_DEVICE_REMOVED, true }, { ERR_CONFIG, CKR_DEVICE_REMOVED, true }, { (enum err)77, CKR_DEVICE_REMOVED, true },
		{ ERR_TOO_BIG, CKR_DATA_LEN_RANGE, false }, { ERR_NO_MEMORY, CKR_HOST_MEMORY, false },
	};
	for (size_t i = 0; i < COUNT(errors); i++) {
		EXPECT(rv_of_err(errors[i].err), errors[i].rv);
		CU_ASSERT_EQUAL(err_is_loss(errors[i].err), errors[i].is_loss);
	}
}

static void each_fault_has_its_word(void)
{
	static const struct { Craton__Fault fault; CK_RV rv; bool is_loss; } faults[] = {
		{ CRATON__FAULT__FAULT_NONE, CKR_OK, false },
		{ CRATON__FAULT__FAULT_BEHIND, CKR_DEVICE_ERROR, true },
		{ CRATON__FAULT__FAULT_NOT_SERVING, CKR_DEVICE_ERROR, true },
		{ CRATON__FAULT__FAULT_NO_MAJORITY, CKR_FUNCTION_FAILED, true },
		{ CRATON__FAULT__FAULT_UNKNOWN_OBJECT, CKR_OBJECT_HANDLE_INVALID, false },
		{ CRATON__FAULT__FAULT_MALFORMED, CKR_DEVICE_ERROR, false },
		{ CRATON__FAULT__FAULT_REFUSED, CKR_FUNCTION_REJECTED, false },
		{ CRATON__FAULT__FAULT_BUSY, CKR_DEVICE_ERROR, true },
		{ CRATON__FAULT__FAULT_TICKET, CKR_USER_NOT_LOGGED_IN, false },
		{ (Craton__Fault)99, CKR_DEVICE_ERROR, true }, /* a newer node's */
	};
	for (size_t i = 0; i < COUNT(faults); i++) {
		Craton__Reply reply = CRATON__REPLY__INIT;
		reply.fault = faults[i].fault;
		EXPECT(rv_of_reply(&reply, ANY_BODY), faults[i].rv);
		CU_ASSERT_EQUAL(fault_is_loss(faults[i].fault), faults[i].is_loss);
	}
	CU_ASSERT_EQUAL(craton__fault__descriptor.n_values, COUNT(faults) - 1); /* a new one needs its word */
}

static void what_the_token_says_passes_untouched(void)
{
	Craton__Reply reply = CRATON__REPLY__INIT;
	reply.rv = CKR_VENDOR_DEFINED + 5;
	EXPECT(rv_of_reply(&reply, ANY_BODY), CKR_VENDOR_DEFINED + 5);
	reply.rv = CKR_SLOT_ID_INVALID;
	EXPECT(rv_of_reply(&reply, ANY_BODY), CKR_DEVICE_REMOVED);
	reply.rv = CKR_OK;
	reply.body_case = CRATON__REPLY__BODY_DONE;
	EXPECT(rv_of_reply(&reply, CRATON__REPLY__BODY_DONE), CKR_OK);
	EXPECT(rv_of_reply(&reply, CRATON__REPLY__BODY_FIND), CKR_DEVICE_ERROR);
	EXPECT(rv_for_slot(CKR_DEVICE_REMOVED), CKR_TOKEN_NOT_PRESENT);
	EXPECT(rv_for_key(CKR_OBJECT_HANDLE_INVALID), CKR_KEY_HANDLE_INVALID);
}

TESTS("pkcs11 door", SAY(each_failure_has_its_word), SAY(each_fault_has_its_word), SAY(what_the_token_says_passes_untouched))
