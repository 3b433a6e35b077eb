/* The commands of `craton` and their options, as tables: the help text, the parser and a
 * check of the man page share them. */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* What a command line may say; each command takes only those it lists. */
struct options {
	const char *allow;       /* --allow WHO[,WHO...] */
	const char *conf;        /* --conf FILE, -c FILE */
	const char *dir;         /* --dir DIR */
	const char *label;       /* --label TEXT */
	const char *module;      /* --module FILE */
	const char *nodes;       /* --nodes N */
	const char *pin_file;    /* --pin-file FILE */
	const char *so_pin_file; /* --so-pin-file FILE */
	const char *transport;   /* --transport unix|tls */
	bool json;               /* --json */
	bool yes;                /* --yes */
	bool help;               /* --help */
	const char *operand;     /* NODE, SLOT or NAME; NULL if there was none */
	const char *value;       /* the second operand: VALUE or DUTY */
};

struct option {
	const char *name;        /* without the dashes */
	const char *value;       /* how help calls its value; NULL: a flag */
	size_t offset;           /* in struct options, of a const char * or bool */
	const char *summary;
};
extern const struct option command_options[]; /* ends with a NULL name */

enum { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 }; /* exit statuses */

struct command {
	const char *name;        /* one or two words: "status", "slot create" */
	const char *operand;     /* "NODE", "[NODE]", "SLOT", "NAME VALUE" … or NULL */
	const char *takes;       /* names of its options with a blank between, besides help */
	const char *summary;     /* one line */
	const char *help;        /* what else --help says */
	bool hidden;             /* not for people */
	int (*run)(const struct options *options);
};
extern const struct command commands[]; /* ends with a NULL name */

int command_main(int argc, char **argv);
bool command_takes(const struct command *command, const char *option);

/* For a command that has failed: one line on stderr; COMMAND_FAILED. */
int command_failed(const struct complaint *complaint);

int status_run(const struct options *options);
int slot_create_run(const struct options *options);
int slot_list_run(const struct options *options);
int slot_access_run(const struct options *options);
int slot_remove_run(const struct options *options);
int snapshot_run(const struct options *options);
int transfer_run(const struct options *options);
int cluster_show_run(const struct options *options);
int cluster_set_run(const struct options *options);
int member_set_run(const struct options *options);
int dev_start_run(const struct options *options);
int dev_status_run(const struct options *options);
int dev_stop_run(const struct options *options);
int dev_kill_run(const struct options *options);
int dev_client_run(const struct options *options);
int dev_destroy_run(const struct options *options);
int dev_supervise_run(const struct options *options);
