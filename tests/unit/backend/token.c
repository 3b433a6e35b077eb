#include "tests/unit/backend/house.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const char *const one[] = { "a" }, *const two[] = { "a", "b" };

static void says(const struct token_config *config, enum err err, const char *words)
{
	struct complaint complaint = { "" };
	struct token *token = NULL;
	CU_ASSERT(token_open(config, &token, &complaint) == err);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, words));
	if (!strstr(complaint.text, words))
		printf("\n\t%s", complaint.text);
	CU_ASSERT_PTR_NULL(token);
}

static void a_module_that_is_not_there_is_named(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.module = "/no/such/module.so";
	says(&config, ERR_CONFIG, "/no/such/module.so can't be loaded");
	config.module = "/etc/passwd";
	says(&config, ERR_CONFIG, "/etc/passwd can't be loaded");
	config.module = "";
	says(&config, ERR_CONFIG, "set module in [token]");
	config.module = NULL;
	says(&config, ERR_CONFIG, "set module in [token]");
	softhsm_stop(&softhsm);
}

static void a_uri_must_mean_one_token(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, two, 2);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.uri = "pkcs11:token=nobody";
	says(&config, ERR_CONFIG, "no token");
	says(&config, ERR_CONFIG, "\"a\"");
	config.uri = "pkcs11:";
	says(&config, ERR_CONFIG, "more than one token");
	config.uri = NULL;
	says(&config, ERR_CONFIG, "more than one token");
	config.uri = "pkcs11:manufacturer=SoftHSM%20project";
	says(&config, ERR_CONFIG, "\"b\"");
	config.uri = "https://example.com";
	says(&config, ERR_CONFIG, "uri in [token]");
	config.uri = "pkcs11:token=%zz";
	says(&config, ERR_CONFIG, "uri in [token]");
	softhsm_stop(&softhsm);
}

static void a_pin_does_not_belong_in_a_uri_and_is_not_repeated(void)
{
	struct softhsm softhsm;
	struct complaint complaint = { "" };
	struct token *token = NULL;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.uri = "pkcs11:token=a?pin-value=topsecret";
	CU_ASSERT(token_open(&config, &token, &complaint) == ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "pin_file"));
	CU_ASSERT_PTR_NULL(strstr(complaint.text, "topsecret"));
	softhsm_stop(&softhsm);
}

static void a_wrong_pin_is_tried_once(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	struct secret *wrong = secret_create("0000", 4);
	config.pin = wrong;
	says(&config, ERR_CONFIG, "the user PIN is wrong; it was tried once");
	config.pin = NULL;
	says(&config, ERR_CONFIG, "pin_file");
	secret_destroy(wrong);
	softhsm_stop(&softhsm);
}

static void an_empty_folder_of_tokens_is_explained(void)
{
	struct softhsm softhsm;
	softhsm_start(&softhsm, NULL, 0);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.uri = "pkcs11:token=a";
	says(&config, ERR_CONFIG, "no initialised token");
	softhsm_stop(&softhsm);
}

static void sessions_are_used_again_unless_something_went_wrong(void)
{
	struct softhsm softhsm;
	struct token *token;
	CK_SESSION_HANDLE first, second;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	CU_ASSERT_FATAL(token_open(&config, &token, NULL) == ERR_OK);
	CU_ASSERT(token_borrow(token, &first) == CKR_OK);
	token_return(token, first, CKR_OK);
	CU_ASSERT(token_borrow(token, &second) == CKR_OK && second == first);
	token_return(token, second, CKR_SIGNATURE_INVALID);
	CU_ASSERT(token_borrow(token, &second) == CKR_OK && second == first);
	token_return(token, second, CKR_BUFFER_TOO_SMALL);
	CK_SESSION_INFO info;
	CU_ASSERT(token_functions(token)->C_GetSessionInfo(first, &info) == CKR_SESSION_HANDLE_INVALID);
	CU_ASSERT(token_borrow(token, &second) == CKR_OK && second != first);
	token_return(token, second, CKR_OK);
	token_return(token, 0, CKR_OK);
	token_close(token);
	softhsm_stop(&softhsm);
}

struct crowd {
	struct token *token;
	atomic_int inside, most;
};

static void *come_and_go(void *argument)
{
	struct crowd *crowd = argument;
	for (int i = 0; i < 200; i++) {
		CK_SESSION_HANDLE session;
		if (token_borrow(crowd->token, &session) != CKR_OK)
			return "failed";
		int inside = atomic_fetch_add(&crowd->inside, 1) + 1;
		int most = atomic_load(&crowd->most);
		while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside)) {
		}
		uint8_t byte;
		CK_RV rv = token_functions(crowd->token)->C_GenerateRandom(session, &byte, 1);
		atomic_fetch_sub(&crowd->inside, 1);
		token_return(crowd->token, session, i % 7 ? rv : CKR_FUNCTION_FAILED);
		if (rv != CKR_OK)
			return "failed";
	}
	return NULL;
}

