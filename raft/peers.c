#include "raft/peers_internal.h"
#include "base/log.h"
#include "wire/channel.h"
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMPLAIN_EVERY_MS 10000

/* ------------------------------------------------------------------ who there is */

static struct peer *find_locked(struct peers *peers, uint64_t id)
{
	for (size_t i = 0; i < peers->count; i++)
		if (peers->all[i]->id == id)
			return peers->all[i];
	return NULL;
}

struct peer *peers_find(struct peers *peers, uint64_t id)
{
	pthread_mutex_lock(&peers->lock);
	struct peer *peer = find_locked(peers, id);
	pthread_mutex_unlock(&peers->lock);
	return peer;
}

static struct peer *add_locked(struct peers *peers, uint64_t id)
{
	struct peer *peer = NULL;
	if (peers->count == PEERS_MAX || peer_create(peers, id, &peer) != ERR_OK)
		return NULL;
	peers->all[peers->count++] = peer;
	return peer;
}

static void describe_locked(struct peer *peer, const char *name, const struct address *address)
{
	snprintf(peer->name, sizeof peer->name, "%s", name);
	if (address->port)
		peer->address = *address;
}

struct peer *peers_guest(struct peers *peers, const struct greeted *greeted)
{
	pthread_mutex_lock(&peers->lock);
	struct peer *peer = find_locked(peers, greeted->id);
	if (!peer)
		peer = add_locked(peers, greeted->id);
	if (peer && !peer->belongs)
		describe_locked(peer, greeted->name, &greeted->address);
	pthread_mutex_unlock(&peers->lock);
	return peer;
}

static void configure_one(struct peers *peers, const struct consensus_node *node)
{
	pthread_mutex_lock(&peers->lock);
	struct peer *peer = find_locked(peers, node->id);
	if (!peer)
		peer = add_locked(peers, node->id);
	if (peer) {
		describe_locked(peer, node->name, &node->address);
		peer->belongs = true;
	}
	pthread_mutex_unlock(&peers->lock);
	if (peer) {
		peer_want(peer);
		peer_hurry(peer);
	}
}

void peers_configure(struct peers *peers, const struct configuration *configuration)
{
	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->count; i++)
		peers->all[i]->belongs = configuration_find(configuration, peers->all[i]->id) != NULL;
	const struct consensus_node *self = configuration_find(configuration, peers->config.self);
	if (self)
		peers->advertised = self->address;
	pthread_mutex_unlock(&peers->lock);
	for (size_t i = 0; i < configuration->count; i++)
		if (configuration->nodes[i].id != peers->config.self)
			configure_one(peers, &configuration->nodes[i]);
}

struct peer_state peers_state(struct peers *peers, uint64_t id)
{
	struct peer_state state = { .heard_ms_ago = -1 };
	struct peer *peer = peers_find(peers, id);
	if (!peer)
		return state;
	pthread_mutex_lock(&peer->lock);
	state.connected = peer->is_connected || peer->inbound > 0;
	pthread_mutex_unlock(&peer->lock);
	int64_t heard_ms = peer->heard_ms;
	if (heard_ms)
		state.heard_ms_ago = clock_ms() - heard_ms;
	return state;
}

/* ------------------------------------------------------------------ whom we let in */

static struct address own_address(void *context)
{
	struct peers *peers = context;
	pthread_mutex_lock(&peers->lock);
	struct address address = peers->advertised;
	pthread_mutex_unlock(&peers->lock);
	return address;
}

/* A name that belongs to the configuration is bound to its id; a guest's id to its name, but a name may come back under a
 * new id. Somebody we haven't heard of may be let in: a node that was away doesn't know who joined meanwhile and may lead now. */
static bool contradicts(const struct peer *peer, uint64_t id, const char *name)
{
	bool same_id = peer->id == id, same_name = strcmp(peer->name, name) == 0;
	return same_id != same_name && (same_id || peer->belongs);
}

static bool is_bound(void *context, uint64_t id, const char *name)
{
	struct peers *peers = context;
	bool is_right = id != peers->config.self && strcmp(name, tls_identity(peers->config.tls)->name) != 0;
	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->count && is_right; i++)
		is_right = !contradicts(peers->all[i], id, name);
	pthread_mutex_unlock(&peers->lock);
	return is_right;
}

static bool is_remembered(void *context, uint64_t id, const struct id *incarnation)
{
	struct peers *peers = context;
	if (acquaintances_meet(peers->config.acquaintances, id, incarnation))
		return true;
	log_error("raft", "node refused id=%" PRIu64 ": it came back with another state folder, so it has forgotten its "
	          "votes: remove it from the cluster and add it again under a new id", id);
	return false;
}

static bool is_refusal(enum err err)
{
	return err == ERR_REFUSED || err == ERR_MALFORMED || err == ERR_TOO_BIG || err == ERR_BEHIND;
}

