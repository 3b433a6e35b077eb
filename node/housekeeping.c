#include "node/housekeeping.h"
#include "backend/keyring.h"
#include <pthread.h>
#include <stdlib.h>

struct housekeeping {
	struct keyring *keyring;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_due, is_stopping;
};

/* true when there is something to do, false when we are stopping. */
static bool wait_until_due(struct housekeeping *housekeeping)
{
	pthread_mutex_lock(&housekeeping->lock);
	while (!housekeeping->is_due && !housekeeping->is_stopping)
		pthread_cond_wait(&housekeeping->changed, &housekeeping->lock);
	housekeeping->is_due = false;
	bool go_on = !housekeeping->is_stopping;
	pthread_mutex_unlock(&housekeeping->lock);
	return go_on;
}

static void *run(void *context)
{
	struct housekeeping *housekeeping = context;
	while (wait_until_due(housekeeping))
		keyring_tidy(housekeeping->keyring);
	return NULL;
}

static void destroy(struct housekeeping *housekeeping)
{
	pthread_cond_destroy(&housekeeping->changed);
	pthread_mutex_destroy(&housekeeping->lock);
	free(housekeeping);
}

struct housekeeping *housekeeping_start(struct keyring *keyring)
{
	struct housekeeping *housekeeping = calloc(1, sizeof *housekeeping);
	if (!housekeeping)
		return NULL;
	housekeeping->keyring = keyring;
	pthread_mutex_init(&housekeeping->lock, NULL);
	pthread_cond_init(&housekeeping->changed, NULL);
	if (pthread_create(&housekeeping->thread, NULL, run, housekeeping) == 0)
		return housekeeping;
	destroy(housekeeping);
	return NULL;
}

void housekeeping_due(struct housekeeping *housekeeping)
{
	pthread_mutex_lock(&housekeeping->lock);
	housekeeping->is_due = true;
	pthread_cond_signal(&housekeeping->changed);
	pthread_mutex_unlock(&housekeeping->lock);
}

void housekeeping_stop(struct housekeeping *housekeeping)
{
	if (!housekeeping)
		return;
	pthread_mutex_lock(&housekeeping->lock);
	housekeeping->is_stopping = true;
	pthread_cond_signal(&housekeeping->changed);
	pthread_mutex_unlock(&housekeeping->lock);
	pthread_join(housekeeping->thread, NULL);
	destroy(housekeeping);
}
