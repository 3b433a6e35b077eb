#include "tests/conformance/suite.h"
#include <dlfcn.h>
#include <stdlib.h>

struct token_under_test token;
static CK_SESSION_HANDLE login_holder; /* closing the last session would log out */

static const struct { CK_RV rv; const char *text; } rv_names[] = {
#define NAME(rv) { rv, #rv }
	NAME(CKR_OK), NAME(CKR_HOST_MEMORY), NAME(CKR_SLOT_ID_INVALID), NAME(CKR_GENERAL_ERROR),
	NAME(CKR_FUNCTION_FAILED), NAME(CKR_ARGUMENTS_BAD), NAME(CKR_ATTRIBUTE_READ_ONLY),
	NAME(CKR_ATTRIBUTE_SENSITIVE), NAME(CKR_ATTRIBUTE_TYPE_INVALID), NAME(CKR_ATTRIBUTE_VALUE_INVALID),
	NAME(CKR_DATA_INVALID), NAME(CKR_DATA_LEN_RANGE), NAME(CKR_DEVICE_ERROR), NAME(CKR_DEVICE_REMOVED),
	NAME(CKR_ENCRYPTED_DATA_INVALID), NAME(CKR_ENCRYPTED_DATA_LEN_RANGE), NAME(CKR_FUNCTION_NOT_PARALLEL),
	NAME(CKR_FUNCTION_NOT_SUPPORTED), NAME(CKR_KEY_HANDLE_INVALID), NAME(CKR_KEY_TYPE_INCONSISTENT),
	NAME(CKR_KEY_FUNCTION_NOT_PERMITTED), NAME(CKR_MECHANISM_INVALID), NAME(CKR_MECHANISM_PARAM_INVALID),
	NAME(CKR_OBJECT_HANDLE_INVALID), NAME(CKR_OPERATION_ACTIVE), NAME(CKR_OPERATION_NOT_INITIALIZED),
	NAME(CKR_PIN_INCORRECT), NAME(CKR_PIN_LEN_RANGE), NAME(CKR_PIN_LOCKED), NAME(CKR_SESSION_CLOSED),
	NAME(CKR_SESSION_HANDLE_INVALID), NAME(CKR_SESSION_PARALLEL_NOT_SUPPORTED), NAME(CKR_SESSION_READ_ONLY),
	NAME(CKR_SESSION_EXISTS), NAME(CKR_SESSION_READ_ONLY_EXISTS), NAME(CKR_SESSION_READ_WRITE_SO_EXISTS),
	NAME(CKR_SIGNATURE_INVALID), NAME(CKR_SIGNATURE_LEN_RANGE), NAME(CKR_TEMPLATE_INCOMPLETE),
	NAME(CKR_TEMPLATE_INCONSISTENT), NAME(CKR_TOKEN_NOT_PRESENT), NAME(CKR_USER_ALREADY_LOGGED_IN),
	NAME(CKR_USER_NOT_LOGGED_IN), NAME(CKR_USER_PIN_NOT_INITIALIZED), NAME(CKR_USER_TYPE_INVALID),
	NAME(CKR_USER_ANOTHER_ALREADY_LOGGED_IN), NAME(CKR_BUFFER_TOO_SMALL), NAME(CKR_CRYPTOKI_NOT_INITIALIZED),
	NAME(CKR_CRYPTOKI_ALREADY_INITIALIZED), NAME(CKR_KEY_SIZE_RANGE), NAME(CKR_ACTION_PROHIBITED),
#undef NAME
};

const char *rv_text(CK_RV rv)
{
	static char other[32];
	for (size_t i = 0; i < COUNT(rv_names); i++)
		if (rv_names[i].rv == rv)
			return rv_names[i].text;
	snprintf(other, sizeof other, "0x%lx", rv);
	return other;
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

void login_user(void) { login_as(CKU_USER, token.user_pin); }
void login_so(void) { login_as(CKU_SO, token.so_pin); }
void logout(void) { P11->C_Logout(login_holder); }

#define LABEL_AND_ID(label) \
	{ CKA_LABEL, (void *)(uintptr_t)(label), strlen(label) }, { CKA_ID, (void *)(uintptr_t)(label), strlen(label) }

struct key_pair make_rsa(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bits, const char *label)
{
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_BYTE exponent[] = { 1, 0, 1 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	TEMPLATE(public_key, ATTR_ULONG(CKA_MODULUS_BITS, bits), ATTR_BYTES(CKA_PUBLIC_EXPONENT, exponent),
		ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_VERIFY, CK_TRUE),
		ATTR_BOOL(CKA_ENCRYPT, CK_TRUE), LABEL_AND_ID(label));
	TEMPLATE(private_key, ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		ATTR_BOOL(CKA_DECRYPT, CK_TRUE), LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, public_key, COUNT(public_key), private_key,
		COUNT(private_key), &pair.public_key, &pair.private_key), CKR_OK);
	return pair;
}

