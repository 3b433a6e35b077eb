/* Guesses at PINs, as one node sees them. A wrong guess is counted in the directory before it is answered; here is what
 * the directory does not see: that one node takes one guess per slot at a time, and guesses that
 * could not be counted because there was no majority. */
#pragma once
#include "base/clock.h"
#include "store/directory.h"

struct attempts;

struct attempts *attempts_create(void); /* NULL without memory */
void attempts_destroy(struct attempts *attempts); /* accepts NULL */

/* Waits until nobody else on this node tries a PIN of the slot. ERR_TIMEOUT; ERR_NO_MEMORY. The slot is ours until attempts_leave:
 * a turn taken, not a lock held. */
enum err attempts_enter(struct attempts *attempts, uint32_t slot, deadline_ms deadline);
void attempts_leave(struct attempts *attempts, uint32_t slot);

/* Between the two: the wrong guesses that the directory has not counted (those it has meanwhile are dropped from the list). */
unsigned attempts_uncounted(struct attempts *attempts, struct directory *directory, uint32_t slot, Craton__Role role);
/* A wrong guess whose event, under this request id, may or may not be committed one day. */
void attempts_remember(struct attempts *attempts, uint32_t slot, Craton__Role role, const struct id *request);
void attempts_forget(struct attempts *attempts, uint32_t slot, Craton__Role role);
