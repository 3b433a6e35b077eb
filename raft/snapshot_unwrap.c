#include "raft/folder.h"
#include "raft/snapshot_io.h"
#include "base/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/* The bytes of the file from the start to the trailer, through the HMAC. */
static enum err check_mac(const struct snapshots *snapshots, int fd, uint64_t size)
{
	EVP_MAC_CTX *context = snapshot_mac_start(snapshots);
	uint8_t *piece = malloc(SNAPSHOT_PIECE), expected[SNAPSHOT_MAC_SIZE], mac[SNAPSHOT_MAC_SIZE];
	enum err err = context && piece ? ERR_OK : ERR_NO_MEMORY;
	for (uint64_t left = size - SNAPSHOT_MAC_SIZE; left > 0 && err == ERR_OK;) {
		size_t part = left < SNAPSHOT_PIECE ? (size_t)left : SNAPSHOT_PIECE;
		err = read_all(fd, piece, part);
		if (err == ERR_OK && EVP_MAC_update(context, piece, part) != 1)
			err = ERR_NO_MEMORY;
		left -= part;
	}
	if (err == ERR_OK)
		err = read_all(fd, mac, SNAPSHOT_MAC_SIZE);
	if (err == ERR_OK && !snapshot_mac_end(context, expected))
		err = ERR_NO_MEMORY;
	if (err == ERR_OK && !secret_equal(mac, SNAPSHOT_MAC_SIZE, expected, SNAPSHOT_MAC_SIZE))
		err = ERR_DAMAGED;
	EVP_MAC_CTX_free(context);
	free(piece);
	return err;
}

struct opened {
	int fd;                  /* positioned at the compressed body */
	struct snapshot_meta meta;
	uint64_t body_size, plain_size;
};

static enum err read_head(struct opened *opened, uint64_t file_size)
{
	uint8_t start[SNAPSHOT_MAGIC_SIZE + 4], head[SNAPSHOT_HEAD_MAX];
	enum err err = read_all(opened->fd, start, sizeof start);
	struct cursor cursor = cursor_over(start + SNAPSHOT_MAGIC_SIZE, 4);
	uint32_t size = cursor_u32(&cursor);
	if (err == ERR_OK && (memcmp(start, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_SIZE) != 0 || size > sizeof head ||
	                      sizeof start + size + SNAPSHOT_MAC_SIZE > file_size))
		err = ERR_DAMAGED;
	if (err == ERR_OK)
		err = read_all(opened->fd, head, size);
	if (err != ERR_OK)
		return err;
	cursor = cursor_over(head, size);
	opened->plain_size = cursor_u64(&cursor);
	err = snapshot_meta_decode(&cursor, &opened->meta);
	if (err != ERR_OK || cursor.failed || cursor.size != 0 || opened->plain_size > SNAPSHOT_PLAIN_MAX)
		return ERR_DAMAGED;
	opened->body_size = file_size - sizeof start - size - SNAPSHOT_MAC_SIZE;
	return ERR_OK;
}

static enum err check_open(const struct snapshots *snapshots, struct opened *opened)
{
	struct stat about;
	if (fstat(opened->fd, &about) != 0)
		return ERR_IO;
	uint64_t size = (uint64_t)about.st_size;
	if (size > SNAPSHOT_FILE_MAX)
		return ERR_TOO_BIG;
	if (size < SNAPSHOT_MAGIC_SIZE + 4 + SNAPSHOT_MAC_SIZE)
		return ERR_DAMAGED;
	enum err err = check_mac(snapshots, opened->fd, size);
	if (err == ERR_OK && lseek(opened->fd, 0, SEEK_SET) != 0)
		err = ERR_IO;
	return err == ERR_OK ? read_head(opened, size) : err;
}

