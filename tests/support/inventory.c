#include "tests/support/inventory.h"
#include <dirent.h>
#include <sched.h>
#include <time.h>

#define PATIENCE_S 10

/* One more than there are, for opendir's own; the same each time. */
static size_t entries(const char *folder)
{
	size_t count = 0;
	DIR *directory = opendir(folder);
	while (directory && readdir(directory))
		count++;
	closedir(directory);
	return count;
}

size_t files_open(void)
{
	return entries("/proc/self/fd");
}

size_t threads_alive(void)
{
	return entries("/proc/self/task");
}

bool threads_settle_at(size_t count)
{
	time_t end = time(NULL) + PATIENCE_S;
	while (threads_alive() > count && time(NULL) < end)
		sched_yield();
	return threads_alive() <= count;
}