static void never_more_sessions_are_out_than_allowed(void)
{
	struct softhsm softhsm;
	struct crowd crowd = { 0 };
	pthread_t threads[8];
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.sessions_max = 3;
	CU_ASSERT_FATAL(token_open(&config, &crowd.token, NULL) == ERR_OK);
	for (size_t i = 0; i < 8; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, come_and_go, &crowd) == 0);
	for (size_t i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		CU_ASSERT_PTR_NULL(failed);
	}
	CU_ASSERT(crowd.most >= 1 && crowd.most <= 3);
	token_close(crowd.token);
	softhsm_stop(&softhsm);
}

/* A token that gives fewer sessions than it was asked for; how many are open is counted at its own doors. */
static CK_RV (*real_open)(CK_SLOT_ID, CK_FLAGS, void *, CK_NOTIFY, CK_SESSION_HANDLE *);
static CK_RV (*real_close)(CK_SESSION_HANDLE);
static atomic_int open_now, open_max;

static CK_RV open_few(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	if (atomic_fetch_add(&open_now, 1) >= atomic_load(&open_max)) {
		atomic_fetch_sub(&open_now, 1);
		return CKR_SESSION_COUNT;
	}
	return real_open(slot, flags, application, notify, session);
}

static CK_RV close_one(CK_SESSION_HANDLE session)
{
	atomic_fetch_sub(&open_now, 1);
	return real_close(session);
}

static void a_token_with_few_sessions_makes_borrowers_wait(void)
{
	struct softhsm softhsm;
	struct crowd crowd = { 0 };
	pthread_t threads[8];
	CK_SESSION_HANDLE session;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	CU_ASSERT_FATAL(token_open(&config, &crowd.token, NULL) == ERR_OK);
	CK_FUNCTION_LIST *p11 = token_functions(crowd.token);
	real_open = p11->C_OpenSession;
	real_close = p11->C_CloseSession;
	p11->C_OpenSession = open_few;
	p11->C_CloseSession = close_one;
	/* Nobody to wait for: the token's word is the answer, and not for ever. */
	open_now = open_max = 0;
	CU_ASSERT(token_borrow(crowd.token, &session) == CKR_SESSION_COUNT);
	open_max = 2;
	for (size_t i = 0; i < 8; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, come_and_go, &crowd) == 0);
	for (size_t i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		CU_ASSERT_PTR_NULL(failed);
	}
	CU_ASSERT(crowd.most >= 1 && crowd.most <= 2);
	p11->C_OpenSession = real_open;
	p11->C_CloseSession = real_close;
	token_close(crowd.token);
	softhsm_stop(&softhsm);
}

/* After a device error: new sessions, a new login, and what was remembered of before is dropped by itself. */
static void a_reopened_token_goes_on(void)
{
	struct house house;
	struct pair pair;
	struct loaded_key *key;
	CK_SESSION_HANDLE before, after;
	struct complaint complaint;
	uint8_t hash[32] = { 0 };
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	struct buf signature;
	buf_init(&signature, 8192);
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	struct keyring *keyring = keyring_create(house.domains[0], 4);
	CU_ASSERT_FATAL(pair_ec(house.domains[0], curve_p256, &pair) == CKR_OK);
	CU_ASSERT(keyring_load(keyring, keyring_epoch(keyring), object_copy(pair.private), &key) == CKR_OK);
	struct id id;
	id_from_bytes(&id, pair.private->id.data, pair.private->id.len);
	keyring_return(keyring, key);
	CU_ASSERT(token_borrow(token, &before) == CKR_OK);
	uint64_t generation = token_generation(token);
	CU_ASSERT(token_reopen(token, &complaint) == ERR_OK);
	CU_ASSERT(token_generation(token) == generation + 1);
	token_return(token, before, CKR_OK); /* in flight meanwhile: not used again */
	CU_ASSERT(token_borrow(token, &after) == CKR_OK);
	CK_SESSION_INFO info;
	CU_ASSERT(token_functions(token)->C_GetSessionInfo(after, &info) == CKR_OK && info.state == CKS_RW_USER_FUNCTIONS);
	token_return(token, after, CKR_OK);
	CU_ASSERT_PTR_NULL(keyring_borrow(keyring, &id));
	CU_ASSERT(keyring_load(keyring, keyring_epoch(keyring), object_copy(pair.private), &key) == CKR_OK);
	CU_ASSERT(operate(token, CRATON__CRYPT_KIND__SIGN, &ecdsa, key->handle, hash, 32, NULL, 0, &signature) == CKR_OK);
	keyring_return(keyring, key);
	keyring_destroy(keyring);
	buf_finish(&signature);
	pair_free(&pair);
	house_close(&house);
}

TESTS("backend: token",
      SAY(a_module_that_is_not_there_is_named),
      SAY(a_uri_must_mean_one_token),
      SAY(a_pin_does_not_belong_in_a_uri_and_is_not_repeated),
      SAY(a_wrong_pin_is_tried_once),
      SAY(an_empty_folder_of_tokens_is_explained),
      SAY(sessions_are_used_again_unless_something_went_wrong),
      SAY(never_more_sessions_are_out_than_allowed),
      SAY(a_token_with_few_sessions_makes_borrowers_wait),
      SAY(a_reopened_token_goes_on))
