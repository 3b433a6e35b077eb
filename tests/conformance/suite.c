#include "tests/conformance/suite.h"
#include <dlfcn.h>
#include <stdlib.h>

struct token_under_test token;
static CK_SESSION_HANDLE login_holder; /* closing the last session would log out */

static FILE *observed;

void observe(const char *table, const char *row, const char *column, const char *seen)
{
	if (observed)
		fprintf(observed, "%s\t%s\t%s\t%s\n", table, row, column, seen);
}

void observe_deviation(const char *call, const char *got, const char *why)
{
	static const char *last_call, *last_why;
	CU_pTest test = CU_get_current_test();
	if (last_call == call && last_why == why)
		return; /* in another state, say */
	last_call = call;
	last_why = why;
	printf("    SoftHSM deviates: %s gave %s: %s\n", call, got, why);
	observe("deviation", test ? test->pName : "", got, why);
}

bool expect_rv(CK_RV got, CK_RV want, const char *call, const char *file, int line)
{
	if (got != want) {
		printf("    %s:%d: %s gave %s, ", file, line, call, rv_text(got));
		printf("want %s\n", rv_text(want));
	}
	return got == want;
}

CK_SESSION_HANDLE session_open(CK_FLAGS flags)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	EXPECT(P11->C_OpenSession(token.slot, flags, NULL, NULL, &session), CKR_OK);
	return session;
}

void session_close(CK_SESSION_HANDLE session)
{
	EXPECT(P11->C_CloseSession(session), CKR_OK);
}

static void login_as(CK_USER_TYPE user, const char *pin)
{
	CK_SESSION_INFO info;
	if (P11->C_GetSessionInfo(login_holder, &info) != CKR_OK)
		login_holder = session_open(RW);
	P11->C_Logout(login_holder);
	EXPECT(P11->C_Login(login_holder, user, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin)), CKR_OK);
}

void initialize(void)
{
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv = P11->C_Initialize(&arguments);
	CU_ASSERT(rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

/* Whatever the sentence before left behind is no concern of this one's. */
static void begin_sentence(void)
{
	initialize();
	P11->C_CloseAllSessions(token.slot);
	login_user();
}

void login_user(void) { login_as(CKU_USER, token.user_pin); }
void login_so(void) { login_as(CKU_SO, token.so_pin); }
void logout(void) { P11->C_Logout(login_holder); }

size_t count_objects(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template_, CK_ULONG count, CK_OBJECT_HANDLE *first)
{
	CK_OBJECT_HANDLE page[16];
	CK_ULONG found = 0;
	size_t total = 0;
	EXPECT(P11->C_FindObjectsInit(session, template_, count), CKR_OK);
	do {
		EXPECT(P11->C_FindObjects(session, page, COUNT(page), &found), CKR_OK);
		if (first && total == 0 && found)
			*first = page[0];
		total += found;
	} while (found);
	EXPECT(P11->C_FindObjectsFinal(session), CKR_OK);
	return total;
}

size_t count_labelled(CK_SESSION_HANDLE session, const char *label)
{
	CK_ATTRIBUTE wanted = { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) };
	return count_objects(session, &wanted, 1, NULL);
}

/* ---- the run */

static const char *needed(const char *name)
{
	const char *value = getenv(name);
	if (!value || !*value) {
		fprintf(stderr, "conformance: set %s\n", name);
		exit(2);
	}
	return value;
}

static void find_slot(void)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = COUNT(slots);
	CK_RV listed = P11->C_GetSlotList(CK_TRUE, slots, &count), told = CKR_OK;
	for (CK_ULONG i = 0; listed == CKR_OK && i < count; i++) {
		CK_TOKEN_INFO info;
		size_t length = strlen(token.label);
		told = P11->C_GetTokenInfo(slots[i], &info);
		if (told == CKR_OK && length <= sizeof info.label && memcmp(info.label, token.label, length) == 0 &&
		    (info.flags & CKF_TOKEN_INITIALIZED)) {
			token.slot = slots[i];
			return;
		}
	}
	fprintf(stderr, "conformance: no slot has a token labelled %s: the list %s, %lu slots, the last %s\n", token.label,
		rv_text(listed), listed == CKR_OK ? count : 0, rv_text(told));
	exit(2);
}

/* SoftHSM 2.6.1 is older than interfaces are. */
static void find_interface(void)
{
	CK_C_GetInterface get = (CK_C_GetInterface)dlsym(token.module, "C_GetInterface");
	CK_INTERFACE *interface = NULL;
	if (get && get((CK_UTF8CHAR_PTR)(uintptr_t)"PKCS 11", &(CK_VERSION){ 3, 0 }, &interface, 0) == CKR_OK)
		token.p11_3 = interface->pFunctionList;
}

static void load_module(const char *path)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	if (!get || get(&token.p11) != CKR_OK || P11->C_Initialize(&arguments) != CKR_OK) {
		fprintf(stderr, "conformance: cannot start %s: %s\n", path, module ? "C_Initialize failed" : dlerror());
		exit(2);
	}
	token.module = module;
	find_interface();
}

/* Each sentence begins logged in as user, with the suite's own session open. */
static bool add_chapter(const struct chapter *chapter)
{
	CU_pSuite suite = CU_add_suite_with_setup_and_teardown(chapter->name, NULL, NULL, begin_sentence, NULL);
	for (size_t i = 0; suite && i < chapter->count; i++)
		if (!CU_add_test(suite, chapter->sentences[i].name, chapter->sentences[i].story))
			return false;
	return suite != NULL;
}

int main(int argc, char **argv)
{
	static const struct chapter *const chapters[] = { &chapter_general, &chapter_initialize, &chapter_states, &chapter_sessions,
		&chapter_login, &chapter_pins, &chapter_objects, &chapter_classes, &chapter_rules, &chapter_keys, &chapter_lineage,
		&chapter_sign, &chapter_encrypt, &chapter_digest, &chapter_dual, &chapter_interfaces, &chapter_sizes, &chapter_mechanisms,
		&chapter_bad_input, &chapter_arguments, &chapter_token };
	setvbuf(stdout, NULL, _IOLBF, 0);
	token = (struct token_under_test){ .user_pin = needed("CRATON_PIN"), .so_pin = needed("CRATON_SO_PIN"),
		.label = needed("CRATON_SLOT_LABEL"), .is_softhsm = getenv("SUITE_ON_SOFTHSM") != NULL };
	load_module(needed("CRATON_MODULE"));
	find_slot();
	const char *observed_path = getenv("SUITE_OBSERVED");
	observed = observed_path ? fopen(observed_path, "w") : NULL;
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	for (size_t i = 0; i < COUNT(chapters); i++)
		if ((argc < 2 || strcmp(argv[1], chapters[i]->name) == 0) && !add_chapter(chapters[i]))
			return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	if (observed)
		fclose(observed);
	P11->C_Finalize(NULL);
	return failed ? 1 : 0;
}
