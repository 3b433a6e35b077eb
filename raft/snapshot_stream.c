#include "raft/snapshot_stream.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "raft/snapshot_io.h"

struct snapshot_source {
	int fd;
	uint64_t index, term, size, offset;
	struct buf announcement;
};

enum err snapshot_source_open(const char *path, const struct message *install, struct snapshot_source **out)
{
	struct snapshot_source *source = calloc(1, sizeof *source);
	struct stat about = { 0 };
	if (!source)
		return ERR_NO_MEMORY;
	buf_init(&source->announcement, MESSAGE_SIZE_MAX);
	source->index = install->install.meta->index;
	source->term = install->install.meta->term;
	source->fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err err = ERR_OK;
	if (source->fd < 0 || fstat(source->fd, &about) != 0)
		err = source->fd < 0 && errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	source->size = (uint64_t)about.st_size;
	if (err == ERR_OK && (source->size > SNAPSHOT_FILE_MAX || source->size == 0))
		err = ERR_TOO_BIG;
	if (err == ERR_OK)
		err = message_encode(install, &source->announcement);
	if (err == ERR_OK)
		*out = source;
	else
		snapshot_source_close(source);
	return err;
}

enum err snapshot_source_next(struct snapshot_source *source, struct buf *out, bool *is_last)
{
	uint64_t left = source->size - source->offset;
	size_t size = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
	bool is_first = source->offset == 0;
	buf_reset(out);
	buf_add_u64(out, source->index);
	buf_add_u64(out, source->term);
	buf_add_u64(out, source->size);
	buf_add_u64(out, source->offset);
	buf_add_block(out, source->announcement.data, is_first ? source->announcement.size : 0);
	buf_add_u32(out, (uint32_t)size);
	uint8_t *at = buf_extend(out, size);
	if (!at)
		return ERR_NO_MEMORY;
	source->offset += size;
	*is_last = source->offset == source->size;
	return read_all(source->fd, at, size) == ERR_OK ? ERR_OK : ERR_IO;
}

void snapshot_source_close(struct snapshot_source *source)
{
	if (!source)
		return;
	if (source->fd >= 0)
		close(source->fd);
	buf_finish(&source->announcement);
	free(source);
}

/* ------------------------------------------------------------------ receiving */

void snapshot_sink_init(struct snapshot_sink *sink, struct snapshots *snapshots)
{
	*sink = (struct snapshot_sink){ .snapshots = snapshots, .fd = -1 };
}

static void let_go(struct snapshot_sink *sink)
{
	if (sink->path)
		message_release(&sink->install);
	if (sink->fd >= 0)
		close(sink->fd);
	free(sink->path);
	snapshot_sink_init(sink, sink->snapshots);
}

void snapshot_sink_finish(struct snapshot_sink *sink)
{
	if (sink->path)
		unlink(sink->path);
	let_go(sink);
}

struct piece {
	uint64_t index, term, size, offset;
	const uint8_t *announcement, *data;
	size_t announcement_size, data_size;
};

static enum err parse(const void *payload, size_t size, struct piece *piece)
{
	struct cursor cursor = cursor_over(payload, size);
	piece->index = cursor_u64(&cursor);
	piece->term = cursor_u64(&cursor);
	piece->size = cursor_u64(&cursor);
	piece->offset = cursor_u64(&cursor);
	piece->announcement = cursor_block(&cursor, &piece->announcement_size);
	piece->data = cursor_block(&cursor, &piece->data_size);
	if (cursor.failed || cursor.size != 0 || piece->data_size == 0 || piece->offset > piece->size ||
	    piece->data_size > piece->size - piece->offset)
		return ERR_MALFORMED;
	return piece->size > SNAPSHOT_FILE_MAX ? ERR_TOO_BIG : ERR_OK;
}

static enum err begin(struct snapshot_sink *sink, const struct piece *piece)
{
	struct message install;
	snapshot_sink_finish(sink); /* another one has begun: the last will not be finished */
	enum err err = message_decode(piece->announcement, piece->announcement_size, &install);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_MALFORMED : err;
	if (install.kind != MESSAGE_INSTALL || install.install.meta->index != piece->index ||
	    install.install.meta->term != piece->term) {
		message_release(&install);
		return ERR_MALFORMED;
	}
	sink->path = snapshots_scratch(sink->snapshots);
	if (!sink->path) {
		message_release(&install);
		return ERR_NO_MEMORY;
	}
	sink->install = install;
	sink->index = piece->index;
	sink->term = piece->term;
	sink->size = piece->size;
	sink->fd = open(sink->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return sink->fd < 0 ? ERR_IO : ERR_OK;
}

static enum err add(struct snapshot_sink *sink, const struct piece *piece)
{
	if (piece->offset == 0) {
		enum err err = begin(sink, piece);
		if (err != ERR_OK)
			return err;
	}
	if (!sink->path || piece->index != sink->index || piece->term != sink->term || piece->size != sink->size ||
	    piece->offset != sink->offset)
		return ERR_MALFORMED;
	sink->offset += piece->data_size;
	return write_all(sink->fd, piece->data, piece->data_size);
}

enum err snapshot_sink_add(struct snapshot_sink *sink, const void *payload, size_t size, struct message *install,
                           char **path)
{
	struct piece piece;
	*path = NULL;
	enum err err = parse(payload, size, &piece);
	if (err == ERR_OK)
		err = add(sink, &piece);
	if (err != ERR_OK) {
		snapshot_sink_finish(sink);
		return err;
	}
	if (sink->offset < sink->size)
		return ERR_OK;
	*install = sink->install;
	*path = sink->path;
	close(sink->fd);
	snapshot_sink_init(sink, sink->snapshots); /* both are the caller's now */
	return ERR_OK;
}
