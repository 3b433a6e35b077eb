/* Each fault of libfault-disk.so strikes below its folder when it is ordered, and is gone when it is taken back. Runs itself again
 * with the library loaded before all others. */
#include "tests/check.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *folder;
static int file = -1, other = -1, outside = -1; /* DIR/a/file, DIR/a/other, and DIR-outside */

static void path_of(const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", folder, name);
}

static void order(const char *text)
{
	char draft[256], path[256];
	path_of("draft", draft);
	path_of("a/disk.conf", path);
	FILE *out = fopen(draft, "w");
	CU_ASSERT_FATAL(out && fputs(text, out) >= 0 && fclose(out) == 0 && rename(draft, path) == 0);
}

static int open_one(const char *name)
{
	char path[256];
	path_of(name, path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	return fd;
}

static void start(void)
{
	char path[256];
	if (file < 0) {
		folder = getenv("CRATON_DISK_FOLDER");
		path_of("a", path);
		CU_ASSERT_FATAL(mkdir(path, 0700) == 0);
		file = open_one("a/file");
		other = open_one("a/other");
		outside = open_one("../outside");
	}
	order("");
}

/* What each deed on a file gives: 0 or an errno. */
static int result(ssize_t done)
{
	return done < 0 ? errno : 0;
}
static int syncs(int fd)
{
	int one = result(fsync(fd)), two = result(fdatasync(fd));
	CU_ASSERT(one == two);
	return one;
}
static int writes(int fd)
{
	int one = result(write(fd, "x", 1)), two = result(pwrite(fd, "x", 1, 0)), three = result(ftruncate(fd, 1));
	CU_ASSERT(one == two && two == three);
	return one;
}

static void without_orders_the_disk_is_itself(void)
{
	start();
	CU_ASSERT(syncs(file) == 0 && writes(file) == 0);
}

static void a_deed_fails_as_ordered_until_it_is_taken_back(void)
{
	start();
	order("fsync_error = yes\n");
	CU_ASSERT(syncs(file) == EIO && writes(file) == 0);
	order("write_error = ENOSPC\n");
	CU_ASSERT(syncs(file) == 0 && writes(file) == ENOSPC);
	order("fsync_error = EROFS\nwrite_error = EDQUOT\n");
	CU_ASSERT(syncs(file) == EROFS && writes(file) == EDQUOT);
	order("");
	CU_ASSERT(syncs(file) == 0 && writes(file) == 0);
}

static void what_fails_has_written_nothing(void)
{
	struct stat status;
	start();
	CU_ASSERT(ftruncate(file, 0) == 0);
	order("write_error = yes\n");
	CU_ASSERT(writes(file) == EIO);
	CU_ASSERT(fstat(file, &status) == 0 && status.st_size == 0);
}

static void only_the_named_files_below_the_folder_are_concerned(void)
{
	start();
	order("fsync_error = yes\nwrite_error = yes\n");
	CU_ASSERT(syncs(outside) == 0 && writes(outside) == 0);
	CU_ASSERT(syncs(other) == EIO);
	order("fsync_error = yes\nfile = file\n");
	CU_ASSERT(syncs(file) == EIO && syncs(other) == 0);
}

static off_t times_met(void)
{
	struct stat status;
	char path[256];
	path_of("a/disk.conf.met", path);
	return stat(path, &status) == 0 ? status.st_size : 0;
}

static void each_order_that_strikes_is_told_once(void)
{
	start();
	off_t before = times_met();
	order("fsync_us = 1\n");
	CU_ASSERT(writes(file) == 0 && syncs(outside) == 0 && times_met() == before);
	CU_ASSERT(syncs(file) == 0 && syncs(file) == 0 && times_met() == before + 1);
	order("");
	CU_ASSERT(syncs(file) == 0 && times_met() == before + 1);
	order("write_error = yes\n");
	CU_ASSERT(writes(file) == EIO && times_met() == before + 2);
}

static void a_slow_disk_takes_its_time(void)
{
	struct timespec begin, end;
	start();
	order("fsync_us = 30000\n");
	clock_gettime(CLOCK_MONOTONIC, &begin);
	CU_ASSERT(fsync(file) == 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	CU_ASSERT((end.tv_sec - begin.tv_sec) * 1000000000ll + end.tv_nsec - begin.tv_nsec >= 30000000);
}

static atomic_bool is_through;

static void *sync_once(void *nothing)
{
	CU_ASSERT(fsync(file) == 0);
	atomic_store(&is_through, true);
	return nothing;
}

static void a_hung_disk_goes_on_when_that_is_taken_back(void)
{
	pthread_t thread;
	start();
	order("fsync_us = 3600000000\n");
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, sync_once, NULL) == 0);
	CU_ASSERT(writes(file) == 0 && fsync(outside) == 0 && !atomic_load(&is_through));
	order("");
	pthread_join(thread, NULL);
	CU_ASSERT(atomic_load(&is_through));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info, (void)kind, (void)at;
	return remove(path);
}

/* In the process that has the library. */
static int run_stories(void)
{
	static const struct sentence sentences[] = { SAY(without_orders_the_disk_is_itself),
		SAY(a_deed_fails_as_ordered_until_it_is_taken_back), SAY(what_fails_has_written_nothing),
		SAY(only_the_named_files_below_the_folder_are_concerned), SAY(each_order_that_strikes_is_told_once),
		SAY(a_slow_disk_takes_its_time), SAY(a_hung_disk_goes_on_when_that_is_taken_back) };
	return check_run("disk", sentences, sizeof sentences / sizeof *sentences);
}

int main(int argc, char **argv)
{
	char parent[] = "/tmp/craton-disk-XXXXXX", below[64], command[512];
	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getenv("CRATON_DISK_FOLDER"))
		return run_stories();
	if (!mkdtemp(parent))
		return 2;
	snprintf(below, sizeof below, "%s/cluster", parent);
	snprintf(command, sizeof command, "LD_PRELOAD='%s' exec '%s'", getenv("FAULT_DISK"), argv[0]);
	if (mkdir(below, 0700) != 0 || setenv("CRATON_DISK_FOLDER", below, 1) != 0)
		return 2;
	int status = system(command);
	nftw(parent, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return status ? 1 : 0;
}
