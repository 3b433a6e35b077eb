/* What the tables say, the man pages and the example say too. argv: the top of the source tree. */
#include "base/buf.h"
#include "base/file.h"
#include "cli/command.h"
#include "tests/check.h"
#include "wire/client_config.h"
#include <stdbool.h>
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

/* ".It Cm key" as a whole line, below its section's ".Ss [section...". */
static bool page_has_key(const char *page, const struct config_key *key)
{
	char section[64], item[64];
	snprintf(section, sizeof section, "\n.Ss [%.*s", (int)strcspn(key->section, " "), key->section);
	snprintf(item, sizeof item, "\n.It Cm %s\n", key->key);
	const char *begin = strstr(page, section);
	const char *end = begin ? strstr(begin + 1, "\n.S") : NULL;
	const char *found = begin ? strstr(begin, item) : NULL;
	return found && (!end || found < end);
}

static bool example_has_key(const char *example, const struct config_key *key)
{
	char plain[64], commented[64];
	snprintf(plain, sizeof plain, "\n%s = ", key->key);
	snprintf(commented, sizeof commented, "\n#%s = ", key->key);
	return strstr(example, plain) || strstr(example, commented);
}

static void every_key_is_in_the_page_and_the_example(void)
{
	char *page = load("docs/craton.conf.5"), *example = load("examples/craton.conf");
	for (const struct config_key *key = client_config_keys; key->section; key++) {
		if (!page_has_key(page, key) || !example_has_key(example, key))
			printf("\n    missing: [%s] %s", key->section, key->key);
		CU_ASSERT_TRUE(page_has_key(page, key));
		CU_ASSERT_TRUE(example_has_key(example, key));
	}
	free(page);
	free(example);
}

static void every_preset_is_in_the_example(void)
{
	char *example = load("examples/craton.conf"), line[128];
	for (const struct config_key *key = client_config_keys; key->section; key++) {
		snprintf(line, sizeof line, "\n#%s = %s\n", key->key, key->preset ? key->preset : "");
		if (key->preset && !strstr(example, line))
			printf("\n    not there: %s", line + 1);
		CU_ASSERT_TRUE(!key->preset || strstr(example, line) != NULL);
	}
	free(example);
}

/* ".It key" for no key: the page must not promise more than there is. */
static void the_page_has_no_other_keys(void)
{
	char *page = load("docs/craton.conf.5");
	for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++) {
		const char *name = at + strlen("\n.It Cm ");
		bool known = false;
		for (const struct config_key *key = client_config_keys; key->section; key++)
			known |= strlen(key->key) == strcspn(name, "\n") && strncmp(name, key->key, strlen(key->key)) == 0;
		CU_ASSERT_TRUE(known);
	}
	free(page);
}

static void every_command_and_option_is_in_the_page(void)
{
	char *page = load("docs/craton.1"), line[128];
	for (const struct command *command = commands; command->name; command++) {
		snprintf(line, sizeof line, "\n.It Cm %s ", command->name);
		CU_ASSERT_TRUE(command->hidden || strstr(page, line) != NULL);
	}
	for (const struct option *option = command_options; option->name; option++) {
		snprintf(line, sizeof line, "\n.It Fl Fl %s", option->name);
		CU_ASSERT_TRUE(strstr(page, line) != NULL);
	}
	free(page);
}

int main(int argc, char **argv)
{
	static const struct sentence sentences[] = {
		SAY(every_key_is_in_the_page_and_the_example),
		SAY(every_preset_is_in_the_example),
		SAY(the_page_has_no_other_keys),
		SAY(every_command_and_option_is_in_the_page),
	};
	setvbuf(stdout, NULL, _IOLBF, 0);
	source_folder = argc > 1 ? argv[1] : ".";
	return check_run("cli manual", sentences, sizeof sentences / sizeof *sentences);
}
