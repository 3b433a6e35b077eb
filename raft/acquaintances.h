/* The incarnations of the nodes this one has met, by id, kept on disk. A folder gets a random incarnation when it is
 * made; so a node whose folder was deleted and made anew is told from the one it was, and isn't believed: it has
 * forgotten what it voted for and what it promised to keep. */
#pragma once
#include "base/err.h"
#include "base/id.h"
#include "base/secret.h"
#include <stdbool.h>
#include <stdint.h>

struct acquaintances;

/* From `folder`/acquaintances; none if there is no such file. ERR_DAMAGED, ERR_IO, ERR_NO_MEMORY with a complaint. */
enum err acquaintances_open(const char *folder, const struct secret *secret, struct acquaintances **out,
                            struct complaint *complaint);
void acquaintances_close(struct acquaintances *acquaintances); /* accepts NULL */
/* Is this who it was? Somebody new is written down, durably. From any thread. */
bool acquaintances_meet(struct acquaintances *acquaintances, uint64_t id, const struct id *incarnation);
