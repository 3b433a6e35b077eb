/* Waiting for a condition until a deadline. */
#pragma once
#include "base/clock.h"
#include <pthread.h>

/* pthread_cond_wait until then, of any condition however it was made (its own clock means nothing here). False once the deadline has passed;
 * true may be for no reason, as ever. */
bool wait_until(pthread_cond_t *changed, pthread_mutex_t *lock, deadline_ms deadline);
