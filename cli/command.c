/* From a command line to a command. */
#include "cli/command.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#ifndef CRATON_VERSION
#define CRATON_VERSION "unknown"
#endif

bool command_takes(const struct command *command, const char *option)
{
	size_t size = strlen(option);
	if (strcmp(option, "help") == 0)
		return true;
	for (const char *at = command->takes; at; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strncmp(at, option, size) == 0 && (at[size] == ' ' || at[size] == '\0'))
			return true;
	}
	return false;
}

int command_failed(const struct complaint *complaint)
{
	fprintf(stderr, "craton: %s\n", complaint->text);
	return COMMAND_FAILED;
}

static void print_overview(FILE *out, const char *first_word)
{
	fprintf(out, "usage: craton COMMAND [OPTION]...\n\n");
	for (const struct command *command = commands; command->name; command++) {
		char usage[64];
		if (command->hidden || strncmp(command->name, first_word, strlen(first_word)) != 0)
			continue;
		snprintf(usage, sizeof usage, "%s%s%s", command->name, command->operand ? " " : "",
		         command->operand ? command->operand : "");
		fprintf(out, "  %-22s %s\n", usage, command->summary);
	}
	fprintf(out, "\n`craton COMMAND --help` tells more; so does craton(1).\n");
}

static void print_help(const struct command *command)
{
	printf("usage: craton %s%s%s [OPTION]...\n\n%s\n", command->name, command->operand ? " " : "",
	       command->operand ? command->operand : "", command->summary);
	if (command->help)
		printf("\n%s\n", command->help);
	printf("\n");
	for (const struct option *option = command_options; option->name; option++) {
		char usage[64];
		if (!command_takes(command, option->name))
			continue;
		snprintf(usage, sizeof usage, "--%s%s%s", option->name, option->value ? " " : "",
		         option->value ? option->value : "");
		printf("  %-24s %s\n", usage, option->summary);
	}
}

/* How many words of the line name the command; 0 if they do not name this one. */
static int words_matched(const struct command *command, int argc, char **argv)
{
	const char *rest = command->name;
	int words = 0;
	while (rest) {
		size_t size = strcspn(rest, " ");
		if (words >= argc || strlen(argv[words]) != size || strncmp(argv[words], rest, size) != 0)
			return 0;
		words++;
		rest = rest[size] ? rest + size + 1 : NULL;
	}
	return words;
}

static const struct command *command_find(int argc, char **argv, int *words)
{
	for (const struct command *command = commands; command->name; command++)
		if ((*words = words_matched(command, argc, argv)))
			return command;
	return NULL;
}

static int usage_error(const struct command *command, const char *text, const char *what)
{
	fprintf(stderr, "craton: %s: %s %s; see `craton %s --help`\n", command->name, text, what, command->name);
	return COMMAND_USAGE;
}

static const struct option *option_find(const struct command *command, const char *name, size_t size)
{
	for (const struct option *option = command_options; option->name; option++)
		if (strlen(option->name) == size && memcmp(option->name, name, size) == 0 &&
		    command_takes(command, option->name))
			return option;
	return NULL;
}

/* One --name, --name=value or --name value; how many words it was, 0 if it was wrong. */
static int take_option(const struct command *command, struct options *options, int argc, char **argv)
{
	const char *name = argv[0] + 2;
	size_t size = strcspn(name, "=");
	const struct option *option = option_find(command, name, size);
	if (!option)
		return usage_error(command, "no such option:", argv[0]), 0;
	void *field = (char *)options + option->offset;
	if (!option->value) {
		*(bool *)field = true;
		return name[size] == '=' ? (usage_error(command, "takes no value:", argv[0]), 0) : 1;
	}
	if (name[size] == '=') {
		*(const char **)field = name + size + 1;
		return 1;
	}
	if (argc < 2)
		return usage_error(command, "needs a value:", argv[0]), 0;
	*(const char **)field = argv[1];
	return 2;
}

static int take_conf(struct options *options, const char *file)
{
	options->conf = file;
	return 2;
}

static bool takes_value(const struct command *command)
{
	return command->operand && strchr(command->operand, ' ');
}

static int take_words(const struct command *command, struct options *options, int argc, char **argv)
{
	for (int at = 0, words; at < argc; at += words) {
		words = 1;
		if (strcmp(argv[at], "-h") == 0)
			options->help = true;
		else if (strcmp(argv[at], "-c") == 0 && command_takes(command, "conf") && at + 1 < argc)
			words = take_conf(options, argv[at + 1]);
		else if (strncmp(argv[at], "--", 2) == 0)
			words = take_option(command, options, argc - at, argv + at);
		else if (command->operand && !options->operand)
			options->operand = argv[at];
		else if (takes_value(command) && !options->value)
			options->value = argv[at];
		else
			return usage_error(command, "one word too many:", argv[at]);
		if (!words)
			return COMMAND_USAGE;
	}
	bool lacks = command->operand && command->operand[0] != '[' && !options->operand;
	if (!options->help && (lacks || (takes_value(command) && !options->value)))
		return usage_error(command, "needs a", command->operand);
	return COMMAND_OK;
}

static int no_such_command(int argc, char **argv)
{
	for (const struct command *command = commands; command->name; command++) {
		size_t size = strcspn(command->name, " ");
		if (argc >= 1 && command->name[size] && strlen(argv[0]) == size &&
		    strncmp(argv[0], command->name, size) == 0) {
			bool asked = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
			print_overview(asked ? stdout : stderr, argv[0]);
			return asked ? COMMAND_OK : COMMAND_USAGE;
		}
	}
	if (argc >= 1)
		fprintf(stderr, "craton: no such command: %s\n", argv[0]);
	print_overview(stderr, "");
	return COMMAND_USAGE;
}

int command_main(int argc, char **argv)
{
	struct options options = { 0 };
	int words;
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 3 && strcmp(argv[1], "-c") == 0) { /* craton -c FILE COMMAND reads as well */
		options.conf = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
		print_overview(stdout, "");
		return COMMAND_OK;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("craton %s\n", CRATON_VERSION);
		return COMMAND_OK;
	}
	const struct command *command = command_find(argc - 1, argv + 1, &words);
	if (!command)
		return no_such_command(argc - 1, argv + 1);
	int status = take_words(command, &options, argc - 1 - words, argv + 1 + words);
	if (status != COMMAND_OK)
		return status;
	if (options.help) {
		print_help(command);
		return COMMAND_OK;
	}
	if (options.conf && !command_takes(command, "conf"))
		return usage_error(command, "no such option:", "-c");
	return command->run(&options);
}
