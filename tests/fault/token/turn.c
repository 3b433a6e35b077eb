#include "tests/fault/token/turn.h"
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define PLACES 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static uint64_t tickets, next; /* given out; whose turn it is */
static unsigned long limit, inside;
static struct {
	bool is_busy;
	uint64_t free_us; /* since when */
} places[PLACES];

static uint64_t now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

void turn_allow(unsigned long at_once)
{
	pthread_mutex_lock(&lock);
	if (limit != at_once)
		pthread_cond_broadcast(&moved);
	limit = at_once;
	pthread_mutex_unlock(&lock);
}

/* The one that has been free the longest. */
static int place_locked(void)
{
	int best = -1;
	for (int i = 0; i < PLACES && (unsigned long)i < limit; i++)
		if (!places[i].is_busy && (best < 0 || places[i].free_us < places[best].free_us))
			best = i;
	return best;
}

void turn_take(struct turn *turn, unsigned long at_once, uint64_t latency_us)
{
	uint64_t begin = now_us();
	turn_allow(at_once);
	pthread_mutex_lock(&lock);
	uint64_t ticket = tickets++;
	while (ticket != next || (limit && inside >= limit))
		pthread_cond_wait(&moved, &lock);
	next++;
	inside++;
	turn->place = place_locked();
	if (turn->place >= 0) {
		places[turn->place].is_busy = true;
		if (places[turn->place].free_us > begin)
			begin = places[turn->place].free_us;
	}
	turn->end_us = begin + latency_us;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

void turn_end(struct turn *turn)
{
	uint64_t now = now_us();
	if (now > turn->end_us) /* it really took longer */
		turn->end_us = now;
	for (; now < turn->end_us; now = now_us()) { /* not until a point in time: libfaketime, when it is there, refuses that */
		uint64_t left = turn->end_us - now;
		nanosleep(&(struct timespec){ .tv_sec = (time_t)(left / 1000000), .tv_nsec = (long)(left % 1000000) * 1000 }, NULL);
	}
	pthread_mutex_lock(&lock);
	inside--;
	if (turn->place >= 0) {
		places[turn->place].is_busy = false;
		places[turn->place].free_us = turn->end_us;
	}
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}
