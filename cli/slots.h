/* Virtual slots, for `craton slot` and `craton dev start`. */
#pragma once
#include "cli/ask.h"

#define WHO_MAX 64 /* names in a slot's list */

/* "client:a,user:b" as a list: its texts are within `copy`, which the caller frees. "everyone" is the empty list. What a name
 * may be the nodes judge. ERR_CONFIG. */
struct who {
	char *copy;
	char *names[WHO_MAX];
	size_t count;
};
enum err who_parse(const char *text, struct who *who, struct complaint *complaint);

/* Who may see the slot, as --allow takes it; that there are more than fit shows. */
void who_print(const Craton__SlotInfo *slot, char *text, size_t size);

/* A slot that does not exist yet. */
struct new_slot {
	const char *label;
	const struct secret *so_pin, *pin; /* pin may be NULL */
	struct who who;
};
/* Once, whichever member is asked and however often. */
enum err slot_create(const struct asker *asker, const struct new_slot *slot, Craton__Reply **out, struct complaint *complaint);

/* All slots, the caller's. */
enum err slots_ask(const struct asker *asker, Craton__Reply **out, struct complaint *complaint);
/* The one with this id (all digits) or label. ERR_NOT_FOUND with a line, also where several have the label. */
const Craton__SlotInfo *slot_named(const Craton__SlotListReply *list, const char *name, struct complaint *complaint);
