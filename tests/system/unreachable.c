/* An application whose nodes are all down: it starts, sees its slot, and its calls fail within the timeout; when
 * a node is up, they work. The script beside this one stops and starts the nodes: it is told by lines on
 * stdout and answers with lines on stdin. */
#include "wire/cryptoki.h"
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOKS_MAX 600
#define LOOK_EVERY_NS 50000000

static CK_FUNCTION_LIST *p11;

static void want(int is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "unreachable: not so: %s\n", what);
	exit(1);
}

static int is_gone(CK_RV rv)
{
	return rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT;
}

static CK_RV sees_token(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;
	return p11->C_GetTokenInfo(slot, &info);
}

static CK_RV draw(CK_SESSION_HANDLE session)
{
	CK_BYTE random[16];
	return p11->C_GenerateRandom(session, random, sizeof random);
}

/* While every member is lost each is looked for once per [recovery] interval, so a call may still fail
 * until then. How it ends when it no longer does. */
static CK_RV once_found(CK_RV (*call)(CK_ULONG), CK_ULONG handle)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY_NS };
	CK_RV rv = call(handle);
	for (int i = 0; is_gone(rv) && i < LOOKS_MAX; i++) {
		nanosleep(&pause, NULL);
		rv = call(handle);
	}
	return rv;
}

static void wait_for_script(const char *said)
{
	char line[64];
	puts(said);
	want(fgets(line, sizeof line, stdin) != NULL, "the script answers");
}

int main(void)
{
	void *library = dlopen(getenv("CRATON_MODULE"), RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	CK_SLOT_ID slot = 0;
	CK_ULONG count = 1;
	CK_SESSION_HANDLE session;
	const char *pin = getenv("CRATON_PIN");
	setvbuf(stdout, NULL, _IOLBF, 0);
	want(get && pin && get(&p11) == CKR_OK, "the module loads");
	want(p11->C_Initialize(NULL) == CKR_OK, "C_Initialize works without a node");
	want(p11->C_GetSlotList(CK_FALSE, &slot, &count) == CKR_OK && count == 1, "C_GetSlotList shows the slot");
	for (int i = 0; i < 100; i++)
		want(is_gone(sees_token(slot)), "a call without a node fails as a removed token does");
	wait_for_script("down");
	want(once_found(sees_token, slot) == CKR_OK, "works when a node is up");
	want(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK, "a session opens");
	want(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin)) == CKR_OK, "the PIN is right");
	want(draw(session) == CKR_OK, "the session works");
	wait_for_script("up");
	want(is_gone(draw(session)), "down again, it fails again");
	wait_for_script("down again");
	want(once_found(draw, session) == CKR_OK, "the same session works on");
	want(p11->C_Finalize(NULL) == CKR_OK, "C_Finalize");
	puts("done");
	return 0;
}
