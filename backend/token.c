#include "backend/token.h"
#include "backend/module.h"
#include "base/log.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_DEFAULT 16

enum lease_state {
	LEASE_CLOSED, /* no session behind it */
	LEASE_IDLE,
	LEASE_OUT,
	LEASE_ABSENT, /* the token has no such session to give: it said CKR_SESSION_COUNT */
};

/* A place in the pool. */
struct lease {
	enum lease_state state;
	CK_SESSION_HANDLE session;
	uint64_t generation; /* the token's, when the session was opened */
};

struct token {
	struct module module;
	char *path, *uri;
	struct secret *pin;
	atomic_ulong keeper; /* CK_SESSION_HANDLE */
	_Atomic uint64_t generation;
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct lease *leases; /* guarded by lock */
	size_t lease_count;
};

CK_FUNCTION_LIST *token_functions(struct token *token)
{
	return token->module.p11;
}

const struct module *token_module(const struct token *token)
{
	return &token->module;
}

const CK_TOKEN_INFO *token_info(const struct token *token)
{
	return &token->module.info;
}

CK_SLOT_ID token_slot(const struct token *token)
{
	return token->module.slot;
}

CK_SESSION_HANDLE token_keeper(struct token *token)
{
	return atomic_load(&token->keeper);
}

uint64_t token_generation(const struct token *token)
{
	return atomic_load_explicit(&token->generation, memory_order_acquire);
}

/* The keeper holds the login (a token forgets it with its last session) and owns the loaded keys. */
static enum err open_keeper(struct token *token, struct complaint *complaint)
{
	CK_SESSION_HANDLE keeper;
	enum err err = module_session(&token->module, &keeper, complaint);
	if (err != ERR_OK)
		return err;
	err = module_login(&token->module, keeper, CKU_USER, token->pin, complaint);
	if (err == ERR_OK)
		atomic_store(&token->keeper, keeper);
	else
		token->module.p11->C_CloseSession(keeper);
	return err;
}

static struct token *token_create(const struct token_config *config)
{
	struct token *token = calloc(1, sizeof *token);
	if (!token)
		return NULL;
	pthread_mutex_init(&token->lock, NULL);
	pthread_cond_init(&token->returned, NULL);
	token->generation = 1;
	token->lease_count = config->sessions_max ? config->sessions_max : SESSIONS_DEFAULT;
	token->leases = calloc(token->lease_count, sizeof *token->leases);
	token->path = strdup(config->module ? config->module : "");
	token->uri = strdup(config->uri ? config->uri : "");
	token->pin = config->pin ? secret_create(config->pin->data, config->pin->size) : NULL;
	if (token->leases && token->path && token->uri && (token->pin || !config->pin))
		return token;
	token_close(token);
	return NULL;
}

enum err token_open(const struct token_config *config, struct token **out, struct complaint *complaint)
{
	struct token *token = token_create(config);
	if (!token)
		return complain(complaint, ERR_NO_MEMORY, "no memory to open a token");
	struct token_config own = { .module = token->path, .uri = token->uri };
	enum err err = module_open(&own, &token->module, complaint);
	if (err == ERR_OK)
		err = open_keeper(token, complaint);
	if (err != ERR_OK) {
		token_close(token);
		return err;
	}
	*out = token;
	return ERR_OK;
}

void token_close(struct token *token)
{
	if (!token)
		return;
	for (size_t i = 0; token->leases && i < token->lease_count; i++) {
		assert(token->leases[i].state != LEASE_OUT);
		if (token->leases[i].state == LEASE_IDLE)
			token->module.p11->C_CloseSession(token->leases[i].session);
	}
	if (token_keeper(token))
		token->module.p11->C_CloseSession(token_keeper(token));
	module_close(&token->module);
	pthread_cond_destroy(&token->returned);
	pthread_mutex_destroy(&token->lock);
	secret_destroy(token->pin);
	free(token->leases);
	free(token->path);
	free(token->uri);
	free(token);
}

