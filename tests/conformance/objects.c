#include "tests/conformance/suite.h"

static void a_data_object_is_stored_found_read_and_destroyed(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object = make_data(session, TOKEN_OBJECT, "note"), found = CK_INVALID_HANDLE;
	TEMPLATE(wanted, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_TEXT(CKA_LABEL, "note"));
	CU_ASSERT_EQUAL(count_objects(session, wanted, COUNT(wanted), &found), 1);
	CU_ASSERT_EQUAL(found, object);
	char value[32];
	CK_ATTRIBUTE read = { CKA_VALUE, value, sizeof value };
	EXPECT(P11->C_GetAttributeValue(session, object, &read, 1), CKR_OK);
	CU_ASSERT_EQUAL(read.ulValueLen, 9);
	CU_ASSERT(memcmp(value, "some data", 9) == 0);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	CU_ASSERT_EQUAL(count_objects(session, wanted, COUNT(wanted), NULL), 0);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OBJECT_HANDLE_INVALID);
	session_close(session);
}

static void a_certificate_needs_its_type_and_its_value(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	static const CK_BYTE subject[] = { 0x30, 0 }, value[] = { 0x30, 3, 2, 1, 1 };
	TEMPLATE(whole, ATTR_ULONG(CKA_CLASS, CKO_CERTIFICATE), ATTR_ULONG(CKA_CERTIFICATE_TYPE, CKC_X_509),
		ATTR_BOOL(CKA_TOKEN, CK_TRUE), ATTR_BYTES(CKA_SUBJECT, subject), ATTR_BYTES(CKA_VALUE, value),
		ATTR_TEXT(CKA_LABEL, "certificate"));
	EXPECT(P11->C_CreateObject(session, whole, COUNT(whole), &object), CKR_OK);
	CU_ASSERT_EQUAL(count_labelled(session, "certificate"), 1);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	TEMPLATE(no_type, ATTR_ULONG(CKA_CLASS, CKO_CERTIFICATE), ATTR_BYTES(CKA_VALUE, value));
	CK_RV rv = P11->C_CreateObject(session, no_type, COUNT(no_type), &object);
	CU_ASSERT(rv == CKR_TEMPLATE_INCOMPLETE || (token.is_softhsm && rv == CKR_ATTRIBUTE_VALUE_INVALID));
	session_close(session);
}

static void an_object_without_class_is_incomplete(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object;
	TEMPLATE(template_, ATTR_TEXT(CKA_LABEL, "nothing"));
	EXPECT(P11->C_CreateObject(session, template_, COUNT(template_), &object), CKR_TEMPLATE_INCOMPLETE);
	session_close(session);
}

static void a_read_only_session_makes_no_token_objects(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE object;
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_BOOL(CKA_TOKEN, CK_TRUE), ATTR_TEXT(CKA_LABEL, "no"));
	EXPECT(P11->C_CreateObject(session, template_, COUNT(template_), &object), CKR_SESSION_READ_ONLY);
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(key, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_TOKEN, CK_TRUE));
	EXPECT(P11->C_GenerateKey(session, &mechanism, key, COUNT(key), &object), CKR_SESSION_READ_ONLY);
	session_close(session);
}

