/* All members are lost at once, and back: what an application that lives on is told, with [recovery] mode = enhanced and with basic.
 * Needs CRATON and CRATON_CLUSTER, the command and the cluster's folder. */
#include "tests/system/application.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(text) (CK_BYTE_PTR)(uintptr_t)(text), strlen(text)

static CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 }, sha256 = { CKM_SHA256, NULL, 0 };

static void dev(const char *deed)
{
	char command[1024];
	snprintf(command, sizeof command, "\"%s\" dev %s --dir \"%s\" >/dev/null", getenv("CRATON"), deed, getenv("CRATON_CLUSTER"));
	EXPECT_TRUE(system(command) == 0);
}

static void kill_all(void)
{
	dev("kill a");
	dev("kill b");
	dev("kill c");
}

static void expect_event(void)
{
	CK_SLOT_ID where = slot + 1;
	EXPECT(p11->C_WaitForSlotEvent(0, &where, NULL), CKR_OK);
	EXPECT_TRUE(where == slot);
}

static void expect_no_event(void)
{
	CK_SLOT_ID where;
	EXPECT(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &where, NULL), CKR_NO_EVENT);
}

/* The token is there again before all of its members are; what needs a majority of them waits for that. */
static void get_all_back(void)
{
	CK_TOKEN_INFO info;
	dev("start");
	while (p11->C_GetTokenInfo(slot, &info) != CKR_OK)
		sched_yield();
}

static CK_SESSION_HANDLE start_logged_in(void)
{
	load();
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	return session;
}

void run_enhanced(void)
{
	CK_SESSION_HANDLE session = start_logged_in(), other = open_session(RW);
	CK_OBJECT_HANDLE stored = make_key(session, true), fleeting = make_key(session, false), found[2];
	CK_BYTE mac[32], digest[32];
	CK_ULONG count, size = sizeof mac;
	CK_TOKEN_INFO info;
	EXPECT(p11->C_SignInit(other, &hmac, fleeting), CKR_OK);
	EXPECT(p11->C_SignUpdate(other, TEXT("da")), CKR_OK);
	EXPECT(p11->C_DigestInit(other, &sha256), CKR_OK);
	EXPECT(p11->C_DigestUpdate(other, TEXT("da")), CKR_OK);
	EXPECT(p11->C_FindObjectsInit(other, NULL, 0), CKR_OK);
	EXPECT(p11->C_FindObjects(other, &found[0], 1, &count), CKR_OK);
	EXPECT_TRUE(count == 1);
	expect_no_event();
	kill_all();
	expect_event();
	EXPECT(p11->C_GetTokenInfo(slot, &info), CKR_TOKEN_NOT_PRESENT);
	EXPECT(use_key(session, stored), CKR_DEVICE_REMOVED);
	EXPECT(p11->C_DigestUpdate(other, TEXT("ta")), CKR_OK);
	EXPECT_TRUE(state_of(session) == CKS_RW_USER_FUNCTIONS);
	expect_no_event();
	get_all_back();
	expect_event();
	expect_no_event();
	EXPECT(use_key(session, stored), CKR_OK);
	EXPECT(use_key(session, fleeting), CKR_OK);
	EXPECT(p11->C_SignUpdate(other, TEXT("ta")), CKR_OK);
	EXPECT(p11->C_SignFinal(other, mac, &size), CKR_OK);
	EXPECT(p11->C_VerifyInit(other, &hmac, fleeting), CKR_OK);
	EXPECT(p11->C_Verify(other, TEXT("data"), mac, size), CKR_OK);
	size = sizeof digest;
	EXPECT(p11->C_DigestFinal(other, digest, &size), CKR_OK);
	EXPECT(p11->C_FindObjects(other, &found[1], 1, &count), CKR_OK);
	EXPECT_TRUE(count == 1 && found[1] != found[0]);
	EXPECT(p11->C_DestroyObject(session, stored), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

void run_basic(void)
{
	CK_SESSION_HANDLE session = start_logged_in(), other = open_session(RO);
	CK_OBJECT_HANDLE stored = make_key(session, true), fleeting = make_key(session, false);
	CK_SESSION_INFO info;
	kill_all();
	EXPECT(use_key(session, stored), CKR_DEVICE_REMOVED);
	EXPECT(p11->C_GetSessionInfo(other, &info), CKR_SESSION_HANDLE_INVALID);
	get_all_back();
	EXPECT(use_key(session, stored), CKR_SESSION_HANDLE_INVALID);
	EXPECT(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	session = open_session(RW);
	EXPECT_TRUE(state_of(session) == CKS_RW_PUBLIC_SESSION);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	EXPECT(use_key(session, stored), CKR_OK);
	EXPECT(use_key(session, fleeting), CKR_KEY_HANDLE_INVALID);
	EXPECT(p11->C_DestroyObject(session, stored), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}
