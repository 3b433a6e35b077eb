/* The module as something that is loaded: again and again, without a word at the end, and twice. */
#include "tests/system/application.h"
#include <dlfcn.h>
#include <stdlib.h>

static void load_for_a_round(void)
{
	void *module = load();
	one_round();
	EXPECT_TRUE(dlclose(module) == 0);
}

void run_reload(void)
{
	expect_nothing_left_by(load_for_a_round);
}

/* dlclose without C_Finalize, while threads are inside: the module stays where it is, and as it is. */
void run_forgotten(void)
{
	pthread_t threads[THREADS];
	void *module = load();
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	shared_key = make_key(session, false);
	in_threads(use_until_the_end, threads);
	EXPECT_TRUE(dlclose(module) == 0);
	wait_for_uses(100);
	module = dlopen(getenv("CRATON_MODULE"), RTLD_NOW | RTLD_LOCAL);
	EXPECT_TRUE(module != NULL); /* and p11 is what it was */
	EXPECT(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	EXPECT(use_key(session, shared_key), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	join(threads);
	one_round();
	EXPECT_TRUE(dlclose(module) == 0);
}

/* Under two names it is two libraries, which know nothing of each other. */
void run_twice(void)
{
	load();
	CK_FUNCTION_LIST *first = p11;
	start(NULL);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, PIN), CKR_OK);
	CK_OBJECT_HANDLE key = make_key(session, false);
	load_file(getenv("CRATON_MODULE_AGAIN"));
	CK_FUNCTION_LIST *second = p11;
	EXPECT_TRUE(second != first && second->C_Sign != first->C_Sign);
	start(NULL);
	CK_SESSION_HANDLE other = open_session(RW);
	EXPECT_TRUE(state_of(other) == CKS_RW_PUBLIC_SESSION);
	EXPECT(login(other, CKU_USER, PIN), CKR_OK);
	EXPECT(use_key(other, make_key(other, false)), CKR_OK);
	p11 = first;
	EXPECT(use_key(session, key), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	p11 = second;
	EXPECT_TRUE(state_of(other) == CKS_RW_USER_FUNCTIONS);
	EXPECT(use_key(other, make_key(other, false)), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}

/* The same behind one module that shows both, as p11-kit's proxy does: a slot of each. */
void run_two_slots(void)
{
	CK_SLOT_ID slots[3];
	CK_SESSION_HANDLE sessions[2];
	CK_ULONG count = 3;
	load();
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	EXPECT(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
	EXPECT_TRUE(count == 2);
	for (size_t i = 0; i < 2; i++) {
		slot = slots[i];
		sessions[i] = open_session(RW);
		EXPECT_TRUE(state_of(sessions[i]) == CKS_RW_PUBLIC_SESSION);
		EXPECT(login(sessions[i], CKU_USER, PIN), CKR_OK);
		EXPECT(use_key(sessions[i], make_key(sessions[i], false)), CKR_OK);
	}
	EXPECT(p11->C_CloseAllSessions(slots[0]), CKR_OK);
	EXPECT(use_key(sessions[0], 1), CKR_SESSION_HANDLE_INVALID);
	EXPECT_TRUE(state_of(sessions[1]) == CKS_RW_USER_FUNCTIONS);
	EXPECT(use_key(sessions[1], make_key(sessions[1], false)), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
}
