/* Sending, over a connection that peers_connect.c has made. */
#include "raft/peers_internal.h"
#include "wire/channel.h"
#include <poll.h>
#include <unistd.h>

void peer_sleep(struct peer *peer, int fd, int timeout_ms)
{
	struct pollfd wanted[] = { { .fd = peer->wake, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	uint64_t count;
	if (poll(wanted, 2, timeout_ms) > 0 && (wanted[0].revents & POLLIN) &&
	    read(peer->wake, &count, sizeof count) < 0)
		return;
}

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

void peer_forget_snapshot(struct peer *peer)
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
		peer_forget_snapshot(peer);
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

bool peer_is_wanted(struct peer *peer)
{
	pthread_mutex_lock(&peer->peers->lock);
	bool belongs = peer->belongs;
	pthread_mutex_unlock(&peer->peers->lock);
	pthread_mutex_lock(&peer->lock);
	bool wanted = belongs || peer->first || peer->urgent || peer->snapshot;
	pthread_mutex_unlock(&peer->lock);
	return wanted && !peer->peers->is_stopping;
}

enum err peer_serve(struct peer *peer, struct greeted *with, struct buf *out)
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
		if (!peer_is_wanted(peer) && deadline_passed(quiet))
			return ERR_OK; /* a guest, and we have said all we had to say */
		peer_sleep(peer, with->stream.fd, deadline_left(quiet));
		err = check_end(with);
		if (err == ERR_OK && deadline_passed(quiet) && peer_is_wanted(peer)) {
			err = say_still_here(with, out);
			quiet = deadline_in(STILL_MS);
		}
	}
	return err;
}
