/* The directory's file: how it is made, and how one is judged before a word of it is believed. */
#pragma once
#include "store/database.h"
#include "store/rows.h"

/* Makes an empty directory at `path`, whole or not at all. */
enum err schema_create(const char *path, const struct row_key *key, struct complaint *complaint);
bool schema_is_intact(struct database *database); /* SQLite's own check */
/* Reads all of it: SQLite's own check, every row's hash, their sum, the seal of the state, and that what objects are
 * found by is what they say. ERR_DAMAGED with what is wrong; `advice` ends the line. */
enum err schema_check(struct database *database, const char *path, const struct row_key *key,
                      const char *advice, struct state_row *state, struct complaint *complaint);
