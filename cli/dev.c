/* craton dev start | kill | stop | destroy. */
#include "cli/dev.h"
#include "base/file.h"
#include "cli/dev_run.h"
#include "cli/slots.h"
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_LABEL "craton"
#define PIN_SIZE_MAX 255

/* A cluster that is there, and a command's hold on it: two must not make, start, stop or
 * destroy it at once. */
struct held {
	struct dev dev;
	int fd;
};

static void held_let_go(struct held *held)
{
	if (held->fd >= 0)
		close(held->fd);
	held->fd = -1;
}

static enum err held_open(const struct options *options, struct held *held, struct complaint *complaint)
{
	char dir[DEV_PATH_MAX];
	*held = (struct held){ .fd = -1 };
	enum err err = dev_folder(options, dir, complaint);
	if (err == ERR_OK)
		err = dev_hold(dir, &held->fd, complaint);
	return err == ERR_OK ? dev_load(dir, &held->dev, complaint) : err;
}

static int held_close(struct held *held, enum err err, const struct complaint *complaint)
{
	dev_release(&held->dev);
	held_let_go(held);
	return err == ERR_OK ? COMMAND_OK : command_failed(complaint);
}

static enum err make_slot(const struct dev *dev, struct complaint *complaint)
{
	struct secret *so_pin = NULL, *pin = NULL;
	Craton__Reply *reply = NULL;
	struct asker asker;
	enum err err = asker_open(dev_path(dev, NULL, "admin.conf"), &asker, complaint);
	if (err != ERR_OK)
		return err;
	err = secret_load(dev_path(dev, NULL, "slot.so-pin"), NULL, NULL, 1, PIN_SIZE_MAX, &so_pin, complaint);
	if (err == ERR_OK)
		err = secret_load(dev_path(dev, NULL, "slot.pin"), NULL, NULL, 1, PIN_SIZE_MAX, &pin, complaint);
	if (err == ERR_OK)
		err = slot_create(&asker, &(struct new_slot){ .label = SLOT_LABEL, .so_pin = so_pin, .pin = pin }, &reply, complaint);
	if (reply)
		craton__reply__free_unpacked(reply, NULL);
	secret_destroy(pin);
	secret_destroy(so_pin);
	asker_close(&asker);
	return err;
}

/* From nothing to a running cluster with a slot. A half-made one keeps made = no. */
static enum err make(struct dev *dev, const struct dev_programs *programs, struct complaint *complaint)
{
	enum err err = dev_save(dev, complaint);
	if (err == ERR_OK)
		err = dev_make_folders(dev, complaint);
	if (err == ERR_OK)
		err = dev_make_certificates(dev, complaint);
	if (err == ERR_OK)
		err = dev_make_secrets(dev, complaint);
	if (err == ERR_OK)
		err = dev_make_configuration(dev, programs, complaint);
	if (err == ERR_OK)
		err = dev_make_tokens(dev, complaint);
	if (err == ERR_OK)
		err = dev_make_domain(dev, programs, complaint);
	if (err == ERR_OK)
		err = dev_launch(dev, programs, complaint);
	if (err == ERR_OK)
		err = dev_wait(dev, NULL, complaint);
	if (err == ERR_OK)
		err = make_slot(dev, complaint);
	dev->is_made = err == ERR_OK;
	return err == ERR_OK ? dev_save(dev, complaint) : err;
}

static bool folder_is_empty(const char *dir)
{
	return rmdir(dir) == 0 && mkdir(dir, 0700) == 0;
}

static enum err make_new(const struct options *options, const char *dir, struct held *held,
                         const struct dev_programs *programs, struct complaint *complaint)
{
	enum err err = ERR_OK;
	if (access(dir, F_OK) == 0 && !folder_is_empty(dir))
		return complain(complaint, ERR_CONFIG, "%s is not empty, and has no cluster made by `craton dev start`; choose another --dir", dir);
	if (options->operand)
		return complain(complaint, ERR_NOT_FOUND, "there is no cluster in %s yet; `craton dev start` makes one", dir);
	err = dev_plan(options, dir, &held->dev, complaint);
	if (err == ERR_OK && file_make_folder(dir, 0700) != ERR_OK)
		err = complain(complaint, ERR_IO, "%s cannot be made: %s", dir, strerror(errno));
	if (err == ERR_OK)
		err = dev_hold(dir, &held->fd, complaint);
	if (err != ERR_OK)
		return err;
	err = make(&held->dev, programs, complaint);
	if (err != ERR_OK)
		dev_halt(&held->dev, NULL);
	return err;
}

