#include "node/connection.h"
#include "base/log.h"
#include "node/access.h"
#include "node/founding.h"
#include "node/seldom.h"
#include "node/server.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROTOCOL 1
#define HEARTBEAT_FIRST_MS 200
#define HEARTBEAT_MS 2000
#define HEARTBEAT_SEND_MS 200 /* a client whose buffer is full of unread heartbeats is not waiting for one */

struct connection *connection_create(struct server *server, struct node *node, struct tls *tls, int fd, bool is_surplus)
{
	struct connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		return NULL;
	*connection = (struct connection){ .server = server, .node = node, .tls = tls, .fd = fd, .is_surplus = is_surplus,
	                                   .handshake_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0) };
	pthread_mutex_init(&connection->lock, NULL);
	return connection;
}

void connection_destroy(struct connection *connection)
{
	channel_close(connection->channel);
	if (connection->handshake_fd >= 0)
		close(connection->handshake_fd);
	if (connection->fd >= 0)
		close(connection->fd);
	pthread_mutex_destroy(&connection->lock);
	free(connection);
}

void connection_end(struct connection *connection, bool now)
{
	pthread_mutex_lock(&connection->lock);
	connection->is_closing = true;
	if (connection->handshake_fd >= 0)
		shutdown(connection->handshake_fd, SHUT_RDWR);
	else if (connection->channel && (now || !connection->is_busy))
		channel_interrupt(connection->channel);
	pthread_mutex_unlock(&connection->lock);
}

/* In the token for no longer than its kind may be; or elsewhere (it waits for a session, or for the other nodes) for no longer than it
 * would be waited for without us. */
static bool is_at_work_locked(struct connection *connection, int64_t now_ms)
{
	const struct node *node = connection->node;
	struct token_call call;
	if (!token_call_of(node->token, connection->thread, &call))
		return now_ms - connection->at_work_ms <= connection->patience_ms;
	connection->at_work_ms = now_ms;
	return call.age_ms <= (call.work == TOKEN_WORK_LONG ? node->config->generate_limit_ms : node->config->answer_limit_ms);
}

/* The lock is held while the heartbeat goes out, so that none follows the reply; it goes out at once or not at all. */
int64_t connection_heartbeat(struct connection *connection, int64_t now_ms)
{
	pthread_mutex_lock(&connection->lock);
	if (connection->is_busy && connection->beat_ms <= now_ms) {
		connection->beat_ms = now_ms + HEARTBEAT_MS;
		if (is_at_work_locked(connection, now_ms)) {
			if (channel_send(connection->channel, FRAME_HEARTBEAT, NULL, 0, deadline_in(HEARTBEAT_SEND_MS)) != ERR_OK)
				channel_interrupt(connection->channel);
			count_one(&connection->node->counters, COUNTER_HEARTBEATS);
		}
	}
	int64_t due_ms = connection->is_busy ? connection->beat_ms : INT64_MAX;
	pthread_mutex_unlock(&connection->lock);
	return due_ms;
}

/* false if the connection is to end. */
static bool call_begin(struct connection *connection, const Craton__Request *request)
{
	int64_t now_ms = clock_ms();
	pthread_mutex_lock(&connection->lock);
	bool go_on = !connection->is_closing;
	connection->is_busy = go_on;
	connection->idle_since_ms = 0;
	connection->thread = pthread_self();
	connection->patience_ms = question_patience(connection->node, request);
	connection->at_work_ms = now_ms;
	connection->beat_ms = now_ms + HEARTBEAT_FIRST_MS;
	pthread_mutex_unlock(&connection->lock);
	return go_on;
}

static bool call_end(struct connection *connection)
{
	pthread_mutex_lock(&connection->lock);
	connection->is_busy = false;
	bool go_on = !connection->is_closing;
	pthread_mutex_unlock(&connection->lock);
	return go_on;
}

/* A reply is sent as part of its call: whoever stops the node waits for it, but no heartbeat follows it. One that no
 * frame can hold (nothing of it was sent) becomes the token's way of saying so. */
static enum err send_reply(struct connection *connection, const Craton__Reply *reply)
{
	Craton__Reply too_big = CRATON__REPLY__INIT;
	int64_t frame_ms = connection->node->config->frame_ms;
	pthread_mutex_lock(&connection->lock);
	connection->beat_ms = INT64_MAX;
	pthread_mutex_unlock(&connection->lock);
	enum err err = call_answer(connection->channel, reply, deadline_in(frame_ms));
	if (err != ERR_TOO_BIG)
		return err;
	too_big.index = reply->index;
	too_big.rv = CKR_DEVICE_MEMORY;
	return call_answer(connection->channel, &too_big, deadline_in(frame_ms));
}

/* While an operation in parts is open the connection serves nothing else, and any refusal, whoever's, is its end: the asker takes the
 * connection for free then. */
static Craton__Reply *answer(struct connection *connection, struct client *client, const Craton__Request *request)
{
	Craton__Reply *reply = question_answer(connection->node, client, request);
	bool is_refused = reply && (reply->fault != CRATON__FAULT__FAULT_NONE || reply->rv != CKR_OK);
	if (client->multipart && is_refused)
		crypt_give_up(connection->node, client);
	return reply;
}

/* One request, one reply. */
static enum err serve_one(struct connection *connection, struct client *client)
{
	struct node *node = connection->node;
	Craton__Request *request = NULL;
	enum err err = call_receive(connection->channel, FRAME_SIZE_MAX, DEADLINE_NEVER, node->config->frame_ms, &request);
	if (err != ERR_OK)
		return err;
	bool is_out_of_place = client->multipart && !crypt_is_part(request);
	if (is_out_of_place || !call_begin(connection, request)) {
		request_free(request);
		return is_out_of_place ? ERR_MALFORMED : ERR_CLOSED;
	}
	Craton__Reply *reply = answer(connection, client, request);
	request_free(request);
	connection->idle_since_ms = client->multipart ? 0 : clock_ms(); /* for whoever makes room: the reply goes out first */
	err = reply ? send_reply(connection, reply) : ERR_NO_MEMORY;
	reply_free(reply);
	return call_end(connection) ? err : ERR_CLOSED;
}

