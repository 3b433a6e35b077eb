/* libfault-disk.so, for LD_PRELOAD: a disk that is slow, full or broken, for what is below one folder.
 *
 *	CRATON_DISK_FOLDER     files below it are concerned, no others; without it none
 *	CRATON_DISK_CONTROL    the control file; otherwise disk.conf in that folder's folder in which the process writes first, so that
 *	                       with CRATON_DISK_FOLDER=DIR every node of `craton dev start --dir DIR` has its own: DIR/NODE/disk.conf
 *
 * Its lines (see tests/fault/control.h):
 *
 *	fsync_error = yes      fsync and fdatasync fail with EIO; or with the error that is named: ENOSPC, EDQUOT, EROFS
 *	write_error = ENOSPC   write, pwrite and ftruncate fail, likewise
 *	fsync_us = N           fsync and fdatasync take so much longer, or until this is taken back
 *	write_us = N           write and pwrite do
 *	file = TEXT            only files with that in their name
 */
#undef _FILE_OFFSET_BITS /* else pwrite would be another name of pwrite64, and both are wanted */
#include "tests/fault/control.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_AGAIN_NS 2000000
#define EXPORT __attribute__((visibility("default")))

enum deed { SYNC, WRITE, DEEDS };
struct faults {
	int error[DEEDS];        /* an errno */
	uint64_t time_us[DEEDS];
	char file[NAME_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX], control_path[PATH_MAX];
static struct control control;
static struct faults current;

__attribute__((constructor)) static void find_folder(void)
{
	const char *named = getenv("CRATON_DISK_FOLDER"), *orders = getenv("CRATON_DISK_CONTROL");
	if (!named || !realpath(named, folder))
		folder[0] = '\0';
	if (orders)
		snprintf(control_path, sizeof control_path, "%s", orders);
}

static int error_of(const char *name, const char *value)
{
	static const struct {
		const char *name;
		int error;
	} errors[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EROFS", EROFS } };
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(value, errors[i].name) == 0)
			return errors[i].error;
	return control_yes(name, value) ? EIO : 0;
}

static int take(void *to, const char *section, const char *name, const char *value)
{
	struct faults *faults = to;
	if (*section)
		return 0;
	if (strcmp(name, "fsync_error") == 0)
		faults->error[SYNC] = error_of(name, value);
	else if (strcmp(name, "write_error") == 0)
		faults->error[WRITE] = error_of(name, value);
	else if (strcmp(name, "fsync_us") == 0)
		faults->time_us[SYNC] = control_number(name, value);
	else if (strcmp(name, "write_us") == 0)
		faults->time_us[WRITE] = control_number(name, value);
	else if (strcmp(name, "file") == 0)
		snprintf(faults->file, sizeof faults->file, "%s", value);
	else
		return 0;
	return 1;
}

/* The path of an open file that is concerned; relative to the folder. */
static const char *concerned(int fd, char path[PATH_MAX])
{
	char link[32];
	size_t size = strlen(folder);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, PATH_MAX - 1);
	path[length > 0 ? length : 0] = '\0';
	return strncmp(path, folder, size) == 0 && path[size] == '/' ? path + size + 1 : NULL;
}

static void find_control_locked(int fd)
{
	char path[PATH_MAX];
	const char *below = control_path[0] ? NULL : concerned(fd, path);
	const char *slash = below ? strchr(below, '/') : NULL;
	if (slash && snprintf(control_path, sizeof control_path, "%.*s/disk.conf", (int)(slash - path), path) >= (int)sizeof control_path)
		control_path[0] = '\0';
	control.path = control_path[0] ? control_path : NULL;
}

static struct faults faults_now(int fd)
{
	pthread_mutex_lock(&lock);
	if (!control.path)
		find_control_locked(fd);
	if (control_changed(&control)) {
		current = (struct faults){ .file = "" };
		control_read(&control, take, &current);
	}
	struct faults faults = current;
	pthread_mutex_unlock(&lock);
	return faults;
}

static uint64_t now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* Also shorter than ordered, once that is taken back. */
static struct faults wait_out(int fd, enum deed deed, struct faults faults)
{
	uint64_t begin = now_us(), spent = 0;
	for (; spent < faults.time_us[deed]; spent = now_us() - begin) {
		uint64_t left = faults.time_us[deed] - spent;
		nanosleep(&(struct timespec){ .tv_nsec = left > LOOK_AGAIN_NS / 1000 ? LOOK_AGAIN_NS : (long)left * 1000 }, NULL);
		faults = faults_now(fd);
	}
	return faults;
}

static void tell_met(void)
{
	pthread_mutex_lock(&lock);
	control_met(&control);
	pthread_mutex_unlock(&lock);
}

/* 0, or the errno to fail with. */
static int strike(int fd, enum deed deed)
{
	char path[PATH_MAX];
	int before = errno;
	if (!folder[0])
		return 0;
	struct faults faults = faults_now(fd);
	if (faults.error[deed] || faults.time_us[deed]) {
		const char *below = concerned(fd, path);
		if (!below || !strstr(below, faults.file))
			faults = (struct faults){ .file = "" };
	}
	if (faults.error[deed] || faults.time_us[deed])
		tell_met();
	faults = wait_out(fd, deed, faults);
	errno = before;
	return faults.error[deed];
}

/* Defines `name` to be what the next library has under that name, unless a fault strikes. */
#define AROUND(type, name, deed, parameters, arguments)                             \
	EXPORT type name parameters;                                                \
	type name parameters                                                        \
	{                                                                           \
		static type (*next) parameters;                                     \
		int error = strike(fd, deed);                                       \
		if (!next)                                                          \
			next = (type (*) parameters)dlsym(RTLD_NEXT, #name);        \
		if (!error)                                                         \
			return next arguments;                                      \
		errno = error;                                                      \
		return -1;                                                          \
	}
AROUND(int, fsync, SYNC, (int fd), (fd))
AROUND(int, fdatasync, SYNC, (int fd), (fd))
AROUND(ssize_t, write, WRITE, (int fd, const void *data, size_t size), (fd, data, size))
AROUND(ssize_t, pwrite, WRITE, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
AROUND(ssize_t, pwrite64, WRITE, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
AROUND(int, ftruncate, WRITE, (int fd, off_t size), (fd, size))
AROUND(int, ftruncate64, WRITE, (int fd, off64_t size), (fd, size))
