#include "ha/remote_pool.h"
#include "ha/descriptors.h"
#include "base/log.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct remote *remote_of(struct member *member)
{
	return (struct remote *)member; /* its first field */
}

/* ---- a new connection */

static enum err keep_request(struct connection *connection, const Craton__Request *request)
{
	size_t size = craton__request__get_packed_size(request);
	if (size >= FRAME_SIZE_MAX)
		return ERR_TOO_BIG;
	uint8_t *at = buf_extend(&connection->request, size);
	if (at)
		craton__request__pack(request, at);
	return at ? ERR_OK : ERR_NO_MEMORY;
}

/* Once it is known where: none yet, and it stays as it is. */
static enum err dial(struct remote *remote, struct connection *connection, const struct resolved *where)
{
	struct channel *channel;
	if (remote->names && !where->count)
		return ERR_OK;
	enum err err = channel_dial(&remote->address, where, remote->tls, &remote->expected, &channel);
	if (err != ERR_OK)
		return err;
	descriptor_opened(channel_fd(channel));
	connection->stage = STAGE_DIALING;
	return pool_dialled(remote, connection, channel);
}

static enum err connect_to(struct remote *remote, const Craton__Request *request, struct connection **out)
{
	struct resolved where = { .count = 0 };
	struct connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		return ERR_NO_MEMORY;
	buf_init(&connection->request, FRAME_SIZE_MAX);
	connection->stage = STAGE_NAMING;
	connection->deadline = deadline_in(remote->connect_ms);
	enum err err = pool_add(remote, connection);
	if (err == ERR_OK && request)
		err = keep_request(connection, request);
	if (err == ERR_OK && remote->names)
		err = names_want(remote->names, &where);
	if (err == ERR_OK)
		err = dial(remote, connection, &where);
	if (err == ERR_OK)
		*out = connection;
	else
		pool_return(remote, connection, LINE_BAD);
	return err == ERR_NOT_FOUND ? ERR_CLOSED : err;
}

static enum err name_on(struct remote *remote, struct connection *connection, struct awaited *awaited)
{
	struct resolved where;
	enum err err = names_found(remote->names, &where);
	if (err == ERR_OK)
		err = dial(remote, connection, &where);
	awaited->events = POLLIN;
	return err == ERR_NOT_FOUND ? ERR_CLOSED : err;
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
	*said = err == ERR_BUSY ? SAID_FULL : SAID_HELLO;
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
	if (connection->stage == STAGE_NAMING)
		err = name_on(remote, connection, awaited);
	if (err == ERR_OK && connection->stage == STAGE_DIALING)
		err = dial_on(connection, awaited);
	if (err == ERR_OK && connection->stage == STAGE_GREETING)
		return greet_on(remote, connection, said, reply, awaited);
	if (err == ERR_OK && connection->stage >= STAGE_GREETED)
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
	*awaited = (struct awaited){ -1, 0, is_new ? connection->deadline : DEADLINE_NEVER, !is_new };
	enum err err = go_on(remote, connection, said, reply, awaited);
	awaited->fd = connection->channel ? channel_fd(connection->channel) : names_fd(remote->names);
	if (err == ERR_OK && *said == SAID_NOTHING && is_new && deadline_passed(connection->deadline))
		err = ERR_TIMEOUT;
	if (err == ERR_OK)
		return ERR_OK;
	bool is_stale = err == ERR_CLOSED && connection->was_idle;
	pool_return(remote, connection, LINE_BAD);
	*line = NULL;
	if (*said == SAID_FULL)
		return ERR_OK;
	reply_free(*reply);
	*reply = NULL;
	*said = is_stale ? SAID_STALE : SAID_NOTHING;
	if (is_stale)
		pool_close_unused(remote); /* what is as old is as stale */
	return is_stale ? ERR_OK : err;
}

static enum err remote_ask(struct member *member, struct line **line, const Craton__Request *request)
{
	struct remote *remote = remote_of(member);
	struct connection *mine = (struct connection *)*line, *connection = mine;
	if (!mine && request && (connection = pool_borrow_idle(remote)))
		connection->was_idle = true;
	if (!connection && request && (connection = pool_borrow_owing(remote)))
		connection->was_idle = true;
	enum err err = connection ? put(connection, request) : connect_to(remote, request, &connection);
	if (err != ERR_OK && connection && !mine && (err == ERR_TOO_BIG || err == ERR_NO_MEMORY)) {
		pool_return(remote, connection, LINE_FREE);
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
	pool_return(remote_of(member), connection, end);
}

static void remote_drop(struct member *member)
{
	pool_close_unused(remote_of(member));
}

static void remote_interrupt(struct member *member)
{
	struct remote *remote = remote_of(member);
	pool_interrupt(remote);
	if (remote->names)
		names_interrupt(remote->names);
}

static void remote_destroy(struct member *member)
{
	struct remote *remote = remote_of(member);
	pool_finish(remote);
	names_destroy(remote->names);
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

struct member *remote_create(const struct client_member *config, struct tls *tls, int64_t connect_ms, bool may_start_threads)
{
	struct remote *remote = calloc(1, sizeof *remote);
	struct names *names = config->address.is_unix ? NULL : names_create(&config->address, may_start_threads);
	char *name = strdup(config->name);
	if (!remote || !name || (!names && !config->address.is_unix)) {
		names_destroy(names);
		free(remote);
		free(name);
		return NULL;
	}
	remote->names = names;
	remote->member = (struct member){ .ops = &remote_ops, .name = name };
	remote->address = config->address;
	remote->tls = tls;
	remote->connect_ms = connect_ms;
	remote->expected.kind = IDENTITY_NODE;
	snprintf(remote->expected.name, sizeof remote->expected.name, "%s", name);
	pthread_mutex_init(&remote->lock, NULL);
	return &remote->member;
}
