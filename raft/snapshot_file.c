#include "raft/snapshot_io.h"
#include "base/digest.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends_in(const char *name, const char *end)
{
	size_t size = strlen(name), end_size = strlen(end);
	return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

/* Removes the files of the folder that end in `end`, but not `spared` (may be NULL). */
static void remove_those(const char *folder, const char *end, const char *spared)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!ends_in(entry->d_name, end) || (spared && strcmp(entry->d_name, spared) == 0))
			continue;
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

enum err snapshots_open(const char *folder, const struct secret *secret, struct snapshots **out,
                        struct complaint *complaint)
{
	enum err err = file_make_folder(folder, 0700);
	if (err != ERR_OK)
		return complain(complaint, err, "%s cannot be made: %s", folder, strerror(errno));
	struct snapshots *snapshots = calloc(1, sizeof *snapshots);
	if (snapshots) {
		snapshots->folder = strdup(folder);
		snapshots->key = secret_create(NULL, SNAPSHOT_MAC_SIZE);
	}
	if (!snapshots || !snapshots->folder || !snapshots->key) {
		snapshots_close(snapshots);
		return complain(complaint, ERR_NO_MEMORY, "no memory to open %s", folder);
	}
	hkdf_sha256(secret->data, secret->size, NULL, 0, "craton snapshot", snapshots->key->data, SNAPSHOT_MAC_SIZE);
	remove_those(folder, ".tmp", NULL);
	*out = snapshots;
	return ERR_OK;
}

void snapshots_close(struct snapshots *snapshots)
{
	if (!snapshots)
		return;
	secret_destroy(snapshots->key);
	free(snapshots->folder);
	free(snapshots);
}

static void name_of(uint64_t index, uint64_t term, char name[64])
{
	snprintf(name, 64, "%020" PRIu64 "-%" PRIu64 ".snapshot", index, term);
}

char *snapshots_path(const struct snapshots *snapshots, uint64_t index, uint64_t term)
{
	char name[64];
	name_of(index, term, name);
	return file_path(snapshots->folder, name);
}

char *snapshots_scratch(struct snapshots *snapshots)
{
	char name[64];
	snprintf(name, sizeof name, "%u.tmp", atomic_fetch_add(&snapshots->scratch, 1));
	return file_path(snapshots->folder, name);
}

void snapshots_keep_only(struct snapshots *snapshots, uint64_t index, uint64_t term)
{
	char name[64];
	name_of(index, term, name);
	remove_those(snapshots->folder, ".snapshot", name);
}

static enum err sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	enum err err = fsync(fd) == 0 ? ERR_OK : ERR_IO;
	close(fd);
	return err;
}

enum err snapshots_place(struct snapshots *snapshots, const char *path, uint64_t index, uint64_t term,
                         struct complaint *complaint)
{
	char *final = snapshots_path(snapshots, index, term);
	if (!final)
		return complain(complaint, ERR_NO_MEMORY, "no memory to keep a snapshot");
	enum err err = rename(path, final) == 0 ? sync_folder(snapshots->folder) : ERR_IO;
	if (err != ERR_OK)
		complain(complaint, err, "%s cannot be put in place: %s", final, strerror(errno));
	free(final);
	return err;
}
