#include "ha/remote.h"
#include "ha/descriptors.h"
#include "base/log.h"
#include "wire/call.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MAX 64 /* connections kept open to one node while nobody uses them */

struct connection {
	struct channel *channel;
	struct connection *next, **place; /* in the list of idle or of busy ones */
};

struct remote {
	struct member member;
	struct address address;
	struct tls *tls;
	struct identity expected;
	int64_t connect_ms;
	pthread_mutex_t lock;
	struct connection *idle, *busy;
	size_t idle_count;
	bool stopping;
};

static struct remote *remote_of(struct member *member)
{
	return (struct remote *)member; /* its first field */
}

static void list_add(struct connection **list, struct connection *connection)
{
	connection->next = *list;
	connection->place = list;
	if (*list)
		(*list)->place = &connection->next;
	*list = connection;
}

static void list_remove(struct connection *connection)
{
	*connection->place = connection->next;
	if (connection->next)
		connection->next->place = connection->place;
}

static void connection_close(struct connection *connection)
{
	if (!connection)
		return;
	descriptor_closing(channel_fd(connection->channel));
	channel_close(connection->channel);
	free(connection);
}

/* The one that was idle for the shortest time is the most likely to be alive, and its node's caches are warm. */
static struct connection *borrow_idle(struct remote *remote)
{
	struct connection *connection;
	pthread_mutex_lock(&remote->lock);
	connection = remote->stopping ? NULL : remote->idle;
	if (connection) {
		list_remove(connection);
		remote->idle_count--;
		list_add(&remote->busy, connection);
	}
	pthread_mutex_unlock(&remote->lock);
	return connection;
}

static void give_back(struct remote *remote, struct connection *connection, bool is_good)
{
	pthread_mutex_lock(&remote->lock);
	list_remove(connection);
	bool is_kept = is_good && !remote->stopping && remote->idle_count < IDLE_MAX;
	if (is_kept) {
		list_add(&remote->idle, connection);
		remote->idle_count++;
	}
	pthread_mutex_unlock(&remote->lock);
	if (!is_kept)
		connection_close(connection);
}

static enum err check_hello(const struct remote *remote, const Craton__HelloReply *hello)
{
	if (strcmp(hello->node, remote->member.name) == 0)
		return ERR_OK;
	log_error("ha", "member answers under another name: correct [member %s] in craton.conf name=%s node=%s",
	          remote->member.name, remote->member.name, hello->node);
	return ERR_REFUSED;
}

static enum err greet(const struct remote *remote, struct channel *channel, deadline_ms deadline)
{
	char program[128];
	Craton__HelloReply *hello = NULL;
	snprintf(program, sizeof program, "libcraton-pkcs11 in %s", program_invocation_short_name);
	enum err err = call_hello(channel, program, deadline, &hello);
	if (err == ERR_OK)
		err = check_hello(remote, hello);
	if (hello)
		craton__hello_reply__free_unpacked(hello, NULL);
	return err;
}

static enum err open_channel(const struct remote *remote, struct channel **out)
{
	deadline_ms deadline = deadline_in(remote->connect_ms);
	enum err err = channel_connect(&remote->address, remote->tls, &remote->expected, deadline, out);
	if (err != ERR_OK)
		return err;
	descriptor_opened(channel_fd(*out));
	err = greet(remote, *out, deadline);
	if (err == ERR_OK)
		return ERR_OK;
	descriptor_closing(channel_fd(*out));
	channel_close(*out);
	return err;
}

/* Counted as busy from the start, so that an interrupt finds it. */
static enum err open_connection(struct remote *remote, struct connection **out)
{
	struct connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		return ERR_NO_MEMORY;
	enum err err = open_channel(remote, &connection->channel);
	if (err != ERR_OK) {
		free(connection);
		return err;
	}
	pthread_mutex_lock(&remote->lock);
	bool stopping = remote->stopping;
	list_add(&remote->busy, connection);
	pthread_mutex_unlock(&remote->lock);
	if (stopping) {
		give_back(remote, connection, false);
		return ERR_CLOSED;
	}
	*out = connection;
	return ERR_OK;
}

