/* The client's settings and the commands, as their manual has them. argv: the top of the source tree. */
#include "cli/command.h"
#include "tests/check.h"
#include "tests/support/manual.h"
#include "wire/client_config.h"
#include <stdlib.h>
#include <string.h>

static void every_setting_is_in_the_page(void)
{
	manual_check_page("docs/craton.conf.5", client_config_keys);
}

static void every_setting_and_preset_is_in_the_example(void)
{
	manual_check_example("examples/craton.conf", client_config_keys);
}

static void every_command_and_option_is_in_the_page(void)
{
	char *page = manual_load("docs/craton.1"), line[128];
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
		SAY(every_setting_is_in_the_page),
		SAY(every_setting_and_preset_is_in_the_example),
		SAY(every_command_and_option_is_in_the_page),
	};
	setvbuf(stdout, NULL, _IOLBF, 0);
	manual_begin(argc > 1 ? argv[1] : ".");
	return check_run("cli manual", sentences, sizeof sentences / sizeof *sentences);
}
