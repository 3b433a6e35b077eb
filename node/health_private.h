/* What the watch (health.c) and the care (health_care.c) share. */
#pragma once
#include "base/digest.h"
#include "node/health.h"
#include <pthread.h>

struct health {
	struct node *node;
	pthread_t watch_thread, care_thread;
	bool is_watched, is_cared_for;  /* the threads run, or are to be joined */
	int64_t hangs_since_ms, next_transfer_ms; /* the watch's own */
	_Atomic bool is_probed;         /* what the token can do is known: it has served */
	uint8_t probed[SHA256_SIZE];    /* the identity of the token that can do that, */
	uint8_t identity[SHA256_SIZE];  /* and of the one that was opened last; the care's own, both */
	pthread_mutex_t lock;           /* guards all below */
	pthread_cond_t changed;
	bool is_told, is_tried, may_go_on, is_stopping, has_ended;
	enum err first;                 /* how the first attempt ended, */
	struct complaint first_why;     /* and why */
};

void *health_care(void *context);
/* Waits at most so long for `*flag`, or for the end; false at the end. */
bool health_rest(struct health *health, const bool *flag, int64_t ms);
/* The token's state is this from now on. */
void health_say(struct health *health, enum node_state state, const char *why);
/* The same, and nobody gets in any more, and nobody waits. */
void health_take_out(struct health *health, enum node_state state, const char *why);