enum err token_reopen(struct token *token, struct complaint *complaint)
{
	pthread_mutex_lock(&token->lock);
	atomic_fetch_add(&token->generation, 1);
	for (size_t i = 0; i < token->lease_count; i++)
		if (token->leases[i].state != LEASE_OUT)
			token->leases[i].state = LEASE_CLOSED;
	pthread_mutex_unlock(&token->lock);
	atomic_store(&token->keeper, 0);
	/* Whatever it answers, the sessions of before are not used again. */
	token->module.p11->C_CloseAllSessions(token->module.slot);
	return open_keeper(token, complaint);
}

static struct lease *lease_find_locked(struct token *token, enum lease_state state)
{
	for (size_t i = 0; i < token->lease_count; i++)
		if (token->leases[i].state == state)
			return &token->leases[i];
	return NULL;
}

/* An idle session if there is one, else a place to open one in. */
static struct lease *lease_take_locked(struct token *token, bool *open)
{
	struct lease *lease;
	for (;;) {
		*open = true;
		if ((lease = lease_find_locked(token, LEASE_IDLE)))
			break;
		*open = false;
		if ((lease = lease_find_locked(token, LEASE_CLOSED)))
			break;
		pthread_cond_wait(&token->returned, &token->lock);
	}
	lease->state = LEASE_OUT;
	return lease;
}

/* The place stays empty from now on if the token has no more sessions: then the borrower waits for
 * another's. False if there is nobody to wait for. */
static bool lease_lost(struct token *token, struct lease *lease, CK_RV rv)
{
	pthread_mutex_lock(&token->lock);
	lease->session = 0;
	lease->state = LEASE_CLOSED;
	bool wait = false;
	if (rv == CKR_SESSION_COUNT) {
		lease->state = LEASE_ABSENT;
		wait = lease_find_locked(token, LEASE_OUT) || lease_find_locked(token, LEASE_IDLE);
		if (!wait)
			lease->state = LEASE_CLOSED;
	}
	pthread_cond_signal(&token->returned);
	pthread_mutex_unlock(&token->lock);
	return wait;
}

CK_RV token_borrow(struct token *token, CK_SESSION_HANDLE *session)
{
	for (;;) {
		bool open;
		pthread_mutex_lock(&token->lock);
		struct lease *lease = lease_take_locked(token, &open);
		if (!open) {
			lease->session = 0;
			lease->generation = token_generation(token);
		}
		*session = lease->session;
		pthread_mutex_unlock(&token->lock);
		if (open)
			return CKR_OK;
		CK_RV rv = token->module.p11->C_OpenSession(token->module.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
		                                            NULL, NULL, session);
		if (rv == CKR_OK) {
			pthread_mutex_lock(&token->lock);
			lease->session = *session;
			pthread_mutex_unlock(&token->lock);
			return CKR_OK;
		}
		if (!lease_lost(token, lease, rv))
			return rv;
	}
}

CK_RV token_borrow_spare(struct token *token, CK_SESSION_HANDLE *session)
{
	size_t left = 0;
	pthread_mutex_lock(&token->lock);
	for (size_t i = 0; i < token->lease_count; i++)
		left += token->leases[i].state == LEASE_IDLE || token->leases[i].state == LEASE_CLOSED;
	pthread_mutex_unlock(&token->lock);
	return left >= 2 ? token_borrow(token, session) : CKR_SESSION_COUNT;
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

void token_return(struct token *token, CK_SESSION_HANDLE session, CK_RV rv)
{
	if (!session)
		return;
	pthread_mutex_lock(&token->lock);
	struct lease *lease = lease_out_locked(token, session);
	assert(lease);
	bool current = lease->generation == token_generation(token);
	bool keep = current && leaves_session_clean(rv);
	pthread_mutex_unlock(&token->lock);
	if (current && !keep) /* one of an earlier generation is closed already, and its number may be another's by now */
		token->module.p11->C_CloseSession(session);
	pthread_mutex_lock(&token->lock);
	/* Again, for the token may have been reopened in between. */
	keep = keep && lease->generation == token_generation(token);
	lease->state = keep ? LEASE_IDLE : LEASE_CLOSED;
	pthread_cond_signal(&token->returned);
	pthread_mutex_unlock(&token->lock);
}
