/* The nodes' tokens, made through the PKCS#11 module itself with pkcs11-tool, so that any
 * module will do. PINs travel in the environment, never on a command line. */
#include "base/file.h"
#include "base/secret.h"
#include "cli/dev.h"
#include "cli/spawn.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIN_SIZE_MAX 255
#define LIST_SIZE_MAX (1u << 20)

struct token_task {
	const struct dev *dev;
	const struct dev_node *node;
	char log[DEV_PATH_MAX + 64];
	char so_pin[PIN_SIZE_MAX + 32], pin[PIN_SIZE_MAX + 32]; /* "NAME=value" */
	char environment[DEV_PATH_MAX + 128];
	const char *pairs[4];
};

static enum err load_pin(const char *path, const char *name, char *pair, size_t size, struct complaint *complaint)
{
	struct secret *secret = NULL;
	enum err err = secret_load(path, NULL, NULL, 1, PIN_SIZE_MAX, &secret, complaint);
	if (err == ERR_OK)
		snprintf(pair, size, "%s=%.*s", name, (int)secret->size, (const char *)secret->data);
	secret_destroy(secret);
	return err;
}

static enum err task_begin(struct token_task *task, const struct dev *dev, const struct dev_node *node,
                           struct complaint *complaint)
{
	const char *environment = dev_node_environment(dev, node);
	*task = (struct token_task){ .dev = dev, .node = node };
	snprintf(task->log, sizeof task->log, "%s", dev_path(dev, node, "token.log"));
	enum err err = load_pin(dev_path(dev, node, "token.so-pin"), "CRATON_TOKEN_SO_PIN", task->so_pin,
	                        sizeof task->so_pin, complaint);
	if (err == ERR_OK)
		err = load_pin(dev_path(dev, node, "token.pin"), "CRATON_TOKEN_PIN", task->pin, sizeof task->pin, complaint);
	task->pairs[0] = task->so_pin;
	task->pairs[1] = task->pin;
	if (environment) {
		snprintf(task->environment, sizeof task->environment, "%s", environment);
		task->pairs[2] = task->environment;
	}
	return err;
}

static void task_end(struct token_task *task)
{
	secret_wipe(task, sizeof *task);
}

static enum err run_tool(const struct token_task *task, const char *const *argv, int out, struct complaint *complaint)
{
	struct spawn spawn = { .argv = argv, .environment = task->pairs, .in = -1, .out = out, .log = task->log };
	char what[64];
	snprintf(what, sizeof what, "the token of node %s", task->node->name);
	return spawn_run(&spawn, what, complaint);
}

/* "Slot 1 (0x1): ..." then "  token state:   uninitialized": the index of the first such slot. */
static bool find_empty(const char *list, char index[16])
{
	const char *empty = strstr(list, "uninitialized");
	const char *slot = NULL;
	for (const char *at = list; empty && (at = strstr(at, "\nSlot ")) && at < empty; at++)
		slot = at;
	if (!slot)
		return false;
	snprintf(index, 16, "%d", atoi(slot + strlen("\nSlot ")));
	return true;
}

static enum err find_slot(const struct token_task *task, char index[16], struct complaint *complaint)
{
	const char *argv[] = { "pkcs11-tool", "--module", task->dev->module, "--list-slots", NULL };
	struct buf list;
	FILE *out = tmpfile();
	enum err err = out ? run_tool(task, argv, fileno(out), complaint) : ERR_IO;
	buf_init(&list, LIST_SIZE_MAX);
	if (err == ERR_OK) {
		off_t size = lseek(fileno(out), 0, SEEK_END);
		uint8_t *room = size > 0 ? buf_extend(&list, (size_t)size) : NULL;
		if (!room || pread(fileno(out), room, (size_t)size, 0) != size)
			err = complain(complaint, ERR_IO, "pkcs11-tool listed no slots of %s", task->dev->module);
	}
	buf_add_u8(&list, 0);
	if (err == ERR_OK && !find_empty((const char *)list.data, index))
		err = complain(complaint, ERR_NOT_FOUND, "%s has no uninitialised token for node %s", task->dev->module,
		               task->node->name);
	buf_finish(&list);
	if (out)
		fclose(out);
	return err;
}

static enum err make_token(const struct token_task *task, struct complaint *complaint)
{
	char index[16], label[64];
	snprintf(label, sizeof label, "craton-%s", task->node->name);
	const char *init_token[] = { "pkcs11-tool", "--module", task->dev->module, "--init-token", "--slot-index", index,
	                             "--label", label, "--so-pin", "env:CRATON_TOKEN_SO_PIN", NULL };
	const char *init_pin[] = { "pkcs11-tool", "--module", task->dev->module, "--token-label", label, "--login",
	                           "--login-type", "so", "--so-pin", "env:CRATON_TOKEN_SO_PIN", "--init-pin",
	                           "--new-pin", "env:CRATON_TOKEN_PIN", NULL };
	enum err err = find_slot(task, index, complaint);
	if (err == ERR_OK)
		err = run_tool(task, init_token, -1, complaint);
	return err == ERR_OK ? run_tool(task, init_pin, -1, complaint) : err;
}

/* One after the other: with a module whose tokens share a place, two could choose the same slot. */
enum err dev_make_tokens(const struct dev *dev, struct complaint *complaint)
{
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < dev->node_count; i++) {
		struct token_task task;
		err = task_begin(&task, dev, &dev->nodes[i], complaint);
		if (err == ERR_OK)
			err = make_token(&task, complaint);
		task_end(&task);
	}
	return err;
}
