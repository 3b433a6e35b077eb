#include "tests/unit/backend/house.h"
#include <pthread.h>
#include <sched.h>
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
	says(&config, ERR_NOT_FOUND, "no token");
	says(&config, ERR_NOT_FOUND, "\"a\"");
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
	says(&config, ERR_NOT_FOUND, "no initialised token");
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

/* A key of such a house, loaded and in hand. */
struct shelf {
	struct house house;
	struct token *token;
	struct keyring *keyring;
	struct pair pair;
	struct loaded_key *key;
};

static void shelf_open(struct shelf *shelf)
{
	house_open(&shelf->house, 1);
	shelf->token = shelf->house.tokens[0];
	shelf->keyring = keyring_create(shelf->house.domains[0], 4);
	CU_ASSERT_FATAL(pair_ec(shelf->house.domains[0], curve_p256, &shelf->pair) == CKR_OK);
	CU_ASSERT_FATAL(keyring_load(shelf->keyring, keyring_epoch(shelf->keyring), object_copy(shelf->pair.private), &shelf->key) == CKR_OK);
}

static void shelf_close(struct shelf *shelf)
{
	keyring_return(shelf->keyring, shelf->key);
	keyring_destroy(shelf->keyring);
	pair_free(&shelf->pair);
	house_close(&shelf->house);
}

static CK_RV signs(struct shelf *shelf)
{
	uint8_t hash[32] = { 0 };
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	struct buf signature;
	buf_init(&signature, 8192);
	CK_RV rv = operate(shelf->token, CRATON__CRYPT_KIND__SIGN, &ecdsa, shelf->key, hash, 32, NULL, 0, &signature);
	buf_finish(&signature);
	return rv;
}

/* New sessions, a new login, and what was remembered of before is dropped by itself. */
static void a_token_started_afresh_goes_on(void)
{
	struct shelf shelf;
	CK_SESSION_HANDLE session;
	CK_SESSION_INFO info;
	struct id id;
	shelf_open(&shelf);
	uint64_t generation = token_generation(shelf.token);
	start_afresh(shelf.token);
	CU_ASSERT(token_generation(shelf.token) == generation + 1);
	CU_ASSERT(token_borrow(shelf.token, &session) == CKR_OK);
	CU_ASSERT(token_functions(shelf.token)->C_GetSessionInfo(session, &info) == CKR_OK && info.state == CKS_RW_USER_FUNCTIONS);
	token_return(shelf.token, session, CKR_OK);
	id_from_bytes(&id, shelf.pair.private->id.data, shelf.pair.private->id.len);
	CU_ASSERT_PTR_NULL(keyring_borrow(shelf.keyring, &id));
	keyring_return(shelf.keyring, shelf.key);
	CU_ASSERT(keyring_load(shelf.keyring, keyring_epoch(shelf.keyring), object_copy(shelf.pair.private), &shelf.key) == CKR_OK);
	CU_ASSERT(signs(&shelf) == CKR_OK);
	shelf_close(&shelf);
}

/* Who had the key in hand meanwhile has a handle that may be another key's by now. */
static void a_handle_of_before_is_not_used(void)
{
	struct shelf shelf;
	shelf_open(&shelf);
	CU_ASSERT(signs(&shelf) == CKR_OK);
	start_afresh(shelf.token);
	CU_ASSERT(signs(&shelf) == CKR_SESSION_CLOSED);
	shelf_close(&shelf);
}

static void a_session_laid_aside_is_taken_up_once_and_by_nobody_else(void)
{
	struct house house;
	CK_SESSION_HANDLE session, again, other;
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	uint64_t ticket = token_lay_aside(token, session);
	CU_ASSERT(token_borrow(token, &other) == CKR_OK && other != session);
	CU_ASSERT(token_take_up(token, ticket, &again) == CKR_OK && again == session);
	CU_ASSERT(token_take_up(token, ticket, &again) == CKR_SESSION_CLOSED);
	token_return(token, session, CKR_OK);
	token_return(token, other, CKR_OK);
	house_close(&house);
}

/* The token may count its sessions from one again: the ticket is void, whoever has that number now. */
static void a_session_laid_aside_ends_with_its_generation(void)
{
	struct house house;
	CK_SESSION_HANDLE session;
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	uint64_t ticket = token_lay_aside(token, session);
	start_afresh(token);
	CU_ASSERT(token_take_up(token, ticket, &session) == CKR_SESSION_CLOSED);
	token_give_up(token, ticket);
	CU_ASSERT(token_borrow(token, &session) == CKR_OK);
	token_return(token, session, CKR_OK);
	house_close(&house);
}

