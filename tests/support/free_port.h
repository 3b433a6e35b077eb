/* A port on the loopback that nobody listens on. Below those the kernel gives to whoever connects somewhere: one of these could be taken
 * before its owner listens there, or while it is away. */
#pragma once
#include "base/id.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define FREE_PORT_FIRST 10240
#define FREE_PORT_END 32768

static inline uint16_t free_port(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (;;) {
		uint16_t number;
		random_bytes(&number, sizeof number);
		uint16_t port = (uint16_t)(FREE_PORT_FIRST + number % (FREE_PORT_END - FREE_PORT_FIRST));
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		name.sin_port = htons(port);
		bool is_free = bind(fd, (struct sockaddr *)&name, sizeof name) == 0;
		close(fd);
		if (is_free)
			return port;
	}
}
