/* A control file: what is to go wrong, as lines `name = value` (inih's, without sections), looked at anew whenever it has
 * changed. For libraries in somebody else's process: a test writes the file, the next call sees it. A missing file is an
 * empty one. Write another file and rename it over this one, so that no half of it is read. Not for several threads.
 * FILE.met is a byte longer for each order that something has met. */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#define CONTROL_TEXT_MAX 4096

struct control {
	const char *path; /* the caller's; NULL: always empty */
	bool was_read, is_settled, was_met;
	struct stat seen;
	char text[CONTROL_TEXT_MAX];
};

/* Whether it is not what it was at the last call; true at the first. */
bool control_changed(struct control *control);
/* What the file says now has struck; for tests that wait for that. */
void control_met(struct control *control);
/* Each line in turn. What `take` answers 0 to is not known: the process ends with a line that says so, since a test of
 * a fault that never struck must not pass. */
typedef int control_take(void *to, const char *section, const char *name, const char *value);
void control_read(const struct control *control, control_take *take, void *to);

/* For `take`: yes or no; anything else ends the process. */
bool control_yes(const char *name, const char *value);
/* A number, also 0x…; anything else ends the process. */
unsigned long control_number(const char *name, const char *value);
