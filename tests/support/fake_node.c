#include "tests/support/fake_node.h"
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024

struct peer {
	struct fake_node *node;
	struct channel *channel;
	pthread_t thread;
	void *kept;
	void (*destroy)(void *kept);
};

struct fake_node {
	const char *name;
	fake_answer *answer;
	void *context;
	int listening;
	pthread_t acceptor;
	pthread_mutex_t lock;
	struct peer peers[CONNECTIONS_MAX];
	unsigned count;
	bool stopping;
	atomic_uint requests;
};

struct block {
	struct block *next;
	max_align_t data[];
};
struct fake_call {
	struct peer *peer;
	struct block *blocks;
};

void *fake_connection(struct fake_call *call)
{
	return call->peer->kept;
}

void fake_connection_keep(struct fake_call *call, void *kept, void (*destroy)(void *kept))
{
	struct peer *peer = call->peer;
	if (peer->kept)
		peer->destroy(peer->kept);
	peer->kept = kept;
	peer->destroy = destroy;
}

void fake_connection_cut(struct fake_call *call)
{
	channel_interrupt(call->peer->channel);
}

void *fake_alloc(struct fake_call *call, size_t size)
{
	struct block *block = calloc(1, sizeof *block + size);
	assert(block);
	block->next = call->blocks;
	call->blocks = block;
	return block->data;
}

ProtobufCBinaryData fake_bytes(struct fake_call *call, const void *data, size_t size)
{
	ProtobufCBinaryData bytes = { size, fake_alloc(call, size + 1) };
	if (size)
		memcpy(bytes.data, data, size);
	return bytes;
}

static void call_done(struct fake_call *call)
{
	struct block *next;
	for (struct block *block = call->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
}

static void greet(struct fake_node *node, Craton__Reply *reply, Craton__HelloReply *hello)
{
	hello->protocol = 1;
	hello->node = (char *)(uintptr_t)node->name;
	reply->body_case = CRATON__REPLY__BODY_HELLO;
	reply->hello = hello;
}

static enum err answer_one(struct peer *peer, const Craton__Request *request)
{
	struct fake_node *node = peer->node;
	struct fake_call call = { peer, NULL };
	Craton__Reply reply = CRATON__REPLY__INIT;
	Craton__HelloReply hello = CRATON__HELLO_REPLY__INIT;
	if (request->body_case == CRATON__REQUEST__BODY_HELLO) {
		greet(node, &reply, &hello);
	} else {
		node->answer(node->context, &call, request, &reply);
		atomic_fetch_add(&node->requests, 1);
	}
	enum err err = call_answer(peer->channel, &reply, deadline_in(5000));
	call_done(&call);
	return err;
}

static void *serve(void *argument)
{
	struct peer *peer = argument;
	Craton__Request *request;
	enum err err = ERR_OK;
	while (err == ERR_OK) {
		err = call_receive(peer->channel, FRAME_SIZE_MAX, DEADLINE_NEVER, 5000, &request);
		if (err != ERR_OK)
			break;
		err = answer_one(peer, request);
		request_free(request);
	}
	if (peer->kept)
		peer->destroy(peer->kept);
	channel_interrupt(peer->channel);
	return NULL;
}

static bool add_peer(struct fake_node *node, int fd)
{
	struct channel *channel;
	if (channel_accept(fd, NULL, deadline_in(5000), &channel) != ERR_OK)
		return true;
	pthread_mutex_lock(&node->lock);
	bool taken = !node->stopping && node->count < CONNECTIONS_MAX;
	if (taken) {
		struct peer *peer = &node->peers[node->count++];
		*peer = (struct peer){ .node = node, .channel = channel };
		pthread_create(&peer->thread, NULL, serve, peer);
	}
	pthread_mutex_unlock(&node->lock);
	if (!taken)
		channel_close(channel);
	return taken;
}

static void *accept_all(void *argument)
{
	struct fake_node *node = argument;
	struct pollfd wanted = { .fd = node->listening, .events = POLLIN };
	bool goes_on = true;
	while (goes_on && poll(&wanted, 1, -1) >= 0 && !(wanted.revents & (POLLHUP | POLLERR))) {
		int fd = accept4(node->listening, NULL, NULL, SOCK_CLOEXEC);
		goes_on = fd < 0 || add_peer(node, fd);
	}
	return NULL;
}

struct fake_node *fake_node_start(const char *name, const char *path, fake_answer *answer, void *context)
{
	struct fake_node *node = calloc(1, sizeof *node);
	struct address address = { .is_unix = true };
	struct complaint complaint;
	assert(node && strlen(path) < sizeof address.host);
	*node = (struct fake_node){ .name = name, .answer = answer, .context = context };
	strcpy(address.host, path);
	pthread_mutex_init(&node->lock, NULL);
	enum err err = address_listen(&address, 0600, &node->listening, &complaint);
	assert(err == ERR_OK);
	pthread_create(&node->acceptor, NULL, accept_all, node);
	return node;
}

void fake_node_stop(struct fake_node *node)
{
	pthread_mutex_lock(&node->lock);
	node->stopping = true;
	for (unsigned i = 0; i < node->count; i++)
		channel_interrupt(node->peers[i].channel);
	pthread_mutex_unlock(&node->lock);
	shutdown(node->listening, SHUT_RDWR);
	pthread_join(node->acceptor, NULL);
	close(node->listening);
	for (unsigned i = 0; i < node->count; i++) {
		pthread_join(node->peers[i].thread, NULL);
		channel_close(node->peers[i].channel);
	}
	pthread_mutex_destroy(&node->lock);
	free(node);
}

unsigned fake_node_connections(struct fake_node *node)
{
	pthread_mutex_lock(&node->lock);
	unsigned count = node->count;
	pthread_mutex_unlock(&node->lock);
	return count;
}

unsigned fake_node_requests(struct fake_node *node)
{
	return atomic_load(&node->requests);
}
