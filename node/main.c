/* cratond: one node of a Craton cluster. docs/cratond.8 */
#include "base/log.h"
#include "node/config.h"
#include "node/daemon.h"
#include "node/domain_command.h"
#include "node/restart.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
	"usage: cratond -c FILE                      run a node\n"
	"       cratond -c FILE --check              judge the settings and end\n"
	"       cratond -c FILE domain create        make the domain's keys in this node's token (once, on the first)\n"
	"       cratond -c FILE domain enroll        take the domain's keys into this node's token\n"
	"       cratond -c FILE domain admit         give them to a token that asks to be enrolled\n"
	"       cratond -c FILE domain show          say which domain this node's token is in\n"
	"       cratond --version | --help\n"
	"\n"
	"create, enroll and admit need the token's SO PIN: --so-pin-file FILE, CRATON_SO_PIN, or the credential so-pin.\n";

enum { OPTION_CHECK = 256, OPTION_SO_PIN_FILE, OPTION_VERSION, OPTION_HELP };

struct arguments {
	const char *config_file, *so_pin_file;
	bool check, done;
	char **words;
	int word_count;
};

static bool parse(int argc, char **argv, struct arguments *out)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, OPTION_CHECK },
		{ "so-pin-file", required_argument, NULL, OPTION_SO_PIN_FILE },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ NULL, 0, NULL, 0 },
	};
	for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		switch (option) {
		case 'c':
			out->config_file = optarg;
			break;
		case OPTION_CHECK:
			out->check = true;
			break;
		case OPTION_SO_PIN_FILE:
			out->so_pin_file = optarg;
			break;
		case OPTION_VERSION:
			printf("cratond %s\n", CRATON_VERSION);
			out->done = true;
			return true;
		case OPTION_HELP:
		case 'h':
			fputs(usage, stdout);
			out->done = true;
			return true;
		default:
			return false;
		}
	}
	out->words = argv + optind;
	out->word_count = argc - optind;
	return out->config_file;
}

static int run(const struct arguments *arguments, const struct node_config *config)
{
	if (arguments->word_count == 2 && strcmp(arguments->words[0], "domain") == 0)
		return domain_command(config, arguments->words[1], arguments->so_pin_file);
	if (arguments->word_count > 0) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (!arguments->check)
		return daemon_run(config);
	printf("%s: settings are in order\n", arguments->config_file);
	return EX_OK;
}

/* Before there are threads, and before the module that looks there is loaded. */
static bool set_environment(const struct node_config *config)
{
	for (size_t i = 0; i < config->variable_count; i++)
		if (setenv(config->variables[i].name, config->variables[i].value, 1) != 0)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .check = false };
	struct node_config config;
	struct complaint complaint = { "" };
	restart_prepare(argv);
	if (!parse(argc, argv, &arguments)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (arguments.done)
		return EX_OK;
	log_to_stderr(LOG_WARN_LINE);
	enum err err = node_config_load(arguments.config_file, &config, &complaint);
	if (err != ERR_OK) {
		fprintf(stderr, "cratond: %s\n", *complaint.text ? complaint.text : err_name(err));
		return exit_status(err);
	}
	int status = set_environment(&config) ? run(&arguments, &config) : exit_status(ERR_NO_MEMORY);
	node_config_release(&config);
	return status;
}
