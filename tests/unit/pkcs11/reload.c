/* The library as applications meet it: loaded, closed, loaded again. CRATON_MODULE names it. */
#include "tests/check.h"
#include "tests/support/inventory.h"
#include "wire/cryptoki.h"
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char settings[] = "/tmp/craton-test-XXXXXX";

static void write_settings(void)
{
	static const char text[] = "[member a]\naddress = unix:/nonexistent/socket\n[recovery]\ninterval = 10ms\n";
	int fd = mkstemp(settings);
	CU_ASSERT_EQUAL(write(fd, text, sizeof text - 1), (ssize_t)(sizeof text - 1));
	close(fd);
	setenv("CRATON_CONF", settings, 1);
}

static CK_FUNCTION_LIST *load(void **library)
{
	CK_FUNCTION_LIST *list = NULL;
	*library = dlopen(getenv("CRATON_MODULE"), RTLD_NOW | RTLD_LOCAL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*library);
	CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(*library, "C_GetFunctionList");
	CU_ASSERT_PTR_NOT_NULL_FATAL(get);
	CU_ASSERT_EQUAL(get(&list), CKR_OK);
	return list;
}

static void closing_and_loading_again_works_and_leaves_nothing(void)
{
	size_t files = 0, threads = 0;
	write_settings();
	for (int i = 0; i < 6; i++) {
		void *library;
		CK_TOKEN_INFO info;
		CK_FUNCTION_LIST *list = load(&library);
		CU_ASSERT_EQUAL(list->C_Initialize(NULL), CKR_OK);
		CU_ASSERT_EQUAL(list->C_GetTokenInfo(1, &info), CKR_TOKEN_NOT_PRESENT); /* and the recovery thread starts */
		CU_ASSERT_EQUAL(list->C_Finalize(NULL), CKR_OK);
		CU_ASSERT_EQUAL(dlclose(library), 0);
		if (i == 0) {
			files = files_open();
			threads = threads_alive();
		}
		CU_ASSERT_EQUAL(files_open(), files);
		CU_ASSERT(threads_settle_at(threads));
	}
}

static void closing_without_a_word_harms_nobody(void)
{
	void *library;
	CK_TOKEN_INFO info;
	CK_FUNCTION_LIST *list = load(&library);
	CU_ASSERT_EQUAL(list->C_Initialize(NULL), CKR_OK);
	CU_ASSERT_EQUAL(list->C_GetTokenInfo(1, &info), CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT_EQUAL(dlclose(library), 0);
	list = load(&library);
	CU_ASSERT_EQUAL(list->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED); /* it stayed where it was */
	CU_ASSERT_EQUAL(list->C_Finalize(NULL), CKR_OK);
	dlclose(library);
}

static void only_the_standards_functions_leave_the_library(void)
{
	static const char *const ours[] = { "group_call", "call", "log_line", "session_enter", "craton__request__init", "digest_context" };
	void *library;
	load(&library);
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		CU_ASSERT_PTR_NULL(dlsym(library, ours[i]));
	CU_ASSERT_PTR_NOT_NULL(dlsym(library, "C_Sign"));
	CU_ASSERT_PTR_NOT_NULL(dlsym(library, "C_WaitForSlotEvent"));
	dlclose(library);
	unlink(settings);
}

/* As an application has that is linked with another PKCS#11 library. The program exports it. */
__attribute__((visibility("default"))) CK_RV C_GetInfo(CK_INFO_PTR info)
{
	(void)info;
	return CKR_VENDOR_DEFINED;
}

static void its_function_list_holds_its_own_functions(void)
{
	void *library;
	CK_INFO info;
	CK_FUNCTION_LIST *list = load(&library);
	CU_ASSERT_PTR_EQUAL(dlsym(RTLD_DEFAULT, "C_GetInfo"), (void *)(uintptr_t)C_GetInfo);
	CU_ASSERT_EQUAL(list->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	dlclose(library);
}

TESTS("pkcs11 reload", SAY(its_function_list_holds_its_own_functions), SAY(closing_and_loading_again_works_and_leaves_nothing), SAY(closing_without_a_word_harms_nobody),
	SAY(only_the_standards_functions_leave_the_library))
