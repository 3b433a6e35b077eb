/* Receiving: one thread for each connection that was accepted. */
#include "raft/peers_internal.h"
#include "base/log.h"
#include "wire/socket.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (256u << 10)
#define FRAME_MAX (LINK_FRAME_OVERHEAD + MESSAGE_SIZE_MAX)

/* What has come and is not yet a whole frame. */
struct inbox {
	uint8_t *data;
	size_t start, end, capacity;
};

struct receiving {
	struct peers *peers;
	struct peer *peer;
	struct greeted *with;
	struct inbox inbox;
	struct snapshot_sink sink;
	struct buf parts;        /* of a long message */
	bool is_newer;           /* it says what is not known here, and that has been told */
	struct arrival *first, **last; /* of this read */
};

/* ------------------------------------------------------------------ frames */

/* The rest of what it says is as good as ever: while nodes are upgraded one after another some know more than others. */
static enum err leave_alone(struct receiving *r)
{
	if (!r->is_newer)
		log_info("raft", "newer software at the other end, some of what it says is not known here id=%llu name=%s",
		         (unsigned long long)r->with->id, r->with->name);
	r->is_newer = true;
	return ERR_OK;
}

static enum err take_message(struct receiving *r, const uint8_t *data, size_t size)
{
	struct arrival *arrival = calloc(1, sizeof *arrival);
	if (!arrival)
		return ERR_NO_MEMORY;
	enum err err = message_decode(data, size, &arrival->message);
	if (err == ERR_OK && arrival->message.kind == MESSAGE_INSTALL) {
		message_release(&arrival->message); /* comes with its body, never alone */
		err = ERR_MALFORMED;
	}
	if (err != ERR_OK) {
		free(arrival);
		return err == ERR_NOT_FOUND ? leave_alone(r) : err;
	}
	arrival->message.from = r->with->id;
	arrival->size = size;
	*r->last = arrival;
	r->last = &arrival->next;
	return ERR_OK;
}

/* The connection is as good as ever, and the leader asks again later: were it closed, at once, and so on for ever. */
static enum err do_without_piece(const struct receiving *r, enum err err)
{
	if (err == ERR_IO)
		log_warn("raft", "no room for a snapshot that is sent to this node id=%llu name=%s", (unsigned long long)r->with->id,
		         r->with->name);
	/* a piece from the middle is what is left of that, or of a transfer that began on another connection */
	return err == ERR_MALFORMED || err == ERR_IO ? ERR_OK : err;
}

static enum err take_piece(struct receiving *r, const struct link_frame *frame)
{
	char *path;
	struct arrival *arrival = calloc(1, sizeof *arrival);
	if (!arrival)
		return ERR_NO_MEMORY;
	enum err err = snapshot_sink_add(&r->sink, frame->payload, frame->size, &arrival->message, &path);
	if (err != ERR_OK || !path) {
		free(arrival);
		return do_without_piece(r, err);
	}
	arrival->message.from = r->with->id;
	r->peers->config.snapshot_arrived(r->peers->config.context, arrival, path);
	return ERR_OK;
}

/* Takes memory only for what has come. */
static enum err take_part(struct receiving *r, const struct link_frame *frame)
{
	if (frame->size > MESSAGE_SIZE_MAX - r->parts.size)
		return ERR_TOO_BIG;
	buf_add(&r->parts, frame->payload, frame->size);
	if (r->parts.failed)
		return ERR_NO_MEMORY;
	if (frame->kind == LINK_PART)
		return ERR_OK;
	enum err err = take_message(r, r->parts.data, r->parts.size);
	buf_finish(&r->parts);
	buf_init(&r->parts, MESSAGE_SIZE_MAX);
	return err;
}

static enum err take_frame(struct receiving *r, const struct link_frame *frame)
{
	switch (frame->kind) {
	case LINK_MESSAGE:
		return take_message(r, frame->payload, frame->size);
	case LINK_PART:
	case LINK_LAST:
		return take_part(r, frame);
	case LINK_CHUNK:
		return take_piece(r, frame);
	case LINK_STILL:
		return ERR_OK;
	case LINK_CONFIRM: /* long over */
		return ERR_MALFORMED;
	}
	return leave_alone(r);
}

static enum err take_frames(struct receiving *r)
{
	struct inbox *inbox = &r->inbox;
	int64_t now = clock_wall_ms();
	for (;;) {
		struct link_frame frame;
		size_t used;
		enum err err = link_open(&r->with->in, inbox->data + inbox->start, inbox->end - inbox->start, now,
		                         &frame, &used);
		if (err == ERR_OK && used)
			err = take_frame(r, &frame);
		if (err != ERR_OK || !used)
			return err;
		inbox->start += used;
	}
}

static void hand_over(struct receiving *r)
{
	struct arrival *first = r->first;
	r->first = NULL;
	r->last = &r->first;
	r->peer->heard_ms = clock_ms();
	if (first)
		r->peers->config.arrived(r->peers->config.context, first);
}

/* ------------------------------------------------------------------ bytes */

/* Room for at least one read; grows with what has come, up to one frame and a read. */
static enum err make_room(struct inbox *inbox)
{
	if (inbox->start == inbox->end)
		inbox->start = inbox->end = 0;
	if (inbox->capacity - inbox->end >= READ_SIZE / 2)
		return ERR_OK;
	if (inbox->start > 0) {
		memmove(inbox->data, inbox->data + inbox->start, inbox->end - inbox->start);
		inbox->end -= inbox->start;
		inbox->start = 0;
	}
	if (inbox->capacity - inbox->end >= READ_SIZE / 2)
		return ERR_OK;
	size_t capacity = inbox->capacity ? inbox->capacity * 2 : READ_SIZE;
	if (capacity > 2 * FRAME_MAX + READ_SIZE)
		return ERR_TOO_BIG;
	uint8_t *data = realloc(inbox->data, capacity);
	if (!data)
		return ERR_NO_MEMORY;
	inbox->data = data;
	inbox->capacity = capacity;
	return ERR_OK;
}

