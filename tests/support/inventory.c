#include "tests/support/inventory.h"
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

size_t threads_beside(void)
{
	return entries("/proc/self/task") - 3; /* ".", ".." and ours */
}

char task_state(const char *path)
{
	char state = 0;
	FILE *file = fopen(path, "r");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state;
}

static bool rests(const char *task)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", task);
	char state = atoi(task) == gettid() ? 'S' : task_state(path);
	return state == 'S' || state == 0;
}

void threads_rest(void)
{
	const struct dirent *task;
	DIR *directory = opendir("/proc/self/task");
	while (directory && (task = readdir(directory)))
		while (task->d_name[0] != '.' && !rests(task->d_name))
			sched_yield();
	closedir(directory);
}
