#include "raft/watermark.h"
#include "base/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A slot to a disk block, so that one torn write can't reach both. */
#define SLOT_DISTANCE 4096
#define MAGIC 0x43524e57414d4b31ull /* CRNWAMK1 */
#define BODY_SIZE (8 * 5 + CHAIN_SIZE)
#define SLOT_SIZE (BODY_SIZE + CHAIN_SIZE)

struct watermark {
	int fd;
	unsigned next; /* slot to write */
	const struct chain *chain;
};

static void slot_write(const struct chain *chain, const struct watermark_mark *mark, uint8_t slot[SLOT_SIZE])
{
	struct buf buf;
	buf_init(&buf, BODY_SIZE);
	buf_add_u64(&buf, MAGIC);
	buf_add_u64(&buf, mark->generation);
	buf_add_u64(&buf, mark->term);
	buf_add_u64(&buf, mark->vote);
	buf_add_u64(&buf, mark->last_index);
	buf_add(&buf, mark->head, CHAIN_SIZE);
	if (buf.failed)
		abort(); /* no memory for a hundred bytes */
	memcpy(slot, buf.data, BODY_SIZE);
	buf_finish(&buf);
	chain_seal(chain, "watermark", slot, BODY_SIZE, slot + BODY_SIZE);
}

static bool slot_read(const struct chain *chain, const uint8_t slot[SLOT_SIZE], struct watermark_mark *mark)
{
	struct cursor cursor = cursor_over(slot, BODY_SIZE);
	if (!chain_seal_holds(chain, "watermark", slot, BODY_SIZE, slot + BODY_SIZE) ||
	    cursor_u64(&cursor) != MAGIC)
		return false;
	mark->generation = cursor_u64(&cursor);
	mark->term = cursor_u64(&cursor);
	mark->vote = cursor_u64(&cursor);
	mark->last_index = cursor_u64(&cursor);
	memcpy(mark->head, cursor_bytes(&cursor, CHAIN_SIZE), CHAIN_SIZE);
	return true;
}

static enum err write_slot(int fd, unsigned which, const uint8_t slot[SLOT_SIZE])
{
	ssize_t size;
	do
		size = pwrite(fd, slot, SLOT_SIZE, (off_t)which * SLOT_DISTANCE);
	while (size < 0 && errno == EINTR);
	return size == SLOT_SIZE ? ERR_OK : ERR_IO;
}

enum err watermark_create(const char *path, const struct chain *chain, const struct watermark_mark *mark,
                          struct complaint *complaint)
{
	uint8_t slot[SLOT_SIZE];
	slot_write(chain, mark, slot);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return complain(complaint, ERR_IO, "%s cannot be created: %s", path, strerror(errno));
	enum err err = write_slot(fd, 0, slot);
	if (err == ERR_OK)
		err = write_slot(fd, 1, slot);
	if (err == ERR_OK && fsync(fd) != 0)
		err = ERR_IO;
	if (err != ERR_OK)
		complain(complaint, err, "%s cannot be written: %s", path, strerror(errno));
	close(fd);
	return err;
}

static enum err read_newest(struct watermark *watermark, struct watermark_mark *mark)
{
	bool found = false;
	for (unsigned which = 0; which < 2; which++) {
		uint8_t slot[SLOT_SIZE];
		struct watermark_mark seen;
		ssize_t size = pread(watermark->fd, slot, SLOT_SIZE, (off_t)which * SLOT_DISTANCE);
		if (size < 0)
			return ERR_IO;
		if (size != SLOT_SIZE || !slot_read(watermark->chain, slot, &seen))
			continue;
		if (found && seen.generation <= mark->generation)
			continue;
		*mark = seen;
		watermark->next = 1 - which;
		found = true;
	}
	return found ? ERR_OK : ERR_DAMAGED;
}

enum err watermark_open(const char *path, const struct chain *chain, struct watermark **out,
                        struct watermark_mark *mark, struct complaint *complaint)
{
	struct watermark *watermark = calloc(1, sizeof *watermark);
	if (!watermark)
		return complain(complaint, ERR_NO_MEMORY, "no memory to open %s", path);
	watermark->chain = chain;
	watermark->fd = open(path, O_RDWR | O_CLOEXEC);
	int error = errno;
	enum err err = ERR_OK;
	if (watermark->fd < 0)
		err = error == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	else
		err = read_newest(watermark, mark);
	if (err == ERR_OK) {
		*out = watermark;
		return ERR_OK;
	}
	if (err == ERR_DAMAGED)
		complain(complaint, err, "%s holds no valid mark", path);
	else
		complain(complaint, err, "%s cannot be read: %s", path, strerror(watermark->fd < 0 ? error : errno));
	watermark_close(watermark);
	return err;
}

void watermark_close(struct watermark *watermark)
{
	if (!watermark)
		return;
	if (watermark->fd >= 0)
		close(watermark->fd);
	free(watermark);
}

enum err watermark_put(struct watermark *watermark, const struct watermark_mark *mark)
{
	uint8_t slot[SLOT_SIZE];
	slot_write(watermark->chain, mark, slot);
	enum err err = write_slot(watermark->fd, watermark->next, slot);
	if (err == ERR_OK)
		watermark->next = 1 - watermark->next;
	return err;
}
