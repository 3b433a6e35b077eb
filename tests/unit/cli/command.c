/* A command line is understood, or refused with a reason. */
#include "cli/command.h"
#include "tests/check.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define RUN(...) run((char *[]){ "craton", __VA_ARGS__, NULL })

/* What it says is of no interest here. */
static int run(char **argv)
{
	int argc = 0;
	while (argv[argc])
		argc++;
	fflush(stdout);
	int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY);
	dup2(null, 1);
	dup2(null, 2);
	int status = command_main(argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(null);
	return status;
}

static void help_is_an_answer(void)
{
	CU_ASSERT_EQUAL(RUN("--help"), COMMAND_OK);
	CU_ASSERT_EQUAL(RUN("--version"), COMMAND_OK);
	CU_ASSERT_EQUAL(RUN("dev", "--help"), COMMAND_OK);
	for (const struct command *command = commands; command->name; command++) {
		char words[64], *second;
		strcpy(words, command->name);
		if ((second = strchr(words, ' ')))
			*second++ = '\0';
		CU_ASSERT_EQUAL(second ? RUN(words, second, "--help") : RUN(words, "--help"), COMMAND_OK);
	}
}

static void what_makes_no_sense_is_refused(void)
{
	CU_ASSERT_EQUAL(run((char *[]){ "craton", NULL }), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("nonsense"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("dev"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("dev", "nonsense"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("status", "--nodes", "3"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("status", "word"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("status", "--conf"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("status", "--json=yes"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("transfer"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("slot", "access"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("slot", "remove"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("slot", "remove", "1", "--allow", "everyone"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("dev", "kill", "a", "b"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("cluster", "set", "minority"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("cluster", "set", "minority", "refuse", "now"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("member", "set", "a"), COMMAND_USAGE);
	CU_ASSERT_EQUAL(RUN("member", "set", "a", "idle"), COMMAND_FAILED);
	CU_ASSERT_EQUAL(RUN("-c", "/nowhere", "dev", "status"), COMMAND_USAGE);
}

static void a_cluster_that_is_not_there_is_not_touched(void)
{
	CU_ASSERT_EQUAL(RUN("dev", "status", "--dir", "/nonexistent/craton"), COMMAND_FAILED);
	CU_ASSERT_EQUAL(RUN("dev", "destroy", "--dir=/usr"), COMMAND_FAILED);
	CU_ASSERT_EQUAL(access("/usr/bin", F_OK), 0);
}

static void every_option_that_a_command_takes_exists(void)
{
	for (const struct command *command = commands; command->name; command++) {
		size_t taken = 0, words = 0;
		for (const struct option *option = command_options; option->name; option++)
			taken += strcmp(option->name, "help") != 0 && command_takes(command, option->name);
		for (const char *at = command->takes; at; at = strchr(at + 1, ' '))
			words++;
		CU_ASSERT_EQUAL(taken, words);
	}
}

TESTS("cli command",
      SAY(help_is_an_answer),
      SAY(what_makes_no_sense_is_refused),
      SAY(a_cluster_that_is_not_there_is_not_touched),
      SAY(every_option_that_a_command_takes_exists))
