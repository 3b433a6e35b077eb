#include "backend/keyring.h"
#include "backend/domain_private.h"
#include "backend/key_table.h"
#include "backend/seal_private.h"
#include "base/log.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct keyring {
	struct domain *domain;
	size_t capacity;
	pthread_mutex_t lock;   /* guards all below */
	pthread_cond_t loaded;  /* an entry is not ENTRY_LOADING any more */
	struct key_table table;
	struct entry *graves;   /* forgotten, and still in the token */
	uint64_t epoch;
	uint64_t last_serial;
	struct keyring_counts counts;
	void (*gone)(void *context, uint64_t serial);
	void *gone_context;
};

struct keyring *keyring_create(struct domain *domain, size_t capacity)
{
	struct keyring *keyring = calloc(1, sizeof *keyring);
	if (!keyring)
		return NULL;
	keyring->domain = domain;
	keyring->capacity = capacity ? capacity : 1;
	keyring->epoch = 1;
	if (!key_table_init(&keyring->table, keyring->capacity)) {
		free(keyring);
		return NULL;
	}
	pthread_mutex_init(&keyring->lock, NULL);
	pthread_cond_init(&keyring->loaded, NULL);
	return keyring;
}

/* The least recently used that nobody has in hand go, until what is left is within bounds. */
static void evict_locked(struct keyring *keyring, struct entry **dead)
{
	struct entry *entry = keyring->table.oldest;
	while (entry && keyring->table.count > keyring->capacity) {
		struct entry *newer = entry->newer;
		if (entry->borrowers == 0) {
			key_table_remove(&keyring->table, entry, dead);
			keyring->counts.evictions++;
		}
		entry = newer;
	}
}

/* A handle of before the token was started afresh is nobody's; while it is shut, all that is loaded is as good as gone. */
static void remove_from_token(struct token *token, const struct loaded_key *key)
{
	CK_SESSION_HANDLE keeper;
	CK_RV rv = CKR_OK;
	if (token_keeper_enter(token, &keeper) != CKR_OK)
		return;
	if (key->generation == token_generation(token))
		rv = token_functions(token)->C_DestroyObject(keeper, key->handle);
	token_keeper_leave(token);
	if (rv != CKR_OK)
		log_warn("backend", "loaded key not removed from the token rv=0x%lx", rv);
}

static void destroy_one(struct keyring *keyring, struct entry *entry)
{
	struct token *token = domain_token(keyring->domain);
	pthread_mutex_lock(&keyring->lock);
	void (*gone)(void *, uint64_t) = keyring->gone;
	void *context = keyring->gone_context;
	pthread_mutex_unlock(&keyring->lock);
	if (gone)
		gone(context, entry->key.serial);
	if (entry->state == ENTRY_READY)
		remove_from_token(token, &entry->key);
	if (entry->key.object)
		craton__object__free_unpacked(entry->key.object, NULL);
	free(entry);
}

static void destroy_all(struct keyring *keyring, struct entry *dead)
{
	while (dead) {
		struct entry *next = dead->next;
		destroy_one(keyring, dead);
		dead = next;
	}
}

/* A handle of before the token was started afresh is nobody's. */
static bool is_stale(struct keyring *keyring, const struct entry *entry)
{
	return entry->state == ENTRY_READY && entry->key.generation != token_generation(domain_token(keyring->domain));
}

struct loaded_key *keyring_borrow(struct keyring *keyring, const struct id *id)
{
	struct entry *dead = NULL;
	pthread_mutex_lock(&keyring->lock);
	struct entry *entry = key_table_find(&keyring->table, id);
	if (entry && is_stale(keyring, entry)) {
		key_table_remove(&keyring->table, entry, &dead);
		entry = NULL;
	}
	if (entry && entry->state != ENTRY_READY)
		entry = NULL;
	if (entry) {
		entry->borrowers++;
		keyring->counts.hits++;
		key_table_touch(&keyring->table, entry);
	}
	pthread_mutex_unlock(&keyring->lock);
	destroy_all(keyring, dead);
	return entry ? &entry->key : NULL;
}

static struct entry *graves_take_locked(struct keyring *keyring)
{
	struct entry *graves = keyring->graves;
	keyring->graves = NULL;
	return graves;
}

