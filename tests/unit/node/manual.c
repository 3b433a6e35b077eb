/* The node's settings, as their manual has them. argv: the top of the source tree. */
#include "node/config.h"
#include "tests/check.h"
#include "tests/support/manual.h"
#include <stdlib.h>
#include <string.h>

static void every_setting_is_in_the_page(void)
{
	manual_check_page("docs/cratond.conf.5", node_config_keys);
}

static void every_preset_is_said_in_the_page(void)
{
	manual_check_page_presets("docs/cratond.conf.5", node_config_keys);
}

static void every_setting_and_preset_is_in_the_example(void)
{
	manual_check_example("examples/cratond.conf", node_config_keys);
}

/* But for what a reader has to replace anyway. */
static void the_example_is_in_order(void)
{
	char *example = manual_load("examples/cratond.conf");
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
		SAY(every_setting_is_in_the_page),
		SAY(every_preset_is_said_in_the_page),
		SAY(every_setting_and_preset_is_in_the_example),
		SAY(the_example_is_in_order),
	};
	setvbuf(stdout, NULL, _IOLBF, 0);
	manual_begin(argc > 1 ? argv[1] : ".");
	return check_run("node manual", sentences, sizeof sentences / sizeof *sentences);
}
