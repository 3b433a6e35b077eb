#include "raft/snapshot_io.h"
#include "base/buf.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define COMPRESSION 1 /* the fastest level still halves an SQLite file */

struct wrapping {
	int plain, out;
	uint64_t size; /* of the file so far */
	EVP_MAC_CTX *mac;
	ZSTD_CCtx *zstd;
	uint8_t *in_piece, *out_piece;
};

static enum err put(struct wrapping *wrapping, const void *data, size_t size)
{
	wrapping->size += size;
	if (wrapping->size > SNAPSHOT_FILE_MAX - SNAPSHOT_MAC_SIZE)
		return ERR_TOO_BIG;
	if (EVP_MAC_update(wrapping->mac, data, size) != 1)
		return ERR_NO_MEMORY;
	return write_all(wrapping->out, data, size);
}

static enum err put_head(struct wrapping *wrapping, const struct snapshot_meta *meta, uint64_t plain_size)
{
	struct buf head, file;
	buf_init(&head, SNAPSHOT_HEAD_MAX);
	buf_init(&file, SNAPSHOT_MAGIC_SIZE + 4 + SNAPSHOT_HEAD_MAX);
	buf_add_u64(&head, plain_size);
	enum err err = snapshot_meta_encode(meta, &head);
	buf_add(&file, SNAPSHOT_MAGIC, SNAPSHOT_MAGIC_SIZE);
	buf_add_block(&file, head.data, head.size);
	if (err == ERR_OK)
		err = head.failed || file.failed ? ERR_NO_MEMORY : put(wrapping, file.data, file.size);
	buf_finish(&head);
	buf_finish(&file);
	return err;
}

static enum err put_compressed(struct wrapping *wrapping, ZSTD_inBuffer *in, ZSTD_EndDirective directive)
{
	size_t left;
	do {
		ZSTD_outBuffer out = { wrapping->out_piece, SNAPSHOT_PIECE, 0 };
		left = ZSTD_compressStream2(wrapping->zstd, &out, in, directive);
		if (ZSTD_isError(left))
			return ERR_NO_MEMORY;
		enum err err = put(wrapping, wrapping->out_piece, out.pos);
		if (err != ERR_OK)
			return err;
	} while (directive == ZSTD_e_end ? left > 0 : in->pos < in->size);
	return ERR_OK;
}

static enum err put_body(struct wrapping *wrapping, uint64_t plain_size)
{
	enum err err = ERR_OK;
	while (plain_size > 0 && err == ERR_OK) {
		size_t piece = plain_size < SNAPSHOT_PIECE ? (size_t)plain_size : SNAPSHOT_PIECE;
		err = read_all(wrapping->plain, wrapping->in_piece, piece);
		ZSTD_inBuffer in = { wrapping->in_piece, piece, 0 };
		if (err == ERR_OK)
			err = put_compressed(wrapping, &in, ZSTD_e_continue);
		plain_size -= piece;
	}
	ZSTD_inBuffer nothing = { NULL, 0, 0 };
	return err == ERR_OK ? put_compressed(wrapping, &nothing, ZSTD_e_end) : err;
}

static enum err put_mac(struct wrapping *wrapping)
{
	uint8_t mac[SNAPSHOT_MAC_SIZE];
	if (!snapshot_mac_end(wrapping->mac, mac))
		return ERR_NO_MEMORY;
	enum err err = write_all(wrapping->out, mac, SNAPSHOT_MAC_SIZE);
	return err == ERR_OK && fsync(wrapping->out) != 0 ? ERR_IO : err;
}

static enum err wrap(struct wrapping *wrapping, const struct snapshot_meta *meta)
{
	struct stat about;
	if (fstat(wrapping->plain, &about) != 0)
		return ERR_IO;
	uint64_t plain_size = (uint64_t)about.st_size;
	if (plain_size > SNAPSHOT_PLAIN_MAX)
		return ERR_TOO_BIG;
	if (!wrapping->mac || !wrapping->zstd || !wrapping->in_piece || !wrapping->out_piece)
		return ERR_NO_MEMORY;
	ZSTD_CCtx_setParameter(wrapping->zstd, ZSTD_c_compressionLevel, COMPRESSION);
	enum err err = put_head(wrapping, meta, plain_size);
	if (err == ERR_OK)
		err = put_body(wrapping, plain_size);
	if (err == ERR_OK)
		err = put_mac(wrapping);
	return err;
}

static enum err wrap_files(const struct snapshots *snapshots, const struct snapshot_meta *meta,
                           const char *plain, const char *path)
{
	struct wrapping wrapping = {
		.plain = open(plain, O_RDONLY | O_CLOEXEC),
		.out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
		.mac = snapshot_mac_start(snapshots),
		.zstd = ZSTD_createCCtx(),
		.in_piece = malloc(SNAPSHOT_PIECE),
		.out_piece = malloc(SNAPSHOT_PIECE),
	};
	enum err err = wrapping.plain < 0 || wrapping.out < 0 ? ERR_IO : wrap(&wrapping, meta);
	int error = errno;
	free(wrapping.in_piece);
	free(wrapping.out_piece);
	ZSTD_freeCCtx(wrapping.zstd);
	EVP_MAC_CTX_free(wrapping.mac);
	if (wrapping.plain >= 0)
		close(wrapping.plain);
	if (wrapping.out >= 0 && close(wrapping.out) != 0 && err == ERR_OK)
		err = ERR_IO;
	errno = error;
	return err;
}

enum err snapshots_wrap(const struct snapshots *snapshots, const struct snapshot_meta *meta, const char *plain,
                        const char *path, struct complaint *complaint)
{
	enum err err = wrap_files(snapshots, meta, plain, path);
	if (err == ERR_TOO_BIG)
		complain(complaint, err, "the snapshot at index %" PRIu64 " would be larger than %llu bytes",
		         meta->index, SNAPSHOT_PLAIN_MAX);
	else if (err != ERR_OK)
		complain(complaint, err, "%s cannot be written: %s", path, strerror(errno));
	if (err != ERR_OK)
		unlink(path);
	return err;
}
