/* The signals that cratond heeds, SIGTERM, SIGINT and SIGHUP: the main thread takes them, one after the other, when it has time for them.
 * None is lost where the process begins again (restart.h): what was not taken outlasts the new beginning, and one that was taken and
 * ends us comes first. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Before any thread is made, so that all of them leave the signals to us. False: the kernel gives us no descriptor for them. */
bool signals_hold(void);
/* Waits for the next and takes it; 0 when none has come for so long. */
int signals_take(int64_t patience_ms);
/* From any thread that leaves them to us, too: has one come that ends us, and nobody has taken it yet? */
bool signals_end_waits(void);
/* From any thread: no more are taken from now on, those that come wait. False, and all as before, if one that ends us was taken. */
bool signals_leave(void);
