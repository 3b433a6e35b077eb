#include "tests/conformance/suite.h"

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
	return P11->C_Login(session, user, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

static void logging_in_twice_is_refused(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	EXPECT(login(session, CKU_USER, token.user_pin), CKR_USER_ALREADY_LOGGED_IN);
	EXPECT(login(session, CKU_SO, token.so_pin), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	session_close(session);
}

static void logging_out_needs_a_login(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	EXPECT(P11->C_Logout(session), CKR_OK);
	EXPECT_SOFTHSM_DEVIATES(P11->C_Logout(session), CKR_USER_NOT_LOGGED_IN, "it takes any number of logouts");
	session_close(session);
}

static void a_wrong_pin_is_incorrect_and_the_right_one_still_works(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	logout();
	EXPECT(login(session, CKU_USER, "wrong-pin"), CKR_PIN_INCORRECT);
	EXPECT(login(session, CKU_USER, token.user_pin), CKR_OK);
	session_close(session);
}

static void a_user_type_that_does_not_exist_is_invalid(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	logout();
	EXPECT(login(session, 77, token.user_pin), CKR_USER_TYPE_INVALID);
	session_close(session);
}

static void the_so_cannot_log_in_beside_a_read_only_session(void)
{
	CK_SESSION_HANDLE reading = session_open(RO), writing = session_open(RW), another;
	logout();
	EXPECT(login(writing, CKU_SO, token.so_pin), CKR_SESSION_READ_ONLY_EXISTS);
	session_close(reading);
	EXPECT(login(writing, CKU_SO, token.so_pin), CKR_OK);
	EXPECT(P11->C_OpenSession(token.slot, RO, NULL, NULL, &another), CKR_SESSION_READ_WRITE_SO_EXISTS);
	EXPECT(P11->C_Logout(writing), CKR_OK);
	session_close(writing);
}

static void private_objects_need_a_login(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = make_aes(session, TOKEN_OBJECT, 16, "hidden");
	CU_ASSERT_EQUAL(count_labelled(session, "hidden"), 1);
	logout();
	CU_ASSERT_EQUAL(count_labelled(session, "hidden"), 0);
	login_user();
	CK_OBJECT_HANDLE again = CK_INVALID_HANDLE;
	TEMPLATE(wanted, ATTR_TEXT(CKA_LABEL, "hidden"));
	CU_ASSERT_EQUAL(count_objects(session, wanted, COUNT(wanted), &again), 1);
	EXPECT(P11->C_DestroyObject(session, again), CKR_OK);
	(void)key;
	session_close(session);
}

static void creating_a_private_object_needs_a_login(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_PRIVATE, CK_TRUE));
	logout();
	EXPECT(P11->C_GenerateKey(session, &mechanism, template_, COUNT(template_), &key), CKR_USER_NOT_LOGGED_IN);
	session_close(session);
}

static void the_user_changes_the_pin_and_changes_it_back(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_UTF8CHAR *old = (CK_UTF8CHAR *)(uintptr_t)token.user_pin, *other = (CK_UTF8CHAR *)(uintptr_t)"another-pin";
	CK_ULONG old_size = strlen(token.user_pin);
	EXPECT(P11->C_SetPIN(session, other, 11, old, old_size), CKR_PIN_INCORRECT);
	EXPECT(P11->C_SetPIN(session, old, old_size, (CK_UTF8CHAR *)(uintptr_t)"1", 1), CKR_PIN_LEN_RANGE);
	EXPECT(P11->C_SetPIN(session, old, old_size, other, 11), CKR_OK);
	logout();
	EXPECT(login(session, CKU_USER, token.user_pin), CKR_PIN_INCORRECT);
	EXPECT(login(session, CKU_USER, "another-pin"), CKR_OK);
	EXPECT(P11->C_SetPIN(session, other, 11, old, old_size), CKR_OK);
	session_close(session);
}

static void a_read_only_session_cannot_change_the_pin(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_UTF8CHAR *pin = (CK_UTF8CHAR *)(uintptr_t)token.user_pin;
	EXPECT(P11->C_SetPIN(session, pin, strlen(token.user_pin), pin, strlen(token.user_pin)), CKR_SESSION_READ_ONLY);
	session_close(session);
}

static void only_the_so_sets_the_user_pin(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_UTF8CHAR *pin = (CK_UTF8CHAR *)(uintptr_t)token.user_pin;
	EXPECT(P11->C_InitPIN(session, pin, strlen(token.user_pin)), CKR_USER_NOT_LOGGED_IN);
	logout();
	EXPECT(login(session, CKU_SO, token.so_pin), CKR_OK);
	EXPECT(P11->C_InitPIN(session, pin, strlen(token.user_pin)), CKR_OK);
	EXPECT(P11->C_Logout(session), CKR_OK);
	EXPECT(login(session, CKU_USER, token.user_pin), CKR_OK);
	session_close(session);
}

CHAPTER(login,
	SAY(logging_in_twice_is_refused),
	SAY(logging_out_needs_a_login),
	SAY(a_wrong_pin_is_incorrect_and_the_right_one_still_works),
	SAY(a_user_type_that_does_not_exist_is_invalid),
	SAY(the_so_cannot_log_in_beside_a_read_only_session),
	SAY(private_objects_need_a_login),
	SAY(creating_a_private_object_needs_a_login),
	SAY(the_user_changes_the_pin_and_changes_it_back),
	SAY(a_read_only_session_cannot_change_the_pin),
	SAY(only_the_so_sets_the_user_pin));
