/* The sessions of an open token: who has one, who waits for one, and for how long they are in the token's hands. */
#include "backend/token_private.h"
#include <assert.h>

void lease_enter_locked(struct lease *lease, enum token_work work)
{
	lease->state = LEASE_OUT;
	lease->stay = (struct stay){ .since_ms = clock_ms(), .work = work, .thread = pthread_self() };
}

/* ---- shut or open */

bool token_is_shut(const struct token *token)
{
	return atomic_load_explicit(&token->is_shut, memory_order_acquire);
}

void token_shut(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	atomic_store(&token->is_shut, true);
	pthread_cond_broadcast(&token->returned);
	pthread_cond_broadcast(&token->keeper_left);
	pthread_mutex_unlock(&token->lock);
}

void token_admit(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	assert(token->keeper.state != LEASE_CLOSED); /* it has been opened */
	atomic_store(&token->is_shut, false);
	pthread_mutex_unlock(&token->lock);
}

/* ---- borrowing */

static struct lease *lease_find_locked(struct token *token, enum lease_state state)
{
	for (size_t i = 0; i < token->lease_count; i++)
		if (token->leases[i].state == state)
			return &token->leases[i];
	return NULL;
}

static CK_RV may_enter_locked(const struct token *token, uint64_t generation)
{
	if (token_is_shut(token))
		return CKR_TOKEN_NOT_PRESENT;
	return generation && generation != token_generation(token) ? CKR_SESSION_CLOSED : CKR_OK;
}

/* An idle session if there is one, else a place to open one in; the other way round for who wants a fresh one. He tries, too, whether the
 * token has by now what it once had not: it may have been others that had it. */
static struct lease *lease_choose_locked(struct token *token, bool is_fresh, bool tries_absent)
{
	struct lease *lease = lease_find_locked(token, is_fresh ? LEASE_CLOSED : LEASE_IDLE);
	if (!lease && is_fresh && tries_absent)
		lease = lease_find_locked(token, LEASE_ABSENT);
	return lease ? lease : lease_find_locked(token, is_fresh ? LEASE_IDLE : LEASE_CLOSED);
}

static bool has_spare_locked(const struct token *token)
{
	size_t left = 0;
	for (size_t i = 0; i < token->lease_count; i++)
		left += token->leases[i].state == LEASE_IDLE || token->leases[i].state == LEASE_CLOSED;
	return left >= 2;
}

static CK_RV lease_take_locked(struct token *token, const struct token_need *need, bool tries_absent, struct lease **out)
{
	CK_RV rv;
	for (;;) {
		if ((rv = may_enter_locked(token, need->generation)) != CKR_OK)
			return rv;
		if (need->is_spare && !has_spare_locked(token))
			return CKR_SESSION_COUNT;
		if ((*out = lease_choose_locked(token, need->is_fresh, tries_absent)))
			break;
		pthread_cond_wait(&token->returned, &token->lock);
	}
	if ((*out)->state != LEASE_IDLE)
		(*out)->session = CK_INVALID_HANDLE;
	lease_enter_locked(*out, need->work);
	return CKR_OK;
}

/* The place stays empty if the token has no more sessions, until it is found to have one again: the borrower waits for
 * another's. False if there is nobody to wait for. */
static bool lease_lost(struct token *token, struct lease *lease, CK_RV rv)
{
	pthread_mutex_lock(&token->lock);
	lease->session = CK_INVALID_HANDLE;
	lease->state = LEASE_CLOSED;
	bool wait = false;
	if (rv == CKR_SESSION_COUNT) {
		lease->state = LEASE_ABSENT;
		wait = lease_find_locked(token, LEASE_OUT) || lease_find_locked(token, LEASE_IDLE) ||
		       lease_find_locked(token, LEASE_ASIDE);
		if (!wait)
			lease->state = LEASE_CLOSED;
	}
	pthread_cond_signal(&token->returned);
	pthread_cond_broadcast(&token->left);
	pthread_mutex_unlock(&token->lock);
	return wait;
}

static CK_RV open_session(struct token *token, struct lease *lease, CK_SESSION_HANDLE *session)
{
	CK_RV rv = token->module.p11->C_OpenSession(token->module.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&token->lock);
	lease->session = *session;
	pthread_mutex_unlock(&token->lock);
	return CKR_OK;
}

