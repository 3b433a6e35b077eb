/* Who belongs to the cluster, as of some entry of the log, and what it is as bytes. The bytes are the engine's
 * own encoding (it reads configurations itself), with a node's name and address as one text "name@host:port". */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "raft/consensus.h"

struct configuration {
	struct consensus_node nodes[NODES_MAX];
	size_t count;
};

/* The place a snapshot stands for, and who belonged there. */
struct snapshot_meta {
	uint64_t index, term;            /* of the last entry in it */
	uint64_t configuration_index;    /* of the entry that `configuration` came with */
	struct configuration configuration;
};

/* ERR_CONFIG: no nodes, more than NODES_MAX, an id of 0 or twice, a name or address that can't be written. */
enum err configuration_encode(const struct configuration *configuration, struct buf *out);
/* ERR_MALFORMED for anything configuration_encode would not have written. */
enum err configuration_decode(const void *data, size_t size, struct configuration *out);
const struct consensus_node *configuration_find(const struct configuration *configuration, uint64_t id);
size_t configuration_voters(const struct configuration *configuration);

/* Appended to `out`; and read back from a cursor. ERR_MALFORMED. */
enum err snapshot_meta_encode(const struct snapshot_meta *meta, struct buf *out);
enum err snapshot_meta_decode(struct cursor *cursor, struct snapshot_meta *out);
