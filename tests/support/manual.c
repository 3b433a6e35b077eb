#include "tests/support/manual.h"
#include "base/buf.h"
#include "base/file.h"
#include "tests/check.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *top = ".";

void manual_begin(const char *source_folder)
{
	top = source_folder;
}

char *manual_load(const char *name)
{
	struct buf text;
	char *path = file_path(top, name);
	buf_init(&text, 1 << 20);
	CU_ASSERT_EQUAL_FATAL(file_read(path, &text), ERR_OK);
	buf_add_u8(&text, 0);
	free(path);
	return (char *)text.data;
}

/* The part of a text that is about the key's section: from its mark to the next. */
static char *section_of(const char *text, const char *mark, const char *next_mark, const struct config_key *key)
{
	char begin_mark[64];
	snprintf(begin_mark, sizeof begin_mark, "\n%s[%.*s", mark, (int)strcspn(key->section, " "), key->section);
	const char *begin = strstr(text, begin_mark);
	const char *end = begin ? strstr(begin + 1, next_mark) : NULL;
	return begin ? strndup(begin, end ? (size_t)(end - begin) : strlen(begin)) : strdup("");
}

static void check_there(const struct config_key *key, const char *where, bool is_there)
{
	if (!is_there)
		printf("\n    missing in %s: [%s] %s", where, key->section, key->key);
	CU_ASSERT_TRUE(is_there);
}

static void check_no_others(const char *page, const struct config_key *keys)
{
	for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++) {
		const char *name = at + strlen("\n.It Cm ");
		bool known = false;
		for (const struct config_key *key = keys; key->section; key++)
			known |= strlen(key->key) == strcspn(name, "\n") && strncmp(name, key->key, strlen(key->key)) == 0;
		if (!known)
			printf("\n    no such key: %.*s", (int)strcspn(name, "\n"), name);
		CU_ASSERT_TRUE(known);
	}
}

void manual_check_page(const char *page, const struct config_key *keys)
{
	char *text = manual_load(page), item[64];
	for (const struct config_key *key = keys; key->section; key++) {
		char *section = section_of(text, ".Ss ", "\n.S", key);
		snprintf(item, sizeof item, "\n.It Cm %s\n", key->key);
		check_there(key, page, strstr(section, item) != NULL);
		free(section);
	}
	check_no_others(text, keys);
	free(text);
}

void manual_check_page_presets(const char *page, const struct config_key *keys)
{
	char *text = manual_load(page), preset[64];
	for (const struct config_key *key = keys; key->section; key++) {
		char *section = section_of(text, ".Ss ", "\n.S", key);
		snprintf(preset, sizeof preset, "\nPreset: %s.\n", key->preset ? key->preset : "");
		check_there(key, page, !key->preset || strstr(section, preset));
		free(section);
	}
	free(text);
}

void manual_check_example(const char *example, const struct config_key *keys)
{
	char *text = manual_load(example), plain[64], commented[128];
	for (const struct config_key *key = keys; key->section; key++) {
		char *section = section_of(text, "", "\n[", key);
		snprintf(plain, sizeof plain, "\n%s = ", key->key);
		snprintf(commented, sizeof commented, "\n#%s = %s", key->key, key->preset ? key->preset : "");
		check_there(key, example, strstr(section, plain) || strstr(section, commented));
		free(section);
	}
	free(text);
}
