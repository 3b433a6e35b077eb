/* Our own certificate's end, and its authority's, after which no connection over TLS begins any more: said in time, while there still are some. */
#pragma once
#include <stdint.h>

struct node;

enum certificate { CERTIFICATE_GOOD, CERTIFICATE_ENDS_SOON, CERTIFICATE_HAS_ENDED };
#define CERTIFICATE_SOON_S (14 * 24 * 3600ll)

/* One line in the log for each of the two when it is no longer what it was. The main thread's, now and then, and when there are new ones. */
void certificate_look(struct node *node);
/* How long it is good; below 0: it has expired. Never 0. */
int64_t certificate_seconds(struct node *node);
/* The same of the authority that vouches for it, or of what is between the two, whichever ends first. */
int64_t certificate_authority_seconds(struct node *node);
