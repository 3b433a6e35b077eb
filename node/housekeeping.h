/* What has to be done in the token although nobody waits for it: a destroyed key that was loaded goes, also on a node
 * that is never asked for a key again. The raft thread, which hears of it, makes no token calls. */
#pragma once

struct keyring;
struct housekeeping;

/* NULL without memory or threads. */
struct housekeeping *housekeeping_start(struct keyring *keyring);
/* There is something to do. From any thread; never waits for the token. */
void housekeeping_due(struct housekeeping *housekeeping);
void housekeeping_stop(struct housekeeping *housekeeping); /* accepts NULL */
