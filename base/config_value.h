/* One setting's value: from the text an operator wrote to a field of a struct. */
#pragma once
#include "base/config.h"

/* Sets the key's field in the struct at `base`, in place of what a preset put there. NULL, or what is
 * wrong with the text: "not a time". */
const char *config_value_set(const struct config_key *key, const char *text, const char *folder, uint8_t *base);
/* What config_value_set returns when memory is out. */
extern const char config_value_no_memory[];
void config_value_release(const struct config_key *key, uint8_t *base);
/* Of `best` (at distance *distance) and `candidate`: which one is closer to what was written? */
const char *config_nearer(const char *written, const char *candidate, const char *best, size_t *distance);