static bool hello_body(struct node *node, Craton__Reply *reply)
{
	struct id cluster;
	Craton__HelloReply *body = malloc(sizeof *body);
	if (!body)
		return false;
	craton__hello_reply__init(body);
	reply->body_case = CRATON__REPLY__BODY_HELLO;
	reply->hello = body;
	body->protocol = PROTOCOL;
	body->node = strdup(node->config->name);
	if (founding_cluster_id(node, &cluster) && (body->cluster.data = malloc(ID_SIZE))) {
		memcpy(body->cluster.data, cluster.bytes, ID_SIZE);
		body->cluster.len = ID_SIZE;
	}
	return body->node;
}

static void set_fault(Craton__Reply *reply, Craton__Fault fault, const char *complaint)
{
	char *copy = strdup(complaint);
	reply->fault = fault;
	if (copy)
		reply->complaint = copy;
}

/* Who may come, before they may ask. ERR_OK: welcome, and told so. */
static enum err greet(struct connection *connection, const struct client *client, const Craton__Request *request)
{
	struct node *node = connection->node;
	Craton__Reply *reply = malloc(sizeof *reply);
	if (!reply)
		return ERR_NO_MEMORY;
	craton__reply__init(reply);
	reply->index = consensus_applied(node->consensus);
	reply->duty = (Craton__Duty)atomic_load(&node->settings.duty);
	enum err err = ERR_REFUSED;
	if (request->hello->protocol != PROTOCOL)
		set_fault(reply, CRATON__FAULT__FAULT_MALFORMED, "this node speaks protocol 1");
	else if (!access_allowed(node->config, &client->identity))
		set_fault(reply, CRATON__FAULT__FAULT_REFUSED, "not one of this node's clients: use a client certificate, or be in [listen] users");
	else if (connection->is_surplus && !server_make_room(connection->server) && !client->may_administer)
		set_fault(reply, CRATON__FAULT__FAULT_BUSY, "as many connections as [limits] connections allows");
	else
		err = hello_body(node, reply) ? ERR_OK : ERR_NO_MEMORY;
	connection->is_surplus &= err != ERR_OK;
	enum err sent = call_answer(connection->channel, reply, deadline_in(node->config->hello_ms));
	reply_free(reply);
	return err == ERR_OK ? sent : err;
}

/* The first message must be Hello, short, and soon. */
static enum err be_greeted(struct connection *connection, struct client *client, deadline_ms deadline)
{
	Craton__Request *request = NULL;
	enum err err = call_receive(connection->channel, FRAME_SIZE_MAX_EARLY, deadline, deadline_left(deadline), &request);
	if (err != ERR_OK)
		return err;
	if (request->body_case == CRATON__REQUEST__BODY_HELLO)
		err = greet(connection, client, request);
	else
		err = ERR_MALFORMED;
	if (err == ERR_OK)
		log_debug("node", "client came name=%s program=\"%.64s\"", client->identity.name, request->hello->program);
	request_free(request);
	return err;
}

static enum err shake_hands(struct connection *connection, deadline_ms deadline)
{
	struct channel *channel = NULL;
	int fd = connection->fd;
	connection->fd = -1;
	enum err err = channel_accept(fd, connection->tls, deadline, &channel);
	pthread_mutex_lock(&connection->lock);
	connection->channel = channel;
	if (connection->handshake_fd >= 0)
		close(connection->handshake_fd);
	connection->handshake_fd = -1;
	if (err == ERR_OK && connection->is_closing)
		err = ERR_CLOSED;
	pthread_mutex_unlock(&connection->lock);
	return err;
}

static enum err serve(struct connection *connection, struct client *client)
{
	deadline_ms deadline = deadline_in(connection->node->config->hello_ms);
	enum err err = shake_hands(connection, deadline);
	if (err != ERR_OK)
		return err;
	client->identity = *channel_peer(connection->channel);
	client->may_administer = access_administers(&client->identity);
	err = be_greeted(connection, client, deadline);
	connection->idle_since_ms = clock_ms();
	while (err == ERR_OK)
		err = serve_one(connection, client);
	return err;
}

/* How it ended: going away is nobody's fault, all else is counted and told, though not a line for each of a thousand. */
static void note_end(struct connection *connection, const struct client *client, enum err err)
{
	static struct seldom seldom;
	struct counters *counters = &connection->node->counters;
	unsigned untold;
	if (err == ERR_CLOSED)
		return;
	if (err == ERR_MALFORMED || err == ERR_TOO_BIG)
		count_one(counters, COUNTER_FRAMES_REFUSED);
	count_one(counters, connection->is_surplus ? COUNTER_CONNECTIONS_BUSY
	                    : err == ERR_REFUSED   ? COUNTER_CONNECTIONS_REFUSED
	                                           : COUNTER_CONNECTIONS_DROPPED);
	if (seldom_may_tell(&seldom, &untold))
		log_warn("node", "connection dropped client=%s err=%s others_untold=%u",
		         *client->identity.name ? client->identity.name : "unknown",
		         connection->is_surplus ? "busy" : err_name(err), untold);
}

void connection_run(struct connection *connection)
{
	struct client client = { .may_administer = false };
	enum err err = serve(connection, &client);
	crypt_give_up(connection->node, &client);
	note_end(connection, &client, err);
	secret_wipe(&client, sizeof client);
}
