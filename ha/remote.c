#include "ha/remote.h"
#include "ha/descriptors.h"
#include "base/log.h"
#include "wire/call.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MAX 64  /* connections kept open to one node while nobody uses them */
#define OWING_MAX 16 /* and while it owes an answer that nobody waits for */

enum stage { STAGE_DIALING, STAGE_GREETING, STAGE_GREETED, STAGE_ASKED, STAGE_FREE };

/* A line is a borrowed connection. */
struct connection {
	struct channel *channel;
	enum stage stage;
	bool was_idle;             /* it comes from the pool, and nothing was heard on it since */
	deadline_ms deadline;      /* of dialing and greeting */
	bool has_request;
	struct buf request;        /* packed, for when it is greeted */
	struct connection *next, **place; /* in the list of idle, of owing or of busy ones */
};

struct remote {
	struct member member;
	struct address address;
	struct tls *tls;
	struct identity expected;
	int64_t connect_ms;
	pthread_mutex_t lock;
	struct connection *idle, *busy, *owing;
	size_t idle_count, owing_count;
	bool stopping;
	bool is_misnamed;          /* it answers under another name, and that was said */
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
	buf_finish(&connection->request);
	free(connection);
}

/* ---- the pool */

static void give_back(struct remote *remote, struct connection *connection, enum line_end end)
{
	pthread_mutex_lock(&remote->lock);
	list_remove(connection);
	bool is_free = end == LINE_FREE && !remote->stopping && remote->idle_count < IDLE_MAX;
	bool is_owing = end == LINE_OWING && !remote->stopping && remote->owing_count < OWING_MAX;
	if (is_free) {
		list_add(&remote->idle, connection);
		remote->idle_count++;
	} else if (is_owing) {
		list_add(&remote->owing, connection);
		remote->owing_count++;
	}
	pthread_mutex_unlock(&remote->lock);
	if (!is_free && !is_owing)
		connection_close(connection);
}

/* The one that was put there last: it is the most likely to be alive, and its node's caches are warm. */
static struct connection *borrow(struct remote *remote, struct connection **list, size_t *count)
{
	struct connection *connection;
	pthread_mutex_lock(&remote->lock);
	connection = remote->stopping ? NULL : *list;
	if (connection) {
		list_remove(connection);
		(*count)--;
		list_add(&remote->busy, connection);
	}
	pthread_mutex_unlock(&remote->lock);
	return connection;
}

static struct connection *borrow_idle(struct remote *remote)
{
	struct connection *connection;
	while ((connection = borrow(remote, &remote->idle, &remote->idle_count)) && !channel_is_idle(connection->channel))
		give_back(remote, connection, LINE_BAD);
	return connection;
}

/* What it owes may have come. */
static enum err collect(struct connection *connection, enum heard *heard)
{
	Craton__Reply *reply = NULL;
	short events;
	enum err err;
	do
		err = call_hear(connection->channel, FRAME_SIZE_MAX, heard, &reply, &events);
	while (err == ERR_OK && *heard == HEARD_HEARTBEAT);
	reply_free(reply);
	return err;
}

/* Before another connection is made: one on which nothing is owed any more. */
static struct connection *borrow_owing(struct remote *remote)
{
	struct connection *found = NULL;
	for (size_t i = 0; i < OWING_MAX && !found; i++) {
		enum heard heard;
		struct connection *connection = borrow(remote, &remote->owing, &remote->owing_count);
		if (!connection)
			break;
		enum err err = collect(connection, &heard);
		if (err != ERR_OK)
			give_back(remote, connection, LINE_BAD);
		else if (heard == HEARD_NOTHING)
			give_back(remote, connection, LINE_OWING);
		else
			found = connection;
	}
	return found;
}

static void close_all(struct remote *remote, struct connection **list, size_t *count)
{
	struct connection *connection;
	while ((connection = borrow(remote, list, count)))
		give_back(remote, connection, LINE_BAD);
}

static void remote_drop(struct member *member)
{
	struct remote *remote = remote_of(member);
	close_all(remote, &remote->idle, &remote->idle_count);
	close_all(remote, &remote->owing, &remote->owing_count);
}

