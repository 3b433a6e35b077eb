/* What the table of settings says, the man page and the example say too. argv: the top of the source tree. */
#include "base/file.h"
#include "node/config.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>

static const char *source_folder;

static char *load(const char *name)
{
	struct buf text;
	char *path = file_path(source_folder, name);
	buf_init(&text, 1 << 20);
	CU_ASSERT_EQUAL_FATAL(file_read(path, &text), ERR_OK);
	buf_add_u8(&text, 0);
	free(path);
	return (char *)text.data;
}

/* The part of a text that is about the key's section. */
static char *section_of(const char *text, const char *mark, const char *next_mark, const struct config_key *key)
{
	char begin_mark[64];
	snprintf(begin_mark, sizeof begin_mark, "\n%s[%.*s", mark, (int)strcspn(key->section, " "), key->section);
	const char *begin = strstr(text, begin_mark);
	const char *end = begin ? strstr(begin + 1, next_mark) : NULL;
	return begin ? strndup(begin, end ? (size_t)(end - begin) : strlen(begin)) : strdup("");
}

static void every_key_is_in_its_section_of_the_page(void)
{
	char *page = load("docs/cratond.conf.5"), item[64];
	for (const struct config_key *key = node_config_keys; key->section; key++) {
		char *section = section_of(page, ".Ss ", "\n.S", key);
		snprintf(item, sizeof item, "\n.It Cm %s\n", key->key);
		if (!strstr(section, item))
			printf("\n    missing: [%s] %s", key->section, key->key);
		CU_ASSERT_PTR_NOT_NULL(strstr(section, item));
		free(section);
	}
	free(page);
}

static void every_preset_is_said_in_the_page(void)
{
	char *page = load("docs/cratond.conf.5"), preset[64];
	for (const struct config_key *key = node_config_keys; key->section; key++) {
		char *section = section_of(page, ".Ss ", "\n.S", key);
		snprintf(preset, sizeof preset, "\nPreset: %s.\n", key->preset ? key->preset : "");
		CU_ASSERT_TRUE(!key->preset || strstr(section, preset) != NULL);
		free(section);
	}
	free(page);
}

static void every_key_and_preset_is_in_its_section_of_the_example(void)
{
	char *example = load("examples/cratond.conf"), plain[64], commented[64];
	for (const struct config_key *key = node_config_keys; key->section; key++) {
		char *section = section_of(example, "", "\n[", key);
		snprintf(plain, sizeof plain, "\n%s = ", key->key);
		snprintf(commented, sizeof commented, "\n#%s = %s", key->key, key->preset ? key->preset : "");
		if (!strstr(section, plain) && !strstr(section, commented))
			printf("\n    missing: [%s] %s", key->section, key->key);
		CU_ASSERT_TRUE(strstr(section, plain) || strstr(section, commented));
		free(section);
	}
	free(example);
}

static void the_page_has_no_other_keys(void)
{
	char *page = load("docs/cratond.conf.5");
	for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++) {
		const char *name = at + strlen("\n.It Cm ");
		bool known = false;
		for (const struct config_key *key = node_config_keys; key->section; key++)
			known |= strlen(key->key) == strcspn(name, "\n") && strncmp(name, key->key, strlen(key->key)) == 0;
		CU_ASSERT_TRUE(known);
	}
	free(page);
}

/* But for what a reader has to replace anyway. */
static void the_example_is_in_order(void)
{
	char *example = load("examples/cratond.conf");
	struct complaint complaint = { "" };
	struct node_config config;
	enum err err = node_config_parse("example", example, strlen(example), &config, &complaint);
	if (err != ERR_OK)
		printf("\n    %s", complaint.text);
	CU_ASSERT_EQUAL_FATAL(err, ERR_OK);
	CU_ASSERT_EQUAL(config.founder_count, 3);
	CU_ASSERT_STRING_EQUAL(config.unix_path, "/run/craton/a/socket");
	CU_ASSERT_EQUAL(config.unix_mode, 0660);
	CU_ASSERT_EQUAL(config.election_ms, 1000);
	node_config_release(&config);
	free(example);
}

int main(int argc, char **argv)
{
	static const struct sentence sentences[] = {
		SAY(every_key_is_in_its_section_of_the_page),
		SAY(every_preset_is_said_in_the_page),
		SAY(every_key_and_preset_is_in_its_section_of_the_example),
		SAY(the_page_has_no_other_keys),
		SAY(the_example_is_in_order),
	};
	setvbuf(stdout, NULL, _IOLBF, 0);
	source_folder = argc > 1 ? argv[1] : ".";
	return check_run("node manual", sentences, sizeof sentences / sizeof *sentences);
}
