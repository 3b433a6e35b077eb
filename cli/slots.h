/* Making a virtual slot, for `craton slot create` and `craton dev start`. */
#pragma once
#include "cli/ask.h"

/* Once, whichever member is asked and however often: `request_id` names the deed. */
enum err slot_create(const struct asker *asker, const char *label, const struct secret *so_pin,
                     const struct secret *pin, Craton__Reply **out, struct complaint *complaint);
