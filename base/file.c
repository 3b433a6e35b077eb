#include "base/file.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BESIDE "XXXXXX"
#define BESIDE_SIZE (sizeof BESIDE - 1)

static enum err read_all(int fd, struct buf *out)
{
	uint8_t piece[4096];
	ssize_t got;
	enum err err = ERR_OK;
	while (err == ERR_OK && (got = read(fd, piece, sizeof piece)) != 0) {
		if (got < 0 && errno != EINTR)
			err = ERR_IO;
		if (got > 0)
			buf_add(out, piece, (size_t)got);
		if (out->failed)
			err = out->size_max - out->size < (size_t)got ? ERR_TOO_BIG : ERR_NO_MEMORY;
	}
	explicit_bzero(piece, sizeof piece);
	return err;
}

enum err file_read(const char *path, struct buf *out)
{
	/* Non-blocking, so that a FIFO put in the file's place can't hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
	enum err err = read_all(fd, out);
	int saved = errno;
	close(fd);
	errno = saved;
	return err;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t put = write(fd, data, size);
		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0) {
			data += put;
			size -= (size_t)put;
		}
	}
	return true;
}

/* The name itself is durable only once its folder is. */
static bool sync_folder_of(const char *path)
{
	char *folder = strdup(path);
	if (!folder)
		return false;
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0)
		return false;
	bool synced = fsync(fd) == 0;
	close(fd);
	return synced;
}

enum err file_write(const char *path, const void *data, size_t size, unsigned mode)
{
	char *beside = NULL;
	if (asprintf(&beside, "%s." BESIDE, path) < 0)
		return ERR_NO_MEMORY;
	int fd = mkostemp(beside, O_CLOEXEC);
	bool written = fd >= 0 && fchmod(fd, (mode_t)mode) == 0 && write_all(fd, data, size) && fsync(fd) == 0;
	int saved = errno;
	if (fd >= 0 && close(fd) < 0 && written) {
		written = false;
		saved = errno;
	}
	if (written && (rename(beside, path) < 0 || !sync_folder_of(path))) {
		written = false;
		saved = errno;
	}
	if (!written && fd >= 0)
		unlink(beside);
	free(beside);
	errno = saved;
	return written ? ERR_OK : ERR_IO;
}

/* `name`.XXXXXX, as mkostemp fills it in */
static bool is_beside(const char *entry, const char *name)
{
	size_t size = strlen(name);
	if (strncmp(entry, name, size) != 0 || entry[size] != '.' || strlen(entry + size + 1) != BESIDE_SIZE)
		return false;
	for (const char *at = entry + size + 1; *at; at++)
		if (!isalnum((unsigned char)*at))
			return false;
	return true;
}

static void sweep_folder(const char *folder, const char *name)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	while (entries && (entry = readdir(entries)))
		if (is_beside(entry->d_name, name))
			unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
}

void file_sweep(const char *path)
{
	char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (slash) {
		*slash = '\0';
		sweep_folder(slash == folder ? "/" : folder, slash + 1);
	}
	free(folder);
}

static bool make_one(const char *path, unsigned mode)
{
	struct stat st;
	if (mkdir(path, (mode_t)mode) == 0)
		return true;
	if (stat(path, &st) < 0)
		return false;
	if (!S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

enum err file_make_folder(const char *path, unsigned mode)
{
	char *copy = strdup(path);
	if (!copy)
		return ERR_NO_MEMORY;
	bool made = true;
	for (char *slash = copy + 1; made && *copy && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		made = make_one(copy, mode);
		*slash = '/';
	}
	made = made && make_one(copy, mode);
	free(copy);
	return made ? ERR_OK : ERR_IO;
}

char *file_path(const char *folder, const char *name)
{
	char *path = NULL;
	if (*name == '/' || !*folder)
		return strdup(name);
	const char *between = folder[strlen(folder) - 1] == '/' ? "" : "/";
	return asprintf(&path, "%s%s%s", folder, between, name) < 0 ? NULL : path;
}
