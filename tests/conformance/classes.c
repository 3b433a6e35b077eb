/* Objects of every class, what keys tell of themselves, and objects of a session. */
#include "tests/conformance/mechanisms.h"
#include <openssl/x509.h>

static const CK_BYTE name[] = { 0x30, 0 }, der[] = { 0x30, 3, 2, 1, 1 };

static CK_ULONG read_bytes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_BYTE *out, CK_ULONG room)
{
	CK_ATTRIBUTE ask = { type, out, room };
	EXPECT(P11->C_GetAttributeValue(session, object, &ask, 1), CKR_OK);
	return ask.ulValueLen == CK_UNAVAILABLE_INFORMATION ? 0 : ask.ulValueLen;
}

static void each_class_is_stored_and_found_by_class(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_BYTE prime[256], base[] = { 2 };
	CK_ULONG prime_size = (CK_ULONG)reference_dh_prime(prime);
	TEMPLATE(data, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_TEXT(CKA_LABEL, "class"), ATTR_TEXT(CKA_VALUE, "value"));
	TEMPLATE(certificate, ATTR_ULONG(CKA_CLASS, CKO_CERTIFICATE), ATTR_TEXT(CKA_LABEL, "class"), ATTR_ULONG(CKA_CERTIFICATE_TYPE, CKC_X_509),
		ATTR_BYTES(CKA_SUBJECT, name), ATTR_BYTES(CKA_VALUE, der));
	TEMPLATE(parameters, ATTR_ULONG(CKA_CLASS, CKO_DOMAIN_PARAMETERS), ATTR_TEXT(CKA_LABEL, "class"), ATTR_ULONG(CKA_KEY_TYPE, CKK_DH),
		{ CKA_PRIME, prime, prime_size }, ATTR_BYTES(CKA_BASE, base));
	const struct { CK_OBJECT_CLASS class; CK_ATTRIBUTE *template_; CK_ULONG count; } objects[] = {
		{ CKO_DATA, data, COUNT(data) }, { CKO_CERTIFICATE, certificate, COUNT(certificate) },
		{ CKO_DOMAIN_PARAMETERS, parameters, COUNT(parameters) } };
	for (size_t i = 0; i < COUNT(objects); i++) {
		CK_OBJECT_HANDLE object = CK_INVALID_HANDLE, found = CK_INVALID_HANDLE;
		TEMPLATE(wanted, ATTR_ULONG(CKA_CLASS, objects[i].class), ATTR_TEXT(CKA_LABEL, "class"));
		EXPECT(P11->C_CreateObject(session, objects[i].template_, objects[i].count, &object), CKR_OK);
		CU_ASSERT_EQUAL(count_objects(session, wanted, 2, &found), 1);
		CU_ASSERT_EQUAL(found, object);
	}
	session_close(session);
}

/* Keys of known value, both as session and as token objects: what was said is what is told. */
static void imported_keys_tell_what_was_said(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_BYTE got[64];
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	for (CK_BBOOL lasting = 0; lasting < 2; lasting++) {
		TEMPLATE(secret, ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_GENERIC_SECRET), ATTR_BOOL(CKA_TOKEN, lasting),
			{ CKA_VALUE, (void *)(uintptr_t)known_key, 21 }, ATTR_BOOL(CKA_SENSITIVE, CK_FALSE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE),
			ATTR_TEXT(CKA_START_DATE, "20260101"), ATTR_TEXT(CKA_LABEL, "imported"));
		EXPECT(P11->C_CreateObject(session, secret, COUNT(secret), &key), CKR_OK);
		CU_ASSERT(read_bytes(session, key, CKA_VALUE, got, sizeof got) == 21 && memcmp(got, known_key, 21) == 0);
		if (token.is_softhsm)
			observe_deviation("CKA_START_DATE", "CKR_GENERAL_ERROR", "it cannot read private objects' dates again");
		else
			CU_ASSERT(read_bytes(session, key, CKA_START_DATE, got, sizeof got) == 8 && memcmp(got, "20260101", 8) == 0);
		CU_ASSERT_EQUAL(read_bytes(session, key, CKA_END_DATE, got, sizeof got), 0);
		CU_ASSERT(read_bytes(session, key, CKA_LOCAL, got, 1) == 1 && got[0] == CK_FALSE);
		CU_ASSERT(read_bytes(session, key, CKA_ALWAYS_SENSITIVE, got, 1) == 1 && got[0] == CK_FALSE);
		CU_ASSERT(read_bytes(session, key, CKA_NEVER_EXTRACTABLE, got, 1) == 1 && got[0] == CK_FALSE);
		CK_ULONG generated = 0;
		read_bytes(session, key, CKA_KEY_GEN_MECHANISM, (CK_BYTE *)&generated, sizeof generated);
		CU_ASSERT_EQUAL(generated, CK_UNAVAILABLE_INFORMATION);
		EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	}
	session_close(session);
}

