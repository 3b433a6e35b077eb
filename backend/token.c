#include "backend/token_private.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_DEFAULT 16

CK_FUNCTION_LIST *token_functions(struct token *token)
{
	return token->module.p11;
}

const struct module *token_module(const struct token *token)
{
	return &token->module;
}

CK_TOKEN_INFO token_info(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	CK_TOKEN_INFO info = token->module.info;
	pthread_mutex_unlock(&token->lock);
	return info;
}

CK_SLOT_ID token_slot(const struct token *token)
{
	return token->module.slot;
}

uint64_t token_generation(const struct token *token)
{
	return atomic_load_explicit(&token->generation, memory_order_acquire);
}

static struct token *token_create(const struct token_config *config)
{
	struct token *token = calloc(1, sizeof *token);
	pthread_condattr_t attr;
	if (!token)
		return NULL;
	pthread_mutex_init(&token->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&token->returned, &attr);
	pthread_cond_init(&token->keeper_left, &attr);
	pthread_cond_init(&token->left, &attr);
	pthread_condattr_destroy(&attr);
	token->is_shut = true;
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

enum err token_load(const struct token_config *config, struct token **out, struct complaint *complaint)
{
	struct token *token = token_create(config);
	if (!token)
		return complain(complaint, ERR_NO_MEMORY, "no memory to open a token");
	struct token_config own = { .module = token->path, .uri = token->uri };
	enum err err = module_load(&own, &token->module, complaint);
	if (err == ERR_OK)
		*out = token;
	else
		token_close(token);
	return err;
}

enum err token_open(const struct token_config *config, struct token **out, struct complaint *complaint)
{
	struct token *token;
	enum err err = token_load(config, &token, complaint);
	if (err != ERR_OK)
		return err;
	err = token_reopen(token, true, complaint);
	if (err != ERR_OK) {
		token_close(token);
		return err;
	}
	token_admit(token);
	*out = token;
	return ERR_OK;
}

static void close_lease(struct token *token, struct lease *lease)
{
	assert(lease->state != LEASE_OUT);
	if ((lease->state == LEASE_IDLE || lease->state == LEASE_ASIDE) && !token_is_shut(token))
		token->module.p11->C_CloseSession(lease->session);
}

/* A token that is shut may be one that hangs: it is not called any more, the module's end ends its sessions. */
void token_close(struct token *token)
{
	if (!token)
		return;
	for (size_t i = 0; token->leases && i < token->lease_count; i++)
		close_lease(token, &token->leases[i]);
	close_lease(token, &token->keeper);
	module_close(&token->module);
	pthread_cond_destroy(&token->returned);
	pthread_cond_destroy(&token->keeper_left);
	pthread_cond_destroy(&token->left);
	pthread_mutex_destroy(&token->lock);
	secret_destroy(token->pin);
	free(token->leases);
	free(token->path);
	free(token->uri);
	free(token);
}

/* ---- afresh */

CK_SESSION_HANDLE token_keeper(struct token *token)
{
	return token->keeper.session;
}

static bool is_left_locked(const struct token *token)
{
	bool is_left = token->keeper.state != LEASE_OUT;
	for (size_t i = 0; is_left && i < token->lease_count; i++)
		is_left = token->leases[i].state != LEASE_OUT;
	return is_left;
}

static struct timespec monotonic(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

bool token_is_left(struct token *token, deadline_ms deadline)
{
	struct timespec until = monotonic(deadline);
	bool is_left;
	pthread_mutex_lock(&token->lock);
	while (!(is_left = is_left_locked(token) && token->service.state != LEASE_OUT) && !deadline_passed(deadline))
		pthread_cond_timedwait(&token->left, &token->lock, &until);
	pthread_mutex_unlock(&token->lock);
	return is_left;
}

/* Whatever is laid aside is void: its ticket is known to nobody any more. */
static bool forget_sessions(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	bool is_left = is_left_locked(token);
	if (is_left) {
		atomic_fetch_add(&token->generation, 1);
		for (size_t i = 0; i < token->lease_count; i++)
			token->leases[i] = (struct lease){ .state = LEASE_CLOSED };
		token->keeper = (struct lease){ .state = LEASE_CLOSED };
	}
	pthread_mutex_unlock(&token->lock);
	return is_left;
}

static enum err open_keeper(struct token *token, struct complaint *complaint)
{
	CK_SESSION_HANDLE keeper;
	if (token->is_pin_refused)
		return complain(complaint, ERR_CONFIG, "the token's user PIN was refused, and won't be tried again before the node is restarted");
	enum err err = module_session(&token->module, &keeper, complaint);
	if (err != ERR_OK)
		return err;
	err = module_login(&token->module, keeper, CKU_USER, token->pin, complaint);
	token->is_pin_refused = err == ERR_CONFIG;
	if (err != ERR_OK) {
		token->module.p11->C_CloseSession(keeper);
		return err;
	}
	pthread_mutex_lock(&token->lock);
	token->keeper = (struct lease){ .state = LEASE_IDLE, .session = keeper };
	pthread_mutex_unlock(&token->lock);
	return ERR_OK;
}

/* What was loaded stays, whoever looks at it meanwhile; the rest is for those who are in the token, which is nobody now, or look under
 * the lock. */
static void take_over(struct token *token, const struct module *now)
{
	pthread_mutex_lock(&token->lock);
	token->module.slot = now->slot;
	token->module.info = now->info;
	token->module.is_started = now->is_started;
	token->module.is_known = now->is_known;
	pthread_mutex_unlock(&token->lock);
}

static enum err restart(struct token *token, struct complaint *complaint)
{
	struct module module = token->module;
	token_service_begin(token, TOKEN_WORK_LONG); /* C_Initialize may look for devices */
	enum err err = module_restart(&module, complaint);
	token_service_end(token);
	token_service_begin(token, TOKEN_WORK_SHORT);
	if (err == ERR_OK)
		err = module_choose(&module, complaint);
	token_service_end(token);
	if (err != ERR_OK)
		module.info = token->module.info;
	take_over(token, &module);
	return err;
}

/* The sessions alone, of the token that is in the slot still. Whatever it answers, those of before are not used again. */
static enum err close_sessions(struct token *token, struct complaint *complaint)
{
	CK_TOKEN_INFO now;
	CK_RV rv = module_recognize(&token->module, &now);
	if (rv != CKR_OK)
		return module_complain(&token->module, complaint, "it is not in its slot any more", rv);
	pthread_mutex_lock(&token->lock);
	token->module.info = now;
	pthread_mutex_unlock(&token->lock);
	token->module.p11->C_CloseAllSessions(token->module.slot);
	return ERR_OK;
}

static enum err start_afresh(struct token *token, bool anew, struct complaint *complaint)
{
	enum err err = anew || !token->module.is_started ? restart(token, complaint) : ERR_OK;
	if (err != ERR_OK)
		return err;
	token_service_begin(token, TOKEN_WORK_SHORT);
	if (!anew)
		err = close_sessions(token, complaint);
	if (err == ERR_OK)
		err = open_keeper(token, complaint);
	token_service_end(token);
	return err;
}

enum err token_reopen(struct token *token, bool anew, struct complaint *complaint)
{
	assert(token_is_shut(token));
	if (!forget_sessions(token))
		return complain(complaint, ERR_BUSY, "calls are in the token");
	return start_afresh(token, anew, complaint);
}
