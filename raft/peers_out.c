/* Sending: one thread for each node we have something to say to. */
#include "raft/peers_internal.h"
#include "base/log.h"
#include "wire/channel.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 1000
#define CONNECT_MS 1000
/* Data that nobody acknowledges so long means a host or a network that went away; TCP itself would go on for a quarter of
 * an hour, and try ever more seldom, long after the network is back. */
#define UNACKNOWLEDGED_MS 3000
#define WRITE_SIZE (256u << 10)
#define OUT_MAX (WRITE_SIZE + LINK_FRAME_OVERHEAD + MESSAGE_SIZE_MAX)

enum err peer_create(struct peers *peers, uint64_t id, struct peer **out)
{
	struct peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		return ERR_NO_MEMORY;
	peer->peers = peers;
	peer->id = id;
	peer->fd = -1;
	peer->last = &peer->first;
	peer->last_urgent = &peer->urgent;
	peer->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&peer->lock, NULL);
	if (peer->wake < 0) {
		peer_destroy(peer);
		return ERR_IO;
	}
	*out = peer;
	return ERR_OK;
}

void peer_destroy(struct peer *peer)
{
	peer_drop_queue_locked(peer);
	snapshot_source_close(peer->snapshot);
	if (peer->wake >= 0)
		close(peer->wake);
	pthread_mutex_destroy(&peer->lock);
	free(peer);
}

void peer_interrupt(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer->sleeps = true;
	peer_wake_locked(peer);
	if (peer->fd >= 0)
		shutdown(peer->fd, SHUT_RDWR);
	pthread_mutex_unlock(&peer->lock);
}

void peer_hurry(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer->sleeps = peer->sleeps || !peer->is_connected;
	peer_wake_locked(peer);
	pthread_mutex_unlock(&peer->lock);
}