/* "the first three bytes of the encryption of a single block of null bytes" (4.10.2) */
static void a_check_value_is_the_start_of_an_encrypted_block(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_BYTE want[16], zeros[16] = { 0 }, got[16];
	CK_OBJECT_HANDLE key = import_secret(session, CKK_AES, known_key, 16);
	CK_ATTRIBUTE ask = { CKA_CHECK_VALUE, got, sizeof got };
	struct reference_cipher how = { .name = "AES-128-ECB", .key = known_key };
	reference_encrypt(&how, zeros, 16, want);
	CK_RV rv = P11->C_GetAttributeValue(session, key, &ask, 1);
	if (token.is_softhsm && rv == CKR_OK && ask.ulValueLen == 0)
		observe_deviation("CKA_CHECK_VALUE", "empty", "keys that it imports have none");
	else
		CU_ASSERT(rv == CKR_OK && ask.ulValueLen == 3 && memcmp(got, want, 3) == 0);
	session_close(session);
}

static void a_private_key_knows_its_public_half(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair rsa = import_rsa(session);
	unsigned char *want = NULL;
	CK_BYTE got[1024];
	int size = i2d_PUBKEY(reference_rsa(), &want);
	CK_ATTRIBUTE ask = { CKA_PUBLIC_KEY_INFO, got, sizeof got };
	CK_RV rv = P11->C_GetAttributeValue(session, rsa.private_key, &ask, 1);
	if (token.is_softhsm)
		observe_deviation("CKA_PUBLIC_KEY_INFO", rv_text(rv), "it computes none");
	else
		CU_ASSERT(rv == CKR_OK && ask.ulValueLen == (CK_ULONG)size && memcmp(got, want, ask.ulValueLen) == 0);
	OPENSSL_free(want);
	session_close(session);
}

static void each_object_has_an_id_of_its_own(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_BYTE one[128], two[128];
	if (token.is_softhsm) {
		observe_deviation("CKA_UNIQUE_ID", "CKR_ATTRIBUTE_TYPE_INVALID", "it is older than the attribute");
	} else {
		CK_OBJECT_HANDLE object = make_data(session, TOKEN_OBJECT, "unique"), other = make_data(session, SESSION_OBJECT, "unique");
		CK_ULONG size = read_bytes(session, object, CKA_UNIQUE_ID, one, sizeof one);
		CU_ASSERT(size > 0);
		CU_ASSERT(read_bytes(session, other, CKA_UNIQUE_ID, two, sizeof two) != size || memcmp(one, two, size) != 0);
		CK_ATTRIBUTE wanted = { CKA_UNIQUE_ID, one, size };
		CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
		CU_ASSERT_EQUAL(count_objects(session, &wanted, 1, &found), 1);
		CU_ASSERT_EQUAL(found, object);
		EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	}
	session_close(session);
}

static void an_object_has_a_size(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object = make_data(session, SESSION_OBJECT, "sized");
	CK_ULONG size = 0;
	EXPECT(P11->C_GetObjectSize(session, object, &size), CKR_OK);
	CU_ASSERT(size > 0 || token.is_softhsm);
	session_close(session);
}

/* ---- history: what changes it */

static bool history(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL is = 77;
	read_bytes(session, key, type, &is, 1);
	return is == CK_TRUE;
}

