/* Our own certificate and its end, after which no connection over TLS begins any more: said in time, while there still are some. */
#pragma once
#include <stdint.h>

struct node;

enum certificate { CERTIFICATE_GOOD, CERTIFICATE_ENDS_SOON, CERTIFICATE_HAS_ENDED };
#define CERTIFICATE_SOON_S (14 * 24 * 3600ll)

/* One line in the log when it is no longer what it was. The main thread's, now and then, and when there is a new one. */
void certificate_look(struct node *node);
/* How long it is good; below 0: it has expired. Never 0. */
int64_t certificate_seconds(struct node *node);
