/* Slots, tokens, sessions, login, random numbers. */
#include "tests/conformance/states.h"

static CK_BYTE bytes[256];

static CK_UTF8CHAR *pin_text(const char *pin) { return (CK_UTF8CHAR_PTR)(uintptr_t)pin; }
#define PIN(role) pin_text(token.role##_pin), strlen(token.role##_pin)

CALL(get_info, P11->C_GetInfo(&(CK_INFO){ 0 }))
CALL(get_function_list, P11->C_GetFunctionList(&(CK_FUNCTION_LIST *){ NULL }))
CALL(get_slot_list, P11->C_GetSlotList(CK_TRUE, NULL, &(CK_ULONG){ 0 }))
CALL(get_slot_info, P11->C_GetSlotInfo(token.slot, &(CK_SLOT_INFO){ 0 }))
CALL(get_token_info, P11->C_GetTokenInfo(token.slot, &(CK_TOKEN_INFO){ 0 }))
CALL(get_mechanism_list, P11->C_GetMechanismList(token.slot, NULL, &(CK_ULONG){ 0 }))
CALL(get_mechanism_info, P11->C_GetMechanismInfo(token.slot, CKM_SHA256, &(CK_MECHANISM_INFO){ 0 }))
CALL(wait_for_slot_event, P11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &(CK_SLOT_ID){ 0 }, NULL))
CALL(init_token, P11->C_InitToken(token.slot, PIN(so), memset(bytes, ' ', 32)))
CALL(init_pin, P11->C_InitPIN(s, PIN(user)))

/* The PIN of whoever is logged in, for itself. */
static CK_RV set_pin(CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO info = { 0 };
	P11->C_GetSessionInfo(s, &info);
	return info.state == CKS_RW_SO_FUNCTIONS ? P11->C_SetPIN(s, PIN(so), PIN(so)) : P11->C_SetPIN(s, PIN(user), PIN(user));
}

static CK_RV open_session(CK_FLAGS flags)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = P11->C_OpenSession(token.slot, flags, NULL, NULL, &session);
	if (rv == CKR_OK)
		P11->C_CloseSession(session);
	return rv;
}
CALL(open_writable, open_session(RW))
CALL(open_reading, open_session(RO))
CALL(close_session, P11->C_CloseSession(s))
CALL(close_all_sessions, P11->C_CloseAllSessions(token.slot))
CALL(get_session_info, P11->C_GetSessionInfo(s, &(CK_SESSION_INFO){ 0 }))
CALL(begin_digest, P11->C_DigestInit(s, &(CK_MECHANISM){ CKM_SHA256, NULL, 0 }))
CALL(get_operation_state, P11->C_GetOperationState(s, NULL, &(CK_ULONG){ 0 }))
CALL(set_operation_state, P11->C_SetOperationState(s, bytes, sizeof bytes, 0, 0))
CALL(login_the_user, P11->C_Login(s, CKU_USER, PIN(user)))
CALL(login_the_so, P11->C_Login(s, CKU_SO, PIN(so)))
CALL(login_again, P11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN(user)))
CALL(login_user_by_name, P11_3->C_LoginUser(s, CKU_USER, PIN(user), NULL, 0))
CALL(logout_session, P11->C_Logout(s))
CALL(session_cancel, P11_3->C_SessionCancel(s, CKF_DIGEST | CKF_SIGN | CKF_FIND_OBJECTS))
CALL(seed_random, P11->C_SeedRandom(s, bytes, 20))
CALL(generate_random, P11->C_GenerateRandom(s, bytes, 20))
CALL(get_function_status, P11->C_GetFunctionStatus(s))
CALL(cancel_function, P11->C_CancelFunction(s))
CALL(get_interface_list, P11_3->C_GetInterfaceList(NULL, &(CK_ULONG){ 0 }))
CALL(get_interface, P11_3->C_GetInterface(NULL, NULL, &(CK_INTERFACE *){ NULL }, 0))

#define NOT_IN CKR_USER_NOT_LOGGED_IN
#define AGAIN CKR_USER_ALREADY_LOGGED_IN
#define ANOTHER CKR_USER_ANOTHER_ALREADY_LOGGED_IN

