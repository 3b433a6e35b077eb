/* What a table of settings says, its man page and its example say too. Inside a CUnit test: each asserts. Files are
 * named from the top of the source tree. */
#pragma once
#include "base/config.h"

/* Where the source tree is; before all others. */
void manual_begin(const char *source_folder);
/* The text of a file; free(). */
char *manual_load(const char *name);
/* Every key as an item of its own in its section of the page, and no other keys. */
void manual_check_page(const char *page, const struct config_key *keys);
/* "Preset: VALUE." in the key's section. */
void manual_check_page_presets(const char *page, const struct config_key *keys);
/* Every key in its section, as a setting or, with its preset, as a comment. */
void manual_check_example(const char *example, const struct config_key *keys);