/* Of a node we know, when it begins; of strangers, again and again; of either now and then at most. */
static bool is_news(struct peers *peers, uint64_t id)
{
	struct peer *peer = peers_find(peers, id);
	_Atomic int64_t *complained_ms = peer ? &peer->complained_ms : &peers->complained_ms;
	int64_t now = clock_ms(), last = *complained_ms;
	if ((peer && peer->is_refused) || (last && now - last < COMPLAIN_EVERY_MS) ||
	    !atomic_compare_exchange_strong(complained_ms, &last, now))
		return false;
	if (peer)
		peer->is_refused = true;
	return true;
}

void peers_judge(struct peers *peers, const char *what, uint64_t id, const char *name, enum err err)
{
	if (err == ERR_OK) {
		struct peer *peer = peers_find(peers, id);
		if (peer && atomic_exchange(&peer->is_refused, false))
			log_info("raft", "%s accepted again id=%" PRIu64 " name=%s", what, id, name);
		return;
	}
	if (!is_refusal(err))
		return;
	peers->refused++;
	if (is_news(peers, id))
		log_warn("raft", "%s refused id=%" PRIu64 " name=%s err=%s%s", what, id, *name ? name : "?", err_name(err),
		         err == ERR_BEHIND ? ": it was not sent just now: do the nodes' clocks agree?" : "");
}

void peers_forgotten(struct peers *peers, uint64_t id, const char *name)
{
	if (atomic_exchange(&peers->was_forgotten, true))
		return;
	log_error("raft", "this node has lost its memory: its state folder is not the one that id=%" PRIu64 " name=%s knows "
	          "it by. Remove it from the cluster and add it again under a new id, or put its old folder back", id, name);
	peers->config.forgotten(peers->config.context);
}

uint64_t peers_refused(struct peers *peers)
{
	return peers->refused;
}

/* ------------------------------------------------------------------ beginning and end */

static void fill_greeter(struct peers *peers)
{
	peers->greeter = (struct greeter){
		.self = peers->config.self,
		.incarnation = peers->config.incarnation,
		.tls = peers->config.tls,
		.secret = peers->config.secret,
		.age_ms_max = peers->config.message_age_ms_max,
		.payload_max = MESSAGE_SIZE_MAX,
		.address = own_address,
		.is_bound = is_bound,
		.is_remembered = is_remembered,
		.context = peers,
	};
}

enum err peers_create(const struct peers_config *config, struct peers **out, struct complaint *complaint)
{
	struct peers *peers = calloc(1, sizeof *peers);
	if (!peers)
		return complain(complaint, ERR_NO_MEMORY, "no memory for peers");
	peers->config = *config;
	peers->advertised = config->listen;
	peers->listening = -1;
	peers->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&peers->lock, NULL);
	fill_greeter(peers);
	enum err err = peers->stop < 0 ? complain(complaint, ERR_IO, "no file descriptor for peers")
	                               : address_listen(&config->listen, 0600, &peers->listening, complaint);
	if (err == ERR_OK)
		*out = peers;
	else
		peers_destroy(peers);
	return err;
}

enum err peers_start(struct peers *peers, struct complaint *complaint)
{
	peers->has_accepter = pthread_create(&peers->accepter, NULL, peers_accept_forever, peers) == 0;
	return peers->has_accepter ? ERR_OK : complain(complaint, ERR_NO_MEMORY, "no thread for peers");
}

/* No peer is added once the accepting thread and the connections have ended, as the raft thread has by then. */
void peers_stop(struct peers *peers)
{
	uint64_t one = 1;
	peers->is_stopping = true;
	if (peers->has_accepter && write(peers->stop, &one, sizeof one) == sizeof one)
		pthread_join(peers->accepter, NULL);
	peers->has_accepter = false;
	peers_end_connections(peers);
	for (size_t i = 0; i < peers->count; i++)
		peer_interrupt(peers->all[i]);
	for (size_t i = 0; i < peers->count; i++) {
		struct peer *peer = peers->all[i];
		if (peer->has_thread)
			pthread_join(peer->thread, NULL);
		peer->has_thread = false;
	}
}

void peers_destroy(struct peers *peers)
{
	if (!peers)
		return;
	for (size_t i = 0; i < peers->count; i++)
		peer_destroy(peers->all[i]);
	if (peers->listening >= 0)
		close(peers->listening);
	if (peers->stop >= 0)
		close(peers->stop);
	pthread_mutex_destroy(&peers->lock);
	free(peers);
}

uint16_t peers_port(const struct peers *peers)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	if (getsockname(peers->listening, (struct sockaddr *)&name, &size) != 0)
		return 0;
	if (name.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
	return ntohs(((struct sockaddr_in *)&name)->sin_port);
}