CALLS(general,
	{ "C_GetInfo", get_info, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_GetFunctionList", get_function_list, EVERYWHERE(CKR_OK), .needs_no_session = true, .is_always_there = true },
	{ "C_GetInterfaceList", get_interface_list, EVERYWHERE(CKR_OK), .needs_no_session = true, .is_always_there = true, .is_3_0 = true },
	{ "C_GetInterface", get_interface, EVERYWHERE(CKR_OK), .needs_no_session = true, .is_always_there = true, .is_3_0 = true },
	{ "C_GetSlotList", get_slot_list, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_GetSlotInfo", get_slot_info, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_GetTokenInfo", get_token_info, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_WaitForSlotEvent", wait_for_slot_event, EVERYWHERE(CKR_NO_EVENT), .needs_no_session = true },
	{ "C_GetMechanismList", get_mechanism_list, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_GetMechanismInfo", get_mechanism_info, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_InitToken", init_token, EVERYWHERE(CKR_SESSION_EXISTS), .needs_no_session = true },
	{ "C_InitPIN", init_pin, IN_EACH(NOT_IN, NOT_IN, NOT_IN, NOT_IN, CKR_OK) },
	{ "C_SetPIN", set_pin, NEEDS_WRITABLE },
	{ "C_OpenSession", open_writable, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_OpenSession (R/O)", open_reading, IN_EACH(CKR_OK, CKR_OK, CKR_OK, CKR_OK, CKR_SESSION_READ_WRITE_SO_EXISTS),
	  .needs_no_session = true },
	{ "C_CloseSession", close_session, EVERYWHERE(CKR_OK) },
	{ "C_CloseAllSessions", close_all_sessions, EVERYWHERE(CKR_OK), .needs_no_session = true },
	{ "C_GetSessionInfo", get_session_info, EVERYWHERE(CKR_OK) },
	{ "C_GetOperationState", get_operation_state, EVERYWHERE(CKR_OPERATION_NOT_INITIALIZED), WITH(begin_digest, CKR_OK),
	  .softhsm = "it cannot save operations" },
	{ "C_SetOperationState", set_operation_state, EVERYWHERE(CKR_SAVED_STATE_INVALID),
	  .softhsm = "it cannot restore operations" },
	{ "C_Login", login_the_user, IN_EACH(CKR_OK, CKR_OK, AGAIN, AGAIN, ANOTHER) },
	{ "C_Login (SO)", login_the_so, IN_EACH(CKR_SESSION_READ_ONLY_EXISTS, CKR_OK, ANOTHER, ANOTHER, AGAIN),
	  .softhsm = "it looks for read-only sessions first; both are true" },
	{ "C_Login (context-specific)", login_again, EVERYWHERE(CKR_OPERATION_NOT_INITIALIZED),
	  .softhsm = "it wants the user logged in first" },
	{ "C_LoginUser", login_user_by_name, IN_EACH(CKR_OK, CKR_OK, AGAIN, AGAIN, ANOTHER), .is_3_0 = true },
	{ "C_Logout", logout_session, IN_EACH(NOT_IN, NOT_IN, CKR_OK, CKR_OK, CKR_OK), .softhsm = "it takes any number of logouts" },
	{ "C_SessionCancel", session_cancel, EVERYWHERE(CKR_OK), WITH(begin_digest, CKR_OK), .is_3_0 = true },
	{ "C_SeedRandom", seed_random, EVERYWHERE(CKR_OK) },
	{ "C_GenerateRandom", generate_random, EVERYWHERE(CKR_OK) },
	{ "C_GetFunctionStatus", get_function_status, EVERYWHERE(CKR_FUNCTION_NOT_PARALLEL), .is_parallel = true,
	  .softhsm = "it looks at library and session first" },
	{ "C_CancelFunction", cancel_function, EVERYWHERE(CKR_FUNCTION_NOT_PARALLEL), .is_parallel = true,
	  .softhsm = "it looks at library and session first" });
