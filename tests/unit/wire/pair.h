/* Two ends of one channel in one process. */
#pragma once
#include "tests/check.h"
#include "tests/support/certificates.h"
#include "wire/channel.h"
#include "wire/socket.h"
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	struct channel *a, *b; /* a asks, b answers */
	struct tls *client, *server;
	struct test_authority *authority;
	int listening;
	enum err err;
};

static inline void pair_open_unix(struct pair *pair)
{
	int fds[2];
	*pair = (struct pair){ .listening = -1 };
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(channel_accept(fds[0], NULL, deadline_in(5000), &pair->a), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(channel_accept(fds[1], NULL, deadline_in(5000), &pair->b), ERR_OK);
}

static inline void *pair_accept(void *at)
{
	struct pair *pair = at;
	socket_wait(pair->listening, POLLIN, deadline_in(10000));
	int fd = accept4(pair->listening, NULL, NULL, SOCK_CLOEXEC);
	pair->err = channel_accept(fd, pair->server, deadline_in(10000), &pair->b);
	return NULL;
}

/* Over loopback, on a port that the kernel chooses. */
static inline void pair_open_tls(struct pair *pair)
{
	struct address address = { .is_unix = false };
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	pthread_t thread;
	*pair = (struct pair){ .authority = test_authority_create() };
	pair->client = test_authority_tls(pair->authority, IDENTITY_CLIENT, "web");
	pair->server = test_authority_tls(pair->authority, IDENTITY_NODE, "a");
	snprintf(address.host, sizeof address.host, "127.0.0.1");
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0, &pair->listening, NULL), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(getsockname(pair->listening, (struct sockaddr *)&name, &size), 0);
	address.port = (uint16_t)(((uint8_t *)&name)[2] << 8 | ((uint8_t *)&name)[3]);
	pthread_create(&thread, NULL, pair_accept, pair);
	enum err err = channel_connect(&address, pair->client, &(struct identity){ IDENTITY_NODE, "a" }, deadline_in(10000), &pair->a);
	pthread_join(thread, NULL);
	CU_ASSERT_FATAL(err == ERR_OK && pair->err == ERR_OK);
}

static inline void pair_close(struct pair *pair)
{
	channel_close(pair->a);
	channel_close(pair->b);
	tls_destroy(pair->client);
	tls_destroy(pair->server);
	if (pair->listening >= 0)
		close(pair->listening);
	if (pair->authority)
		test_authority_destroy(pair->authority);
}
