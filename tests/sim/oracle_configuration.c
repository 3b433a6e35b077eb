/* The configuration the engine goes by is the newest in the log, or the snapshot's: compared byte for byte, after every turn. Where the
 * newest stands is looked for only when the log has changed. */
#include "tests/sim/sim.h"
#include <string.h>

#define ENGINE_FORMAT 1

static uint64_t newest_in_log(const struct memory_log *log)
{
	for (uint64_t i = memory_log_last(log); i > log->base; i--)
		if (memory_log_get(log, i)->type == ENTRY_CONFIGURATION)
			return i;
	return 0;
}

/* The snapshot's as bytes; made anew when there is another. */
static const struct buf *snapshot_bytes(struct sim_node *node)
{
	const struct snapshot_meta *snapshot = &node->driver->snapshot;
	struct sim_configuration *seen = &node->seen_configuration;
	if (seen->snapshot_index != snapshot->index || seen->snapshot_life != node->life) {
		buf_reset(&seen->snapshot);
		if (snapshot->configuration.count && configuration_encode(&snapshot->configuration, &seen->snapshot) != ERR_OK)
			violation("a snapshot's configuration can't be written");
		seen->snapshot_index = snapshot->index;
		seen->snapshot_life = node->life;
	}
	return &seen->snapshot;
}

static uint64_t little_endian(struct cursor *cursor)
{
	return __builtin_bswap64(cursor_u64(cursor));
}

static bool is_same_server(struct cursor *cursor, const struct raft_server *server)
{
	size_t size = strlen(server->address) + 1;
	bool same_id = little_endian(cursor) == server->id;
	const uint8_t *address = cursor_bytes(cursor, size);
	return same_id && address && memcmp(address, server->address, size) == 0 && cursor_u8(cursor) == server->role;
}

/* `data` is what configuration_encode has written, or an entry's. */
static bool is_same(const struct raft_configuration *engine, const uint8_t *data, size_t size)
{
	struct cursor cursor = cursor_over(data, size);
	bool same = cursor_u8(&cursor) == ENGINE_FORMAT && little_endian(&cursor) == engine->n;
	for (unsigned i = 0; same && i < engine->n; i++)
		same = is_same_server(&cursor, &engine->servers[i]);
	return same && !cursor.failed;
}

void oracle_configuration(struct sim_node *node)
{
	const struct driver *d = node->driver;
	struct sim_configuration *seen = &node->seen_configuration;
	if (d->guard.installing || !d->raft.configuration.n)
		return;
	if (seen->log_changes != node->log_changes) {
		seen->index = newest_in_log(&d->log);
		seen->log_changes = node->log_changes;
	}
	const struct entry *entry = seen->index > d->log.base ? memory_log_get(&d->log, seen->index) : NULL;
	const struct buf *snapshot = entry ? NULL : snapshot_bytes(node);
	if (!entry && !snapshot->size)
		return;
	if (!is_same(&d->raft.configuration, entry ? entry->data : snapshot->data, entry ? entry->size : snapshot->size))
		violation("WRONG CONFIGURATION in use on node %llu (entry %llu)", (unsigned long long)node->id,
		          (unsigned long long)(entry ? seen->index : 0));
}