/* Opens it and checks all of it; nothing is open after an error. */
static enum err open_checked(const struct snapshots *snapshots, const char *path, struct opened *opened)
{
	opened->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (opened->fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	enum err err = check_open(snapshots, opened);
	if (err != ERR_OK)
		close(opened->fd);
	return err;
}

static enum err complain_of_file(struct complaint *complaint, enum err err, const char *path)
{
	if (err == ERR_DAMAGED)
		return complain_of_damage(complaint, path, "it does not verify");
	if (err == ERR_NOT_FOUND)
		return complain_of_damage(complaint, path, "missing");
	if (err == ERR_TOO_BIG)
		return complain(complaint, err, "%s is larger than a snapshot may be", path);
	return complain(complaint, err, "%s cannot be read: %s", path, strerror(errno));
}

enum err snapshots_check(const struct snapshots *snapshots, const char *path, struct snapshot_meta *meta,
                         struct complaint *complaint)
{
	struct opened opened;
	enum err err = open_checked(snapshots, path, &opened);
	if (err != ERR_OK)
		return complain_of_file(complaint, err, path);
	close(opened.fd);
	*meta = opened.meta;
	return ERR_OK;
}

enum err snapshots_check_received(const struct snapshots *snapshots, const char *path, uint64_t index,
                                  uint64_t term, struct complaint *complaint)
{
	struct opened opened;
	enum err err = open_checked(snapshots, path, &opened);
	if (err == ERR_OK) {
		if (opened.meta.index != index || opened.meta.term != term)
			err = ERR_DAMAGED;
		else if (fsync(opened.fd) != 0)
			err = ERR_IO;
		close(opened.fd);
	}
	if (err == ERR_DAMAGED)
		return complain(complaint, err, "a snapshot that was received does not verify");
	return err == ERR_OK ? err : complain(complaint, err, "%s cannot be kept: %s", path, strerror(errno));
}

static enum err put_plain(ZSTD_DCtx *zstd, ZSTD_inBuffer *in, int out_fd, uint8_t *piece, uint64_t *plain_left,
                          size_t *state)
{
	bool is_full; /* then there may be more to come out although all has gone in */
	do {
		ZSTD_outBuffer out = { piece, SNAPSHOT_PIECE, 0 };
		*state = ZSTD_decompressStream(zstd, &out, in);
		if (ZSTD_isError(*state) || out.pos > *plain_left)
			return ERR_DAMAGED;
		*plain_left -= out.pos;
		enum err err = write_all(out_fd, piece, out.pos);
		if (err != ERR_OK)
			return err;
		is_full = out.pos == SNAPSHOT_PIECE;
	} while (in->pos < in->size || (is_full && *state != 0));
	return ERR_OK;
}

static enum err decompress(const struct opened *opened, int out_fd)
{
	uint64_t body_size = opened->body_size, plain_left = opened->plain_size;
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	uint8_t *in_piece = malloc(SNAPSHOT_PIECE), *out_piece = malloc(SNAPSHOT_PIECE);
	enum err err = zstd && in_piece && out_piece ? ERR_OK : ERR_NO_MEMORY;
	size_t state = 1;
	while (body_size > 0 && err == ERR_OK) {
		size_t part = body_size < SNAPSHOT_PIECE ? (size_t)body_size : SNAPSHOT_PIECE;
		err = read_all(opened->fd, in_piece, part);
		ZSTD_inBuffer in = { in_piece, part, 0 };
		if (err == ERR_OK)
			err = put_plain(zstd, &in, out_fd, out_piece, &plain_left, &state);
		body_size -= part;
	}
	ZSTD_freeDCtx(zstd);
	free(in_piece);
	free(out_piece);
	return err == ERR_OK && (state != 0 || plain_left != 0) ? ERR_DAMAGED : err;
}

static enum err unwrap(const struct snapshots *snapshots, const char *path, uint64_t index, uint64_t term,
                       const char *plain)
{
	struct opened opened;
	enum err err = open_checked(snapshots, path, &opened);
	if (err != ERR_OK)
		return err;
	int out = open(plain, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (opened.meta.index != index || opened.meta.term != term)
		err = ERR_DAMAGED;
	else
		err = out < 0 ? ERR_IO : decompress(&opened, out);
	if (out >= 0 && close(out) != 0 && err == ERR_OK)
		err = ERR_IO;
	close(opened.fd);
	return err;
}

enum err snapshots_unwrap(const struct snapshots *snapshots, uint64_t index, uint64_t term, const char *plain,
                          struct complaint *complaint)
{
	char *path = snapshots_path(snapshots, index, term);
	if (!path)
		return complain(complaint, ERR_NO_MEMORY, "no memory to read a snapshot");
	enum err err = unwrap(snapshots, path, index, term, plain);
	if (err != ERR_OK)
		err = complain_of_file(complaint, err, path);
	free(path);
	return err;
}
