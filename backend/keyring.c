#include "backend/keyring_private.h"
#include "backend/domain_private.h"
#include "base/log.h"
#include <assert.h>
#include <stdlib.h>

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

void keyring_evict_locked(struct keyring *keyring, size_t count_max, struct entry **dead)
{
	struct entry *entry = keyring->table.oldest;
	while (entry && keyring->table.count > count_max) {
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

void keyring_bury(struct keyring *keyring, struct entry *dead)
{
	while (dead) {
		struct entry *next = dead->next;
		destroy_one(keyring, dead);
		dead = next;
	}
}

static bool is_stale(struct keyring *keyring, const struct entry *entry)
{
	return entry->state == ENTRY_READY && entry->key.generation != token_generation(domain_token(keyring->domain));
}

struct entry *keyring_find_locked(struct keyring *keyring, const struct id *id, struct entry **dead)
{
	struct entry *entry = key_table_find(&keyring->table, id);
	if (!entry || !is_stale(keyring, entry))
		return entry;
	key_table_remove(&keyring->table, entry, dead);
	return NULL;
}

struct loaded_key *keyring_borrow(struct keyring *keyring, const struct id *id)
{
	struct entry *dead = NULL;
	pthread_mutex_lock(&keyring->lock);
	struct entry *entry = keyring_find_locked(keyring, id, &dead);
	if (entry && entry->state != ENTRY_READY)
		entry = NULL;
	if (entry) {
		entry->borrowers++;
		keyring->counts.hits++;
		key_table_touch(&keyring->table, entry);
	}
	pthread_mutex_unlock(&keyring->lock);
	keyring_bury(keyring, dead);
	return entry ? &entry->key : NULL;
}

struct entry *keyring_graves_locked(struct keyring *keyring)
{
	struct entry *graves = keyring->graves;
	keyring->graves = NULL;
	return graves;
}

bool keyring_make_room(struct keyring *keyring)
{
	struct entry *dead = NULL;
	pthread_mutex_lock(&keyring->lock);
	size_t count = keyring->table.count;
	keyring_evict_locked(keyring, count - (count + 3) / 4, &dead);
	bool is_room = keyring->table.count < count;
	pthread_mutex_unlock(&keyring->lock);
	keyring_bury(keyring, dead);
	return is_room;
}

static void let_go(struct keyring *keyring, struct entry *entry)
{
	pthread_mutex_lock(&keyring->lock);
	struct entry *dead = keyring_graves_locked(keyring);
	assert(entry->borrowers > 0);
	if (--entry->borrowers == 0 && !entry->in_table) {
		entry->next = dead;
		dead = entry;
	} else if (keyring->table.count > keyring->capacity) {
		keyring_evict_locked(keyring, keyring->capacity, &dead); /* it was more than we may keep, while it was in use */
	}
	pthread_mutex_unlock(&keyring->lock);
	keyring_bury(keyring, dead);
}

void keyring_return(struct keyring *keyring, struct loaded_key *key)
{
	if (key)
		let_go(keyring, (struct entry *)key);
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
	struct entry *dead = keyring_graves_locked(keyring);
	pthread_mutex_unlock(&keyring->lock);
	keyring_bury(keyring, dead);
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
