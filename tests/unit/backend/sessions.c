/* Borrowing a token's sessions: never too many, each for one at a time, and watched. */
#include "backend/token_private.h"
#include "tests/unit/backend/house.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static const char *const one[] = { "a" };

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

/* More of them than there are sessions, and each gets its turns. */
static void all_come_and_go(struct crowd *crowd)
{
	pthread_t threads[8];
	for (size_t i = 0; i < 8; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, come_and_go, crowd) == 0);
	for (size_t i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		CU_ASSERT_PTR_NULL(failed);
	}
}

static void never_more_sessions_are_out_than_allowed(void)
{
	struct softhsm softhsm;
	struct crowd crowd = { 0 };
	softhsm_start(&softhsm, one, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.sessions_max = 3;
	CU_ASSERT_FATAL(token_open(&config, &crowd.token, NULL) == ERR_OK);
	all_come_and_go(&crowd);
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

static void few_open(struct softhsm *softhsm, size_t sessions_max, int given, struct token **out)
{
	softhsm_start(softhsm, one, 1);
	struct token_config config = softhsm_config(softhsm, 0);
	config.sessions_max = sessions_max;
	CU_ASSERT_FATAL(token_open(&config, out, NULL) == ERR_OK);
	CK_FUNCTION_LIST *p11 = token_functions(*out);
	real_open = p11->C_OpenSession;
	real_close = p11->C_CloseSession;
	p11->C_OpenSession = open_few;
	p11->C_CloseSession = close_one;
	open_now = 0;
	open_max = given;
}

static void few_close(struct softhsm *softhsm, struct token *token)
{
	CK_FUNCTION_LIST *p11 = token_functions(token);
	p11->C_OpenSession = real_open;
	p11->C_CloseSession = real_close;
	token_close(token);
	softhsm_stop(softhsm);
}

static void a_token_with_few_sessions_makes_borrowers_wait(void)
{
	struct softhsm softhsm;
	struct crowd crowd = { 0 };
	CK_SESSION_HANDLE session;
	few_open(&softhsm, 0, 0, &crowd.token);
	/* Nobody to wait for: the token's word is the answer, and not for ever. */
	CU_ASSERT(token_borrow(crowd.token, &session) == CKR_SESSION_COUNT);
	open_max = 2;
	all_come_and_go(&crowd);
	CU_ASSERT(crowd.most >= 1 && crowd.most <= 2);
	few_close(&softhsm, crowd.token);
}

static CK_RV borrow_spare(struct token *token)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .is_spare = true }, &session);
	if (rv == CKR_OK)
		token_return(token, session, CKR_OK);
	return rv;
}

/* Who would wait for a session that only comes back when he does something waited for ever. */
static void a_spare_session_is_not_waited_for(void)
{
	struct softhsm softhsm;
	struct token *token;
	CK_SESSION_HANDLE session;
	few_open(&softhsm, 3, 1, &token);
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	uint64_t ticket = token_lay_aside(token, session);
	CU_ASSERT(borrow_spare(token) == CKR_SESSION_COUNT); /* says the token */
	CU_ASSERT(token_sessions(token) == 2);
	CU_ASSERT(borrow_spare(token) == CKR_SESSION_COUNT); /* the other place is for whoever comes next */
	CU_ASSERT(token_sessions(token) == 2);
	token_give_up(token, ticket);
	CU_ASSERT(borrow_spare(token) == CKR_OK);
	few_close(&softhsm, token);
}

/* As the node does now and then to see whether the token is well. */
static void borrow_fresh(struct token *token)
{
	CK_SESSION_HANDLE session;
	CU_ASSERT_FATAL(token_borrow_for(token, &(struct token_need){ .is_fresh = true }, &session) == CKR_OK);
	token_return(token, session, CKR_OK);
}

/* It was others who had them all, and they have given some back. */
static void a_token_that_has_more_sessions_again_is_believed(void)
{
	struct softhsm softhsm;
	struct token *token;
	CK_SESSION_HANDLE session, other;
	few_open(&softhsm, 3, 1, &token);
	CU_ASSERT_FATAL(token_borrow(token, &session) == CKR_OK);
	CU_ASSERT(borrow_spare(token) == CKR_SESSION_COUNT);
	open_max = 2;
	CU_ASSERT_FATAL(token_borrow(token, &other) == CKR_OK);
	token_return(token, session, CKR_OK);
	token_return(token, other, CKR_OK);
	borrow_fresh(token); /* there are no more than the two still, of which one will do */
	CU_ASSERT(token_sessions(token) == 2);
	open_max = 3;
	borrow_fresh(token);
	CU_ASSERT(token_sessions(token) == 3);
	few_close(&softhsm, token);
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

/* As if it had been in the token for so long. */
static void has_been_there(struct token *token, enum token_work work, int64_t ms)
{
	pthread_mutex_lock(&token->lock);
	for (size_t i = 0; i < token->lease_count; i++)
		if (token->leases[i].state == LEASE_OUT && token->leases[i].stay.work == work)
			token->leases[i].stay.since_ms = clock_ms() - ms;
	pthread_mutex_unlock(&token->lock);
}

static void who_may_wait_behind_a_long_call_has_three_times_as_long(void)
{
	static const int64_t limits[] = { 100000, 10000000 };
	struct house house;
	CK_SESSION_HANDLE key_maker, signer;
	struct token_call call = { TOKEN_WORK_LONG, 0 };
	house_open(&house, 1);
	struct token *token = house.tokens[0];
	CU_ASSERT_FATAL(token_borrow(token, &signer) == CKR_OK);
	has_been_there(token, TOKEN_WORK_SHORT, 250000);
	CU_ASSERT(token_overdue(token, limits, &call) && call.work == TOKEN_WORK_SHORT);
	CU_ASSERT_FATAL(token_borrow_for(token, &(struct token_need){ .work = TOKEN_WORK_LONG }, &key_maker) == CKR_OK);
	CU_ASSERT_FALSE(token_overdue(token, limits, &call));
	has_been_there(token, TOKEN_WORK_SHORT, 350000);
	CU_ASSERT(token_overdue(token, limits, &call) && call.work == TOKEN_WORK_SHORT);
	/* Behind one that is overdue itself nobody waits. */
	has_been_there(token, TOKEN_WORK_LONG, 20000000);
	CU_ASSERT(token_overdue(token, limits, &call) && call.work == TOKEN_WORK_LONG);
	token_return(token, key_maker, CKR_OK);
	token_return(token, signer, CKR_OK);
	house_close(&house);
}

TESTS("backend: sessions",
      SAY(sessions_are_used_again_unless_something_went_wrong),
      SAY(never_more_sessions_are_out_than_allowed),
      SAY(a_token_with_few_sessions_makes_borrowers_wait),
      SAY(a_spare_session_is_not_waited_for),
      SAY(a_token_that_has_more_sessions_again_is_believed),
      SAY(a_session_laid_aside_is_taken_up_once_and_by_nobody_else),
      SAY(who_waits_for_a_session_is_let_go_when_it_is_shut),
      SAY(a_call_beyond_its_limit_is_told_of),
      SAY(who_may_wait_behind_a_long_call_has_three_times_as_long))
