#include "backend/armory.h"
#include "backend/domain_private.h"
#include "backend/operate_private.h"
#include "base/clock.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define HOT_KEYS 8          /* keys and mechanisms that are watched */
#define BEGUN_PER_KEY 2     /* one to be taken while the next is being begun */
#define USES_TO_BE_HOT 8    /* so many uses, none longer after the one before than */
#define COLD_AFTER_MS 200

struct hot {
	struct id id;
	uint64_t serial;        /* of the loaded key; 0: nothing here */
	CK_MECHANISM_TYPE mechanism;
	unsigned uses;
	int64_t used_ms;
	uint64_t begun[BEGUN_PER_KEY]; /* tickets of sessions laid aside */
	size_t begun_count;
};

struct armory {
	struct keyring *keyring;
	struct token *token;
	size_t sessions_max;
	pthread_t thread;
	pthread_mutex_t lock;   /* guards all below; no token call is made under it */
	pthread_cond_t work;
	struct hot hot[HOT_KEYS];
	size_t sessions;        /* begun, or being begun */
	uint64_t hits;
	bool is_ending;
};

static bool may_be_begun(Craton__CryptKind kind, const CK_MECHANISM *mechanism)
{
	return kind == CRATON__CRYPT_KIND__SIGN && mechanism->ulParameterLen == 0;
}

static struct hot *find_locked(struct armory *armory, uint64_t serial, CK_MECHANISM_TYPE mechanism)
{
	for (size_t i = 0; i < HOT_KEYS; i++)
		if (armory->hot[i].serial == serial && armory->hot[i].mechanism == mechanism)
			return &armory->hot[i];
	return NULL;
}

static void end_operations(struct armory *armory, const uint64_t *tickets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		token_give_up(armory->token, tickets[i]);
}

/* Empties the place; what was begun there goes to `ended`, which has room for BEGUN_PER_KEY. */
static size_t clear_locked(struct armory *armory, struct hot *hot, uint64_t *ended)
{
	size_t count = hot->begun_count;
	memcpy(ended, hot->begun, count * sizeof *ended);
	armory->sessions -= count;
	*hot = (struct hot){ .serial = 0 };
	return count;
}

/* A place for a key not yet watched: an empty one, or the one that was used longest ago if that is long ago. */
static struct hot *place_locked(struct armory *armory, int64_t now_ms)
{
	struct hot *oldest = &armory->hot[0];
	for (size_t i = 1; i < HOT_KEYS; i++)
		if (!armory->hot[i].serial || (oldest->serial && armory->hot[i].used_ms < oldest->used_ms))
			oldest = &armory->hot[i];
	return !oldest->serial || (oldest->begun_count == 0 && now_ms - oldest->used_ms > COLD_AFTER_MS) ? oldest : NULL;
}

static bool wants_locked(const struct armory *armory, const struct hot *hot)
{
	return hot->serial && hot->uses >= USES_TO_BE_HOT && hot->begun_count < BEGUN_PER_KEY &&
	       armory->sessions < armory->sessions_max;
}

static void note_use_locked(struct armory *armory, const struct loaded_key *key, CK_MECHANISM_TYPE mechanism, int64_t now_ms)
{
	struct hot *hot = find_locked(armory, key->serial, mechanism);
	if (!hot) {
		if (!(hot = place_locked(armory, now_ms)))
			return;
		*hot = (struct hot){ .serial = key->serial, .mechanism = mechanism, .used_ms = now_ms };
		id_from_bytes(&hot->id, key->object->id.data, key->object->id.len);
	}
	hot->uses = now_ms - hot->used_ms > COLD_AFTER_MS ? 1 : hot->uses + (hot->uses < USES_TO_BE_HOT);
	hot->used_ms = now_ms;
	if (wants_locked(armory, hot))
		pthread_cond_signal(&armory->work);
}

/* A session on which this has been begun; CK_INVALID_HANDLE if there is none. Either way the key is one that signs. */
static CK_SESSION_HANDLE take(struct armory *armory, const struct loaded_key *key, CK_MECHANISM_TYPE mechanism)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	uint64_t ticket = 0;
	int64_t now_ms = clock_ms();
	pthread_mutex_lock(&armory->lock);
	struct hot *hot = find_locked(armory, key->serial, mechanism);
	if (hot && hot->begun_count) {
		ticket = hot->begun[--hot->begun_count];
		armory->sessions--;
		armory->hits++;
	}
	note_use_locked(armory, key, mechanism, now_ms);
	pthread_mutex_unlock(&armory->lock);
	if (ticket && token_take_up(armory->token, ticket, &session) != CKR_OK)
		return CK_INVALID_HANDLE;
	return session;
}

/* The token has forgotten what was begun (it was reset, or allows it only so long): nothing has been done yet. */
static bool has_lapsed(CK_RV rv)
{
	return rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED;
}

CK_RV armory_operate(struct armory *armory, Craton__CryptKind kind, CK_MECHANISM *mechanism, const struct loaded_key *key,
                     const void *data, size_t size, const void *signature, size_t signature_size, struct buf *out)
{
	struct bytes input = { data, size };
	CK_SESSION_HANDLE session =
		may_be_begun(kind, mechanism) ? take(armory, key, mechanism->mechanism) : CK_INVALID_HANDLE;
	if (session != CK_INVALID_HANDLE) {
		CK_RV rv = operate_sign_begun(token_functions(armory->token), session, &input, out);
		token_return(armory->token, session, rv);
		if (!has_lapsed(rv))
			return rv;
	}
	return operate(armory->token, kind, mechanism, key, data, size, signature, signature_size, out);
}

