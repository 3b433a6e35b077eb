/* An application whose nodes are all down: it starts, sees its slot, and its calls fail within the timeout; when
 * a node is up, they work. The script beside this one stops and starts the nodes: it is told by lines on
 * stdout and answers with lines on stdin. */
#include "wire/cryptoki.h"
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	CK_BYTE random[16];
	const char *pin = getenv("CRATON_PIN");
	setvbuf(stdout, NULL, _IOLBF, 0);
	want(get && pin && get(&p11) == CKR_OK, "the module loads");
	want(p11->C_Initialize(NULL) == CKR_OK, "C_Initialize works without a node");
	want(p11->C_GetSlotList(CK_FALSE, &slot, &count) == CKR_OK && count == 1, "C_GetSlotList shows the slot");
	for (int i = 0; i < 100; i++)
		want(is_gone(sees_token(slot)), "a call without a node fails as a removed token does");
	wait_for_script("down");
	want(sees_token(slot) == CKR_OK, "works as soon as a node is up");
	want(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK, "a session opens");
	want(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin)) == CKR_OK, "the PIN is right");
	want(p11->C_GenerateRandom(session, random, sizeof random) == CKR_OK, "the session works");
	wait_for_script("up");
	want(is_gone(p11->C_GenerateRandom(session, random, sizeof random)), "down again, it fails again");
	wait_for_script("down again");
	want(p11->C_GenerateRandom(session, random, sizeof random) == CKR_OK, "the same session works on");
	want(p11->C_Finalize(NULL) == CKR_OK, "C_Finalize");
	puts("done");
	return 0;
}
