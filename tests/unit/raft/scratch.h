/* A folder of a test's own, gone at its end, and files in it. */
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char path[256];
};

static inline void scratch_make_in(struct scratch *scratch, const char *base)
{
	snprintf(scratch->path, sizeof scratch->path, "%s/craton-raft-XXXXXX", base);
	if (!mkdtemp(scratch->path))
		abort();
}

static inline void scratch_make(struct scratch *scratch)
{
	const char *base = getenv("TMPDIR");
	scratch_make_in(scratch, base ? base : "/tmp");
}

/* For what is written thousands of times: in memory where that can be had. */
static inline void scratch_make_in_memory(struct scratch *scratch)
{
	if (access("/dev/shm", W_OK) == 0)
		scratch_make_in(scratch, "/dev/shm");
	else
		scratch_make(scratch);
}

static inline int scratch_remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
	(void)about;
	(void)type;
	(void)place;
	return remove(path);
}

static inline void scratch_remove(const struct scratch *scratch)
{
	nftw(scratch->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct bytes_of {
	uint8_t *data;
	size_t size;
	bool exists;
};

static inline struct bytes_of scratch_read(const char *path)
{
	struct bytes_of bytes = { 0 };
	struct stat about;
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return bytes;
	if (fstat(fd, &about) != 0)
		abort();
	bytes.exists = true;
	bytes.size = (size_t)about.st_size;
	bytes.data = malloc(bytes.size + 1);
	if (!bytes.data || read(fd, bytes.data, bytes.size) != (ssize_t)bytes.size)
		abort();
	close(fd);
	return bytes;
}

static inline void scratch_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}
