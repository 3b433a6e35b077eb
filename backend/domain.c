#include "backend/domain.h"
#include "backend/domain_private.h"
#include "backend/ceremony.h"
#include "backend/token_private.h"
#include "base/secret.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct domain {
	struct token *token;
	struct fresh *fresh;
	pthread_mutex_t lock;
	struct domain_keys keys;  /* guarded by lock; of this generation of the token */
	uint64_t generation;
	uint8_t id[DOMAIN_ID_SIZE];    /* written once */
	_Atomic bool is_known;
	bool keeps_length;
	_Atomic unsigned held_allowed, held_made;
};

struct token *domain_token(struct domain *domain)
{
	return domain->token;
}

struct fresh *domain_fresh(struct domain *domain)
{
	return domain->fresh;
}

bool domain_keeps_length(const struct domain *domain)
{
	return domain->keeps_length;
}

void domain_set_held(struct domain *domain, unsigned allowed, unsigned made)
{
	domain->held_allowed = allowed;
	domain->held_made = made;
}

unsigned domain_held_allowed(const struct domain *domain)
{
	return domain->held_allowed;
}

unsigned domain_held_made(const struct domain *domain)
{
	return domain->held_made;
}

const uint8_t *domain_id(const struct domain *domain)
{
	return domain->id;
}

/* Purpose and parts are hashed apart and the hashes, all of one length, set side by side: no two lists of
 * parts look alike, whatever is in them, and what goes into the token is short, however long the parts. */
static void frame(const char *purpose, const struct bytes *parts, size_t count, struct buf *out)
{
	struct bytes name = { purpose, strlen(purpose) };
	uint8_t *hash = buf_extend(out, SHA256_SIZE);
	if (hash)
		sha256(&name, 1, hash);
	for (size_t i = 0; i < count; i++)
		if ((hash = buf_extend(out, SHA256_SIZE)))
			sha256(&parts[i], 1, hash);
}

static CK_RV mac_with(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const char *purpose,
                      const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE])
{
	CK_MECHANISM mechanism = { CKM_SHA256_HMAC, NULL, 0 };
	CK_ULONG size = SHA256_SIZE;
	struct buf framed;
	buf_init(&framed, (count + 1) * SHA256_SIZE);
	frame(purpose, parts, count, &framed);
	CK_RV rv = framed.failed ? CKR_HOST_MEMORY : p11->C_SignInit(session, &mechanism, key);
	if (rv == CKR_OK)
		rv = p11->C_Sign(session, framed.data, framed.size, out, &size);
	if (rv == CKR_OK && size != SHA256_SIZE)
		rv = CKR_DEVICE_ERROR;
	buf_finish(&framed);
	return rv;
}

CK_RV domain_keys_id(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys,
                     uint8_t out[SHA256_SIZE])
{
	return mac_with(module->p11, session, keys->key[DOMAIN_MAC], "domain id", NULL, 0, out);
}

/* The domain's handles; found anew after the token was reopened. */
CK_RV domain_key_handle(struct domain *domain, CK_SESSION_HANDLE session, enum domain_key which, CK_OBJECT_HANDLE *out)
{
	enum err err = ERR_OK;
	pthread_mutex_lock(&domain->lock);
	uint64_t generation = token_generation(domain->token);
	if (domain->generation != generation) {
		struct domain_keys keys;
		pthread_mutex_unlock(&domain->lock);
		err = domain_keys_find(token_module(domain->token), session, &keys, NULL);
		pthread_mutex_lock(&domain->lock);
		if (err == ERR_OK) {
			domain->keys = keys;
			domain->generation = generation;
		}
	}
	*out = domain->keys.key[which];
	pthread_mutex_unlock(&domain->lock);
	return err == ERR_OK ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV domain_mac_on(struct domain *domain, CK_SESSION_HANDLE session, const char *purpose,
                    const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE])
{
	CK_OBJECT_HANDLE key;
	CK_RV rv = domain_key_handle(domain, session, DOMAIN_MAC, &key);
	return rv == CKR_OK ? mac_with(token_functions(domain->token), session, key, purpose, parts, count, out) : rv;
}

CK_RV domain_mac_check_on(struct domain *domain, CK_SESSION_HANDLE session, const char *purpose,
                          const struct bytes *parts, size_t count, const uint8_t mac[SHA256_SIZE])
{
	uint8_t expected[SHA256_SIZE];
	CK_RV rv = domain_mac_on(domain, session, purpose, parts, count, expected);
	if (rv == CKR_OK && !secret_equal(expected, sizeof expected, mac, SHA256_SIZE))
		rv = CKR_SIGNATURE_INVALID;
	secret_wipe(expected, sizeof expected);
	return rv;
}