static void let_go(struct keyring *keyring, struct entry *entry)
{
	pthread_mutex_lock(&keyring->lock);
	struct entry *dead = graves_take_locked(keyring);
	assert(entry->borrowers > 0);
	if (--entry->borrowers == 0 && !entry->in_table) {
		entry->next = dead;
		dead = entry;
	} else if (keyring->table.count > keyring->capacity) {
		evict_locked(keyring, &dead); /* it was more than we may keep, while it was in use */
	}
	pthread_mutex_unlock(&keyring->lock);
	destroy_all(keyring, dead);
}

void keyring_return(struct keyring *keyring, struct loaded_key *key)
{
	if (key)
		let_go(keyring, (struct entry *)key);
}

static CK_RV load_sealed(struct domain *domain, struct fresh *fresh, CK_SESSION_HANDLE keeper, const Craton__Object *object,
                         CK_OBJECT_HANDLE *out)
{
	CK_RV rv = seal_check_on(domain, keeper, object);
	fresh_tidy(fresh, keeper);
	if (rv != CKR_OK || fresh_take(fresh, object, out))
		return rv;
	return unseal_checked(domain, keeper, object, out);
}

static CK_RV load_into_token(struct keyring *keyring, const Craton__Object *object, CK_OBJECT_HANDLE *handle,
                             uint64_t *generation)
{
	struct token *token = domain_token(keyring->domain);
	CK_OBJECT_CLASS class = object_class(object);
	CK_SESSION_HANDLE keeper;
	CK_RV rv = token_keeper_enter(token, &keeper);
	if (rv != CKR_OK)
		return rv;
	rv = CKR_KEY_HANDLE_INVALID;
	*generation = token_generation(token);
	if (class == CKO_PUBLIC_KEY)
		rv = physical_load_public(token_functions(token), keeper, object, handle);
	else if (class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY)
		rv = load_sealed(keyring->domain, domain_fresh(keyring->domain), keeper, object, handle);
	token_keeper_leave(token);
	return rv;
}

/* Takes part in somebody else's loading of the same key; not where that one may never come back from the token. */
static CK_RV join_locked(struct keyring *keyring, struct entry *entry, struct entry **dead)
{
	struct token *token = domain_token(keyring->domain);
	entry->borrowers++;
	while (entry->state == ENTRY_LOADING && !token_is_shut(token))
		pthread_cond_wait(&keyring->loaded, &keyring->lock);
	if (entry->state == ENTRY_READY) {
		keyring->counts.hits++;
		return CKR_OK;
	}
	if (entry->state == ENTRY_LOADING) {
		entry->borrowers--; /* its loader has it still */
		return CKR_TOKEN_NOT_PRESENT;
	}
	CK_RV rv = entry->rv;
	if (--entry->borrowers == 0) { /* a failed one is in no table */
		entry->next = *dead;
		*dead = entry;
	}
	return rv;
}

static CK_RV load_begun(struct keyring *keyring, struct entry *entry)
{
	struct entry *dead = NULL;
	CK_OBJECT_HANDLE handle = 0;
	uint64_t generation = 0;
	CK_RV rv = load_into_token(keyring, entry->key.object, &handle, &generation);
	pthread_mutex_lock(&keyring->lock);
	entry->key.handle = handle;
	entry->key.generation = generation;
	entry->state = rv == CKR_OK ? ENTRY_READY : ENTRY_FAILED;
	entry->rv = rv;
	if (rv != CKR_OK) {
		if (entry->in_table)
			key_table_remove(&keyring->table, entry, &dead);
		if (--entry->borrowers == 0) {
			entry->next = dead;
			dead = entry;
		}
	}
	pthread_cond_broadcast(&keyring->loaded);
	pthread_mutex_unlock(&keyring->lock);
	destroy_all(keyring, dead);
	return rv;
}

static struct entry *entry_create(Craton__Object *object, const struct id *id)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	entry->key.object = object;
	entry->id = *id;
	entry->slot = object->slot;
	entry->state = ENTRY_LOADING;
	entry->borrowers = 1;
	return entry;
}

/* A new entry, in the table unless something was forgotten since the object was read: it might be this one, and what is not
 * kept can't outlive its object. */
static struct entry *begin_locked(struct keyring *keyring, uint64_t epoch, Craton__Object *object, const struct id *id,
                                  struct entry **dead)
{
	struct entry *entry = entry_create(object, id);
	if (!entry)
		return NULL;
	entry->key.serial = ++keyring->last_serial;
	keyring->counts.misses++;
	if (epoch == keyring->epoch) {
		key_table_insert(&keyring->table, entry);
		evict_locked(keyring, dead);
	}
	return entry;
}

