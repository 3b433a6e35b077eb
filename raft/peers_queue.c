/* What waits to be sent to a node: put in by the raft thread, taken out by the peer's own (peers_out.c). */
#include "raft/peers_internal.h"
#include "base/log.h"
#include <stdlib.h>
#include <unistd.h>

void packet_drop(struct packet *packet)
{
	buf_finish(&packet->bytes);
	free(packet);
}

void packets_drop(struct packet *packets)
{
	while (packets) {
		struct packet *next = packets->next;
		packet_drop(packets);
		packets = next;
	}
}

struct packet *peer_take_urgent_locked(struct peer *peer)
{
	struct packet *urgent = peer->urgent;
	for (struct packet *packet = urgent; packet; packet = packet->next)
		peer->queued -= packet->bytes.size;
	peer->urgent = NULL;
	peer->last_urgent = &peer->urgent;
	return urgent;
}

/* The urgent ones first. */
struct packet *peer_take_all_locked(struct peer *peer)
{
	*peer->last_urgent = peer->first;
	struct packet *all = peer->urgent;
	peer->first = peer->urgent = NULL;
	peer->last = &peer->first;
	peer->last_urgent = &peer->urgent;
	peer->queued = 0;
	return all;
}

void peer_drop_queue_locked(struct peer *peer)
{
	packets_drop(peer_take_all_locked(peer));
}

void peer_wake_locked(struct peer *peer)
{
	uint64_t one = 1;
	if (peer->sleeps && write(peer->wake, &one, sizeof one) < 0)
		return; /* full: it is awake already */
	peer->sleeps = false;
}

/* ------------------------------------------------------------------ from the raft thread */

static struct packet *packet_of(const struct message *message)
{
	struct packet *packet = calloc(1, sizeof *packet);
	if (!packet)
		return NULL;
	buf_init(&packet->bytes, MESSAGE_SIZE_MAX);
	if (message_encode(message, &packet->bytes) == ERR_OK)
		return packet;
	buf_finish(&packet->bytes);
	free(packet);
	return NULL;
}

/* Entries, and what answers or follows them, keep their order, or the engine would take them for lost. */
static bool is_urgent(const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_APPEND:
	case MESSAGE_APPEND_RESULT:
	case MESSAGE_INSTALL:
	case MESSAGE_TIMEOUT_NOW:
	case MESSAGE_FORWARD:
		return false;
	default:
		return true;
	}
}

static void put_in_locked(struct packet ***last, struct packet *packet)
{
	**last = packet;
	*last = &packet->next;
}

void peers_send(struct peers *peers, uint64_t to, const struct message *message)
{
	struct peer *peer = peers_find(peers, to);
	struct packet *packet = peer ? packet_of(message) : NULL;
	if (!packet)
		return;
	peer_want(peer);
	pthread_mutex_lock(&peer->lock);
	/* What doesn't fit: of what was queued nothing is worth more than the news. */
	if (peer->queued + packet->bytes.size > (peer->is_connected ? QUEUE_MAX : QUEUE_LOST_MAX))
		peer_drop_queue_locked(peer);
	peer->queued += packet->bytes.size;
	put_in_locked(is_urgent(message) ? &peer->last_urgent : &peer->last, packet);
	peer_wake_locked(peer);
	pthread_mutex_unlock(&peer->lock);
}

void peers_send_snapshot(struct peers *peers, uint64_t to, const struct message *install, const char *path)
{
	struct peer *peer = peers_find(peers, to);
	if (!peer)
		return;
	peer_want(peer);
	pthread_mutex_lock(&peer->lock);
	if (!peer->snapshot) {
		enum err err = snapshot_source_open(path, install, &peer->snapshot);
		if (err != ERR_OK)
			log_warn("raft", "snapshot can't be sent file=%s err=%s", path, err_name(err));
		peer_wake_locked(peer);
	}
	pthread_mutex_unlock(&peer->lock);
}