CK_RV token_borrow_for(struct token *token, const struct token_need *need, CK_SESSION_HANDLE *session)
{
	for (bool is_first = true;; is_first = false) {
		struct lease *lease = NULL;
		pthread_mutex_lock(&token->lock);
		CK_RV rv = lease_take_locked(token, need, is_first, &lease);
		if (rv == CKR_OK) {
			*session = lease->session;
			if (need->is_fresh)
				lease->session = CK_INVALID_HANDLE; /* closed below: its number may be another's then */
		}
		pthread_mutex_unlock(&token->lock);
		if (rv != CKR_OK)
			return rv;
		if (*session && !need->is_fresh)
			return CKR_OK;
		if (*session)
			token->module.p11->C_CloseSession(*session);
		rv = open_session(token, lease, session);
		if (rv == CKR_OK || !lease_lost(token, lease, rv) || need->is_spare)
			return rv;
	}
}

CK_RV token_borrow(struct token *token, CK_SESSION_HANDLE *session)
{
	return token_borrow_for(token, &(struct token_need){ .work = TOKEN_WORK_SHORT }, session);
}

size_t token_sessions(struct token *token)
{
	size_t count = 0;
	pthread_mutex_lock(&token->lock);
	for (size_t i = 0; i < token->lease_count; i++)
		count += token->leases[i].state != LEASE_ABSENT;
	pthread_mutex_unlock(&token->lock);
	return count;
}

/* ---- giving back */

/* "A call to C_Verify always terminates the active verification operation", and success ends any. Other errors may
 * end it by the letter of the standard; tokens differ, a new session is cheap, and a left-over operation
 * would be somebody else's CKR_OPERATION_ACTIVE. */
static bool leaves_session_clean(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE;
}

static struct lease *lease_out_locked(struct token *token, CK_SESSION_HANDLE session)
{
	for (size_t i = 0; i < token->lease_count; i++)
		if (token->leases[i].state == LEASE_OUT && token->leases[i].session == session)
			return &token->leases[i];
	return NULL;
}

static void lease_leave_locked(struct token *token, struct lease *lease, enum lease_state state)
{
	lease->state = state;
	if (token_is_shut(token))
		pthread_cond_broadcast(&token->left);
}

/* A token that is shut is not called any more; its sessions are closed all at once before it serves again. Once a session is closed the
 * token may give its number to whoever opens the next one, so by then no place here goes by it. */
void token_return(struct token *token, CK_SESSION_HANDLE session, CK_RV rv)
{
	if (!session)
		return;
	pthread_mutex_lock(&token->lock);
	struct lease *lease = lease_out_locked(token, session);
	assert(lease);
	bool keep = leaves_session_clean(rv) && !token_is_shut(token);
	if (!keep)
		lease->session = CK_INVALID_HANDLE;
	pthread_mutex_unlock(&token->lock);
	if (!keep && !token_is_shut(token))
		token->module.p11->C_CloseSession(session);
	pthread_mutex_lock(&token->lock);
	lease_leave_locked(token, lease, keep ? LEASE_IDLE : LEASE_CLOSED);
	pthread_cond_signal(&token->returned);
	pthread_mutex_unlock(&token->lock);
}

/* ---- laid aside */

static struct lease *lease_aside_locked(struct token *token, uint64_t ticket)
{
	for (size_t i = 0; i < token->lease_count; i++)
		if (token->leases[i].state == LEASE_ASIDE && token->leases[i].ticket == ticket)
			return &token->leases[i];
	return NULL;
}

uint64_t token_lay_aside(struct token *token, CK_SESSION_HANDLE session)
{
	pthread_mutex_lock(&token->lock);
	struct lease *lease = lease_out_locked(token, session);
	assert(lease);
	uint64_t ticket = lease->ticket = ++token->last_ticket;
	lease_leave_locked(token, lease, LEASE_ASIDE);
	pthread_mutex_unlock(&token->lock);
	return ticket;
}

CK_RV token_take_up(struct token *token, uint64_t ticket, CK_SESSION_HANDLE *session)
{
	pthread_mutex_lock(&token->lock);
	struct lease *lease = lease_aside_locked(token, ticket);
	CK_RV rv = lease ? may_enter_locked(token, 0) : CKR_SESSION_CLOSED;
	if (rv == CKR_OK) {
		lease_enter_locked(lease, TOKEN_WORK_SHORT);
		*session = lease->session;
	} else if (lease) {
		lease->state = LEASE_CLOSED;
	}
	pthread_mutex_unlock(&token->lock);
	return rv;
}

