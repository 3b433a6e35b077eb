/* A process that begins again: same program, arguments, environment and process id. What a thread of ours that never comes back
 * holds on to (locks, sessions, the token's module itself) is let go in no other way. */
#pragma once

/* First thing in main. `argv` must last. */
void restart_prepare(char **argv);
/* Returns only where nothing was prepared (in a test), or where a signal was taken that ends the process (signals.h). Descriptors are
 * closed by it, and with them locks, sockets and the database; a signal that comes meanwhile is heeded by the new beginning. If
 * the program can't be run again the process ends, so that who watches over it starts it. */
void restart_process(void);
