/* Every page and index by SQLite's own check, every row against its hash, their sum against the digest, the search rows against the
 * objects. */
#pragma once
#include "store/database.h"
#include "store/rows.h"

/* false: *wrong says in words what does not hold. The state row in *state. `path` is the database's, half of which is read
 * beside; nobody writes it meanwhile. NULL: all is read through `database`, and so is what it has not committed yet. */
bool check_rows(struct database *database, const char *path, const struct row_key *key, struct state_row *state,
                char *wrong, size_t wrong_size);
