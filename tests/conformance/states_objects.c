/* Objects and searches. */
#include "tests/conformance/states.h"

static CK_RV create(CK_SESSION_HANDLE s, bool is_token, bool is_private)
{
	CK_OBJECT_HANDLE object;
	TEMPLATE(template_, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_BOOL(CKA_TOKEN, is_token), ATTR_BOOL(CKA_PRIVATE, is_private),
		ATTR_TEXT(CKA_LABEL, "of a state"), ATTR_TEXT(CKA_VALUE, "value"));
	CK_RV rv = P11->C_CreateObject(s, template_, COUNT(template_), &object);
	if (rv == CKR_OK)
		P11->C_DestroyObject(s, object);
	return rv;
}

static CK_RV copy(CK_SESSION_HANDLE s, bool is_token)
{
	CK_OBJECT_HANDLE object;
	TEMPLATE(change, ATTR_BOOL(CKA_TOKEN, is_token));
	CK_RV rv = P11->C_CopyObject(s, fixture.data, change, is_token ? 1 : 0, &object);
	if (rv == CKR_OK)
		P11->C_DestroyObject(s, object);
	return rv;
}

static CK_RV get_label(CK_SESSION_HANDLE s)
{
	CK_ATTRIBUTE label = { CKA_LABEL, NULL, 0 };
	return P11->C_GetAttributeValue(s, fixture.data, &label, 1);
}

static CK_RV set_label(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object)
{
	TEMPLATE(label, ATTR_TEXT(CKA_LABEL, "fixture"));
	return P11->C_SetAttributeValue(s, object, label, 1);
}

static void make_fresh(void) { fixture.fresh = make_data(fixture.session, SESSION_OBJECT, "fresh"); }
static void make_fresh_token_object(void) { fixture.fresh = make_data(fixture.session, TOKEN_OBJECT, "fresh"); }

/* What the call left. */
static CK_RV and_destroy(CK_RV rv)
{
	if (P11->C_DestroyObject(fixture.session, fixture.fresh) == CKR_OK)
		fixture.fresh = CK_INVALID_HANDLE;
	return rv;
}

CALL(create_object, create(s, false, false))
CALL(create_token_object, create(s, true, false))
CALL(create_private_object, create(s, false, true))
CALL(create_private_token_object, create(s, true, true))
CALL(copy_object, copy(s, false))
CALL(copy_to_token, copy(s, true))
CALL(destroy_object, P11->C_DestroyObject(s, fixture.fresh))
CALL(destroy_token_object, and_destroy(P11->C_DestroyObject(s, fixture.fresh)))
CALL(get_object_size, P11->C_GetObjectSize(s, fixture.data, &(CK_ULONG){ 0 }))
CALL(get_attribute_value, get_label(s))
CALL(set_attribute_value, set_label(s, fixture.data))
CALL(set_of_token_object, and_destroy(set_label(s, fixture.fresh)))
CALL(find_objects_init, P11->C_FindObjectsInit(s, NULL, 0))
CALL(find_objects, P11->C_FindObjects(s, &(CK_OBJECT_HANDLE){ 0 }, 1, &(CK_ULONG){ 0 }))
CALL(find_objects_final, P11->C_FindObjectsFinal(s))

CALLS(objects,
	{ "C_CreateObject", create_object, EVERYWHERE(CKR_OK) },
	{ "C_CreateObject (token object)", create_token_object, NEEDS_WRITABLE },
	{ "C_CreateObject (private object)", create_private_object, NEEDS_USER },
	{ "C_CreateObject (private token object)", create_private_token_object,
	  IN_EACH(CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN, CKR_SESSION_READ_ONLY, CKR_OK, CKR_USER_NOT_LOGGED_IN),
	  .softhsm = "two things are wrong, and it names the other" },
	{ "C_CopyObject", copy_object, EVERYWHERE(CKR_OK) },
	{ "C_CopyObject (to a token object)", copy_to_token, NEEDS_WRITABLE },
	{ "C_DestroyObject", destroy_object, EVERYWHERE(CKR_OK), .before = make_fresh },
	{ "C_DestroyObject (token object)", destroy_token_object, NEEDS_WRITABLE, .before = make_fresh_token_object },
	{ "C_GetObjectSize", get_object_size, EVERYWHERE(CKR_OK) },
	{ "C_GetAttributeValue", get_attribute_value, EVERYWHERE(CKR_OK) },
	{ "C_SetAttributeValue", set_attribute_value, EVERYWHERE(CKR_OK) },
	{ "C_SetAttributeValue (token object)", set_of_token_object, NEEDS_WRITABLE, .before = make_fresh_token_object },
	{ "C_FindObjectsInit", find_objects_init, EVERYWHERE(CKR_OK), WITH(find_objects_init, CKR_OPERATION_ACTIVE) },
	{ "C_FindObjects", find_objects, EVERYWHERE(CKR_OPERATION_NOT_INITIALIZED), WITH(find_objects_init, CKR_OK) },
	{ "C_FindObjectsFinal", find_objects_final, EVERYWHERE(CKR_OPERATION_NOT_INITIALIZED), WITH(find_objects_init, CKR_OK) });