static void attribute_lengths_follow_the_convention(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object = make_data(session, SESSION_OBJECT, "lengths");
	char value[4];
	CK_ULONG class;
	CK_ATTRIBUTE ask = { CKA_VALUE, NULL, 0 };
	EXPECT(P11->C_GetAttributeValue(session, object, &ask, 1), CKR_OK);
	CU_ASSERT_EQUAL(ask.ulValueLen, 9);
	CK_ATTRIBUTE mixed[] = { { CKA_VALUE, value, sizeof value }, { CKA_CLASS, &class, sizeof class },
		{ CKA_MODULUS, NULL, 0 } };
	CK_RV rv = P11->C_GetAttributeValue(session, object, mixed, 3);
	CU_ASSERT(rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(mixed[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(mixed[1].ulValueLen, sizeof class); /* the others are still answered */
	CU_ASSERT_EQUAL(class, CKO_DATA);
	CU_ASSERT_EQUAL(mixed[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	session_close(session);
}

static void finding_matches_every_attribute_of_the_template(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE one = make_data(session, TOKEN_OBJECT, "findme"), two = make_data(session, SESSION_OBJECT, "findme");
	TEMPLATE(both, ATTR_TEXT(CKA_LABEL, "findme"));
	TEMPLATE(token_only, ATTR_TEXT(CKA_LABEL, "findme"), ATTR_BOOL(CKA_TOKEN, CK_TRUE));
	TEMPLATE(other_class, ATTR_TEXT(CKA_LABEL, "findme"), ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY));
	TEMPLATE(prefix, ATTR_TEXT(CKA_LABEL, "find"));
	CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
	CU_ASSERT_EQUAL(count_objects(session, both, COUNT(both), NULL), 2);
	CU_ASSERT_EQUAL(count_objects(session, token_only, COUNT(token_only), &found), 1);
	CU_ASSERT_EQUAL(found, one);
	CU_ASSERT_EQUAL(count_objects(session, other_class, COUNT(other_class), NULL), 0);
	CU_ASSERT_EQUAL(count_objects(session, prefix, COUNT(prefix), NULL), 0);
	CU_ASSERT(count_objects(session, NULL, 0, NULL) >= 2);
	EXPECT(P11->C_DestroyObject(session, one), CKR_OK);
	EXPECT(P11->C_DestroyObject(session, two), CKR_OK);
	session_close(session);
}

static void a_search_has_a_beginning_and_an_end(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_OBJECT_HANDLE found[4];
	CK_ULONG count;
	EXPECT(P11->C_FindObjects(session, found, 4, &count), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(P11->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	EXPECT(P11->C_FindObjectsFinal(session), CKR_OK);
	session_close(session);
}

static void many_objects_are_found_in_portions(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE objects[50];
	for (size_t i = 0; i < COUNT(objects); i++)
		objects[i] = make_data(session, SESSION_OBJECT, "portion");
	CU_ASSERT_EQUAL(count_labelled(session, "portion"), COUNT(objects));
	for (size_t i = 0; i < COUNT(objects); i++)
		EXPECT(P11->C_DestroyObject(session, objects[i]), CKR_OK);
	session_close(session);
}

static void a_label_can_be_changed_and_a_class_cannot(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object = make_data(session, TOKEN_OBJECT, "before");
	TEMPLATE(label, ATTR_TEXT(CKA_LABEL, "after"));
	TEMPLATE(class, ATTR_ULONG(CKA_CLASS, CKO_CERTIFICATE));
	EXPECT(P11->C_SetAttributeValue(session, object, label, 1), CKR_OK);
	CU_ASSERT_EQUAL(count_labelled(session, "after"), 1);
	CU_ASSERT_EQUAL(count_labelled(session, "before"), 0);
	EXPECT(P11->C_SetAttributeValue(session, object, class, 1), CKR_ATTRIBUTE_READ_ONLY);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	session_close(session);
}

static void what_is_not_modifiable_stays_as_it_is(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_BOOL(CKA_MODIFIABLE, CK_FALSE), ATTR_TEXT(CKA_LABEL, "fixed"));
	TEMPLATE(label, ATTR_TEXT(CKA_LABEL, "after"));
	EXPECT(P11->C_CreateObject(session, template_, COUNT(template_), &object), CKR_OK);
	EXPECT(P11->C_SetAttributeValue(session, object, label, 1), CKR_ACTION_PROHIBITED);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	session_close(session);
}

CHAPTER(objects,
	SAY(a_data_object_is_stored_found_read_and_destroyed),
	SAY(a_certificate_needs_its_type_and_its_value),
	SAY(an_object_without_class_is_incomplete),
	SAY(a_read_only_session_makes_no_token_objects),
	SAY(attribute_lengths_follow_the_convention),
	SAY(finding_matches_every_attribute_of_the_template),
	SAY(a_search_has_a_beginning_and_an_end),
	SAY(many_objects_are_found_in_portions),
	SAY(a_label_can_be_changed_and_a_class_cannot),
	SAY(what_is_not_modifiable_stays_as_it_is));
