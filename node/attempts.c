#include "node/attempts.h"
#include "base/wait.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct uncounted {
	struct id requests[LOGIN_FAILURES_MAX]; /* once full the PIN is locked here, so no more come */
	unsigned count;
};

struct slot_attempts {
	uint32_t slot;
	bool taken;
	struct uncounted user, so;
	struct slot_attempts *next;
};

struct attempts {
	pthread_mutex_t lock;
	pthread_cond_t left;
	struct slot_attempts *slots; /* never removed: one per slot that ever saw a PIN */
};

struct attempts *attempts_create(void)
{
	struct attempts *attempts = calloc(1, sizeof *attempts);
	if (!attempts)
		return NULL;
	pthread_mutex_init(&attempts->lock, NULL);
	pthread_cond_init(&attempts->left, NULL);
	return attempts;
}

void attempts_destroy(struct attempts *attempts)
{
	if (!attempts)
		return;
	for (struct slot_attempts *next, *slot = attempts->slots; slot; slot = next) {
		next = slot->next;
		free(slot);
	}
	pthread_cond_destroy(&attempts->left);
	pthread_mutex_destroy(&attempts->lock);
	free(attempts);
}

static struct slot_attempts *find_locked(struct attempts *attempts, uint32_t slot)
{
	for (struct slot_attempts *item = attempts->slots; item; item = item->next)
		if (item->slot == slot)
			return item;
	struct slot_attempts *item = calloc(1, sizeof *item);
	if (item) {
		*item = (struct slot_attempts){ .slot = slot, .next = attempts->slots };
		attempts->slots = item;
	}
	return item;
}

enum err attempts_enter(struct attempts *attempts, uint32_t slot, deadline_ms deadline)
{
	enum err err = ERR_OK;
	pthread_mutex_lock(&attempts->lock);
	struct slot_attempts *item = find_locked(attempts, slot);
	while (item && item->taken && err == ERR_OK)
		if (!wait_until(&attempts->left, &attempts->lock, deadline))
			err = ERR_TIMEOUT;
	if (!item)
		err = ERR_NO_MEMORY;
	else if (err == ERR_OK)
		item->taken = true;
	pthread_mutex_unlock(&attempts->lock);
	return err;
}

void attempts_leave(struct attempts *attempts, uint32_t slot)
{
	pthread_mutex_lock(&attempts->lock);
	struct slot_attempts *item = find_locked(attempts, slot);
	assert(item && item->taken);
	item->taken = false;
	pthread_cond_broadcast(&attempts->left);
	pthread_mutex_unlock(&attempts->lock);
}

/* Whoever has entered the slot owns its lists. */
static struct uncounted *uncounted_of(struct attempts *attempts, uint32_t slot, Craton__Role role)
{
	pthread_mutex_lock(&attempts->lock);
	struct slot_attempts *item = find_locked(attempts, slot);
	pthread_mutex_unlock(&attempts->lock);
	assert(item && item->taken);
	return role == CRATON__ROLE__ROLE_SO ? &item->so : &item->user;
}

unsigned attempts_uncounted(struct attempts *attempts, struct directory *directory, uint32_t slot, Craton__Role role)
{
	struct uncounted *list = uncounted_of(attempts, slot, role);
	unsigned kept = 0;
	for (unsigned i = 0; i < list->count; i++) {
		struct request_record record;
		if (directory_request(directory, &list->requests[i], &record) != ERR_OK)
			list->requests[kept++] = list->requests[i];
	}
	list->count = kept;
	return kept;
}

void attempts_remember(struct attempts *attempts, uint32_t slot, Craton__Role role, const struct id *request)
{
	struct uncounted *list = uncounted_of(attempts, slot, role);
	for (unsigned i = 0; i < list->count; i++)
		if (id_equal(&list->requests[i], request))
			return;
	if (list->count < LOGIN_FAILURES_MAX)
		list->requests[list->count++] = *request;
}

void attempts_forget(struct attempts *attempts, uint32_t slot, Craton__Role role)
{
	uncounted_of(attempts, slot, role)->count = 0;
}
