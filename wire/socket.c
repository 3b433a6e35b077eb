#include "wire/socket.h"
#include "wire/channel.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

enum err socket_wait(int fd, short events, deadline_ms deadline)
{
	struct pollfd wanted = { .fd = fd, .events = events };
	int ready;
	while ((ready = poll(&wanted, 1, deadline_left(deadline))) < 0)
		if (errno != EINTR)
			return ERR_IO;
	if (!ready)
		return deadline_passed(deadline) ? ERR_TIMEOUT : ERR_OK;
	return wanted.revents & POLLNVAL ? ERR_CLOSED : ERR_OK;
}

enum err socket_read(int fd, void *data, size_t size, size_t *done, short *events)
{
	ssize_t got;
	*done = 0;
	while ((got = recv(fd, data, size, MSG_DONTWAIT)) < 0 && errno == EINTR)
		;
	*events = POLLIN;
	if (got > 0)
		*done = (size_t)got;
	if (got >= 0)
		return got ? ERR_OK : ERR_CLOSED;
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_OK : ERR_CLOSED;
}

enum err socket_write(int fd, const void *data, size_t size, size_t *done, short *events)
{
	ssize_t put;
	*done = 0;
	while ((put = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	*events = POLLOUT;
	if (put >= 0) {
		*done = (size_t)put;
		return ERR_OK;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_OK : ERR_CLOSED;
}

static struct sockaddr_un unix_name(const struct address *address)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	snprintf(name.sun_path, sizeof name.sun_path, "%.*s", (int)sizeof name.sun_path - 1, address->host);
	return name;
}

static enum err resolve(const struct address *address, int flags, struct resolved *out)
{
	char port[8];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags }, *names;
	snprintf(port, sizeof port, "%u", address->port);
	out->count = 0;
	if (getaddrinfo(address->host, port, &hints, &names) != 0)
		return ERR_NOT_FOUND;
	for (const struct addrinfo *name = names; name && out->count < PLACES_MAX; name = name->ai_next) {
		struct place *place = &out->places[out->count++];
		place->size = name->ai_addrlen;
		memcpy(&place->name, name->ai_addr, name->ai_addrlen);
	}
	freeaddrinfo(names);
	return out->count ? ERR_OK : ERR_NOT_FOUND;
}

enum err socket_resolve(const struct address *address, struct resolved *out)
{
	return resolve(address, 0, out);
}

enum err socket_resolve_number(const struct address *address, struct resolved *out)
{
	return resolve(address, AI_NUMERICHOST, out);
}

/* Connecting */

/* A Unix socket whose queue is full refuses a non-blocking connect at once, with nothing to poll for;
 * a blocking one waits, as long as SO_SNDTIMEO says. */
static enum err connect_unix(const struct address *address, deadline_ms deadline, int fd)
{
	struct sockaddr_un name = unix_name(address);
	int left = deadline_left(deadline);
	struct timeval wait = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
	if (left == 0)
		return ERR_TIMEOUT;
	if (left > 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	int failed;
	while ((failed = connect(fd, (struct sockaddr *)&name, sizeof name)) < 0 && errno == EINTR && !deadline_passed(deadline))
		;
	if (failed)
		return errno == EAGAIN || errno == EINTR ? ERR_TIMEOUT : ERR_CLOSED;
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ? ERR_IO : ERR_OK;
}

/* A peer whose host vanished is noticed within half a minute even while nobody talks to it, and sooner while somebody
 * does: what it has not acknowledged for TCP_USER_TIMEOUT (milliseconds) breaks the connection. */
static void tune_tcp(int fd)
{
	static const struct { int level, name, value; } options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 }, { SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 15 }, { IPPROTO_TCP, TCP_KEEPINTVL, 5 }, { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 15000 },
	};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

void socket_tune(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	tune_tcp(fd); /* means nothing to a Unix socket, which says so and goes on */
}

enum err socket_dial(const struct place *place, int *fd)
{
	int made = socket(place->name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0)
		return ERR_IO;
	tune_tcp(made);
	if (connect(made, (const struct sockaddr *)&place->name, place->size) == 0 || errno == EINPROGRESS || errno == EINTR) {
		*fd = made;
		return ERR_OK;
	}
	close(made);
	return ERR_CLOSED;
}

enum err socket_dialled(int fd, bool *is_done)
{
	int failure = 0;
	socklen_t size = sizeof failure;
	struct pollfd wanted = { .fd = fd, .events = POLLOUT };
	*is_done = poll(&wanted, 1, 0) == 1;
	if (!*is_done)
		return ERR_OK;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0 || failure ? ERR_CLOSED : ERR_OK;
}

enum err socket_dial_unix(const struct address *address, int *fd)
{
	struct sockaddr_un name = unix_name(address);
	int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made < 0)
		return ERR_IO;
	if (connect(made, (struct sockaddr *)&name, sizeof name) == 0) {
		*fd = made;
		return ERR_OK;
	}
	enum err err = errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
	close(made);
	return err;
}

