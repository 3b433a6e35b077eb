#include "raft/folder.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STATE_SIZE_MAX 512
#define CLUSTER_TEXT_SIZE 33
/* What a lived-in folder has; the state machine's own files are its own affair. */
static const char *const lived_in[] = { "log.db", "log.db-wal", "watermark" };

enum err complain_of_damage(struct complaint *complaint, const char *file, const char *format, ...)
{
	char what[400];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	return complain(complaint, ERR_DAMAGED,
	                "%s: %s. This node must not go on from here: remove it from the cluster and add it again "
	                "under a new id with an empty folder, or put back a copy of the whole folder made after it "
	                "last ran", file, what);
}

/* Tells clusters apart without telling anything about the secret. */
static void cluster_text(const struct secret *secret, char text[CLUSTER_TEXT_SIZE])
{
	struct id cluster;
	hkdf_sha256(secret->data, secret->size, NULL, 0, "craton cluster id", cluster.bytes, ID_SIZE);
	id_text(&cluster, text);
}

static enum err lock_folder(struct folder *folder, struct complaint *complaint)
{
	char *path = file_path(folder->path, "lock");
	if (!path)
		return complain(complaint, ERR_NO_MEMORY, "no memory to open %s", folder->path);
	enum err err = ERR_OK;
	folder->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (folder->lock < 0)
		err = complain(complaint, ERR_IO, "%s cannot be opened: %s", path, strerror(errno));
	else if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0) {
		char pid[32] = "";
		ssize_t size = pread(folder->lock, pid, sizeof pid - 1, 0);
		pid[size > 0 ? strcspn(pid, "\n") : 0] = '\0';
		err = complain(complaint, ERR_BUSY, "%s is in use by another process%s%s: stop it first, or give this "
		               "node a state folder of its own", folder->path, *pid ? ", pid " : "", pid);
	} else {
		/* for the message above only; the lock itself is the kernel's */
		if (ftruncate(folder->lock, 0) != 0 || dprintf(folder->lock, "%ld\n", (long)getpid()) < 0)
			err = complain(complaint, ERR_IO, "%s cannot be written: %s", path, strerror(errno));
	}
	free(path);
	return err;
}

static bool exists(const struct folder *folder, const char *name)
{
	char *path = file_path(folder->path, name);
	bool is_there = path && access(path, F_OK) == 0;
	free(path);
	return is_there;
}

static enum err remove_unfinished(const struct folder *folder, struct complaint *complaint)
{
	for (size_t i = 0; i < sizeof lived_in / sizeof *lived_in; i++) {
		char *path = file_path(folder->path, lived_in[i]);
		bool failed = !path || (unlink(path) != 0 && errno != ENOENT);
		free(path);
		if (failed)
			return complain(complaint, ERR_IO, "%s/%s cannot be removed: %s", folder->path, lived_in[i],
			                strerror(errno));
	}
	return ERR_OK;
}

/* Over the text's lines before the last one. */
static void seal_text(const struct secret *secret, const char *text, size_t size, char seal[ID_TEXT_SIZE])
{
	uint8_t mac[SHA256_SIZE];
	struct id id;
	struct bytes parts[] = { { "craton state", sizeof "craton state" }, { text, size } };
	hmac_sha256(secret->data, secret->size, parts, 2, mac);
	memcpy(id.bytes, mac, ID_SIZE);
	id_text(&id, seal);
}

static enum err write_state(const struct folder *folder, uint64_t node, const struct secret *secret,
                            const char *phase, struct complaint *complaint)
{
	char cluster[CLUSTER_TEXT_SIZE], incarnation[ID_TEXT_SIZE], seal[ID_TEXT_SIZE], text[STATE_SIZE_MAX];
	cluster_text(secret, cluster);
	id_text(&folder->incarnation, incarnation);
	int size = snprintf(text, sizeof text, "craton 1\nphase %s\nnode %" PRIu64 "\ncluster %s\nincarnation %s\n",
	                    phase, node, cluster, incarnation);
	seal_text(secret, text, (size_t)size, seal);
	size += snprintf(text + size, sizeof text - (size_t)size, "seal %s\n", seal);
	char *path = file_path(folder->path, "state");
	enum err err = path ? file_write(path, text, (size_t)size, 0600) : ERR_NO_MEMORY;
	if (err != ERR_OK)
		complain(complaint, err, "%s/state cannot be written: %s", folder->path, strerror(errno));
	free(path);
	return err;
}

struct state {
	char phase[16], cluster[CLUSTER_TEXT_SIZE], incarnation[ID_TEXT_SIZE], seal[ID_TEXT_SIZE];
	uint64_t node;
	size_t sealed; /* bytes of the text that the seal is over */
};

