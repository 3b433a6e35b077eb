/* Saved operations (PKCS#11 2.40, 5.6: C_GetOperationState). A hash half made cannot leave OpenSSL, so what is saved stays in the library
 * and the application's bytes name it: random, useless elsewhere, and nothing in them to be read or altered. They are good in
 * any session until C_Finalize, as often as wanted; of many, the oldest are forgotten. */
#pragma once
#include "wire/cryptoki.h"
#include <pthread.h>
#include <stddef.h>

#define STATES_MAX 256
#define STATES_SIZE_MAX (64u << 20) /* bytes of data that they keep, in all */

struct saved_state;
struct states {
	pthread_mutex_t lock;
	struct saved_state *list[STATES_MAX]; /* a ring; `next` is the oldest's place */
	size_t next, size;
};
void states_init(struct states *states);
void states_finish(struct states *states);