static struct connection *borrow_live(struct remote *remote)
{
	struct connection *connection;
	while ((connection = borrow_idle(remote)) && !channel_is_idle(connection->channel))
		give_back(remote, connection, false);
	return connection;
}

/* The connection is closed, and *connection NULL, if it has failed. */
static enum err call_on(struct remote *remote, struct connection **connection, const Craton__Request *request,
                        int64_t patience_ms, Craton__Reply **reply)
{
	enum err err = call((*connection)->channel, request, patience_ms, DEADLINE_NEVER, reply);
	if (err == ERR_OK || err == ERR_TOO_BIG)
		return err;
	give_back(remote, *connection, false);
	*connection = NULL;
	return err;
}

static void remote_drop(struct member *member)
{
	struct remote *remote = remote_of(member);
	struct connection *connection;
	while ((connection = borrow_idle(remote)))
		give_back(remote, connection, false);
}

/* On a connection that is left in *connection. */
static enum err call_on_any(struct remote *remote, struct connection **connection, const Craton__Request *request,
                            int64_t patience_ms, Craton__Reply **reply)
{
	*connection = borrow_live(remote);
	if (*connection) {
		enum err err = call_on(remote, connection, request, patience_ms, reply);
		if (err != ERR_CLOSED)
			return err;
		remote_drop(&remote->member); /* what is as old is as stale */
	}
	enum err err = open_connection(remote, connection);
	return err == ERR_OK ? call_on(remote, connection, request, patience_ms, reply) : err;
}

static enum err remote_call(struct member *member, const Craton__Request *request, int64_t patience_ms, Craton__Reply **reply)
{
	struct remote *remote = remote_of(member);
	struct connection *connection;
	enum err err = call_on_any(remote, &connection, request, patience_ms, reply);
	if (connection)
		give_back(remote, connection, true);
	return err;
}

static enum err remote_call_on(struct member *member, struct line **line, const Craton__Request *request, int64_t patience_ms,
                               Craton__Reply **reply)
{
	struct remote *remote = remote_of(member);
	struct connection *connection = (struct connection *)*line; /* a line is a borrowed connection */
	enum err err = connection ? call_on(remote, &connection, request, patience_ms, reply)
	                          : call_on_any(remote, &connection, request, patience_ms, reply);
	*line = (struct line *)connection;
	return err;
}

static void remote_let_go(struct member *member, struct line *line, bool is_good)
{
	give_back(remote_of(member), (struct connection *)line, is_good);
}

static enum err remote_probe(struct member *member)
{
	struct remote *remote = remote_of(member);
	struct connection *connection;
	enum err err = open_connection(remote, &connection);
	if (err == ERR_OK)
		give_back(remote, connection, true);
	return err;
}

static void remote_interrupt(struct member *member)
{
	struct remote *remote = remote_of(member);
	pthread_mutex_lock(&remote->lock);
	remote->stopping = true;
	for (struct connection *c = remote->busy; c; c = c->next)
		channel_interrupt(c->channel);
	pthread_mutex_unlock(&remote->lock);
}

static void remote_destroy(struct member *member)
{
	struct remote *remote = remote_of(member);
	while (remote->idle) {
		struct connection *connection = remote->idle;
		list_remove(connection);
		connection_close(connection);
	}
	pthread_mutex_destroy(&remote->lock);
	free((char *)(uintptr_t)member->name);
	free(remote);
}

static const struct member_ops remote_ops = {
	.call = remote_call,
	.call_on = remote_call_on,
	.let_go = remote_let_go,
	.probe = remote_probe,
	.drop = remote_drop,
	.interrupt = remote_interrupt,
	.destroy = remote_destroy,
};

struct member *remote_create(const struct client_member *config, struct tls *tls, int64_t connect_ms)
{
	struct remote *remote = calloc(1, sizeof *remote);
	char *name = strdup(config->name);
	if (!remote || !name) {
		free(remote);
		free(name);
		return NULL;
	}
	remote->member = (struct member){ .ops = &remote_ops, .name = name };
	remote->address = config->address;
	remote->tls = tls;
	remote->connect_ms = connect_ms;
	remote->expected.kind = IDENTITY_NODE;
	snprintf(remote->expected.name, sizeof remote->expected.name, "%s", name);
	pthread_mutex_init(&remote->lock, NULL);
	return &remote->member;
}
