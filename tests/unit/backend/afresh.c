/* A token that fails is shut and started afresh, and nothing of before is used again. */
#include "tests/unit/backend/house.h"
#include <pthread.h>
#include <stdatomic.h>

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

/* Who is on his way to the token does not know yet that it is being started afresh (ThreadSanitizer would). */
struct onlooker {
	struct token *token;
	CK_FUNCTION_LIST *p11;
	atomic_bool is_over;
};

static void *look_on(void *argument)
{
	struct onlooker *onlooker = argument;
	bool is_same = true;
	while (is_same && !onlooker->is_over)
		is_same = token_functions(onlooker->token) == onlooker->p11;
	return is_same ? NULL : "another";
}

static void its_functions_are_the_same_before_and_after_and_meanwhile(void)
{
	struct house house;
	pthread_t thread;
	void *failed;
	house_open(&house, 1);
	struct onlooker onlooker = { .token = house.tokens[0], .p11 = token_functions(house.tokens[0]) };
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, look_on, &onlooker) == 0);
	token_shut(onlooker.token);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(token_reopen(onlooker.token, true, NULL) == ERR_OK);
	onlooker.is_over = true;
	pthread_join(thread, &failed);
	CU_ASSERT_PTR_NULL(failed);
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

TESTS("backend: afresh",
      SAY(a_token_started_afresh_goes_on),
      SAY(a_handle_of_before_is_not_used),
      SAY(a_session_laid_aside_ends_with_its_generation),
      SAY(while_it_is_shut_nobody_gets_in_and_nobody_is_waited_for_in_vain),
      SAY(a_probe_tells_a_sessions_trouble_from_the_tokens),
      SAY(its_functions_are_the_same_before_and_after_and_meanwhile),
      SAY(a_pin_that_was_refused_is_not_tried_again))
