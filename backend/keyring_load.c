/* A key that is not in the working set: one thread asks the token for it, whoever comes meanwhile takes part. */
#include "backend/keyring_private.h"
#include "backend/domain_private.h"
#include "backend/seal_private.h"
#include <stdlib.h>

static bool is_sealed_class(CK_OBJECT_CLASS class)
{
	return class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY;
}

static CK_RV load_checked(struct keyring *keyring, CK_SESSION_HANDLE keeper, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	struct fresh *fresh = domain_fresh(keyring->domain);
	fresh_tidy(fresh, keeper);
	return fresh_take(fresh, object, out) ? CKR_OK : unseal_checked(keyring->domain, keeper, object, out);
}

/* On the keeper's session nothing is begun that a failure could leave half done, for it is not closed and opened anew as others are: so the
 * seal is checked on one of the pool's. */
static CK_RV load_into_token(struct keyring *keyring, const Craton__Object *object, CK_OBJECT_HANDLE *handle,
                             uint64_t *generation)
{
	struct token *token = domain_token(keyring->domain);
	CK_OBJECT_CLASS class = object_class(object);
	CK_SESSION_HANDLE keeper;
	if (class != CKO_PUBLIC_KEY && !is_sealed_class(class))
		return CKR_KEY_HANDLE_INVALID;
	CK_RV rv = is_sealed_class(class) ? seal_check(keyring->domain, object) : CKR_OK;
	if (rv == CKR_OK)
		rv = token_keeper_enter(token, &keeper);
	if (rv != CKR_OK)
		return rv;
	*generation = token_generation(token);
	rv = class == CKO_PUBLIC_KEY ? physical_load_public(token_functions(token), keeper, object, handle)
	                             : load_checked(keyring, keeper, object, handle);
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
	if (rv == CKR_DEVICE_MEMORY && keyring_make_room(keyring))
		rv = load_into_token(keyring, entry->key.object, &handle, &generation);
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
	keyring_bury(keyring, dead);
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
		keyring_evict_locked(keyring, keyring->capacity, dead);
	}
	return entry;
}

static CK_RV load(struct keyring *keyring, uint64_t epoch, Craton__Object *object, const struct id *id, struct loaded_key **out)
{
	struct entry *begun = NULL;
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&keyring->lock);
	struct entry *dead = keyring_graves_locked(keyring);
	struct entry *entry = keyring_find_locked(keyring, id, &dead);
	if (entry)
		rv = join_locked(keyring, entry, &dead);
	else if (!(begun = entry = begin_locked(keyring, epoch, object, id, &dead)))
		rv = CKR_HOST_MEMORY;
	pthread_mutex_unlock(&keyring->lock);
	keyring_bury(keyring, dead);
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