static bool parse_state(struct buf *text, struct state *state)
{
	int sealed = -1, size = -1;
	buf_add_u8(text, 0);
	if (text->failed)
		return false;
	int found = sscanf((const char *)text->data,
	                   "craton 1 phase %15s node %" SCNu64 " cluster %32s incarnation %32s %nseal %32s%n",
	                   state->phase, &state->node, state->cluster, state->incarnation, &sealed, state->seal, &size);
	if (found != 5 || sealed < 0 || size < 0 || (size_t)size + 2 != text->size || text->data[size] != '\n')
		return false;
	state->sealed = (size_t)sealed;
	return true;
}

static bool seal_holds(const struct secret *secret, const struct buf *text, const struct state *state)
{
	char seal[ID_TEXT_SIZE];
	seal_text(secret, (const char *)text->data, state->sealed, seal);
	return strcmp(seal, state->seal) == 0;
}

static enum err begin(struct folder *folder, uint64_t node, const struct secret *secret, struct complaint *complaint)
{
	folder->is_fresh = true;
	folder->incarnation = id_random();
	enum err err = remove_unfinished(folder, complaint);
	return err == ERR_OK ? write_state(folder, node, secret, "making", complaint) : err;
}

static enum err judge_state(struct folder *folder, struct buf *text, uint64_t node, const struct secret *secret,
                            struct complaint *complaint)
{
	struct state state = { .node = 0 };
	char cluster[CLUSTER_TEXT_SIZE], path[512];
	snprintf(path, sizeof path, "%s/state", folder->path);
	cluster_text(secret, cluster);
	if (!parse_state(text, &state))
		return complain_of_damage(complaint, path, "its text is not what was written");
	if (strcmp(state.cluster, cluster) == 0 &&
	    (!seal_holds(secret, text, &state) || !id_parse(&folder->incarnation, state.incarnation)))
		return complain_of_damage(complaint, path, "its text is not what was written");
	if (state.node != node)
		return complain(complaint, ERR_CONFIG, "%s is the folder of node %" PRIu64 ", not of node %" PRIu64
		                ": check [node] id and state", folder->path, state.node, node);
	if (strcmp(state.cluster, cluster) != 0)
		return complain(complaint, ERR_CONFIG, "%s belongs to a cluster with another secret: check [raft] "
		                "secret_file and [node] state", folder->path);
	/* A first start that was cut short has promised nothing to anyone. */
	return strcmp(state.phase, "making") == 0 ? begin(folder, node, secret, complaint) : ERR_OK;
}

static enum err read_state(struct folder *folder, uint64_t node, const struct secret *secret,
                           struct complaint *complaint)
{
	struct buf text;
	buf_init(&text, STATE_SIZE_MAX);
	char *path = file_path(folder->path, "state");
	enum err err = path ? file_read(path, &text) : ERR_NO_MEMORY;
	if (err == ERR_OK || err == ERR_TOO_BIG)
		err = judge_state(folder, &text, node, secret, complaint);
	else if (err == ERR_NOT_FOUND) {
		err = ERR_OK;
		for (size_t i = 0; i < sizeof lived_in / sizeof *lived_in && err == ERR_OK; i++)
			if (exists(folder, lived_in[i]))
				err = complain_of_damage(complaint, path, "missing, although %s is there", lived_in[i]);
		if (err == ERR_OK)
			err = begin(folder, node, secret, complaint);
	} else
		complain(complaint, err, "%s/state cannot be read: %s", folder->path, strerror(errno));
	free(path);
	buf_finish(&text);
	return err;
}

enum err folder_open(const char *path, uint64_t node, const struct secret *secret, struct folder *out,
                     struct complaint *complaint)
{
	*out = (struct folder){ .lock = -1, .path = strdup(path) };
	if (!out->path)
		return complain(complaint, ERR_NO_MEMORY, "no memory to open %s", path);
	enum err err = file_make_folder(path, 0700);
	if (err != ERR_OK)
		complain(complaint, err, "%s cannot be made: %s", path, strerror(errno));
	if (err == ERR_OK)
		err = lock_folder(out, complaint);
	if (err == ERR_OK)
		err = read_state(out, node, secret, complaint);
	if (err != ERR_OK)
		folder_close(out);
	return err;
}

enum err folder_settle(struct folder *folder, uint64_t node, const struct secret *secret,
                       struct complaint *complaint)
{
	enum err err = write_state(folder, node, secret, "ready", complaint);
	if (err == ERR_OK)
		folder->is_fresh = false;
	return err;
}

void folder_close(struct folder *folder)
{
	if (folder->lock >= 0)
		close(folder->lock);
	folder->lock = -1;
	free(folder->path);
	folder->path = NULL;
}
