/* The pool's places are told apart by their sessions' numbers, and a token may give out again the number of a session that it has closed. */
#include "backend/token.h"
#include "tests/check.h"
#include "tests/support/softhsm.h"

static struct softhsm softhsm;
static struct token *token;
static CK_FUNCTION_LIST *p11, real;
static CK_SESSION_HANDLE held;           /* given back when the next is closed */
static CK_SESSION_HANDLE number, behind; /* what the token calls its next session, and which it is */

static CK_RV open_again(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	CK_RV rv = real.C_OpenSession(slot, flags, application, notify, &behind);
	*session = number;
	return rv;
}

static CK_RV close_behind(CK_SESSION_HANDLE session)
{
	return real.C_CloseSession(session == number ? behind : session);
}

/* Somebody else comes and goes between the token's closing a session and our hearing of it. */
static CK_RV close_and_give_again(CK_SESSION_HANDLE session)
{
	CK_SESSION_HANDLE another = 0;
	CK_RV rv = real.C_CloseSession(session);
	p11->C_CloseSession = close_behind;
	token_return(token, held, CKR_FUNCTION_FAILED);
	number = session;
	p11->C_OpenSession = open_again;
	CU_ASSERT_EQUAL(token_borrow(token, &another), CKR_OK);
	CU_ASSERT_EQUAL(another, session);
	token_return(token, another, CKR_FUNCTION_FAILED);
	p11->C_OpenSession = real.C_OpenSession;
	return rv;
}

static void begin(void)
{
	static const char *const labels[] = { "a" };
	softhsm_start(&softhsm, labels, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	config.sessions_max = 2;
	CU_ASSERT_EQUAL_FATAL(token_open(&config, &token, NULL), ERR_OK);
	p11 = token_functions(token);
	real = *p11;
	held = number = 0;
}

static void end_with_nobody_inside(void)
{
	static const int64_t none[] = { -1, -1 };
	struct token_call call;
	CU_ASSERT_FALSE(token_overdue(token, none, &call));
	*p11 = real;
	token_close(token);
	softhsm_stop(&softhsm);
}

static void a_session_closed_on_its_return_is_not_taken_for_the_next_of_its_number(void)
{
	CK_SESSION_HANDLE session;
	begin();
	CU_ASSERT_EQUAL_FATAL(token_borrow(token, &session), CKR_OK);
	p11->C_CloseSession = close_and_give_again;
	token_return(token, session, CKR_FUNCTION_FAILED);
	CU_ASSERT_EQUAL(number, session);
	end_with_nobody_inside();
}

static void nor_is_one_closed_for_the_sake_of_a_fresh_one(void)
{
	CK_SESSION_HANDLE idle, session;
	struct token_need fresh = { .is_fresh = true };
	begin();
	CU_ASSERT_EQUAL_FATAL(token_borrow(token, &idle), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(token_borrow(token, &held), CKR_OK);
	token_return(token, idle, CKR_OK);
	p11->C_CloseSession = close_and_give_again;
	CU_ASSERT_EQUAL(token_borrow_for(token, &fresh, &session), CKR_OK);
	CU_ASSERT_EQUAL(number, idle);
	token_return(token, session, CKR_OK);
	end_with_nobody_inside();
}

TESTS("backend: pool", SAY(a_session_closed_on_its_return_is_not_taken_for_the_next_of_its_number),
      SAY(nor_is_one_closed_for_the_sake_of_a_fresh_one))