static void always_sensitive_is_from_birth_on(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	TEMPLATE(open, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_SENSITIVE, CK_FALSE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE));
	TEMPLATE(closed, ATTR_BOOL(CKA_SENSITIVE, CK_TRUE), ATTR_BOOL(CKA_EXTRACTABLE, CK_FALSE));
	EXPECT(P11->C_GenerateKey(session, &(CK_MECHANISM){ CKM_AES_KEY_GEN, NULL, 0 }, open, COUNT(open), &key), CKR_OK);
	EXPECT(P11->C_SetAttributeValue(session, key, closed, COUNT(closed)), CKR_OK);
	CU_ASSERT(history(session, key, CKA_SENSITIVE) && !history(session, key, CKA_EXTRACTABLE));
	CU_ASSERT(!history(session, key, CKA_ALWAYS_SENSITIVE) && !history(session, key, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT(history(session, key, CKA_LOCAL));
	CK_ATTRIBUTE value = { CKA_VALUE, NULL, 0 };
	EXPECT(P11->C_GetAttributeValue(session, key, &value, 1), CKR_ATTRIBUTE_SENSITIVE);
	session_close(session);
}

/* A change is all or nothing. */
static void one_wrong_attribute_changes_none(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE object = make_data(session, TOKEN_OBJECT, "whole");
	TEMPLATE(change, ATTR_TEXT(CKA_LABEL, "half"), ATTR_ULONG(CKA_CLASS, CKO_CERTIFICATE));
	EXPECT(P11->C_SetAttributeValue(session, object, change, COUNT(change)), CKR_ATTRIBUTE_READ_ONLY);
	if (token.is_softhsm && count_labelled(session, "half") == 1)
		observe_deviation("C_SetAttributeValue", "half done", "it changes what comes before the wrong one");
	else
		CU_ASSERT_EQUAL(count_labelled(session, "whole"), 1);
	EXPECT(P11->C_DestroyObject(session, object), CKR_OK);
	session_close(session);
}

/* ---- objects of a session (2.40, 6.4 and 6.7) */

static void private_session_objects_go_with_the_login(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE hidden = make_aes(session, SESSION_OBJECT, 16, "of the login"), shown = make_data(session, SESSION_OBJECT, "of the session");
	CK_ATTRIBUTE label = { CKA_LABEL, NULL, 0 };
	logout();
	login_user();
	CU_ASSERT_EQUAL(count_labelled(session, "of the login"), 0);
	CU_ASSERT_EQUAL(count_labelled(session, "of the session"), 1);
	EXPECT(P11->C_GetAttributeValue(session, hidden, &label, 1), CKR_OBJECT_HANDLE_INVALID);
	EXPECT(P11->C_GetAttributeValue(session, shown, &label, 1), CKR_OK);
	session_close(session);
}

static void a_session_object_is_changed_and_destroyed_from_any_session(void)
{
	CK_SESSION_HANDLE maker = session_open(RO), other = session_open(RO);
	CK_OBJECT_HANDLE object = make_data(maker, SESSION_OBJECT, "ours");
	TEMPLATE(label, ATTR_TEXT(CKA_LABEL, "still ours"));
	EXPECT(P11->C_SetAttributeValue(other, object, label, 1), CKR_OK);
	CU_ASSERT_EQUAL(count_labelled(maker, "still ours"), 1);
	EXPECT(P11->C_DestroyObject(other, object), CKR_OK);
	CU_ASSERT_EQUAL(count_labelled(maker, "still ours"), 0);
	session_close(maker);
	session_close(other);
}

CHAPTER(classes,
	SAY(each_class_is_stored_and_found_by_class),
	SAY(imported_keys_tell_what_was_said),
	SAY(a_check_value_is_the_start_of_an_encrypted_block),
	SAY(a_private_key_knows_its_public_half),
	SAY(each_object_has_an_id_of_its_own),
	SAY(an_object_has_a_size),
	SAY(always_sensitive_is_from_birth_on),
	SAY(one_wrong_attribute_changes_none),
	SAY(private_session_objects_go_with_the_login),
	SAY(a_session_object_is_changed_and_destroyed_from_any_session));
