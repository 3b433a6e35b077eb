/* A thread of the library's own in the application's process. */
#pragma once
#include <pthread.h>
#include <stdbool.h>

/* The application's signals are the application's: none is delivered to it. False if it cannot be started. */
bool quiet_thread_start(pthread_t *thread, void *(*run)(void *), void *argument);
