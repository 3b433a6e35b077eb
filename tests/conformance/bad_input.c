#include "tests/conformance/bad_input.h"

static CK_BYTE bytes[64];
#define HAVE bytes, &(CK_ULONG){ sizeof bytes }

struct row row_begin(void)
{
	struct row row;
	fixture_make();
	row.session = session_open(RW);
	row.objects = count_objects(row.session, NULL, 0, NULL);
	return row;
}

/* Every operation would say CKR_OPERATION_NOT_INITIALIZED. */
static bool is_idle(CK_SESSION_HANDLE s)
{
	CK_RV found[] = { P11->C_FindObjectsFinal(s), P11->C_DigestUpdate(s, bytes, 1), P11->C_SignUpdate(s, bytes, 1),
		P11->C_VerifyUpdate(s, bytes, 1), P11->C_EncryptUpdate(s, bytes, 1, HAVE), P11->C_DecryptUpdate(s, bytes, 1, HAVE) };
	for (size_t i = 0; i < COUNT(found); i++)
		if (found[i] != CKR_OPERATION_NOT_INITIALIZED)
			return false;
	return true;
}

void row_end(const struct row *row, const char *function, const char *argument, CK_RV got, CK_RV want, const char *softhsm)
{
	observe("bad", function, argument, rv_short(got));
	if (got != want && token.is_softhsm && softhsm)
		observe_deviation(function, rv_text(got), softhsm);
	else
		CU_assertImplementation(expect_rv(got, want, function, argument, 0), __LINE__, function, argument, "", CU_FALSE);
	bool idle = is_idle(row->session);
	if (!idle && token.is_softhsm)
		observe_deviation(function, "an operation left", "it keeps an operation that it refused to go on with");
	else
		CU_assertImplementation(idle, __LINE__, function, argument, "idle", CU_FALSE);
	P11->C_CloseSession(row->session);
	CK_SESSION_HANDLE session = session_open(RO);
	size_t objects = count_objects(session, NULL, 0, NULL);
	CU_assertImplementation(objects == row->objects || (token.is_softhsm && got == CKR_OK), __LINE__, function, argument, "objects", CU_FALSE);
	session_close(session);
}

static CK_UTF8CHAR *pin_text(const char *pin) { return (CK_UTF8CHAR_PTR)(uintptr_t)pin; }

