#include "node/state_folder.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_FILE "node"
#define LOCK_FILE "node.lock"

struct state_folder {
	char *path;
	int lock_fd;
};

static enum err check_owner(const char *path, struct complaint *complaint)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return complain(complaint, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain(complaint, ERR_CONFIG, "%s: not a folder; name one in [node] state", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return complain(complaint, ERR_CONFIG,
		                "%s: other users could reach the node's state; do: chown %u '%s' && chmod 700 '%s'",
		                path, (unsigned)geteuid(), path, path);
	return ERR_OK;
}

static enum err take_lock(struct state_folder *folder, struct complaint *complaint)
{
	char *path = file_path(folder->path, LOCK_FILE);
	if (!path)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	enum err err = ERR_OK;
	folder->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (folder->lock_fd < 0)
		err = complain(complaint, ERR_IO, "%s: cannot open: %s", path, strerror(errno));
	else if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0)
		err = complain(complaint, ERR_BUSY,
		               "%s: another process is using this state folder; stop that cratond first, or give this node a folder of its own ([node] state)",
		               folder->path);
	free(path);
	return err;
}

/* Whoever was killed while it wrote one of these, it was before we had the lock. */
static void sweep(const struct state_folder *folder)
{
	static const char *const names[] = { MARK_FILE, "state", "acquaintances", "probe" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = file_path(folder->path, names[i]);
		if (path)
			file_sweep(path);
		free(path);
	}
}

enum err state_folder_lock(const char *path, struct state_folder **out, struct complaint *complaint)
{
	struct state_folder *folder = calloc(1, sizeof *folder);
	if (!folder || !(folder->path = strdup(path))) {
		free(folder);
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	}
	folder->lock_fd = -1;
	enum err err = file_make_folder(path, 0700);
	if (err != ERR_OK)
		complain(complaint, err, "%s: cannot make the state folder: %s", path, strerror(errno));
	if (err == ERR_OK)
		err = check_owner(path, complaint);
	if (err == ERR_OK)
		err = take_lock(folder, complaint);
	if (err == ERR_OK)
		sweep(folder);
	if (err != ERR_OK) {
		state_folder_unlock(folder);
		folder = NULL;
	}
	*out = folder;
	return err;
}

void state_folder_unlock(struct state_folder *folder)
{
	if (!folder)
		return;
	if (folder->lock_fd >= 0)
		close(folder->lock_fd);
	free(folder->path);
	free(folder);
}

static bool has_file(const struct state_folder *folder, const char *name)
{
	char *path = file_path(folder->path, name);
	bool found = path && access(path, F_OK) == 0;
	free(path);
	return found;
}

static void remove_file(const struct state_folder *folder, const char *name)
{
	char *path = file_path(folder->path, name);
	if (path)
		unlink(path);
	free(path);
}

static void mark_text(char *text, size_t size, long long id, const char *name)
{
	snprintf(text, size, "craton node id=%lld name=%s\n", id, name);
}

static enum err check_mark(const struct state_folder *folder, const char *expected, struct complaint *complaint)
{
	struct buf text;
	char *path = file_path(folder->path, MARK_FILE);
	buf_init(&text, 256);
	enum err err = path ? file_read(path, &text) : ERR_NO_MEMORY;
	if (err != ERR_OK)
		complain(complaint, err, "%s/" MARK_FILE ": cannot read: %s", folder->path, strerror(errno));
	else if (text.size != strlen(expected) || memcmp(text.data, expected, text.size) != 0)
		err = complain(complaint, ERR_CONFIG,
		               "%s: this is the state of another node (%.*s); name the right folder in [node] state, or set the id and name it was made for",
		               folder->path, text.size ? (int)text.size - 1 : 0, (const char *)text.data);
	free(path);
	buf_finish(&text);
	return err;
}

enum err state_folder_is_fresh(struct state_folder *folder, long long id, const char *name, bool *fresh,
                               struct complaint *complaint)
{
	char text[192];
	mark_text(text, sizeof text, id, name);
	*fresh = false;
	if (has_file(folder, MARK_FILE))
		return check_mark(folder, text, complaint);
	if (has_file(folder, "log.db") || has_file(folder, "watermark") || has_file(folder, "state"))
		return complain(complaint, ERR_DAMAGED,
		                "%s: there is a log but the file '" MARK_FILE "' is missing; restore the whole folder from a backup, or remove this node from the cluster and let it join again with an empty folder under a new id",
		                folder->path);
	/* A first start that was interrupted before it had promised anything to anyone. */
	remove_file(folder, "directory.db");
	remove_file(folder, "directory.db-wal");
	remove_file(folder, "directory.db-shm");
	*fresh = true;
	return ERR_OK;
}

enum err state_folder_claim(struct state_folder *folder, long long id, const char *name, struct complaint *complaint)
{
	char text[192];
	char *path = file_path(folder->path, MARK_FILE);
	mark_text(text, sizeof text, id, name);
	enum err err = path ? file_write(path, text, strlen(text), 0600) : ERR_NO_MEMORY;
	if (err != ERR_OK)
		complain(complaint, err, "%s/" MARK_FILE ": cannot write: %s", folder->path, strerror(errno));
	free(path);
	return err;
}
