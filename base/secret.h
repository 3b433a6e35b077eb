/* Bytes that nobody else may see: in locked pages left out of core dumps, wiped
 * when destroyed. A secret has no printer. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret {
	uint8_t *data;
	size_t size; /* bytes */
};

/* A copy of `data` (or zeros if NULL); NULL if there is no memory. */
struct secret *secret_create(const void *data, size_t size);
void secret_destroy(struct secret *secret); /* accepts NULL */
/* Takes time that depends on the sizes alone. */
bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size);
void secret_wipe(void *data, size_t size);

/* A secret an operator keeps for us, looked for in this order: the file (must be
 * a regular file of ours or root's, mode 0600 or stricter), the environment
 * variable, the file of that name in $CREDENTIALS_DIRECTORY. Any of the names
 * may be NULL. One trailing newline is not part of it. size_max is in bytes.
 * ERR_CONFIG with a complaint that says what to do: also where `file` is named but is
 * not there. ERR_NOT_FOUND (with a complaint) if `file` is NULL and the others hold nothing. */
enum err secret_load(const char *file, const char *variable, const char *credential,
                     size_t size_min, size_t size_max, struct secret **out,
                     struct complaint *complaint);
