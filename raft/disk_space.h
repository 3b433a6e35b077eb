/* A full disk stops a node, so it is announced before it happens. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define DISK_SPACE_LOW (64ull << 20) /* bytes free */

struct disk_space {
	const char *folder;
	int64_t next_look_ms;
	bool is_low;
};

void disk_space_init(struct disk_space *space, const char *folder); /* folder stays the caller's */
/* Looks every few seconds at most; logs one line when space becomes low and one when it no longer is. */
void disk_space_watch(struct disk_space *space);
