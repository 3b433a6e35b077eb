/* Whatever a peer may send: frames, requests and replies. The first byte says which side we are. */
#include "tests/fuzz/fuzz.h"
#include "wire/attributes.h"
#include "wire/call.h"
#include "wire/mechanism.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_SIZE_MAX (64u << 10) /* what a socket holds without a reader */

/* The peer hears us (*peer stays open) but says no more. */
static struct channel *channel_over(const uint8_t *data, size_t size, int *peer)
{
	struct channel *channel;
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || send(fds[1], data, size, 0) != (ssize_t)size)
		abort();
	shutdown(fds[1], SHUT_WR);
	if (channel_accept(fds[0], NULL, DEADLINE_NEVER, &channel) != ERR_OK)
		abort();
	*peer = fds[1];
	return channel;
}

static void copy(Craton__Attribute **items, size_t count)
{
	struct attribute_list list;
	if (attribute_list_copy(&list, items, count) == ERR_OK)
		assert(list.count == count);
	attribute_list_finish(&list);
}

static void look_into(const Craton__Request *request)
{
	CK_MECHANISM *mechanism = NULL;
	if (request->body_case == CRATON__REQUEST__BODY_CREATE_OBJECT)
		copy(request->create_object->attributes, request->create_object->n_attributes);
	if (request->body_case == CRATON__REQUEST__BODY_FIND)
		copy(request->find->attributes, request->find->n_attributes);
	if (request->body_case == CRATON__REQUEST__BODY_CRYPT && request->crypt->mechanism)
		mechanism_from_wire(request->crypt->mechanism, false, NULL, &mechanism);
	free(mechanism);
}

static void as_server(struct channel *channel)
{
	Craton__Request *request;
	while (call_receive(channel, FRAME_SIZE_MAX_EARLY, DEADLINE_NEVER, 1000, &request) == ERR_OK) {
		look_into(request);
		request_free(request);
	}
}

static void as_client(struct channel *channel)
{
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__HelloReply *hello = NULL;
	Craton__Reply *reply = NULL;
	if (call_hello(channel, "fuzz", DEADLINE_NEVER, &hello) == ERR_OK)
		craton__hello_reply__free_unpacked(hello, NULL);
	while (call(channel, &request, 1000, DEADLINE_NEVER, &reply) == ERR_OK)
		reply_free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > INPUT_SIZE_MAX)
		return 0;
	int peer;
	struct channel *channel = channel_over(data + 1, size - 1, &peer);
	if (data[0] & 1)
		as_client(channel);
	else
		as_server(channel);
	channel_close(channel);
	close(peer);
	return 0;
}