static void while_it_is_shut_nobody_gets_in_and_nobody_is_waited_for_in_vain(void)
{
	struct house house;
	struct complaint complaint;
	CK_SESSION_HANDLE session, other;
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	token_shut(token);
	CU_ASSERT(token_borrow(token, &other) == CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT(token_keeper_enter(token, &other) == CKR_TOKEN_NOT_PRESENT);
	CU_ASSERT_FALSE(token_is_left(token, deadline_in(1)));
	CU_ASSERT(token_reopen(token, false, &complaint) == ERR_BUSY);
	token_return(token, session, CKR_DEVICE_ERROR);
	CU_ASSERT(token_is_left(token, deadline_in(1000)));
	CU_ASSERT(token_reopen(token, true, &complaint) == ERR_OK);
	token_admit(token);
	CU_ASSERT(token_borrow(token, &session) == CKR_OK);
	token_return(token, session, CKR_OK);
	house_close(&house);
}

static void *borrow_in_vain(void *argument)
{
	CK_SESSION_HANDLE session;
	return token_borrow(argument, &session) == CKR_TOKEN_NOT_PRESENT ? NULL : "got in";
}

static void who_waits_for_a_session_is_let_go_when_it_is_shut(void)
{
	struct softhsm softhsm;
	struct token *token;
	CK_SESSION_HANDLE session;
	pthread_t thread;
	void *failed;
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.sessions_max = 1;
	CU_ASSERT_FATAL(token_open(&config, &token, NULL) == ERR_OK);
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, borrow_in_vain, token) == 0);
	token_shut(token);
	pthread_join(thread, &failed);
	CU_ASSERT_PTR_NULL(failed);
	token_return(token, session, CKR_OK);
	token_close(token);
	softhsm_stop(&softhsm);
}

static void a_call_beyond_its_limit_is_told_of(void)
{
	static const int64_t none[] = { 0, 60000 }, ample[] = { 60000, 60000 };
	struct house house;
	CK_SESSION_HANDLE session;
	struct token_call call;
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	CU_ASSERT_FALSE(token_overdue(token, none, &call));
	CU_ASSERT_FALSE(token_call_of(token, pthread_self(), &call));
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	CU_ASSERT(token_call_of(token, pthread_self(), &call) && call.work == TOKEN_WORK_SHORT);
	CU_ASSERT_FALSE(token_overdue(token, ample, &call));
	deadline_ms deadline = deadline_in(10000);
	while (!token_overdue(token, none, &call) && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT(call.age_ms > 0);
	/* Between the parts of an operation nobody is in the token. */
	uint64_t ticket = token_lay_aside(token, session);
	CU_ASSERT_FALSE(token_overdue(token, none, &call));
	token_give_up(token, ticket);
	CU_ASSERT(token_borrow_for(token, &(struct token_need){ .work = TOKEN_WORK_LONG }, &session) == CKR_OK);
	CU_ASSERT(token_call_of(token, pthread_self(), &call) && call.work == TOKEN_WORK_LONG);
	token_return(token, session, CKR_OK);
	house_close(&house);
}

/* One session's trouble is none of the token's; a lost keeper, or lost keys, are. */
static void a_probe_tells_a_sessions_trouble_from_the_tokens(void)
{
	struct house house;
	CK_SESSION_HANDLE session, keeper;
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	CU_ASSERT(p11->C_CloseSession(session) == CKR_OK);
	token_return(token, session, CKR_SESSION_HANDLE_INVALID);
	CU_ASSERT(domain_probe(house.domains[0]) == CKR_OK);
	CU_ASSERT_FATAL(token_keeper_enter(token, &keeper) == CKR_OK);
	p11->C_CloseSession(keeper);
	token_keeper_leave(token);
	CU_ASSERT(domain_probe(house.domains[0]) == CKR_SESSION_HANDLE_INVALID);
	start_afresh(token);
	CU_ASSERT(domain_probe(house.domains[0]) == CKR_OK);
	p11->C_CloseAllSessions(token_slot(token));
	CU_ASSERT(domain_probe(house.domains[0]) != CKR_OK);
	start_afresh(token);
	house_close(&house);
}

static CK_RV (*real_login)(CK_SESSION_HANDLE, CK_USER_TYPE, CK_UTF8CHAR *, CK_ULONG);
static atomic_int logins;

static CK_RV refuse_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size)
{
	(void)session, (void)user, (void)pin, (void)size;
	atomic_fetch_add(&logins, 1);
	return CKR_PIN_INCORRECT;
}

/* It may have been initialised anew, with another PIN and few tries. */
static void a_pin_that_was_refused_is_not_tried_again(void)
{
	struct house house;
	struct complaint complaint;
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	CK_FUNCTION_LIST *p11 = token_functions(token);
	real_login = p11->C_Login;
	p11->C_Login = refuse_login;
	logins = 0;
	token_shut(token);
	CU_ASSERT(token_reopen(token, true, &complaint) == ERR_CONFIG);
	CU_ASSERT(token_reopen(token, false, &complaint) == ERR_CONFIG);
	CU_ASSERT(token_reopen(token, true, &complaint) == ERR_CONFIG);
	CU_ASSERT_EQUAL(logins, 1);
	p11->C_Login = real_login;
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
      SAY(a_token_started_afresh_goes_on), SAY(a_handle_of_before_is_not_used),
      SAY(a_session_laid_aside_is_taken_up_once_and_by_nobody_else), SAY(a_session_laid_aside_ends_with_its_generation),
      SAY(while_it_is_shut_nobody_gets_in_and_nobody_is_waited_for_in_vain), SAY(who_waits_for_a_session_is_let_go_when_it_is_shut),
      SAY(a_call_beyond_its_limit_is_told_of), SAY(a_probe_tells_a_sessions_trouble_from_the_tokens),
      SAY(a_pin_that_was_refused_is_not_tried_again))
