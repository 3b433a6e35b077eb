#include "tests/fault/control.h"
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLOCK_STEP_NS 20000000 /* files' times are no finer than the kernel's tick */

static void wrong(const char *what, const char *name, const char *value)
{
	fprintf(stderr, "fault: control file: %s: %s = %s\n", what, name, value);
	_exit(86);
}

/* Changed again within the same tick of the clock, it would look the same: until that has passed, its text is compared. */
static bool is_settled(const struct stat *status)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	long long age = (now.tv_sec - status->st_mtim.tv_sec) * 1000000000ll + now.tv_nsec - status->st_mtim.tv_nsec;
	return age > CLOCK_STEP_NS || age < 0;
}

static bool looks_same(const struct stat *one, const struct stat *two)
{
	return one->st_ino == two->st_ino && one->st_size == two->st_size && one->st_mtim.tv_sec == two->st_mtim.tv_sec &&
	       one->st_mtim.tv_nsec == two->st_mtim.tv_nsec;
}

static void read_text(const char *path, char text[CONTROL_TEXT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd >= 0 ? read(fd, text, CONTROL_TEXT_MAX - 1) : 0;
	text[size > 0 ? size : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

bool control_changed(struct control *control)
{
	char before[CONTROL_TEXT_MAX];
	struct stat status = { 0 };
	bool is_first = !control->was_read;
	control->was_read = true;
	if (!control->path || stat(control->path, &status) != 0)
		status = (struct stat){ 0 };
	bool is_same = !is_first && looks_same(&status, &control->seen);
	if (is_same && control->is_settled)
		return false;
	memcpy(before, control->text, sizeof before);
	control->seen = status;
	control->is_settled = is_settled(&status);
	control->text[0] = '\0';
	if (status.st_ino)
		read_text(control->path, control->text);
	bool is_other = !is_same || strcmp(before, control->text) != 0;
	control->was_met &= !is_other;
	return is_other;
}

/* dprintf(3), since write(2) may be what the disk is broken for. */
void control_met(struct control *control)
{
	char path[PATH_MAX];
	if (control->was_met || !control->path)
		return;
	control->was_met = true;
	snprintf(path, sizeof path, "%s.met", control->path);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || dprintf(fd, "\n") != 1)
		fprintf(stderr, "fault: %s can't be written\n", path);
	if (fd >= 0)
		close(fd);
}

void control_read(const struct control *control, control_take *take, void *to)
{
	int line = ini_parse_string(control->text, take, to);
	if (line == 0)
		return;
	fprintf(stderr, "fault: %s: line %d is not understood\n", control->path, line);
	_exit(86);
}

bool control_yes(const char *name, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		wrong("must be yes or no", name, value);
	return value[0] == 'y';
}

unsigned long control_number(const char *name, const char *value)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(value, &end, 0);
	if (errno || end == value || *end || *value == '-')
		wrong("must be a number", name, value);
	return number;
}