uint64_t armory_hits(struct armory *armory)
{
	pthread_mutex_lock(&armory->lock);
	uint64_t hits = armory->hits;
	pthread_mutex_unlock(&armory->lock);
	return hits;
}

/* ---- the thread */

/* Begins one more for the key, if it is still the one that was meant: while it is borrowed its handle is its own. */
static void begin_one(struct armory *armory, const struct hot *wanted)
{
	CK_MECHANISM mechanism = { wanted->mechanism, NULL, 0 };
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	struct loaded_key *key = keyring_borrow(armory->keyring, &wanted->id);
	bool is_it = key && key->serial == wanted->serial;
	uint64_t ticket = 0;
	struct token_need need = { .generation = is_it ? key->generation : 0, .is_spare = true };
	CK_RV rv = is_it ? token_borrow_for(armory->token, &need, &session) : CKR_KEY_HANDLE_INVALID;
	if (rv == CKR_OK && (rv = token_functions(armory->token)->C_SignInit(session, &mechanism, key->handle)) != CKR_OK)
		token_return(armory->token, session, rv);
	else if (rv == CKR_OK)
		ticket = token_lay_aside(armory->token, session);
	pthread_mutex_lock(&armory->lock);
	struct hot *hot = find_locked(armory, wanted->serial, wanted->mechanism);
	bool keeps = rv == CKR_OK && hot && hot->begun_count < BEGUN_PER_KEY;
	if (keeps)
		hot->begun[hot->begun_count++] = ticket;
	else
		armory->sessions--;
	if (hot && rv != CKR_OK)
		hot->uses = 0; /* this is not one to be begun */
	pthread_mutex_unlock(&armory->lock);
	if (rv == CKR_OK && !keeps)
		token_give_up(armory->token, ticket);
	keyring_return(armory->keyring, key); /* may be the last one to have it: armory_forget then finds what was begun */
}

static struct hot *wanting_locked(struct armory *armory)
{
	for (size_t i = 0; i < HOT_KEYS; i++)
		if (wants_locked(armory, &armory->hot[i]))
			return &armory->hot[i];
	return NULL;
}

/* What was begun for a key at rest ends: its sessions are for others. False if nothing rests. */
static bool rest_locked(struct armory *armory, int64_t now_ms)
{
	uint64_t ended[BEGUN_PER_KEY];
	for (size_t i = 0; i < HOT_KEYS; i++) {
		struct hot *hot = &armory->hot[i];
		if (!hot->begun_count || now_ms - hot->used_ms <= COLD_AFTER_MS)
			continue;
		size_t count = clear_locked(armory, hot, ended);
		pthread_mutex_unlock(&armory->lock);
		end_operations(armory, ended, count);
		pthread_mutex_lock(&armory->lock);
		return true;
	}
	return false;
}

static void wait_locked(struct armory *armory)
{
	if (!armory->sessions) {
		pthread_cond_wait(&armory->work, &armory->lock);
		return;
	}
	int64_t until_ms = clock_ms() + COLD_AFTER_MS;
	struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
	pthread_cond_clockwait(&armory->work, &armory->lock, CLOCK_MONOTONIC, &until);
}

static void *arm(void *argument)
{
	struct armory *armory = argument;
	pthread_mutex_lock(&armory->lock);
	while (!armory->is_ending) {
		struct hot *hot = wanting_locked(armory);
		if (hot) {
			struct hot wanted = *hot;
			armory->sessions++;
			pthread_mutex_unlock(&armory->lock);
			begin_one(armory, &wanted);
			pthread_mutex_lock(&armory->lock);
		} else if (!rest_locked(armory, clock_ms())) {
			wait_locked(armory);
		}
	}
	pthread_mutex_unlock(&armory->lock);
	return NULL;
}

/* The keyring lets a key go. */
static void forget(void *context, uint64_t serial)
{
	struct armory *armory = context;
	uint64_t ended[HOT_KEYS * BEGUN_PER_KEY];
	size_t count = 0;
	pthread_mutex_lock(&armory->lock);
	for (size_t i = 0; i < HOT_KEYS; i++)
		if (armory->hot[i].serial == serial)
			count += clear_locked(armory, &armory->hot[i], ended + count);
	pthread_mutex_unlock(&armory->lock);
	end_operations(armory, ended, count);
}

static int start_thread(struct armory *armory)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int result = pthread_create(&armory->thread, NULL, arm, armory);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

struct armory *armory_create(struct keyring *keyring, size_t sessions_max)
{
	struct armory *armory = calloc(1, sizeof *armory);
	if (!armory)
		return NULL;
	armory->keyring = keyring;
	armory->token = keyring_token(keyring);
	armory->sessions_max = sessions_max / 4;
	pthread_mutex_init(&armory->lock, NULL);
	pthread_cond_init(&armory->work, NULL);
	if (start_thread(armory) != 0) {
		pthread_cond_destroy(&armory->work);
		pthread_mutex_destroy(&armory->lock);
		free(armory);
		return NULL;
	}
	keyring_watch(keyring, forget, armory);
	return armory;
}

void armory_destroy(struct armory *armory)
{
	uint64_t ended[BEGUN_PER_KEY];
	if (!armory)
		return;
	keyring_watch(armory->keyring, NULL, NULL);
	pthread_mutex_lock(&armory->lock);
	armory->is_ending = true;
	pthread_cond_signal(&armory->work);
	pthread_mutex_unlock(&armory->lock);
	pthread_join(armory->thread, NULL);
	for (size_t i = 0; i < HOT_KEYS; i++)
		end_operations(armory, ended, clear_locked(armory, &armory->hot[i], ended));
	pthread_cond_destroy(&armory->work);
	pthread_mutex_destroy(&armory->lock);
	free(armory);
}
