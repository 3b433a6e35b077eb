#include "cli/control.h"
#include "base/file.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SIZE_MAX 4096

const char *const process_state_names[] = { "running", "restarting", "stopped" };

static struct sockaddr_un control_address(const struct dev *dev)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%s", dev_path(dev, NULL, "control"));
	return address;
}

static int control_connect(const struct dev *dev)
{
	struct sockaddr_un address = control_address(dev);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool control_is_answered(const struct dev *dev)
{
	int fd = control_connect(dev);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

enum err control_listen(const struct dev *dev, int *fd, struct complaint *complaint)
{
	struct sockaddr_un address = control_address(dev);
	unlink(address.sun_path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && bind(*fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(*fd, 16) == 0)
		return ERR_OK;
	enum err err = complain(complaint, ERR_IO, "%s: %s", address.sun_path, strerror(errno));
	if (*fd >= 0)
		close(*fd);
	return err;
}

/* The whole answer, as a string. */
static enum err converse(const struct dev *dev, const char *line, char answer[ANSWER_SIZE_MAX],
                         struct complaint *complaint)
{
	size_t size = 0;
	ssize_t got = 0;
	int fd = control_connect(dev);
	if (fd < 0)
		return complain(complaint, ERR_CLOSED, "the cluster in %s is not running; `craton dev start --dir %s` starts it",
		                dev->dir, dev->dir);
	dprintf(fd, "%s\n", line);
	while (size < ANSWER_SIZE_MAX - 1 && (got = read(fd, answer + size, ANSWER_SIZE_MAX - 1 - size)) > 0)
		size += (size_t)got;
	answer[size] = '\0';
	close(fd);
	if (strncmp(answer, "ok\n", 3) == 0)
		return ERR_OK;
	answer[strcspn(answer, "\n")] = '\0';
	return complain(complaint, size ? ERR_REFUSED : ERR_CLOSED, "the supervisor in %s: %s", dev->dir,
	                size ? answer : "went away without an answer");
}

enum err control_ask(const struct dev *dev, const char *line, struct complaint *complaint)
{
	char answer[ANSWER_SIZE_MAX];
	return converse(dev, line, answer, complaint);
}

enum err control_status(const struct dev *dev, struct process_status *out, struct complaint *complaint)
{
	char answer[ANSWER_SIZE_MAX];
	enum err err = converse(dev, "status", answer, complaint);
	char *rest = answer;
	strsep(&rest, "\n");
	for (size_t i = 0; err == ERR_OK && i < dev->node_count; i++) {
		char *line = strsep(&rest, "\n");
		int state = 0, pid = 0;
		out[i] = (struct process_status){ .ending = "" };
		if (!line || sscanf(line, "%7s %d %d %u %u %63[^\n]", out[i].name, &state, &pid, &out[i].restarts,
		                    &out[i].failures, out[i].ending) < 5 || state < 0 || state > PROCESS_STOPPED)
			return complain(complaint, ERR_MALFORMED, "the supervisor in %s answers in another tongue; stop it with the program that started it", dev->dir);
		out[i].state = (enum process_state)state;
		out[i].pid = pid;
	}
	return err;
}
