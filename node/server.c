#include "node/server.h"
#include "base/log.h"
#include "base/wait.h"
#include "node/connection.h"
#include "node/seldom.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENERS_MAX 2
#define SURPLUS_MAX 128        /* connections beyond the limit that may say who they are; others are just closed */
#define STACK_SIZE (1u << 20)  /* bytes: a token's module runs on it */
#define WATCH_MS 200           /* no longer than a call may last unseen before its first heartbeat */
#define LAST_MS 1000           /* for threads to notice that they were cut off */
#define PAUSE_MS 100           /* when accept() says that descriptors or memory are out */

struct listener {
	struct server *server;
	const struct address *address; /* the configuration's */
	int fd;
	bool has_tls;
	pthread_t thread;
	bool is_running;
	bool is_paused;           /* the thread's: the log says that it can accept none */
};

struct server {
	const struct node_config *config;
	struct node *node;
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;
	int stop_fd;              /* an eventfd that becomes readable when we stop */
	pthread_t watchdog;
	bool has_watchdog;
	pthread_mutex_t lock;     /* guards all below */
	pthread_cond_t changed;   /* a connection went, or we are stopping */
	bool is_stopping;
	struct connection *connections;
	size_t count;
};

static enum err cannot_listen(const struct listener *listener, enum err err, const struct complaint *why,
                              struct complaint *complaint)
{
	const struct node_config *config = listener->server->config;
	return complain(complaint, err, "[listen] %s = %s: %s", listener->has_tls ? "tls" : "unix",
	                listener->has_tls ? config->tls_listen_text : config->unix_path, why->text);
}

/* Takes the place. It opens when we serve: until then clients are turned away at once and go elsewhere. */
static enum err bind_to(struct server *server, const struct address *address, bool has_tls, struct complaint *complaint)
{
	struct listener *listener = &server->listeners[server->listener_count];
	struct complaint why = { "" };
	*listener = (struct listener){ .server = server, .address = address, .fd = -1, .has_tls = has_tls };
	enum err err = address_bind(address, server->config->unix_mode, &listener->fd, &why);
	if (err != ERR_OK)
		return cannot_listen(listener, err, &why, complaint);
	server->listener_count++;
	return ERR_OK;
}

enum err server_open(const struct node_config *config, struct server **out, struct complaint *complaint)
{
	struct server *server = calloc(1, sizeof *server);
	enum err err = ERR_OK;
	*out = NULL;
	if (!server)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	server->config = config;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, NULL);
	if ((server->stop_fd = eventfd(0, EFD_CLOEXEC)) < 0)
		err = complain(complaint, ERR_IO, "eventfd: %s", strerror(errno));
	if (err == ERR_OK && config->listens_unix)
		err = bind_to(server, &config->unix_listen, false, complaint);
	if (err == ERR_OK && config->listens_tls)
		err = bind_to(server, &config->tls_listen, true, complaint);
	if (err != ERR_OK) {
		server_close(server);
		return err;
	}
	*out = server;
	return ERR_OK;
}

/* Connections on the list */

static void list_add_locked(struct server *server, struct connection *connection)
{
	connection->next = server->connections;
	if (connection->next)
		connection->next->previous = connection;
	server->connections = connection;
	if (server->count++ == 0)
		pthread_cond_broadcast(&server->changed); /* the watchdog slept */
}

static void list_remove_locked(struct server *server, struct connection *connection)
{
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		server->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	server->count--;
}