static enum err start_existing(const struct options *options, struct held *held, const struct dev_programs *programs,
                               struct complaint *complaint)
{
	struct dev *dev = &held->dev;
	const struct dev_node *only = options->operand ? dev_find_node(dev, options->operand, complaint) : NULL;
	enum err err = ERR_OK;
	if (options->operand && !only)
		return ERR_NOT_FOUND;
	if (!dev->is_made)
		return complain(complaint, ERR_CONFIG, "%s was never finished; `craton dev destroy --dir %s`, then start again", dev->dir, dev->dir);
	if (options->nodes || options->module || options->transport)
		return complain(complaint, ERR_CONFIG, "%s has a cluster already, which is started as it was: leave out --nodes, --module and --transport", dev->dir);
	if (!control_is_answered(dev))
		err = dev_launch(dev, programs, complaint);
	for (size_t i = 0; err == ERR_OK && i < dev->node_count; i++) {
		char line[32];
		snprintf(line, sizeof line, "start %s", dev->nodes[i].name);
		if (!only || only == &dev->nodes[i])
			err = control_ask(dev, line, complaint);
	}
	held_let_go(held); /* while we wait, others may kill and stop */
	return err == ERR_OK ? dev_wait(dev, only, complaint) : err;
}

int dev_start_run(const struct options *options)
{
	struct complaint complaint = { "" };
	struct dev_programs programs;
	struct held held = { .fd = -1 };
	char dir[DEV_PATH_MAX], marker[DEV_PATH_MAX + 16];
	enum err err = dev_find_programs(&programs, &complaint);
	if (err == ERR_OK)
		err = dev_folder(options, dir, &complaint);
	if (err != ERR_OK)
		return command_failed(&complaint);
	snprintf(marker, sizeof marker, "%s/dev.conf", dir);
	if (access(marker, F_OK) != 0) {
		err = make_new(options, dir, &held, &programs, &complaint);
	} else {
		err = held_open(options, &held, &complaint);
		if (err == ERR_OK)
			err = start_existing(options, &held, &programs, &complaint);
	}
	if (err == ERR_OK && options->operand)
		printf("node %s is serving\n", options->operand);
	else if (err == ERR_OK)
		printf("%zu node%s serving; use it from a shell with\n  . %s\n", held.dev.node_count,
		       held.dev.node_count == 1 ? " is" : "s are", dev_path(&held.dev, NULL, "env"));
	return held_close(&held, err, &complaint);
}

/* To one node, through the supervisor, which does one thing at a time: nothing to hold. */
static int order(const struct options *options, const char *deed)
{
	struct complaint complaint = { "" };
	char dir[DEV_PATH_MAX], line[32];
	struct dev dev = { 0 };
	enum err err = dev_folder(options, dir, &complaint);
	if (err == ERR_OK)
		err = dev_load(dir, &dev, &complaint);
	if (err == ERR_OK && !dev_find_node(&dev, options->operand, &complaint))
		err = ERR_NOT_FOUND;
	snprintf(line, sizeof line, "%s %.20s", deed, options->operand);
	if (err == ERR_OK)
		err = control_ask(&dev, line, &complaint);
	dev_release(&dev);
	return err == ERR_OK ? COMMAND_OK : command_failed(&complaint);
}

int dev_kill_run(const struct options *options)
{
	return order(options, "kill");
}

int dev_stop_run(const struct options *options)
{
	struct complaint complaint = { "" };
	struct held held;
	if (options->operand)
		return order(options, "stop");
	enum err err = held_open(options, &held, &complaint);
	if (err == ERR_OK)
		err = dev_halt(&held.dev, &complaint);
	return held_close(&held, err, &complaint);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	return remove(path);
}

/* dev.conf marks the folder as ours, so it goes last: what is left of a removal that
 * was interrupted can still be removed. */
static enum err remove_folder(const struct dev *dev, struct complaint *complaint)
{
	static const char *const files[] = { "env", "craton.conf", "admin.conf", "craton.module", "slot.pin",
	                                     "slot.so-pin", "control", "supervisor.pid", "supervisor.log", NULL };
	static const char *const folders[] = { "authority", "certificates", NULL };
	for (size_t i = 0; files[i]; i++)
		unlink(dev_path(dev, NULL, files[i]));
	for (size_t i = 0; folders[i]; i++)
		nftw(dev_path(dev, NULL, folders[i]), remove_one, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < dev->node_count; i++)
		nftw(dev_path(dev, NULL, dev->nodes[i].name), remove_one, 16, FTW_DEPTH | FTW_PHYS);
	unlink(dev_path(dev, NULL, "dev.conf"));
	if (rmdir(dev->dir) == 0)
		return ERR_OK;
	return complain(complaint, ERR_IO, "%s: %s; what is left there is not of `craton dev start`", dev->dir, strerror(errno));
}

int dev_client_run(const struct options *options)
{
	struct complaint complaint = { "" };
	struct held held;
	enum err err = held_open(options, &held, &complaint);
	if (err == ERR_OK)
		err = dev_make_client(&held.dev, options->operand, &complaint);
	return held_close(&held, err, &complaint);
}

int dev_destroy_run(const struct options *options)
{
	struct complaint complaint = { "" };
	struct held held;
	enum err err = held_open(options, &held, &complaint);
	if (err == ERR_OK)
		err = dev_halt(&held.dev, &complaint);
	if (err == ERR_OK)
		err = remove_folder(&held.dev, &complaint);
	return held_close(&held, err, &complaint);
}
