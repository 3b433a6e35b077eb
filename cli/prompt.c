#include "cli/prompt.h"
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define LINE_SIZE_MAX 512

/* Bytes up to the end of the line or of the room; a longer line is read to its end. */
static size_t read_line(int fd, char *line, size_t size_max)
{
	size_t size = 0;
	char byte;
	while (read(fd, &byte, 1) == 1 && byte != '\n')
		if (size < size_max)
			line[size++] = byte;
	return size;
}

static size_t read_unseen(int fd, char *line, size_t size_max)
{
	struct termios before, unseen;
	if (tcgetattr(fd, &before) != 0)
		return 0;
	unseen = before;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fd, TCSAFLUSH, &unseen);
	size_t size = read_line(fd, line, size_max);
	tcsetattr(fd, TCSAFLUSH, &before);
	dprintf(fd, "\n");
	return size;
}

enum err prompt_secret(const char *question, size_t size_min, size_t size_max, struct secret **out,
                       struct complaint *complaint)
{
	char line[LINE_SIZE_MAX];
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return complain(complaint, ERR_CONFIG, "%s: there is no terminal to ask on; give a file or the environment variable (--help names them)", question);
	dprintf(fd, "%s: ", question);
	size_t size = read_unseen(fd, line, sizeof line);
	close(fd);
	if (size < size_min || size > size_max) {
		secret_wipe(line, sizeof line);
		return complain(complaint, ERR_CONFIG, "%s: must have %zu to %zu bytes", question, size_min, size_max);
	}
	*out = secret_create(line, size);
	secret_wipe(line, sizeof line);
	return *out ? ERR_OK : complain(complaint, ERR_NO_MEMORY, "out of memory");
}

enum err prompt_yes(const char *question, struct complaint *complaint)
{
	char line[LINE_SIZE_MAX];
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return complain(complaint, ERR_CONFIG, "there is no terminal to ask on: say --yes if you are sure");
	dprintf(fd, "%s ", question);
	size_t size = read_line(fd, line, sizeof line);
	close(fd);
	return size == 3 && memcmp(line, "yes", 3) == 0 ? ERR_OK : complain(complaint, ERR_REFUSED, "nothing was done");
}