/* Off the list is the thread's last deed; the server may be gone right after. */
static void *serve_connection(void *context)
{
	struct connection *connection = context;
	struct server *server = connection->server;
	connection_run(connection);
	pthread_mutex_lock(&server->lock);
	while (connection->pins)
		pthread_cond_wait(&server->changed, &server->lock);
	list_remove_locked(server, connection);
	atomic_fetch_sub(&server->node->counters.values[COUNTER_CONNECTIONS_OPEN], 1);
	connection_destroy(connection);
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static bool start_thread(struct connection *connection)
{
	pthread_attr_t attr;
	pthread_t thread;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	bool ok = pthread_create(&thread, &attr, serve_connection, connection) == 0;
	pthread_attr_destroy(&attr);
	return ok;
}

static void give_way(struct server *server, struct connection *connection)
{
	static struct seldom seldom;
	unsigned untold;
	connection_end(connection, false);
	count_one(&server->node->counters, COUNTER_CONNECTIONS_GAVE_WAY);
	if (seldom_may_tell(&seldom, &untold))
		log_warn("node", "as many connections as [limits] connections allows: the idle give way to those that come connections=%zu others_untold=%u",
		         server->count, untold);
}

/* Those that are told to go are on the list a little longer. */
bool server_make_room(struct server *server)
{
	struct connection *idle = NULL;
	int64_t longest_ms = INT64_MAX;
	size_t staying = 0;
	pthread_mutex_lock(&server->lock);
	for (struct connection *connection = server->connections; connection; connection = connection->next) {
		int64_t since_ms = connection->idle_since_ms;
		if (connection->is_closing)
			continue;
		staying++;
		if (!since_ms || since_ms >= longest_ms)
			continue;
		longest_ms = since_ms;
		idle = connection;
	}
	bool has_room = staying <= (size_t)server->config->connections;
	if (!has_room && idle)
		give_way(server, idle);
	pthread_mutex_unlock(&server->lock);
	return has_room || idle;
}

/* Takes the fd. */
static void admit(struct server *server, int fd, struct tls *tls)
{
	struct counters *counters = &server->node->counters;
	size_t limit = (size_t)server->config->connections;
	pthread_mutex_lock(&server->lock);
	bool is_surplus = server->count >= limit;
	struct connection *connection = NULL;
	if (!server->is_stopping && server->count < limit + SURPLUS_MAX)
		connection = connection_create(server, server->node, tls, fd, is_surplus);
	if (connection) {
		list_add_locked(server, connection);
		if (!start_thread(connection)) {
			list_remove_locked(server, connection);
			connection_destroy(connection);
			fd = -1;
			connection = NULL;
		}
	}
	if (connection) {
		count_one(counters, COUNTER_CONNECTIONS);
		count_one(counters, COUNTER_CONNECTIONS_OPEN);
	} else {
		count_one(counters, COUNTER_CONNECTIONS_BUSY);
		if (fd >= 0)
			close(fd);
	}
	pthread_mutex_unlock(&server->lock);
}

/* Descriptors or memory are out, for all we know: whoever waits is let in when there are some again. */
static void pause_accepting(struct listener *listener, int error, struct pollfd *stop)
{
	static struct seldom seldom;
	unsigned untold;
	count_one(&listener->server->node->counters, COUNTER_ACCEPTS_FAILED);
	if (!listener->is_paused && seldom_may_tell(&seldom, &untold)) {
		log_warn("node", "clients have to wait, no connection can be accepted why=\"%s\"", strerror(error));
		listener->is_paused = true;
	}
	poll(stop, 1, PAUSE_MS);
}

static void let_in(struct listener *listener, int fd)
{
	if (listener->is_paused)
		log_info("node", "connections are accepted again");
	listener->is_paused = false;
	admit(listener->server, fd, listener->has_tls ? listener->server->node->tls : NULL);
}

static void *run_listener(void *context)
{
	struct listener *listener = context;
	struct pollfd wait[] = { { .fd = listener->server->stop_fd, .events = POLLIN }, { .fd = listener->fd, .events = POLLIN } };
	for (;;) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			break;
		if (wait[0].revents)
			break;
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			let_in(listener, fd);
		else if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
			pause_accepting(listener, errno, &wait[0]);
	}
	return NULL;
}

