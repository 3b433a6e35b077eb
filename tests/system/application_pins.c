/* Sessions, login and PINs, as one application sees them and as another does. */
#include "tests/system/application.h"
#include <stdlib.h>
#include <string.h>

#define SESSIONS 10000
#define FAILURES_MAX 10

#define TEXT(text) (CK_UTF8CHAR_PTR)(uintptr_t)(text), strlen(text)

void run_sessions(void)
{
	static CK_SESSION_HANDLE sessions[SESSIONS];
	load();
	start(NULL);
	for (size_t i = 0; i < SESSIONS; i++)
		sessions[i] = open_session(i % 4 ? RO : RW);
	CK_TOKEN_INFO info = token_info();
	EXPECT_TRUE(info.ulSessionCount == SESSIONS && info.ulRwSessionCount == SESSIONS / 4);
	EXPECT_TRUE(info.ulMaxSessionCount == CK_EFFECTIVELY_INFINITE && info.ulMaxRwSessionCount == CK_EFFECTIVELY_INFINITE);
	EXPECT_TRUE(info.ulTotalPublicMemory == CK_UNAVAILABLE_INFORMATION && info.ulFreePrivateMemory == CK_UNAVAILABLE_INFORMATION);
	EXPECT(login(sessions[0], CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
	EXPECT(login(sessions[1], CKU_USER, PIN), CKR_OK);
	EXPECT(login(sessions[0], CKU_USER, PIN), CKR_USER_ALREADY_LOGGED_IN);
	EXPECT(login(sessions[0], CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	EXPECT(login(sessions[0], 77, PIN), CKR_USER_TYPE_INVALID);
	EXPECT(login(sessions[0], CKU_CONTEXT_SPECIFIC, PIN), CKR_OPERATION_NOT_INITIALIZED);
	CK_OBJECT_HANDLE key = make_key(sessions[0], false);
	EXPECT_TRUE(state_of(sessions[0]) == CKS_RW_USER_FUNCTIONS && state_of(sessions[SESSIONS - 1]) == CKS_RO_USER_FUNCTIONS);
	EXPECT(use_key(sessions[SESSIONS - 1], key), CKR_OK); /* every session of the process sees it */
	EXPECT(p11->C_CloseSession(sessions[0]), CKR_OK);     /* and it goes with its own */
	EXPECT(use_key(sessions[SESSIONS - 1], key), CKR_KEY_HANDLE_INVALID);
	EXPECT(p11->C_CloseAllSessions(slot), CKR_OK);
	EXPECT(use_key(sessions[1], key), CKR_SESSION_HANDLE_INVALID);
	info = token_info();
	EXPECT_TRUE(info.ulSessionCount == 0 && info.ulRwSessionCount == 0);
	CK_SESSION_HANDLE session = open_session(RW), other;
	EXPECT_TRUE(state_of(session) == CKS_RW_PUBLIC_SESSION); /* the login went with the sessions */
	EXPECT(p11->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
	EXPECT(login(session, CKU_SO, SO_PIN), CKR_OK);
	EXPECT_TRUE(state_of(session) == CKS_RW_SO_FUNCTIONS);
	EXPECT(p11->C_OpenSession(slot, RO, NULL, NULL, &other), CKR_SESSION_READ_WRITE_SO_EXISTS);
	EXPECT(p11->C_OpenSession(slot, CKF_RW_SESSION, NULL, NULL, &other), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

struct flags { CK_FLAGS low, final, locked; };
static const struct flags user_flags = { CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED };
static const struct flags so_flags = { CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED };

static void expect_flags(const struct flags *of, CK_FLAGS wanted)
{
	CK_FLAGS flags = token_info().flags;
	EXPECT_TRUE((flags & (of->low | of->final | of->locked)) == wanted);
	EXPECT_TRUE(flags & CKF_TOKEN_INITIALIZED && flags & CKF_LOGIN_REQUIRED && flags & CKF_RNG);
	EXPECT_TRUE(!(flags & (CKF_USER_PIN_TO_BE_CHANGED | CKF_SO_PIN_TO_BE_CHANGED | CKF_WRITE_PROTECTED)));
}

/* Wrong until it locks, and what the token says on the way. */
static void lock_out(CK_SESSION_HANDLE session, CK_USER_TYPE who, const struct flags *of)
{
	expect_flags(of, 0);
	for (int i = 1; i < FAILURES_MAX; i++) {
		EXPECT(login(session, who, "wrong wrong"), CKR_PIN_INCORRECT);
		expect_flags(of, i + 1 < FAILURES_MAX ? of->low : of->low | of->final);
	}
	EXPECT(login(session, who, "wrong wrong"), CKR_PIN_LOCKED);
	expect_flags(of, of->low | of->locked);
	EXPECT(login(session, who, who == CKU_SO ? SO_PIN : PIN), CKR_PIN_LOCKED);
}

/* "C_SetPIN modifies the PIN of the user that is currently logged in, or the CKU_USER PIN if the session is not logged in." */
static void set_pins(CK_SESSION_HANDLE session)
{
	CK_SESSION_HANDLE reading = open_session(RO);
	EXPECT(p11->C_SetPIN(reading, TEXT(PIN), TEXT("another one")), CKR_SESSION_READ_ONLY);
	EXPECT(p11->C_CloseSession(reading), CKR_OK);
	EXPECT(p11->C_SetPIN(session, TEXT(PIN), TEXT("public")), CKR_OK); /* nobody is logged in: the user's */
	EXPECT(p11->C_SetPIN(session, TEXT("wrong wrong"), TEXT("public")), CKR_PIN_INCORRECT);
	EXPECT(p11->C_SetPIN(session, TEXT("public"), TEXT("abc")), CKR_PIN_LEN_RANGE);
	EXPECT(login(session, CKU_USER, "public"), CKR_OK);
	EXPECT(p11->C_SetPIN(session, TEXT("public"), TEXT(PIN)), CKR_OK); /* the user's own */
	EXPECT_TRUE(state_of(session) == CKS_RW_USER_FUNCTIONS);
	EXPECT(use_key(session, make_key(session, false)), CKR_OK);
	EXPECT(p11->C_InitPIN(session, TEXT("not the SO")), CKR_USER_NOT_LOGGED_IN);
	EXPECT(p11->C_Logout(session), CKR_OK);
	EXPECT(login(session, CKU_SO, SO_PIN), CKR_OK);
	EXPECT(p11->C_SetPIN(session, TEXT(PIN), TEXT("it is the SO's")), CKR_PIN_INCORRECT);
	EXPECT(p11->C_SetPIN(session, TEXT(SO_PIN), TEXT("another SO's")), CKR_OK);
	EXPECT(p11->C_SetPIN(session, TEXT("another SO's"), TEXT(SO_PIN)), CKR_OK);
	EXPECT(p11->C_Logout(session), CKR_OK);
	EXPECT(p11->C_InitPIN(session, TEXT("nobody is in")), CKR_USER_NOT_LOGGED_IN);
}

void run_pins(void)
{
	load();
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	set_pins(session);
	EXPECT(login(session, CKU_USER, "wrong wrong"), CKR_PIN_INCORRECT);
	expect_flags(&user_flags, CKF_USER_PIN_COUNT_LOW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK); /* a right one clears the count */
	EXPECT(p11->C_Logout(session), CKR_OK);
	lock_out(session, CKU_USER, &user_flags);
	EXPECT(p11->C_SetPIN(session, TEXT(PIN), TEXT("a new one")), CKR_PIN_LOCKED);
	EXPECT(login(session, CKU_SO, SO_PIN), CKR_OK);
	EXPECT(p11->C_InitPIN(session, TEXT("abc")), CKR_PIN_LEN_RANGE);
	EXPECT(p11->C_InitPIN(session, TEXT(PIN)), CKR_OK); /* which unlocks it */
	expect_flags(&user_flags, 0);
	EXPECT(p11->C_Logout(session), CKR_OK);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

/* Last: the slot's SO is locked out at the end. */
void run_init_token(void)
{
	CK_UTF8CHAR label[32];
	load();
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	memset(label, ' ', sizeof label);
	memcpy(label, "anew", 4);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	for (int i = 0; i < 5; i++)
		make_key(session, true);
	EXPECT(p11->C_InitToken(slot, TEXT(SO_PIN), label), CKR_SESSION_EXISTS);
	EXPECT(p11->C_CloseAllSessions(slot), CKR_OK);
	EXPECT(p11->C_InitToken(slot, TEXT("wrong wrong"), label), CKR_PIN_INCORRECT);
	EXPECT(p11->C_InitToken(slot + 1, TEXT(SO_PIN), label), CKR_SLOT_ID_INVALID);
	EXPECT(p11->C_InitToken(slot, TEXT(SO_PIN), label), CKR_OK);
	CK_TOKEN_INFO info = token_info();
	EXPECT_TRUE(memcmp(info.label, label, sizeof label) == 0 && !(info.flags & CKF_USER_PIN_INITIALIZED));
	session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_USER_PIN_NOT_INITIALIZED);
	EXPECT(login(session, CKU_SO, SO_PIN), CKR_OK);
	EXPECT(p11->C_InitPIN(session, TEXT(PIN)), CKR_OK);
	EXPECT(p11->C_Logout(session), CKR_OK);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	CK_OBJECT_HANDLE object;
	CK_ULONG count = 1;
	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(p11->C_FindObjects(session, &object, 1, &count), CKR_OK);
	EXPECT_TRUE(count == 0);
	EXPECT(p11->C_FindObjectsFinal(session), CKR_OK);
	EXPECT(p11->C_Logout(session), CKR_OK);
	lock_out(session, CKU_SO, &so_flags);
	EXPECT(p11->C_CloseAllSessions(slot), CKR_OK);
	EXPECT(p11->C_InitToken(slot, TEXT(SO_PIN), label), CKR_PIN_LOCKED);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}