/* ---- a new connection */

/* Counted as busy from the start, so that an interrupt finds it. */
static enum err enlist(struct remote *remote, struct connection *connection)
{
	pthread_mutex_lock(&remote->lock);
	bool stopping = remote->stopping;
	list_add(&remote->busy, connection);
	pthread_mutex_unlock(&remote->lock);
	if (stopping)
		give_back(remote, connection, LINE_BAD);
	return stopping ? ERR_CLOSED : ERR_OK;
}

static enum err keep_request(struct connection *connection, const Craton__Request *request)
{
	size_t size = craton__request__get_packed_size(request);
	if (size >= FRAME_SIZE_MAX)
		return ERR_TOO_BIG;
	uint8_t *at = buf_extend(&connection->request, size);
	if (at)
		craton__request__pack(request, at);
	connection->has_request = true;
	return at ? ERR_OK : ERR_NO_MEMORY;
}

static enum err dial(struct remote *remote, const Craton__Request *request, struct connection **out)
{
	struct connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		return ERR_NO_MEMORY;
	buf_init(&connection->request, FRAME_SIZE_MAX);
	connection->stage = STAGE_DIALING;
	connection->deadline = deadline_in(remote->connect_ms);
	enum err err = request ? keep_request(connection, request) : ERR_OK;
	if (err == ERR_OK)
		err = channel_dial(&remote->address, remote->tls, &remote->expected, &connection->channel);
	if (err != ERR_OK) {
		buf_finish(&connection->request);
		free(connection);
		return err;
	}
	descriptor_opened(channel_fd(connection->channel));
	*out = connection;
	return enlist(remote, connection);
}

static enum err dial_on(struct connection *connection, struct awaited *awaited)
{
	char program[128];
	enum err err = channel_dial_on(connection->channel, &awaited->events);
	descriptor_opened(channel_fd(connection->channel)); /* the host's next address has another socket */
	if (err != ERR_OK || awaited->events)
		return err;
	connection->stage = STAGE_GREETING;
	snprintf(program, sizeof program, "libcraton-pkcs11 in %s", program_invocation_short_name);
	return call_put_hello(connection->channel, program);
}

static enum err judge_name(struct remote *remote, const Craton__HelloReply *hello)
{
	bool is_misnamed = strcmp(hello->node, remote->member.name) != 0;
	pthread_mutex_lock(&remote->lock);
	bool is_news = is_misnamed && !remote->is_misnamed;
	remote->is_misnamed = is_misnamed;
	pthread_mutex_unlock(&remote->lock);
	if (is_news)
		log_error("ha", "member answers under another name: correct [member %s] in craton.conf name=%s node=%s",
		          remote->member.name, remote->member.name, hello->node);
	return is_misnamed ? ERR_REFUSED : ERR_OK;
}

static enum err greet_on(struct remote *remote, struct connection *connection, enum said *said, Craton__Reply **reply,
                         struct awaited *awaited)
{
	enum heard heard;
	enum err err = call_hear(connection->channel, FRAME_SIZE_MAX_EARLY, &heard, reply, &awaited->events);
	if (err != ERR_OK || heard == HEARD_NOTHING)
		return err;
	connection->stage = STAGE_GREETED;
	err = heard == HEARD_REPLY ? call_judge_hello(*reply) : ERR_MALFORMED;
	if (err == ERR_OK)
		err = judge_name(remote, (*reply)->hello);
	*said = SAID_HELLO;
	return err;
}

/* ---- a question */

static enum err put(struct connection *connection, const Craton__Request *request)
{
	enum err err = call_put(connection->channel, request);
	if (err == ERR_OK)
		connection->stage = STAGE_ASKED;
	return err;
}

static enum err put_kept(struct connection *connection)
{
	enum err err = channel_put(connection->channel, FRAME_REQUEST, connection->request.data, connection->request.size);
	buf_finish(&connection->request);
	connection->stage = STAGE_ASKED;
	return err;
}