static enum err connect_tcp(const struct place *place, deadline_ms deadline, int *fd)
{
	bool is_done = false;
	enum err err = socket_dial(place, fd);
	if (err != ERR_OK)
		return err;
	while (err == ERR_OK && !is_done) {
		err = socket_wait(*fd, POLLOUT, deadline);
		if (err == ERR_OK)
			err = socket_dialled(*fd, &is_done);
	}
	if (err != ERR_OK)
		close(*fd);
	return err;
}

static enum err connect_any_tcp(const struct address *address, deadline_ms deadline, int *fd)
{
	struct resolved resolved;
	enum err err = ERR_CLOSED;
	if (socket_resolve(address, &resolved) != ERR_OK)
		return ERR_CLOSED;
	for (size_t i = 0; i < resolved.count && err != ERR_OK && err != ERR_TIMEOUT; i++)
		err = connect_tcp(&resolved.places[i], deadline, fd);
	return err;
}

enum err address_connect(const struct address *address, deadline_ms deadline, int *fd)
{
	if (!address->is_unix)
		return connect_any_tcp(address, deadline, fd);
	int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (made < 0)
		return ERR_IO;
	enum err err = connect_unix(address, deadline, made);
	if (err == ERR_OK)
		*fd = made;
	else
		close(made);
	return err;
}

/* Listening */

static bool somebody_listens(const struct address *address)
{
	int fd;
	enum err err = address_connect(address, deadline_in(1000), &fd);
	if (err == ERR_OK)
		close(fd);
	return err == ERR_OK || err == ERR_TIMEOUT;
}

static enum err clear_the_way(const struct address *address, struct complaint *complaint)
{
	struct stat st;
	if (lstat(address->host, &st) < 0)
		return ERR_OK; /* nothing there: bind() says it if the folder is missing */
	if (!S_ISSOCK(st.st_mode))
		return complain(complaint, ERR_CONFIG, "unix:%s: there is a file that is not a socket; remove it or choose another path", address->host);
	if (somebody_listens(address))
		return complain(complaint, ERR_CONFIG, "unix:%s: another process listens there", address->host);
	unlink(address->host);
	return ERR_OK;
}

/* Nobody can connect before listen(), so the mode is right from the first moment. */
static bool bind_unix(const struct address *address, unsigned mode, int fd)
{
	struct sockaddr_un name = unix_name(address);
	return bind(fd, (struct sockaddr *)&name, sizeof name) == 0 && chmod(address->host, (mode_t)mode) == 0;
}

static bool bind_tcp(const struct place *place, int fd)
{
	int yes = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	return bind(fd, (const struct sockaddr *)&place->name, place->size) == 0;
}

static enum err cannot_listen(const struct address *address, struct complaint *complaint)
{
	if (address->is_unix)
		return complain(complaint, ERR_CONFIG, "unix:%s: cannot listen there: %s", address->host, strerror(errno));
	return complain(complaint, ERR_CONFIG, "%s:%u: cannot listen there: %s", address->host, address->port, strerror(errno));
}

enum err address_bind(const struct address *address, unsigned mode, int *fd, struct complaint *complaint)
{
	struct resolved here;
	enum err err = address->is_unix ? clear_the_way(address, complaint) : resolve(address, AI_PASSIVE, &here);
	if (err == ERR_NOT_FOUND)
		return complain(complaint, ERR_CONFIG, "%s:%u: there is no such host", address->host, address->port);
	if (err != ERR_OK)
		return err;
	int made = socket(address->is_unix ? AF_UNIX : here.places[0].name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (made >= 0 && (address->is_unix ? bind_unix(address, mode, made) : bind_tcp(&here.places[0], made)))
		*fd = made;
	else
		err = cannot_listen(address, complaint);
	if (err != ERR_OK && made >= 0)
		close(made);
	return err;
}

enum err address_open(const struct address *address, int fd, struct complaint *complaint)
{
	return listen(fd, BACKLOG) == 0 ? ERR_OK : cannot_listen(address, complaint);
}

enum err address_listen(const struct address *address, unsigned mode, int *fd, struct complaint *complaint)
{
	enum err err = address_bind(address, mode, fd, complaint);
	if (err != ERR_OK || (err = address_open(address, *fd, complaint)) == ERR_OK)
		return err;
	close(*fd);
	*fd = -1;
	return err;
}