/* Waits until woken or for timeout_ms; `fd` (-1: none) may become readable meanwhile. */
static void sleep_until_woken(struct peer *peer, int fd, int timeout_ms)
{
	struct pollfd wanted[] = { { .fd = peer->wake, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	uint64_t count;
	if (poll(wanted, 2, timeout_ms) > 0 && (wanted[0].revents & POLLIN) &&
	    read(peer->wake, &count, sizeof count) < 0)
		return;
}

/* ------------------------------------------------------------------ what there is to send */

struct work {
	struct packet *packets;
	struct snapshot_source *snapshot;
};

/* Nothing: then the next peers_send wakes us. */
static bool take_work(struct peer *peer, struct work *work)
{
	pthread_mutex_lock(&peer->lock);
	*work = (struct work){ peer_take_all_locked(peer), peer->snapshot };
	peer->sleeps = !work->packets && !work->snapshot;
	pthread_mutex_unlock(&peer->lock);
	return work->packets || work->snapshot;
}

static enum err write_out(struct greeted *with, struct buf *out)
{
	enum err err = stream_write_all(&with->stream, out->data, out->size, STALL_MS);
	buf_reset(out);
	return err;
}

static enum err seal(struct greeted *with, enum link_kind kind, const uint8_t *data, size_t size, struct buf *out)
{
	struct bytes part = { data, size };
	return link_seal(&with->out, kind, &part, 1, clock_wall_ms(), out);
}

/* Takes the packets, all of them small. */
static enum err seal_urgent(struct peer *peer, struct greeted *with, struct buf *out)
{
	enum err err = ERR_OK;
	pthread_mutex_lock(&peer->lock);
	struct packet *urgent = peer_take_urgent_locked(peer);
	pthread_mutex_unlock(&peer->lock);
	for (const struct packet *packet = urgent; packet && err == ERR_OK; packet = packet->next)
		err = seal(with, LINK_MESSAGE, packet->bytes.data, packet->bytes.size, out);
	packets_drop(urgent);
	return err;
}

/* An entry of many megabytes may take longer than an election timeout, and all that time nobody must take us for dead. */
static enum err send_in_parts(struct peer *peer, struct greeted *with, const struct buf *bytes, struct buf *out)
{
	enum err err = ERR_OK;
	for (size_t at = 0; at < bytes->size && err == ERR_OK; at += PART_SIZE) {
		bool is_last = bytes->size - at <= PART_SIZE;
		err = seal(with, is_last ? LINK_LAST : LINK_PART, bytes->data + at, is_last ? bytes->size - at : PART_SIZE, out);
		if (err == ERR_OK)
			err = seal_urgent(peer, with, out);
		if (err == ERR_OK)
			err = write_out(with, out);
	}
	return err;
}

/* Many small frames go out in one write. Takes the packets. */
static enum err send_packets(struct peer *peer, struct greeted *with, struct packet *packets, struct buf *out)
{
	enum err err = ERR_OK;
	while (packets && err == ERR_OK) {
		struct packet *packet = packets;
		packets = packet->next;
		if (packet->bytes.size <= PART_SIZE)
			err = seal(with, LINK_MESSAGE, packet->bytes.data, packet->bytes.size, out);
		else
			err = send_in_parts(peer, with, &packet->bytes, out);
		packet_drop(packet);
		if (err == ERR_OK && out->size >= WRITE_SIZE)
			err = write_out(with, out);
	}
	packets_drop(packets);
	return err == ERR_OK && out->size ? write_out(with, out) : err;
}

static void forget_snapshot(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	struct snapshot_source *snapshot = peer->snapshot;
	peer->snapshot = NULL;
	pthread_mutex_unlock(&peer->lock);
	snapshot_source_close(snapshot);
}

/* One piece; the messages that have come meanwhile go before the next. */
static enum err send_piece(struct peer *peer, struct greeted *with, struct snapshot_source *snapshot, struct buf *out)
{
	struct buf piece;
	bool is_last = true;
	buf_init(&piece, OUT_MAX);
	enum err err = snapshot_source_next(snapshot, &piece, &is_last);
	struct bytes part = { piece.data, piece.size };
	if (err == ERR_OK)
		err = link_seal(&with->out, LINK_CHUNK, &part, 1, clock_wall_ms(), out);
	if (err == ERR_OK)
		err = write_out(with, out);
	if (is_last && err == ERR_OK)
		forget_snapshot(peer);
	buf_finish(&piece);
	return err;
}

static enum err say_still_here(struct greeted *with, struct buf *out)
{
	enum err err = link_seal(&with->out, LINK_STILL, NULL, 0, clock_wall_ms(), out);
	return err == ERR_OK ? write_out(with, out) : err;
}

/* Nothing is ever said in this direction once greeted: what can be read is the end. */
static enum err check_end(struct greeted *with)
{
	uint8_t byte;
	size_t done;
	short events;
	enum err err = stream_peek(&with->stream, &byte, 1, &done, &events);
	return err == ERR_OK && done ? ERR_MALFORMED : err;
}

static bool is_wanted(struct peer *peer)
{
	pthread_mutex_lock(&peer->peers->lock);
	bool belongs = peer->belongs;
	pthread_mutex_unlock(&peer->peers->lock);
	pthread_mutex_lock(&peer->lock);
	bool wanted = belongs || peer->first || peer->urgent || peer->snapshot;
	pthread_mutex_unlock(&peer->lock);
	return wanted && !peer->peers->is_stopping;
}

static enum err serve(struct peer *peer, struct greeted *with, struct buf *out)
{
	enum err err = ERR_OK;
	deadline_ms quiet = deadline_in(STILL_MS);
	while (err == ERR_OK && !peer->peers->is_stopping) {
		struct work work;
		if (take_work(peer, &work)) {
			err = send_packets(peer, with, work.packets, out);
			if (err == ERR_OK && work.snapshot)
				err = send_piece(peer, with, work.snapshot, out);
			quiet = deadline_in(STILL_MS);
			continue;
		}
		if (!is_wanted(peer) && deadline_passed(quiet))
			return ERR_OK; /* a guest, and we have said all we had to say */
		sleep_until_woken(peer, with->stream.fd, deadline_left(quiet));
		err = check_end(with);
		if (err == ERR_OK && deadline_passed(quiet) && is_wanted(peer)) {
			err = say_still_here(with, out);
			quiet = deadline_in(STILL_MS);
		}
	}
	return err;
}

/* ------------------------------------------------------------------ the connection */

static void note_socket(struct peer *peer, int fd, bool is_connected)
{
	pthread_mutex_lock(&peer->lock);
	peer->fd = fd;
	peer->is_connected = is_connected;
	pthread_mutex_unlock(&peer->lock);
}

static void note_no_socket(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer->fd = -1;
	peer->is_connected = false;
	if (peer->queued > QUEUE_LOST_MAX)
		peer_drop_queue_locked(peer);
	pthread_mutex_unlock(&peer->lock);
}

static enum err greet(struct peer *peer, struct greeted *with)
{
	struct peers *peers = peer->peers;
	struct address address;
	char name[IDENTITY_NAME_MAX + 1];
	int fd, limit = UNACKNOWLEDGED_MS;
	pthread_mutex_lock(&peers->lock);
	address = peer->address;
	memcpy(name, peer->name, sizeof name);
	pthread_mutex_unlock(&peers->lock);
	enum err err = address_connect(&address, deadline_in(CONNECT_MS), &fd);
	if (err != ERR_OK)
		return err;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
	note_socket(peer, fd, false);
	/* greeting_open closes it on failure, and peer_interrupt may meet it closed or reused: so it works on another
	 * descriptor of the same connection, and this one lives until we say so. */
	int held = dup(fd);
	note_socket(peer, held, false);
	err = peers->is_stopping ? ERR_CLOSED : ERR_OK;
	if (err == ERR_OK)
		err = greeting_open(&peers->greeter, fd, peer->id, name, deadline_in(GREETING_MS), with);
	else
		close(fd);
	if (err == ERR_REFUSED && with->is_forgetful)
		peers_forgotten(peers, peer->id, name);
	else
		peers_judge(peers, "node", peer->id, name, err);
	if (err == ERR_OK)
		note_socket(peer, held, true);
	else
		note_no_socket(peer);
	if (err != ERR_OK && held >= 0)
		close(held);
	return err;
}

static void serve_connection(struct peer *peer, struct greeted *with)
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	log_info("raft", "peer connected id=%llu name=%s", (unsigned long long)peer->id, with->name);
	peer->peers->config.connected(peer->peers->config.context, peer->id);
	enum err err = serve(peer, with, &out);
	pthread_mutex_lock(&peer->lock);
	int held = peer->fd;
	pthread_mutex_unlock(&peer->lock);
	note_no_socket(peer);
	if (held >= 0)
		close(held);
	if (!peer->peers->is_stopping)
		log_info("raft", "peer connection ended id=%llu name=%s err=%s", (unsigned long long)peer->id, with->name,
		         err_name(err));
	greeted_finish(with);
	forget_snapshot(peer); /* it starts anew when the leader asks again */
	buf_finish(&out);
}

static int64_t with_jitter(int64_t ms)
{
	uint8_t byte;
	random_bytes(&byte, 1);
	return ms / 2 + ms * byte / 512;
}

static void wait_until_wanted(struct peer *peer)
{
	while (!peer->peers->is_stopping && !is_wanted(peer)) {
		pthread_mutex_lock(&peer->lock);
		peer->sleeps = !peer->first && !peer->urgent && !peer->snapshot;
		bool sleeps = peer->sleeps;
		pthread_mutex_unlock(&peer->lock);
		if (sleeps)
			sleep_until_woken(peer, -1, -1);
	}
}

static void *send_forever(void *context)
{
	struct peer *peer = context;
	int64_t backoff = BACKOFF_MIN_MS;
	for (;;) {
		wait_until_wanted(peer);
		if (peer->peers->is_stopping)
			return NULL;
		struct greeted with;
		if (greet(peer, &with) == ERR_OK) {
			backoff = BACKOFF_MIN_MS;
			serve_connection(peer, &with);
		} else {
			pthread_mutex_lock(&peer->lock);
			peer->sleeps = false; /* only the end wakes us here, by peer_interrupt */
			pthread_mutex_unlock(&peer->lock);
			backoff = backoff * 2 < BACKOFF_MAX_MS ? backoff * 2 : BACKOFF_MAX_MS;
		}
		if (!peer->peers->is_stopping)
			sleep_until_woken(peer, -1, (int)with_jitter(backoff));
	}
}

void peer_want(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	if (!peer->has_thread)
		peer->has_thread = pthread_create(&peer->thread, NULL, send_forever, peer) == 0;
	pthread_mutex_unlock(&peer->lock);
}
