/* A snapshot's file in pieces, each the payload of one LINK_CHUNK:
 *
 *	u64 index ‖ u64 term ‖ u64 size of the file ‖ u64 offset of this piece ‖ block announcement ‖ block bytes
 *
 * The announcement (an encoded MESSAGE_INSTALL) comes with the first piece, and is empty after that. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "raft/message.h"
#include "raft/snapshot_file.h"

#define CHUNK_SIZE (256u << 10) /* of file bytes: what a heartbeat may have to wait for */

/* The sending end. */
struct snapshot_source;
/* Opens the file, which may lose its name while it is read. ERR_NOT_FOUND, ERR_TOO_BIG, ERR_IO, ERR_NO_MEMORY. */
enum err snapshot_source_open(const char *path, const struct message *install, struct snapshot_source **out);
/* The next piece's payload into `out` (reset first); *is_last with the last one. ERR_IO. */
enum err snapshot_source_next(struct snapshot_source *source, struct buf *out, bool *is_last);
void snapshot_source_close(struct snapshot_source *source); /* accepts NULL */

/* The receiving end. */
struct snapshot_sink {
	struct snapshots *snapshots;
	char *path;              /* of the file under way, NULL if none is */
	int fd;
	uint64_t index, term, size, offset;
	struct message install;
};
void snapshot_sink_init(struct snapshot_sink *sink, struct snapshots *snapshots);
/* One piece. When it was the last, *path (malloc) is the file and *install what announced it; both the caller's.
 * ERR_MALFORMED: pieces that don't fit together. ERR_TOO_BIG, ERR_IO, ERR_NO_MEMORY. After an error nothing is under way. */
enum err snapshot_sink_add(struct snapshot_sink *sink, const void *payload, size_t size, struct message *install,
                           char **path);
void snapshot_sink_finish(struct snapshot_sink *sink); /* removes a file under way */