struct key_pair make_ec(CK_SESSION_HANDLE session, enum lifetime lifetime, const char *curve, const char *label)
{
	static const struct { const char *name; CK_BYTE oid[10]; CK_ULONG size; } curves[] = {
		{ "P-256", { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, 10 },
		{ "P-384", { 0x06, 5, 0x2b, 0x81, 4, 0, 0x22 }, 7 },
		{ "P-521", { 0x06, 5, 0x2b, 0x81, 4, 0, 0x23 }, 7 },
	};
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	size_t i = 0;
	while (strcmp(curves[i].name, curve) != 0)
		i++;
	TEMPLATE(public_key, { CKA_EC_PARAMS, (void *)(uintptr_t)curves[i].oid, curves[i].size },
		ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_VERIFY, CK_TRUE), LABEL_AND_ID(label));
	TEMPLATE(private_key, ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, public_key, COUNT(public_key), private_key,
		COUNT(private_key), &pair.public_key, &pair.private_key), CKR_OK);
	return pair;
}

CK_OBJECT_HANDLE make_aes(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bytes, const char *label)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, bytes), ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT),
		ATTR_BOOL(CKA_ENCRYPT, CK_TRUE), ATTR_BOOL(CKA_DECRYPT, CK_TRUE), ATTR_BOOL(CKA_SIGN, CK_TRUE),
		ATTR_BOOL(CKA_VERIFY, CK_TRUE), LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKey(session, &mechanism, template_, COUNT(template_), &key), CKR_OK);
	return key;
}

CK_OBJECT_HANDLE make_secret(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bytes, const char *label)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, bytes), ATTR_BOOL(CKA_TOKEN, lifetime == TOKEN_OBJECT),
		ATTR_ULONG(CKA_KEY_TYPE, CKK_GENERIC_SECRET), ATTR_BOOL(CKA_SIGN, CK_TRUE), ATTR_BOOL(CKA_VERIFY, CK_TRUE),
		LABEL_AND_ID(label));
	EXPECT(P11->C_GenerateKey(session, &mechanism, template_, COUNT(template_), &key), CKR_OK);
	return key;
}

void destroy_pair(CK_SESSION_HANDLE session, struct key_pair pair)
{
	EXPECT(P11->C_DestroyObject(session, pair.public_key), CKR_OK);
	EXPECT(P11->C_DestroyObject(session, pair.private_key), CKR_OK);
}

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
	if (P11->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		count = 0;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;
		size_t length = strlen(token.label);
		if (P11->C_GetTokenInfo(slots[i], &info) == CKR_OK && length <= sizeof info.label &&
		    memcmp(info.label, token.label, length) == 0 && (info.flags & CKF_TOKEN_INITIALIZED)) {
			token.slot = slots[i];
			return;
		}
	}
	fprintf(stderr, "conformance: no slot has a token labelled %s\n", token.label);
	exit(2);
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
}

/* Each sentence begins logged in as user, with the suite's own session open. */
static bool add_chapter(const struct chapter *chapter)
{
	CU_pSuite suite = CU_add_suite_with_setup_and_teardown(chapter->name, NULL, NULL, login_user, NULL);
	for (size_t i = 0; suite && i < chapter->count; i++)
		if (!CU_add_test(suite, chapter->sentences[i].name, chapter->sentences[i].story))
			return false;
	return suite != NULL;
}

int main(int argc, char **argv)
{
	static const struct chapter *const chapters[] = { &chapter_general, &chapter_sessions, &chapter_login,
		&chapter_objects, &chapter_keys, &chapter_sign, &chapter_encrypt, &chapter_digest,
		&chapter_arguments, &chapter_token };
	setvbuf(stdout, NULL, _IOLBF, 0);
	token = (struct token_under_test){ .user_pin = needed("CRATON_PIN"), .so_pin = needed("CRATON_SO_PIN"),
		.label = needed("CRATON_SLOT_LABEL"), .is_softhsm = getenv("SUITE_ON_SOFTHSM") != NULL };
	load_module(needed("CRATON_MODULE"));
	find_slot();
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	for (size_t i = 0; i < COUNT(chapters); i++)
		if ((argc < 2 || strcmp(argv[1], chapters[i]->name) == 0) && !add_chapter(chapters[i]))
			return 2;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	unsigned failed = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	P11->C_Finalize(NULL);
	return failed ? 1 : 0;
}