CK_RV domain_mac(struct domain *domain, const char *purpose, const struct bytes *parts, size_t count,
                 uint8_t out[SHA256_SIZE])
{
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow(domain->token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = domain_mac_on(domain, session, purpose, parts, count, out);
	token_return(domain->token, session, rv);
	return rv;
}

CK_RV domain_mac_check(struct domain *domain, const char *purpose, const struct bytes *parts, size_t count,
                       const uint8_t mac[SHA256_SIZE])
{
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow(domain->token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = domain_mac_check_on(domain, session, purpose, parts, count, mac);
	token_return(domain->token, session, rv);
	return rv;
}

bool domain_is_known(const struct domain *domain)
{
	return domain->is_known;
}

struct domain *domain_new(struct token *token)
{
	struct domain *domain = calloc(1, sizeof *domain);
	if (!domain)
		return NULL;
	pthread_mutex_init(&domain->lock, NULL);
	domain->token = token;
	domain->fresh = fresh_create(token);
	if (domain->fresh)
		return domain;
	domain_close(domain);
	return NULL;
}

/* A domain once known is not given up for another: objects were sealed in it. */
static enum err take_id(struct domain *domain, const uint8_t id[DOMAIN_ID_SIZE], struct complaint *complaint)
{
	if (domain->is_known && memcmp(id, domain->id, DOMAIN_ID_SIZE) != 0)
		return complain(complaint, ERR_REFUSED, "the token is in another domain now: initialise it anew and take the keys of ours with "
		                "`cratond -c FILE domain enroll`");
	if (!domain->is_known)
		memcpy(domain->id, id, DOMAIN_ID_SIZE);
	domain->is_known = true;
	return ERR_OK;
}

static enum err find_with(struct domain *domain, CK_SESSION_HANDLE session, struct complaint *complaint)
{
	const struct module *module = token_module(domain->token);
	struct domain_keys keys;
	uint8_t id[DOMAIN_ID_SIZE];
	enum err err = domain_keys_find(module, session, &keys, complaint);
	if (err == ERR_OK)
		err = domain_keys_check(module, session, &keys, complaint);
	if (err != ERR_OK)
		return err;
	domain->keeps_length = domain_keys_keep_length(module, session, &keys);
	CK_RV rv = domain_keys_id(module, session, &keys, id);
	if (rv != CKR_OK)
		return module_complain(module, complaint, "its domain key can't sign", rv);
	pthread_mutex_lock(&domain->lock);
	domain->keys = keys;
	domain->generation = token_generation(domain->token);
	pthread_mutex_unlock(&domain->lock);
	return take_id(domain, id, complaint);
}

enum err domain_find(struct domain *domain, struct complaint *complaint)
{
	assert(token_is_shut(domain->token));
	token_service_begin(domain->token, TOKEN_WORK_SHORT);
	enum err err = find_with(domain, token_keeper(domain->token), complaint);
	token_service_end(domain->token);
	return err == ERR_CONFIG ? ERR_REFUSED : err;
}

enum err domain_open(struct token *token, struct domain **out, struct complaint *complaint)
{
	CK_SESSION_HANDLE session;
	struct domain *domain = domain_new(token);
	if (!domain)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	CK_RV rv = token_borrow(token, &session);
	enum err err = rv == CKR_OK ? find_with(domain, session, complaint)
	                            : module_complain(token_module(token), complaint, "no session can be opened", rv);
	if (rv == CKR_OK)
		token_return(token, session, err == ERR_OK ? CKR_OK : CKR_FUNCTION_FAILED);
	if (err == ERR_OK)
		*out = domain;
	else
		domain_close(domain);
	return err;
}

/* ---- is it well? */

/* Found anew: a handle may still work in a token that has lost what it stood for. */
static CK_RV probe_keys(struct domain *domain, CK_SESSION_HANDLE session)
{
	const struct module *module = token_module(domain->token);
	struct complaint why = { "" };
	struct domain_keys keys;
	uint8_t id[DOMAIN_ID_SIZE];
	enum err err = domain_keys_find(module, session, &keys, &why);
	if (err != ERR_OK)
		return err == ERR_IO ? CKR_DEVICE_ERROR : CKR_TOKEN_NOT_RECOGNIZED;
	CK_RV rv = domain_keys_id(module, session, &keys, id);
	return rv == CKR_OK && memcmp(id, domain->id, sizeof id) != 0 ? CKR_TOKEN_NOT_RECOGNIZED : rv;
}

static CK_RV probe_keeper(struct token *token)
{
	CK_SESSION_HANDLE keeper;
	CK_SESSION_INFO info = { 0 };
	CK_RV rv = token_keeper_enter(token, &keeper);
	if (rv != CKR_OK)
		return rv;
	rv = token_functions(token)->C_GetSessionInfo(keeper, &info);
	token_keeper_leave(token);
	return rv == CKR_OK && info.state != CKS_RW_USER_FUNCTIONS ? CKR_USER_NOT_LOGGED_IN : rv;
}

CK_RV domain_probe(struct domain *domain)
{
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO now;
	CK_RV rv = token_borrow_for(domain->token, &(struct token_need){ .is_fresh = true }, &session);
	if (rv != CKR_OK)
		return rv;
	rv = module_recognize(token_module(domain->token), &now);
	if (rv == CKR_OK)
		rv = probe_keys(domain, session);
	token_return(domain->token, session, rv);
	return rv == CKR_OK ? probe_keeper(domain->token) : rv;
}

void domain_close(struct domain *domain)
{
	if (!domain)
		return;
	fresh_destroy(domain->fresh);
	pthread_mutex_destroy(&domain->lock);
	free(domain);
}
