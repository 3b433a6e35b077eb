/* Settings files (inih), described by a table so that the parser, its messages
 * and a check of the man page share one list. Every mistake is one line with
 * file, line, key and what to write instead. An unknown section or key is a
 * mistake. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_TEXT,     /* char *, allocated */
	CONFIG_PATH,     /* char *, allocated; relative to the file's own folder */
	CONFIG_BOOL,     /* bool: yes | no | true | false */
	CONFIG_NUMBER,   /* int64_t within [min, max] */
	CONFIG_MS,       /* int64_t of milliseconds: 250, 250ms, 2s, 5m; within [min, max] */
	CONFIG_CHOICE,   /* int: index into `choices` */
};

struct config_key {
	const char *section;     /* "node"; "member *" is a section per name: [member a] */
	const char *key;
	enum config_type type;
	size_t offset;           /* of the field in the (section's) struct */
	const char *preset;      /* as it would be written; NULL: none (required if `required`) */
	int64_t min, max;        /* CONFIG_NUMBER and CONFIG_MS */
	const char *const *choices; /* CONFIG_CHOICE, NULL-terminated */
	bool required;
	const char *hint;        /* what to write: "the PKCS#11 module's path, for example /usr/lib/softhsm/libsofthsm2.so" */
};

/* A section that may appear many times, [kind name]. */
struct config_group {
	const char *kind;        /* "member" */
	size_t item_size;        /* each item starts with `char *name` */
	size_t offset_items;     /* of a `void *` (array of items) in the struct */
	size_t offset_count;     /* of a size_t */
	size_t count_min, count_max;
};

/* Reads `path` into `out` (zeroed by the caller): presets first, then the file.
 * `keys` ends with a key whose section is NULL; `groups` with a NULL kind, or is NULL.
 * Memory belongs to config_release; after an error there is none. Empty values are mistakes. */
enum err config_load(const char *path, const struct config_key *keys,
                     const struct config_group *groups, void *out,
                     struct complaint *complaint);
/* The same from memory; `name` stands for the file in messages. For tests and the fuzzer. */
enum err config_parse(const char *name, const char *text, size_t size,
                      const struct config_key *keys, const struct config_group *groups,
                      void *out, struct complaint *complaint);
void config_release(const struct config_key *keys, const struct config_group *groups, void *out);