void calls_about_slots_and_sessions(void)
{
	CK_UTF8CHAR *pin = pin_text(token.user_pin);
	CK_ULONG pin_size = strlen(token.user_pin);
	TRY("C_Finalize", "reserved not NULL", P11->C_Finalize(bytes), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetInfo", "NULL", P11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetFunctionList", "NULL", P11->C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetSlotList", "count NULL", P11->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetSlotInfo", "NULL", P11->C_GetSlotInfo(token.slot, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetSlotInfo", "no such slot", P11->C_GetSlotInfo(ABSURD, &(CK_SLOT_INFO){ 0 }), CKR_SLOT_ID_INVALID, NULL);
	TRY("C_GetTokenInfo", "NULL", P11->C_GetTokenInfo(token.slot, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetTokenInfo", "no such slot", P11->C_GetTokenInfo(ABSURD, &(CK_TOKEN_INFO){ 0 }), CKR_SLOT_ID_INVALID, NULL);
	TRY("C_WaitForSlotEvent", "slot NULL", P11->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD,
		"it looks for events first");
	TRY("C_WaitForSlotEvent", "reserved not NULL", P11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &(CK_SLOT_ID){ 0 }, bytes),
		CKR_ARGUMENTS_BAD, "it looks for events first");
	TRY("C_GetMechanismList", "count NULL", P11->C_GetMechanismList(token.slot, NULL, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetMechanismList", "no such slot", P11->C_GetMechanismList(ABSURD, NULL, &(CK_ULONG){ 0 }), CKR_SLOT_ID_INVALID, NULL);
	TRY("C_GetMechanismInfo", "NULL", P11->C_GetMechanismInfo(token.slot, CKM_SHA256, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetMechanismInfo", "no such mechanism", P11->C_GetMechanismInfo(token.slot, 0x7ffffff0, &(CK_MECHANISM_INFO){ 0 }),
		CKR_MECHANISM_INVALID, NULL);
	TRY("C_InitToken", "no such slot", P11->C_InitToken(ABSURD, pin, pin_size, bytes), CKR_SLOT_ID_INVALID, NULL);
	TRY("C_OpenSession", "NULL", P11->C_OpenSession(token.slot, RW, NULL, NULL, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_OpenSession", "not serial", P11->C_OpenSession(token.slot, CKF_RW_SESSION, NULL, NULL, &(CK_SESSION_HANDLE){ 0 }),
		CKR_SESSION_PARALLEL_NOT_SUPPORTED, NULL);
	TRY("C_OpenSession", "no such slot", P11->C_OpenSession(ABSURD, RW, NULL, NULL, &(CK_SESSION_HANDLE){ 0 }), CKR_SLOT_ID_INVALID, NULL);
	TRY("C_CloseSession", "0", P11->C_CloseSession(0), CKR_SESSION_HANDLE_INVALID, NULL);
	TRY("C_CloseSession", "−1", P11->C_CloseSession(ABSURD), CKR_SESSION_HANDLE_INVALID, NULL);
	TRY("C_CloseAllSessions", "no such slot", P11->C_CloseAllSessions(ABSURD), CKR_SLOT_ID_INVALID, NULL);
	TRY("C_GetSessionInfo", "NULL", P11->C_GetSessionInfo(s, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_Login", "no such user type", P11->C_Login(s, 77, pin, pin_size), CKR_USER_TYPE_INVALID, "it sees first that someone is logged in");
	TRY("C_SetPIN", "old PIN NULL", P11->C_SetPIN(s, NULL, 8, pin, pin_size), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_SetPIN", "new PIN NULL", P11->C_SetPIN(s, pin, pin_size, NULL, 8), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_SetPIN", "new PIN of no length", P11->C_SetPIN(s, pin, pin_size, pin, 0), CKR_PIN_LEN_RANGE, NULL);
	TRY("C_SetPIN", "new PIN of 100,000 bytes", P11->C_SetPIN(s, pin, pin_size, pin_text("1"), 100000), CKR_PIN_LEN_RANGE, NULL);
	TRY("C_SeedRandom", "NULL and a length", P11->C_SeedRandom(s, NULL, 8), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GenerateRandom", "NULL and a length", P11->C_GenerateRandom(s, NULL, 8), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetOperationState", "length NULL", P11->C_GetOperationState(s, bytes, NULL), CKR_ARGUMENTS_BAD, "it cannot save operations");
	TRY("C_SetOperationState", "NULL and a length", P11->C_SetOperationState(s, NULL, 8, 0, 0), CKR_ARGUMENTS_BAD, "it cannot restore operations");
}

void calls_about_objects(void)
{
	CK_ATTRIBUTE label = { CKA_LABEL, bytes, 4 }, no_value = { CKA_LABEL, NULL, 4 }, absurd = { CKA_LABEL, bytes, ABSURD },
		unknown = { 0x0ffffff0, bytes, 4 };
	CK_OBJECT_HANDLE out;
	for (int i = 0; i < 3; i++) {
		const CK_OBJECT_HANDLE wrong = (CK_OBJECT_HANDLE[]){ 0, STALE, ABSURD }[i];
		const char *which = (const char *[]){ "handle 0", "stale handle", "handle −1" }[i];
		TRY("C_DestroyObject", which, P11->C_DestroyObject(s, wrong), CKR_OBJECT_HANDLE_INVALID, NULL);
		TRY("C_CopyObject", which, P11->C_CopyObject(s, wrong, &label, 1, &out), CKR_OBJECT_HANDLE_INVALID, NULL);
		TRY("C_GetObjectSize", which, P11->C_GetObjectSize(s, wrong, &(CK_ULONG){ 0 }), CKR_OBJECT_HANDLE_INVALID, NULL);
		TRY("C_GetAttributeValue", which, P11->C_GetAttributeValue(s, wrong, &label, 1), CKR_OBJECT_HANDLE_INVALID, NULL);
		TRY("C_SetAttributeValue", which, P11->C_SetAttributeValue(s, wrong, &label, 1), CKR_OBJECT_HANDLE_INVALID, NULL);
	}
	TRY("C_CopyObject", "new handle NULL", P11->C_CopyObject(s, fixture.data, NULL, 0, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_CopyObject", "template NULL", P11->C_CopyObject(s, fixture.data, NULL, 1, &out), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_CopyObject", "no such attribute", P11->C_CopyObject(s, fixture.data, &unknown, 1, &out), CKR_ATTRIBUTE_TYPE_INVALID, NULL);
	TRY("C_GetObjectSize", "NULL", P11->C_GetObjectSize(s, fixture.data, NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetAttributeValue", "template NULL", P11->C_GetAttributeValue(s, fixture.data, NULL, 1), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_GetAttributeValue", "no such attribute", P11->C_GetAttributeValue(s, fixture.data, &unknown, 1), CKR_ATTRIBUTE_TYPE_INVALID, NULL);
	unknown.ulValueLen = 4; /* it was told that there is none */
	TRY("C_SetAttributeValue", "template NULL", P11->C_SetAttributeValue(s, fixture.data, NULL, 1), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_SetAttributeValue", "value NULL with a length", P11->C_SetAttributeValue(s, fixture.data, &no_value, 1),
		CKR_ARGUMENTS_BAD, "it names the value");
	TRY_NOT_ON_SOFTHSM("C_SetAttributeValue", "value of length −1", P11->C_SetAttributeValue(s, fixture.data, &absurd, 1),
		CKR_ATTRIBUTE_VALUE_INVALID, "it crashes");
	TRY("C_SetAttributeValue", "no such attribute", P11->C_SetAttributeValue(s, fixture.data, &unknown, 1), CKR_ATTRIBUTE_TYPE_INVALID, NULL);
	TRY("C_FindObjectsInit", "template NULL", P11->C_FindObjectsInit(s, NULL, 1), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_FindObjectsInit", "value of length −1", P11->C_FindObjectsInit(s, &absurd, 1), CKR_ATTRIBUTE_VALUE_INVALID,
		"it finds nothing of that value");
	TRY("C_CreateObject", "template NULL", P11->C_CreateObject(s, NULL, 1, &out), CKR_ARGUMENTS_BAD, NULL);
	TRY("C_CreateObject", "no template", P11->C_CreateObject(s, &label, 0, &out), CKR_TEMPLATE_INCOMPLETE, NULL);
	TRY("C_CreateObject", "handle NULL", P11->C_CreateObject(s, LIST(ATTR_ULONG(CKA_CLASS, CKO_DATA)), NULL), CKR_ARGUMENTS_BAD, NULL);
	TRY_NOT_ON_SOFTHSM("C_CreateObject", "count −1", P11->C_CreateObject(s, &label, ABSURD, &out), CKR_ARGUMENTS_BAD, "it reads on and crashes");
}

void templates_that_make_no_sense(void)
{
	CK_ULONG class = CKO_DATA;
	CK_OBJECT_HANDLE out;
#define CREATE(argument, want, softhsm, ...) TRY("C_CreateObject", argument, P11->C_CreateObject(s, LIST(__VA_ARGS__), &out), want, softhsm)
#define DATA ATTR_ULONG(CKA_CLASS, CKO_DATA)
	CREATE("class of three bytes", CKR_ATTRIBUTE_VALUE_INVALID, "it takes it for none", { CKA_CLASS, &class, 3 });
	CREATE("class NULL", CKR_ATTRIBUTE_VALUE_INVALID, "it takes it for none", { CKA_CLASS, NULL, 0 });
	CREATE("no such class", CKR_ATTRIBUTE_VALUE_INVALID, NULL, ATTR_ULONG(CKA_CLASS, 0x1234));
	CREATE("two classes", CKR_TEMPLATE_INCONSISTENT, "the last counts", DATA, ATTR_ULONG(CKA_CLASS, CKO_CERTIFICATE));
	CREATE("boolean of seven bytes", CKR_ATTRIBUTE_VALUE_INVALID, "it reads the first byte", DATA, { CKA_TOKEN, bytes, 7 });
	CREATE("boolean of no bytes", CKR_ATTRIBUTE_VALUE_INVALID, "it takes it for said", DATA, { CKA_TOKEN, bytes, 0 });
	CREATE("two labels", CKR_TEMPLATE_INCONSISTENT, "the last counts", DATA, ATTR_TEXT(CKA_LABEL, "a"), ATTR_TEXT(CKA_LABEL, "b"));
	CREATE("value NULL with a length", CKR_ARGUMENTS_BAD, "it names the value", DATA, { CKA_VALUE, NULL, 4 });
	CREATE("no such attribute", CKR_ATTRIBUTE_TYPE_INVALID, NULL, DATA, { 0x0ffffff0, bytes, 4 });
	CREATE("secret key without a type", CKR_TEMPLATE_INCOMPLETE, "it blames the type it misses", ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_TEXT(CKA_VALUE, "value"));
	CREATE("secret key without a value", CKR_TEMPLATE_INCOMPLETE, NULL, ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_AES));
	CREATE("AES key of 17 bytes", CKR_ATTRIBUTE_VALUE_INVALID, "it takes a key of any length", ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY),
		ATTR_ULONG(CKA_KEY_TYPE, CKK_AES), ATTR_TEXT(CKA_VALUE, "seventeen bytes.."));
	CREATE("RSA key without its modulus", CKR_TEMPLATE_INCOMPLETE, NULL, ATTR_ULONG(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_RSA),
		{ CKA_PUBLIC_EXPONENT, bytes, 3 });
	CREATE("date that is none", CKR_ATTRIBUTE_VALUE_INVALID, "it does not look at dates' digits", ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY),
		ATTR_ULONG(CKA_KEY_TYPE, CKK_GENERIC_SECRET), ATTR_TEXT(CKA_VALUE, "value"), ATTR_TEXT(CKA_START_DATE, "tomorrow"));
	if (!token.is_softhsm)
		CREATE("value of length −1", CKR_ATTRIBUTE_VALUE_INVALID, NULL, DATA, { CKA_VALUE, bytes, ABSURD });
}

CHAPTER(bad_input,
	SAY(calls_about_slots_and_sessions),
	SAY(calls_about_objects),
	SAY(templates_that_make_no_sense),
	SAY(operations_without_mechanism_or_key),
	SAY(parameters_that_make_no_sense),
	SAY(data_that_does_not_fit),
	SAY(keys_that_cannot_be_made),
	SAY(keys_that_cannot_be_wrapped),
	SAY(keys_that_cannot_be_unwrapped_or_derived));
