/* A number that threads change and wait for. */
#pragma once
#include <pthread.h>

struct latch {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned long value;
};
#define LATCH_INIT { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void latch_add(struct latch *latch, unsigned long more)
{
	pthread_mutex_lock(&latch->lock);
	latch->value += more;
	pthread_cond_broadcast(&latch->changed);
	pthread_mutex_unlock(&latch->lock);
}

static inline void latch_set(struct latch *latch, unsigned long value)
{
	pthread_mutex_lock(&latch->lock);
	latch->value = value;
	pthread_cond_broadcast(&latch->changed);
	pthread_mutex_unlock(&latch->lock);
}

static inline unsigned long latch_value(struct latch *latch)
{
	pthread_mutex_lock(&latch->lock);
	unsigned long value = latch->value;
	pthread_mutex_unlock(&latch->lock);
	return value;
}

static inline void latch_wait(struct latch *latch, unsigned long least)
{
	pthread_mutex_lock(&latch->lock);
	while (latch->value < least)
		pthread_cond_wait(&latch->changed, &latch->lock);
	pthread_mutex_unlock(&latch->lock);
}