void token_give_up(struct token *token, uint64_t ticket)
{
	CK_SESSION_HANDLE session;
	if (token_take_up(token, ticket, &session) == CKR_OK)
		token_return(token, session, CKR_OPERATION_ACTIVE);
}

/* ---- the keeper, and the service */

CK_RV token_keeper_enter(struct token *token, CK_SESSION_HANDLE *keeper)
{
	CK_RV rv;
	pthread_mutex_lock(&token->lock);
	while ((rv = may_enter_locked(token, 0)) == CKR_OK && token->keeper.state == LEASE_OUT)
		pthread_cond_wait(&token->keeper_left, &token->lock);
	if (rv == CKR_OK) {
		lease_enter_locked(&token->keeper, TOKEN_WORK_SHORT);
		*keeper = token->keeper.session;
	}
	pthread_mutex_unlock(&token->lock);
	return rv;
}

void token_keeper_leave(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	lease_leave_locked(token, &token->keeper, LEASE_IDLE);
	pthread_cond_signal(&token->keeper_left);
	pthread_mutex_unlock(&token->lock);
}

void token_service_begin(struct token *token, enum token_work work)
{
	pthread_mutex_lock(&token->lock);
	lease_enter_locked(&token->service, work);
	pthread_mutex_unlock(&token->lock);
}

void token_service_end(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	lease_leave_locked(token, &token->service, LEASE_CLOSED);
	pthread_mutex_unlock(&token->lock);
}

/* ---- how long */

static const struct lease *lease_at_locked(const struct token *token, size_t i)
{
	if (i < token->lease_count)
		return &token->leases[i];
	return i == token->lease_count ? &token->keeper : &token->service;
}

#define WAITS_LIMITS 2 /* of a call's own may be spent on waiting for a longer one */

/* A token may do one thing at a time: while a long call is at work in it, and not overdue itself, others may be waiting for their turn. */
static void note_long_work_locked(struct token *token, int64_t limit_ms, int64_t now_ms)
{
	for (size_t i = 0; i < token->lease_count + 2; i++) {
		const struct lease *lease = lease_at_locked(token, i);
		if (lease->state == LEASE_OUT && lease->stay.work == TOKEN_WORK_LONG && now_ms - lease->stay.since_ms <= limit_ms)
			token->long_work_ms = now_ms;
	}
}

/* How long it is at work, for all that can be known: it may have waited, but not for ever, or a token that hangs in a long call would be
 * found out late. */
static int64_t age_locked(const struct token *token, const struct stay *stay, int64_t limit_ms, int64_t now_ms)
{
	int64_t waited_ms = stay->work == TOKEN_WORK_LONG ? 0 : token->long_work_ms - stay->since_ms;
	int64_t most_ms = WAITS_LIMITS * limit_ms;
	return now_ms - stay->since_ms - (waited_ms < 0 ? 0 : waited_ms < most_ms ? waited_ms : most_ms);
}

bool token_overdue(struct token *token, const int64_t limits_ms[TOKEN_WORK_COUNT], struct token_call *out)
{
	int64_t now_ms = clock_ms(), worst_ms = 0;
	pthread_mutex_lock(&token->lock);
	note_long_work_locked(token, limits_ms[TOKEN_WORK_LONG], now_ms);
	for (size_t i = 0; i < token->lease_count + 2; i++) {
		const struct lease *lease = lease_at_locked(token, i);
		int64_t age_ms = lease->state == LEASE_OUT ? age_locked(token, &lease->stay, limits_ms[lease->stay.work], now_ms) : 0;
		int64_t beyond_ms = age_ms - limits_ms[lease->stay.work];
		if (lease->state != LEASE_OUT || beyond_ms <= worst_ms)
			continue;
		worst_ms = beyond_ms;
		*out = (struct token_call){ lease->stay.work, age_ms };
	}
	pthread_mutex_unlock(&token->lock);
	return worst_ms > 0;
}

bool token_call_of(struct token *token, pthread_t thread, struct token_call *out)
{
	bool is_in = false;
	int64_t now_ms = clock_ms();
	pthread_mutex_lock(&token->lock);
	for (size_t i = 0; !is_in && i < token->lease_count + 2; i++) {
		const struct lease *lease = lease_at_locked(token, i);
		is_in = lease->state == LEASE_OUT && pthread_equal(lease->stay.thread, thread);
		if (is_in)
			*out = (struct token_call){ lease->stay.work, now_ms - lease->stay.since_ms };
	}
	pthread_mutex_unlock(&token->lock);
	return is_in;
}
