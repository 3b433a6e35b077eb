/* Every row against its hash, their sum against the digest. */
#pragma once
#include "store/database.h"
#include "store/rows.h"

/* false: *wrong says in words what does not hold. The state row in *state. */
bool check_rows(struct database *database, const struct row_key *key, struct state_row *state,
                char *wrong, size_t wrong_size);
