/* One thread for each node we have something to say to: makes the connection, again and again. */
#include "raft/peers_internal.h"
#include "base/log.h"
#include "wire/channel.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
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
	peer->peers->config.connected(peer->peers->config.context, peer->id, true);
	enum err err = peer_serve(peer, with, &out);
	pthread_mutex_lock(&peer->lock);
	int held = peer->fd;
	pthread_mutex_unlock(&peer->lock);
	note_no_socket(peer);
	if (held >= 0)
		close(held);
	if (!peer->peers->is_stopping) {
		log_info("raft", "peer connection ended id=%llu name=%s err=%s", (unsigned long long)peer->id, with->name,
		         err_name(err));
		peer->peers->config.connected(peer->peers->config.context, peer->id, false);
	}
	greeted_finish(with);
	peer_forget_snapshot(peer); /* it starts anew when the leader asks again */
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
	while (!peer->peers->is_stopping && !peer_is_wanted(peer)) {
		pthread_mutex_lock(&peer->lock);
		peer->sleeps = !peer->first && !peer->urgent && !peer->snapshot;
		bool sleeps = peer->sleeps;
		pthread_mutex_unlock(&peer->lock);
		if (sleeps)
			peer_sleep(peer, -1, -1);
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
			peer_sleep(peer, -1, (int)with_jitter(backoff));
	}
}

void peer_want(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	if (!peer->has_thread)
		peer->has_thread = pthread_create(&peer->thread, NULL, send_forever, peer) == 0;
	pthread_mutex_unlock(&peer->lock);
}
