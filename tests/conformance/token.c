/* C_InitToken, last of all because everything on the token goes. */
#include "tests/conformance/suite.h"

static CK_RV init(const char *so_pin)
{
	CK_UTF8CHAR label[32];
	memset(label, ' ', sizeof label);
	memcpy(label, token.label, strlen(token.label));
	return P11->C_InitToken(token.slot, (CK_UTF8CHAR *)(uintptr_t)so_pin, strlen(so_pin), label);
}

static void a_token_with_open_sessions_is_not_initialized(void)
{
	EXPECT(init(token.so_pin), CKR_SESSION_EXISTS);
}

static void initializing_destroys_every_object_and_forgets_the_user_pin(void)
{
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE session = session_open(RW);
	make_aes(session, TOKEN_OBJECT, 16, "doomed");
	EXPECT(P11->C_CloseAllSessions(token.slot), CKR_OK);
	EXPECT(init("not the SO PIN"), CKR_PIN_INCORRECT);
	EXPECT(init(token.so_pin), CKR_OK);
	EXPECT(P11->C_GetTokenInfo(token.slot, &info), CKR_OK);
	CU_ASSERT(!(info.flags & CKF_USER_PIN_INITIALIZED));
	session = session_open(RW);
	EXPECT(P11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)token.user_pin, strlen(token.user_pin)),
		CKR_USER_PIN_NOT_INITIALIZED);
	session_close(session);
	login_so();
	session = session_open(RW);
	EXPECT(P11->C_InitPIN(session, (CK_UTF8CHAR *)(uintptr_t)token.user_pin, strlen(token.user_pin)), CKR_OK);
	session_close(session);
	login_user();
	session = session_open(RW);
	CU_ASSERT_EQUAL(count_labelled(session, "doomed"), 0);
	session_close(session);
}

CHAPTER(token,
	SAY(a_token_with_open_sessions_is_not_initialized),
	SAY(initializing_destroys_every_object_and_forgets_the_user_pin));
