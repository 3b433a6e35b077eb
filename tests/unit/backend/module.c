/* A PIN is tried only where a wrong one can't lock the token. The token here is a few functions: no real one is locked for a test. */
#include "backend/module.h"
#include "tests/check.h"
#include <string.h>

static CK_TOKEN_INFO told;
static CK_RV login_answer;
static int logins;

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	(void)slot;
	*info = told;
	return CKR_OK;
}

static CK_RV log_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG size)
{
	(void)session, (void)user, (void)pin, (void)size;
	logins++;
	return login_answer;
}

static enum err try_login(CK_USER_TYPE user, CK_FLAGS flags, CK_RV answer, const char *words)
{
	CK_FUNCTION_LIST functions = { .C_GetTokenInfo = get_token_info, .C_Login = log_in };
	struct module module = { .p11 = &functions, .path = "module.so" };
	struct complaint complaint = { "" };
	struct secret *pin = secret_create("1234", 4);
	memset(told.label, ' ', sizeof told.label);
	memcpy(told.label, "a", 1);
	told.flags = flags | CKF_TOKEN_INITIALIZED;
	login_answer = answer;
	logins = 0;
	enum err err = module_login(&module, 1, user, pin, &complaint);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, words));
	CU_ASSERT_PTR_NULL(strstr(complaint.text, "1234"));
	secret_destroy(pin);
	return err;
}

static void the_last_try_is_the_operators(void)
{
	CU_ASSERT(try_login(CKU_USER, CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_FINAL_TRY, CKR_OK, "would lock it") == ERR_CONFIG);
	CU_ASSERT(logins == 0);
	CU_ASSERT(try_login(CKU_SO, CKF_SO_PIN_FINAL_TRY, CKR_OK, "would lock it") == ERR_CONFIG);
	CU_ASSERT(logins == 0);
}

static void a_locked_or_missing_pin_is_not_tried(void)
{
	CU_ASSERT(try_login(CKU_USER, CKF_USER_PIN_INITIALIZED | CKF_USER_PIN_LOCKED, CKR_OK, "is locked") == ERR_CONFIG);
	CU_ASSERT(logins == 0);
	CU_ASSERT(try_login(CKU_USER, 0, CKR_OK, "no user PIN") == ERR_NOT_FOUND);
	CU_ASSERT(logins == 0);
	CU_ASSERT(try_login(CKU_SO, CKF_SO_PIN_LOCKED, CKR_OK, "is locked") == ERR_CONFIG);
	CU_ASSERT(logins == 0);
}

static void a_pin_is_tried_once_whatever_the_answer(void)
{
	static const struct {
		CK_RV answer;
		enum err err;
		const char *words;
	} cases[] = {
		{ CKR_OK, ERR_OK, "" }, { CKR_USER_ALREADY_LOGGED_IN, ERR_OK, "" },
		{ CKR_PIN_INCORRECT, ERR_CONFIG, "tried once" }, { CKR_PIN_LEN_RANGE, ERR_CONFIG, "tried once" },
		{ CKR_PIN_LOCKED, ERR_CONFIG, "locked" }, { CKR_PIN_EXPIRED, ERR_CONFIG, "changed first" },
		{ CKR_USER_ANOTHER_ALREADY_LOGGED_IN, ERR_BUSY, "uses it already" }, { CKR_DEVICE_ERROR, ERR_IO, "login" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CU_ASSERT(try_login(CKU_USER, CKF_USER_PIN_INITIALIZED, cases[i].answer, cases[i].words) == cases[i].err);
		CU_ASSERT(logins == 1);
	}
}

TESTS("backend: module",
      SAY(the_last_try_is_the_operators),
      SAY(a_locked_or_missing_pin_is_not_tried),
      SAY(a_pin_is_tried_once_whatever_the_answer))
