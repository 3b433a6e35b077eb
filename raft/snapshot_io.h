/* The bytes of a snapshot file: what its writer and its reader share. */
#pragma once
#include "raft/snapshot_file.h"
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#define SNAPSHOT_MAGIC "CRATSNP1"
#define SNAPSHOT_MAGIC_SIZE 8
#define SNAPSHOT_MAC_SIZE 32
#define SNAPSHOT_HEAD_MAX (64u << 10)
#define SNAPSHOT_PIECE (256u << 10) /* bytes read or written at a time */

struct snapshots {
	char *folder;
	struct secret *key;
	_Atomic unsigned scratch; /* number of the next file under way */
};

/* ERR_DAMAGED at the file's end, ERR_IO. */
enum err read_all(int fd, void *data, size_t size);
enum err write_all(int fd, const void *data, size_t size);
/* NULL without memory. */
EVP_MAC_CTX *snapshot_mac_start(const struct snapshots *snapshots);
bool snapshot_mac_end(EVP_MAC_CTX *context, uint8_t mac[SNAPSHOT_MAC_SIZE]);