static CK_RV load(struct keyring *keyring, uint64_t epoch, Craton__Object *object, const struct id *id, struct loaded_key **out)
{
	struct entry *begun = NULL;
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&keyring->lock);
	struct entry *dead = graves_take_locked(keyring);
	struct entry *entry = key_table_find(&keyring->table, id);
	if (entry && is_stale(keyring, entry)) {
		key_table_remove(&keyring->table, entry, &dead);
		entry = NULL;
	}
	if (entry)
		rv = join_locked(keyring, entry, &dead);
	else if (!(begun = entry = begin_locked(keyring, epoch, object, id, &dead)))
		rv = CKR_HOST_MEMORY;
	pthread_mutex_unlock(&keyring->lock);
	destroy_all(keyring, dead);
	if (begun)
		rv = load_begun(keyring, begun);
	else
		craton__object__free_unpacked(object, NULL);
	if (rv == CKR_OK)
		*out = &entry->key;
	return rv;
}

CK_RV keyring_load(struct keyring *keyring, uint64_t epoch, Craton__Object *object, struct loaded_key **out)
{
	struct id id;
	*out = NULL;
	if (id_from_bytes(&id, object->id.data, object->id.len))
		return load(keyring, epoch, object, &id, out);
	craton__object__free_unpacked(object, NULL);
	return CKR_ENCRYPTED_DATA_INVALID;
}

uint64_t keyring_epoch(struct keyring *keyring)
{
	pthread_mutex_lock(&keyring->lock);
	uint64_t epoch = keyring->epoch;
	pthread_mutex_unlock(&keyring->lock);
	return epoch;
}

void keyring_forget(struct keyring *keyring, const struct id *id)
{
	pthread_mutex_lock(&keyring->lock);
	keyring->epoch++;
	struct entry *entry = key_table_find(&keyring->table, id);
	if (entry)
		key_table_remove(&keyring->table, entry, &keyring->graves);
	pthread_mutex_unlock(&keyring->lock);
	fresh_forget(domain_fresh(keyring->domain), id, NULL);
}

static void forget_where(struct keyring *keyring, bool all, uint32_t slot)
{
	pthread_mutex_lock(&keyring->lock);
	keyring->epoch++;
	for (struct entry *entry = keyring->table.oldest, *newer; entry; entry = newer) {
		newer = entry->newer;
		if (all || entry->slot == slot)
			key_table_remove(&keyring->table, entry, &keyring->graves);
	}
	pthread_mutex_unlock(&keyring->lock);
	fresh_forget(domain_fresh(keyring->domain), NULL, all ? NULL : &slot);
}

void keyring_forget_slot(struct keyring *keyring, uint32_t slot)
{
	forget_where(keyring, false, slot);
}

void keyring_forget_all(struct keyring *keyring)
{
	forget_where(keyring, true, 0);
}

void keyring_tidy(struct keyring *keyring)
{
	struct token *token = domain_token(keyring->domain);
	CK_SESSION_HANDLE keeper;
	pthread_mutex_lock(&keyring->lock);
	struct entry *dead = graves_take_locked(keyring);
	pthread_mutex_unlock(&keyring->lock);
	destroy_all(keyring, dead);
	if (token_keeper_enter(token, &keeper) != CKR_OK)
		return;
	fresh_tidy(domain_fresh(keyring->domain), keeper);
	token_keeper_leave(token);
}

void keyring_wake(struct keyring *keyring)
{
	pthread_mutex_lock(&keyring->lock);
	pthread_cond_broadcast(&keyring->loaded);
	pthread_mutex_unlock(&keyring->lock);
}

void keyring_watch(struct keyring *keyring, void (*gone)(void *context, uint64_t serial), void *context)
{
	pthread_mutex_lock(&keyring->lock);
	keyring->gone = gone;
	keyring->gone_context = context;
	pthread_mutex_unlock(&keyring->lock);
}

struct token *keyring_token(struct keyring *keyring)
{
	return domain_token(keyring->domain);
}

struct keyring_counts keyring_counts(struct keyring *keyring)
{
	pthread_mutex_lock(&keyring->lock);
	struct keyring_counts counts = keyring->counts;
	counts.loaded = keyring->table.count;
	pthread_mutex_unlock(&keyring->lock);
	return counts;
}

void keyring_destroy(struct keyring *keyring)
{
	if (!keyring)
		return;
	keyring_forget_all(keyring);
	keyring_tidy(keyring);
	pthread_cond_destroy(&keyring->loaded);
	pthread_mutex_destroy(&keyring->lock);
	key_table_finish(&keyring->table);
	free(keyring);
}
