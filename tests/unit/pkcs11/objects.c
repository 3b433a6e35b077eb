#include "tests/unit/pkcs11/module.h"

static size_t count_found(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG wanted_count, CK_OBJECT_HANDLE *first)
{
	CK_OBJECT_HANDLE page[7];
	CK_ULONG got = 0;
	size_t all = 0;
	EXPECT(C_FindObjectsInit(session, wanted, wanted_count), CKR_OK);
	do {
		if (C_FindObjects(session, page, COUNT(page), &got) != CKR_OK)
			CU_FAIL("search failed");
		if (first && !all && got)
			*first = page[0];
		all += got;
	} while (got);
	EXPECT(C_FindObjectsFinal(session), CKR_OK);
	return all;
}

static size_t count_labelled(CK_SESSION_HANDLE session, const char *label, CK_OBJECT_HANDLE *first)
{
	CK_ATTRIBUTE wanted = { CKA_LABEL, BYTES(label), strlen(label) };
	return count_found(session, &wanted, 1, first);
}

static void an_object_is_found_under_the_handle_it_was_given(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE object = make_data(session, true, "one"), found = 0;
	CU_ASSERT_EQUAL(count_labelled(session, "one", &found), 1);
	CU_ASSERT_EQUAL(found, object);
	EXPECT(C_DestroyObject(session, object), CKR_OK);
	EXPECT(C_DestroyObject(session, object), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(count_labelled(session, "one", NULL), 0);
	module_stop();
}

static void a_search_is_one_round_trip_up_to_a_thousand_objects(void)
{
	CK_SESSION_HANDLE session = module_start();
	for (int i = 0; i < 1500; i++)
		make_data(session, true, "many");
	CU_ASSERT_EQUAL(count_labelled(session, "many", NULL), 1500);
	CU_ASSERT_EQUAL(module.toy.finds, 2);
	make_data(session, true, "single");
	CU_ASSERT_EQUAL(count_labelled(session, "single", NULL), 1);
	CU_ASSERT_EQUAL(module.toy.finds, 3);
	module_stop();
}

static void session_objects_are_found_beside_the_others(void)
{
	CK_SESSION_HANDLE session = module_start(), other = open_session(RO);
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE token_only = { CKA_TOKEN, &yes, 1 }, session_only = { CKA_TOKEN, &no, 1 };
	make_data(session, true, "both");
	CK_OBJECT_HANDLE fleeting = make_data(session, false, "both");
	CU_ASSERT_EQUAL(count_labelled(other, "both", NULL), 2);
	CU_ASSERT_EQUAL(count_found(other, &token_only, 1, NULL), 1);
	unsigned before = module.toy.finds;
	CU_ASSERT_EQUAL(count_found(other, &session_only, 1, NULL), 0); /* it was not given CKA_TOKEN by the toy */
	CU_ASSERT_EQUAL(module.toy.finds, before);
	EXPECT(C_CloseSession(session), CKR_OK);
	CU_ASSERT_EQUAL(count_labelled(other, "both", NULL), 1);
	EXPECT(C_DestroyObject(other, fleeting), CKR_OBJECT_HANDLE_INVALID);
	module_stop();
}

static void private_objects_are_nobodys_without_a_login(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE stored = make_aes(session, true, "closed"), fleeting = make_aes(session, false, "closed"), again = 0;
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_ATTRIBUTE label = { CKA_LABEL, NULL, 0 };
	EXPECT(C_Logout(session), CKR_OK);
	CU_ASSERT_EQUAL(count_labelled(session, "closed", NULL), 0);
	EXPECT(C_GetAttributeValue(session, stored, &label, 1), CKR_OBJECT_HANDLE_INVALID);
	EXPECT(C_SignInit(session, &hmac, stored), CKR_KEY_HANDLE_INVALID);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	EXPECT(C_GetAttributeValue(session, stored, &label, 1), CKR_OK);
	EXPECT(C_GetAttributeValue(session, fleeting, &label, 1), CKR_OBJECT_HANDLE_INVALID); /* gone with the login */
	CU_ASSERT_EQUAL(count_labelled(session, "closed", &again), 1);
	CU_ASSERT_EQUAL(again, stored);
	module_stop();
}

static void asking_for_lengths_and_then_for_values_is_one_round_trip(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE object = make_data(session, true, "twice");
	char label[16], value[16];
	CK_ATTRIBUTE ask[] = { { CKA_LABEL, NULL, 0 }, { CKA_VALUE, NULL, 0 } };
	EXPECT(C_GetAttributeValue(session, object, ask, 2), CKR_OK);
	CU_ASSERT(ask[0].ulValueLen == 5 && ask[1].ulValueLen == 5);
	ask[0].pValue = label;
	ask[1].pValue = value;
	EXPECT(C_GetAttributeValue(session, object, ask, 2), CKR_OK);
	CU_ASSERT(memcmp(label, "twice", 5) == 0 && memcmp(value, "value", 5) == 0);
	CU_ASSERT_EQUAL(module.toy.reads, 1);
	EXPECT(C_GetAttributeValue(session, object, ask, 2), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.reads, 2); /* only the very next call is spared */
	module_stop();
}

static void a_change_is_seen_by_the_next_reading(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE objects[] = { make_data(session, true, "before"), make_data(session, false, "before") };
	for (size_t i = 0; i < COUNT(objects); i++) {
		char value[16];
		CK_ATTRIBUTE ask = { CKA_LABEL, NULL, 0 }, change = { CKA_LABEL, BYTES("afterwards"), 10 };
		EXPECT(C_GetAttributeValue(session, objects[i], &ask, 1), CKR_OK);
		EXPECT(C_SetAttributeValue(session, objects[i], &change, 1), CKR_OK);
		ask = (CK_ATTRIBUTE){ CKA_LABEL, value, sizeof value };
		EXPECT(C_GetAttributeValue(session, objects[i], &ask, 1), CKR_OK);
		CU_ASSERT(ask.ulValueLen == 10 && memcmp(value, "afterwards", 10) == 0);
	}
	CU_ASSERT_EQUAL(count_labelled(session, "afterwards", NULL), 2);
	module_stop();
}

static void each_attribute_is_answered_for_itself(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, true, "label");
	char label[16], small[2];
	CK_ATTRIBUTE ask[] = { { CKA_VALUE, label, sizeof label }, { CKA_LABEL, small, sizeof small },
		{ CKA_MODULUS, NULL, 0 }, { CKA_LABEL, label, sizeof label } };
	EXPECT(C_GetAttributeValue(session, key, ask, 4), CKR_ATTRIBUTE_SENSITIVE);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(ask[i].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT(ask[3].ulValueLen == 5 && memcmp(label, "label", 5) == 0);
	EXPECT(C_GetAttributeValue(session, key, ask + 2, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	EXPECT(C_GetAttributeValue(session, key, (CK_ATTRIBUTE[]){ { CKA_LABEL, small, 2 } }, 1), CKR_BUFFER_TOO_SMALL);
	module_stop();
}

static void a_read_only_session_changes_no_token_object(void)
{
	CK_SESSION_HANDLE session = module_start(), reading = open_session(RO);
	CK_OBJECT_HANDLE stored = make_data(session, true, "stored"), made;
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_MECHANISM aes = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE template_[] = { { CKA_TOKEN, &yes, 1 }, { CKA_CLASS, &class, sizeof class } }, label = { CKA_LABEL, BYTES("x"), 1 };
	unsigned before = module_requests();
	EXPECT(C_CreateObject(reading, template_, 2, &made), CKR_SESSION_READ_ONLY);
	EXPECT(C_DestroyObject(reading, stored), CKR_SESSION_READ_ONLY);
	EXPECT(C_SetAttributeValue(reading, stored, &label, 1), CKR_SESSION_READ_ONLY);
	CU_ASSERT_EQUAL(module_requests(), before);
	EXPECT(C_GenerateKey(reading, &aes, template_, 1, &made), CKR_SESSION_READ_ONLY);
	EXPECT(C_DestroyObject(reading, make_data(reading, false, "own")), CKR_OK);
	module_stop();
}

static void a_mechanism_that_makes_no_keys_makes_none(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE one, two;
	CK_MECHANISM aes = { CKM_AES_KEY_GEN, NULL, 0 }, cbc = { CKM_AES_CBC, NULL, 0 };
	EXPECT(C_GenerateKey(session, &cbc, NULL, 0, &one), CKR_MECHANISM_INVALID);
	EXPECT(C_GenerateKeyPair(session, &aes, NULL, 0, NULL, 0, &one, &two), CKR_MECHANISM_INVALID);
	EXPECT(C_GenerateKey(session, &aes, NULL, 1, &one), CKR_ARGUMENTS_BAD);
	make_ec(session, true, &one, &two);
	CU_ASSERT(one != two && one != CK_INVALID_HANDLE && two != CK_INVALID_HANDLE);
	module_stop();
}

static void a_search_is_begun_and_ended(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE found;
	CK_ULONG count = 7;
	EXPECT(C_FindObjects(session, &found, 1, &count), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_FindObjectsInit(session, NULL, 3), CKR_ARGUMENTS_BAD);
	EXPECT(C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	EXPECT(C_FindObjects(session, NULL, 1, &count), CKR_ARGUMENTS_BAD);
	EXPECT(C_FindObjects(session, &found, 1, &count), CKR_OK);
	CU_ASSERT_EQUAL(count, 0);
	EXPECT(C_FindObjectsFinal(session), CKR_OK);
	EXPECT(C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	module_stop();
}

TESTS("pkcs11 objects", SAY(an_object_is_found_under_the_handle_it_was_given),
	SAY(a_search_is_one_round_trip_up_to_a_thousand_objects), SAY(session_objects_are_found_beside_the_others),
	SAY(private_objects_are_nobodys_without_a_login), SAY(asking_for_lengths_and_then_for_values_is_one_round_trip),
	SAY(a_change_is_seen_by_the_next_reading), SAY(each_attribute_is_answered_for_itself),
	SAY(a_read_only_session_changes_no_token_object), SAY(a_mechanism_that_makes_no_keys_makes_none),
	SAY(a_search_is_begun_and_ended))