/* Takes all that is there before looking at it, so that many frames are one turn of the raft thread. */
static enum err read_more(struct receiving *r)
{
	struct inbox *inbox = &r->inbox;
	size_t done = 0, total = 0;
	enum err err = make_room(inbox);
	if (err == ERR_OK)
		err = stream_read_some(&r->with->stream, inbox->data + inbox->end, inbox->capacity - inbox->end, &done,
		                       deadline_in(SILENCE_MS));
	while (err == ERR_OK && done) {
		short events;
		inbox->end += done;
		total += done;
		if (inbox->end == inbox->capacity || total >= READ_SIZE)
			break;
		err = stream_peek(&r->with->stream, inbox->data + inbox->end, inbox->capacity - inbox->end, &done,
		                  &events);
	}
	return total ? ERR_OK : err; /* what came before the end counts; the end comes again */
}

static enum err receive_forever(struct receiving *r)
{
	enum err err = ERR_OK;
	while (err == ERR_OK && !r->peers->is_stopping) {
		err = read_more(r);
		if (err == ERR_OK) {
			err = take_frames(r);
			hand_over(r);
		}
	}
	return err;
}

/* ------------------------------------------------------------------ connections */

static void receive_from(struct peers *peers, struct peer *peer, struct greeted *with)
{
	struct receiving r = { .peers = peers, .peer = peer, .with = with };
	r.last = &r.first;
	buf_init(&r.parts, MESSAGE_SIZE_MAX);
	snapshot_sink_init(&r.sink, peers->config.snapshots);
	peer->inbound++;
	peer->heard_ms = clock_ms();
	peer_hurry(peer);
	enum err err = receive_forever(&r);
	peer->inbound--;
	peers_judge(peers, "frame", with->id, with->name, err);
	snapshot_sink_finish(&r.sink);
	buf_finish(&r.parts);
	free(r.inbox.data);
}

static void *serve_accepted(void *context)
{
	struct connection *connection = context;
	struct peers *peers = connection->peers;
	struct greeted with;
	int fd = dup(connection->fd); /* ours; the other one lives until the thread is joined */
	enum err err = fd < 0 ? ERR_IO : greeting_accept(&peers->greeter, fd, deadline_in(GREETING_MS), &with);
	if (err == ERR_OK) {
		struct peer *peer = peers_guest(peers, &with);
		if (peer)
			receive_from(peers, peer, &with);
		greeted_finish(&with);
	} else if (fd >= 0)
		peers_judge(peers, "connection", with.id, with.name, err);
	pthread_mutex_lock(&peers->lock);
	shutdown(connection->fd, SHUT_RDWR);
	connection->has_ended = true;
	pthread_mutex_unlock(&peers->lock);
	return NULL;
}

static void end_connection(struct connection *connection)
{
	pthread_join(connection->thread, NULL);
	close(connection->fd);
	free(connection);
}

/* Joins the threads that have ended. */
static void sweep(struct peers *peers)
{
	struct connection *ended = NULL;
	pthread_mutex_lock(&peers->lock);
	for (struct connection **at = &peers->connections; *at;) {
		struct connection *connection = *at;
		if (!connection->has_ended) {
			at = &connection->next;
			continue;
		}
		*at = connection->next;
		connection->next = ended;
		ended = connection;
		peers->connection_count--;
	}
	pthread_mutex_unlock(&peers->lock);
	while (ended) {
		struct connection *next = ended->next;
		end_connection(ended);
		ended = next;
	}
}

static void take_connection(struct peers *peers, int fd)
{
	struct connection *connection = calloc(1, sizeof *connection);
	pthread_mutex_lock(&peers->lock);
	bool has_room = connection && peers->connection_count < CONNECTIONS_MAX;
	if (has_room) {
		socket_tune(fd);
		connection->peers = peers;
		connection->fd = fd;
		has_room = pthread_create(&connection->thread, NULL, serve_accepted, connection) == 0;
	}
	if (has_room) {
		connection->next = peers->connections;
		peers->connections = connection;
		peers->connection_count++;
	}
	pthread_mutex_unlock(&peers->lock);
	if (!has_room) {
		close(fd);
		free(connection);
	}
}

void *peers_accept_forever(void *context)
{
	struct peers *peers = context;
	while (!peers->is_stopping) {
		struct pollfd wanted[] = { { .fd = peers->listening, .events = POLLIN },
			                   { .fd = peers->stop, .events = POLLIN } };
		if (poll(wanted, 2, -1) < 0 && errno != EINTR)
			break;
		sweep(peers);
		int fd = peers->is_stopping ? -1 : accept4(peers->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			take_connection(peers, fd);
		else if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
			poll(&wanted[1], 1, 100); /* descriptors or memory are out, the connection stays in the queue: look again when there may be room */
	}
	return NULL;
}

void peers_end_connections(struct peers *peers)
{
	pthread_mutex_lock(&peers->lock);
	struct connection *all = peers->connections;
	peers->connections = NULL;
	for (struct connection *connection = all; connection; connection = connection->next)
		shutdown(connection->fd, SHUT_RDWR);
	pthread_mutex_unlock(&peers->lock);
	while (all) {
		struct connection *next = all->next;
		end_connection(all);
		all = next;
	}
}
