#include "backend/fresh.h"
#include "base/digest.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_MAX 32

struct fresh_key {
	CK_OBJECT_HANDLE handle; /* 0: none here */
	uint64_t generation;
	bool forgotten;
	uint32_t slot;
	struct id id;
	uint8_t mac[SHA256_SIZE];
};

struct fresh {
	struct token *token;
	pthread_mutex_t lock;   /* guards all below */
	struct fresh_key keys[FRESH_MAX];
	size_t next;            /* the oldest */
};

struct fresh *fresh_create(struct token *token)
{
	struct fresh *fresh = calloc(1, sizeof *fresh);
	if (!fresh)
		return NULL;
	fresh->token = token;
	pthread_mutex_init(&fresh->lock, NULL);
	return fresh;
}

void fresh_destroy(struct fresh *fresh)
{
	if (!fresh)
		return;
	CK_SESSION_HANDLE keeper;
	fresh_forget(fresh, NULL, NULL);
	if (token_keeper_enter(fresh->token, &keeper) == CKR_OK) {
		fresh_tidy(fresh, keeper);
		token_keeper_leave(fresh->token);
	}
	pthread_mutex_destroy(&fresh->lock);
	free(fresh);
}

/* In the keeper session. A handle of before the token was started afresh is nobody's. */
static void drop(struct fresh *fresh, CK_SESSION_HANDLE keeper, const struct fresh_key *key)
{
	if (key->handle && key->generation == token_generation(fresh->token))
		token_functions(fresh->token)->C_DestroyObject(keeper, key->handle);
}

static struct fresh_key replace_oldest(struct fresh *fresh, const struct fresh_key *key)
{
	pthread_mutex_lock(&fresh->lock);
	struct fresh_key oldest = fresh->keys[fresh->next];
	fresh->keys[fresh->next] = *key;
	fresh->next = (fresh->next + 1) % FRESH_MAX;
	pthread_mutex_unlock(&fresh->lock);
	return oldest;
}

void fresh_keep(struct fresh *fresh, const Craton__Object *object, CK_OBJECT_HANDLE key)
{
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE session_object = { CKA_TOKEN, &no, sizeof no };
	struct fresh_key kept = { .slot = object->slot };
	if (object->sealed->mac.len != sizeof kept.mac || !id_from_bytes(&kept.id, object->id.data, object->id.len))
		return;
	memcpy(kept.mac, object->sealed->mac.data, sizeof kept.mac);
	CK_SESSION_HANDLE keeper;
	if (token_keeper_enter(fresh->token, &keeper) != CKR_OK)
		return;
	kept.generation = token_generation(fresh->token);
	if (token_functions(fresh->token)->C_CopyObject(keeper, key, &session_object, 1, &kept.handle) == CKR_OK) {
		struct fresh_key oldest = replace_oldest(fresh, &kept);
		drop(fresh, keeper, &oldest);
	}
	token_keeper_leave(fresh->token);
}

static struct fresh_key *find_locked(struct fresh *fresh, const Craton__Object *object)
{
	for (size_t i = 0; i < FRESH_MAX; i++) {
		struct fresh_key *key = &fresh->keys[i];
		if (key->handle && !key->forgotten && object->sealed->mac.len == sizeof key->mac &&
		    memcmp(key->mac, object->sealed->mac.data, sizeof key->mac) == 0)
			return key;
	}
	return NULL;
}

bool fresh_take(struct fresh *fresh, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	bool current = false;
	pthread_mutex_lock(&fresh->lock);
	struct fresh_key *key = find_locked(fresh, object);
	if (key) {
		current = key->generation == token_generation(fresh->token);
		if (current)
			*out = key->handle;
		key->handle = 0;
	}
	pthread_mutex_unlock(&fresh->lock);
	return current;
}

void fresh_forget(struct fresh *fresh, const struct id *id, const uint32_t *slot)
{
	pthread_mutex_lock(&fresh->lock);
	for (size_t i = 0; i < FRESH_MAX; i++) {
		struct fresh_key *key = &fresh->keys[i];
		if ((!id || id_equal(id, &key->id)) && (!slot || *slot == key->slot))
			key->forgotten = true;
	}
	pthread_mutex_unlock(&fresh->lock);
}

void fresh_tidy(struct fresh *fresh, CK_SESSION_HANDLE keeper)
{
	for (size_t i = 0; i < FRESH_MAX; i++) {
		pthread_mutex_lock(&fresh->lock);
		struct fresh_key key = fresh->keys[i];
		if (key.forgotten)
			fresh->keys[i].handle = 0;
		pthread_mutex_unlock(&fresh->lock);
		if (key.forgotten)
			drop(fresh, keeper, &key);
	}
}
