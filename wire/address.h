/* Where a node listens: "unix:/path", "host:port", "[::1]:port". */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

struct address {
	bool is_unix;
	char host[256]; /* or the socket's path */
	uint16_t port;
};
/* ERR_CONFIG with a complaint that shows the forms. */
enum err address_parse(struct address *address, const char *text, struct complaint *complaint);