static enum err answer_on(struct connection *connection, enum said *said, Craton__Reply **reply, struct awaited *awaited)
{
	enum heard heard;
	enum err err = connection->stage == STAGE_GREETED ? put_kept(connection) : ERR_OK;
	if (err == ERR_OK)
		err = call_hear(connection->channel, FRAME_SIZE_MAX, &heard, reply, &awaited->events);
	if (err != ERR_OK || heard == HEARD_NOTHING)
		return err;
	*said = heard == HEARD_REPLY ? SAID_ANSWER : SAID_HEARTBEAT;
	connection->was_idle = false;
	if (heard == HEARD_REPLY)
		connection->stage = STAGE_FREE;
	return ERR_OK;
}

/* As far as it goes without waiting. */
static enum err go_on(struct remote *remote, struct connection *connection, enum said *said, Craton__Reply **reply,
                      struct awaited *awaited)
{
	enum err err = ERR_OK;
	if (connection->stage == STAGE_DIALING)
		err = dial_on(connection, awaited);
	if (err == ERR_OK && connection->stage == STAGE_GREETING)
		return greet_on(remote, connection, said, reply, awaited);
	if (err == ERR_OK && connection->stage != STAGE_DIALING)
		return answer_on(connection, said, reply, awaited);
	return err;
}

static enum err remote_hear(struct member *member, struct line **line, enum said *said, Craton__Reply **reply, struct awaited *awaited)
{
	struct remote *remote = remote_of(member);
	struct connection *connection = (struct connection *)*line;
	bool is_new = connection->stage < STAGE_GREETED;
	*said = SAID_NOTHING;
	*reply = NULL;
	*awaited = (struct awaited){ channel_fd(connection->channel), 0, is_new ? connection->deadline : DEADLINE_NEVER };
	enum err err = go_on(remote, connection, said, reply, awaited);
	if (err == ERR_OK && *said == SAID_NOTHING && is_new && deadline_passed(connection->deadline))
		err = ERR_TIMEOUT;
	if (err == ERR_OK)
		return ERR_OK;
	bool is_stale = err == ERR_CLOSED && connection->was_idle;
	give_back(remote, connection, LINE_BAD);
	*line = NULL;
	reply_free(*reply);
	*reply = NULL;
	*said = is_stale ? SAID_STALE : SAID_NOTHING;
	if (is_stale)
		remote_drop(member); /* what is as old is as stale */
	return is_stale ? ERR_OK : err;
}

static enum err remote_ask(struct member *member, struct line **line, const Craton__Request *request)
{
	struct remote *remote = remote_of(member);
	struct connection *mine = (struct connection *)*line, *connection = mine;
	if (!mine && request && (connection = borrow_idle(remote)))
		connection->was_idle = true;
	if (!connection && request && (connection = borrow_owing(remote)))
		connection->was_idle = true;
	enum err err = connection ? put(connection, request) : dial(remote, request, &connection);
	if (err != ERR_OK && connection && !mine && (err == ERR_TOO_BIG || err == ERR_NO_MEMORY)) {
		give_back(remote, connection, LINE_FREE);
		connection = NULL;
	}
	*line = err == ERR_OK || mine ? (struct line *)connection : NULL;
	return err;
}

static void remote_let_go(struct member *member, struct line *line, enum line_end end)
{
	struct connection *connection = (struct connection *)line;
	if (end == LINE_OWING && (connection->stage != STAGE_ASKED || channel_is_sending(connection->channel)))
		end = LINE_BAD;
	if (end == LINE_FREE)
		buf_finish(&connection->request);
	give_back(remote_of(member), connection, end);
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

static void free_all(struct connection **list)
{
	while (*list) {
		struct connection *connection = *list;
		list_remove(connection);
		connection_close(connection);
	}
}

static void remote_destroy(struct member *member)
{
	struct remote *remote = remote_of(member);
	free_all(&remote->idle);
	free_all(&remote->owing);
	pthread_mutex_destroy(&remote->lock);
	free((char *)(uintptr_t)member->name);
	free(remote);
}

static const struct member_ops remote_ops = {
	.ask = remote_ask,
	.hear = remote_hear,
	.let_go = remote_let_go,
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