static enum err open_door(struct listener *listener, struct complaint *complaint)
{
	struct complaint why = { "" };
	enum err err = address_open(listener->address, listener->fd, &why);
	if (err != ERR_OK)
		return cannot_listen(listener, err, &why, complaint);
	listener->is_running = pthread_create(&listener->thread, NULL, run_listener, listener) == 0;
	return listener->is_running ? ERR_OK : complain(complaint, ERR_NO_MEMORY, "cannot start threads");
}

/* Heartbeats */

static int64_t beat_one(struct server *server, struct connection *connection, int64_t now_ms)
{
	connection->pins++;
	pthread_mutex_unlock(&server->lock);
	int64_t due = connection_heartbeat(connection, now_ms);
	pthread_mutex_lock(&server->lock);
	connection->pins--;
	pthread_cond_broadcast(&server->changed);
	return due;
}

/* Looks at each connection; a pinned one stays on the list, so the walk can go on from it. */
static int64_t beat_all_locked(struct server *server)
{
	int64_t now = clock_ms(), next = now + WATCH_MS;
	for (struct connection *connection = server->connections; connection; connection = connection->next) {
		int64_t due = beat_one(server, connection, now);
		next = due < next ? due : next;
	}
	return next;
}

static bool has_ended_locked(const struct server *server)
{
	return server->is_stopping && !server->count;
}

static void *run_watchdog(void *context)
{
	struct server *server = context;
	pthread_mutex_lock(&server->lock);
	while (!has_ended_locked(server)) {
		int64_t next = beat_all_locked(server);
		while (server->count && wait_until(&server->changed, &server->lock, next))
			;
		while (!server->count && !server->is_stopping)
			pthread_cond_wait(&server->changed, &server->lock);
	}
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

enum err server_start(struct server *server, struct node *node, struct complaint *complaint)
{
	server->node = node;
	server->has_watchdog = pthread_create(&server->watchdog, NULL, run_watchdog, server) == 0;
	if (!server->has_watchdog)
		return complain(complaint, ERR_NO_MEMORY, "cannot start threads");
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < server->listener_count; i++)
		err = open_door(&server->listeners[i], complaint);
	return err;
}

/* Stopping */

static void end_all_locked(struct server *server, bool now)
{
	for (struct connection *connection = server->connections; connection; connection = connection->next)
		connection_end(connection, now);
}

static bool wait_until_gone_locked(struct server *server, deadline_ms deadline)
{
	while (server->count && wait_until(&server->changed, &server->lock, deadline))
		;
	return server->count == 0;
}

static void close_door(struct listener *listener)
{
	if (listener->is_running)
		pthread_join(listener->thread, NULL);
	listener->is_running = false;
	if (listener->fd < 0)
		return;
	close(listener->fd);
	listener->fd = -1;
	if (!listener->has_tls)
		unlink(listener->server->config->unix_path);
}

static void close_doors(struct server *server)
{
	uint64_t one = 1;
	ssize_t written = write(server->stop_fd, &one, sizeof one);
	assert(written == sizeof one); /* an eventfd takes more of these than anyone can count */
	for (size_t i = 0; i < server->listener_count; i++)
		close_door(&server->listeners[i]);
}

bool server_stop(struct server *server, deadline_ms deadline)
{
	close_doors(server);
	pthread_mutex_lock(&server->lock);
	server->is_stopping = true;
	end_all_locked(server, false);
	bool gone = wait_until_gone_locked(server, deadline);
	if (!gone) {
		log_warn("node", "calls cut off connections=%zu", server->count);
		end_all_locked(server, true);
		gone = wait_until_gone_locked(server, deadline_in(LAST_MS));
	}
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	if (gone && server->has_watchdog) {
		pthread_join(server->watchdog, NULL);
		server->has_watchdog = false;
	}
	return gone;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < server->listener_count; i++)
		close_door(&server->listeners[i]);
	if (server->stop_fd >= 0)
		close(server->stop_fd);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server);
}
