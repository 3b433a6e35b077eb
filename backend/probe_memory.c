#include "backend/probe_memory.h"
#include "backend/domain_private.h"
#include "base/file.h"
#include "base/log.h"
#include <errno.h>
#include <string.h>

#define MAGIC "CRATPRB1"
#define MAGIC_SIZE (sizeof MAGIC - 1)
#define HEAD_SIZE (MAGIC_SIZE + SHA256_SIZE + 4 + 4)
#define MECHANISM_SIZE (4 * 8 + 1)
#define COUNT_MAX 4096
#define FILE_SIZE_MAX (HEAD_SIZE + COUNT_MAX * MECHANISM_SIZE + SHA256_SIZE)

#define PROGRAM_FILE "/proc/self/exe" /* the file that runs, whatever is at its path by now */
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define PURPOSE "probe"

/* Without it, all boots are one. */
static void read_boot(struct buf *out)
{
	buf_init(out, 64);
	file_read(BOOT_FILE, out);
}

/* What comes out follows from all of this; the program stands for what it tries, and how; the boot for what is behind a module without our
 * seeing it, its configuration and its drivers. */
static void name_subject(const struct probe_subject *subject, uint8_t out[SHA256_SIZE])
{
	uint8_t program[SHA256_SIZE];
	struct buf boot;
	const struct probe_wishes *wishes = subject->wishes;
	file_identify(PROGRAM_FILE, program);
	read_boot(&boot);
	struct bytes parts[] = {
		{ subject->identity, SHA256_SIZE },
		{ program, sizeof program },
		{ boot.data, boot.size },
		{ &wishes->node_generated, sizeof wishes->node_generated },
		{ wishes->bytes, wishes->bytes_count * sizeof *wishes->bytes },
	};
	sha256(parts, sizeof parts / sizeof *parts, out);
	buf_finish(&boot);
}

/* ---- writing */

static void write_body(const struct probe_subject *subject, const struct capabilities *capabilities, struct buf *out)
{
	uint8_t name[SHA256_SIZE];
	name_subject(subject, name);
	buf_add(out, MAGIC, MAGIC_SIZE);
	buf_add(out, name, sizeof name);
	buf_add_u32(out, domain_held_made(subject->domain));
	buf_add_u32(out, (uint32_t)capabilities->count);
	for (size_t i = 0; i < capabilities->count; i++) {
		const Craton__MechanismInfo *info = &capabilities->list[i];
		buf_add_u64(out, info->type);
		buf_add_u64(out, info->key_size_min);
		buf_add_u64(out, info->key_size_max);
		buf_add_u64(out, info->flags);
		buf_add_u8(out, info->takes_bytes ? 1 : 0);
	}
}

static CK_RV add_mac(const struct probe_subject *subject, struct buf *file)
{
	uint8_t mac[SHA256_SIZE];
	CK_RV rv = file->failed ? CKR_HOST_MEMORY
	                        : domain_mac(subject->domain, PURPOSE, &(struct bytes){ file->data, file->size }, 1, mac);
	if (rv == CKR_OK)
		buf_add(file, mac, sizeof mac);
	return rv;
}

void probe_remember(const struct probe_subject *subject, const char *path, const struct capabilities *capabilities)
{
	struct buf file;
	if (capabilities->is_doubtful)
		return;
	buf_init(&file, FILE_SIZE_MAX);
	write_body(subject, capabilities, &file);
	CK_RV rv = add_mac(subject, &file);
	if (rv != CKR_OK || file.failed)
		log_warn("backend", "what the token can do is not remembered file=%s rv=0x%lx", path, rv);
	else if (file_write(path, file.data, file.size, 0600) != ERR_OK)
		log_warn("backend", "what the token can do is not remembered file=%s: %s", path, strerror(errno));
	buf_finish(&file);
}

/* ---- reading */

static bool is_of(const struct probe_subject *subject, const struct buf *file)
{
	uint8_t name[SHA256_SIZE];
	if (file->size < HEAD_SIZE + SHA256_SIZE || memcmp(file->data, MAGIC, MAGIC_SIZE) != 0)
		return false;
	name_subject(subject, name);
	return memcmp(file->data + MAGIC_SIZE, name, sizeof name) == 0;
}

static enum err check_mac(const struct probe_subject *subject, const struct buf *file)
{
	size_t size = file->size - SHA256_SIZE;
	CK_RV rv = domain_mac_check(subject->domain, PURPOSE, &(struct bytes){ file->data, size }, 1, file->data + size);
	return rv == CKR_OK ? ERR_OK : rv == CKR_SIGNATURE_INVALID ? ERR_DAMAGED : ERR_IO;
}

static void read_mechanism(struct cursor *cursor, struct capabilities *out)
{
	Craton__MechanismInfo *info = capabilities_place(out, cursor_u64(cursor));
	info->key_size_min = cursor_u64(cursor);
	info->key_size_max = cursor_u64(cursor);
	info->flags = cursor_u64(cursor);
	info->takes_bytes = cursor_u8(cursor);
}

/* Written by ourselves, says the MAC. */
static enum err read_body(const struct probe_subject *subject, const struct buf *file, struct capabilities *out)
{
	struct cursor cursor = cursor_over(file->data + MAGIC_SIZE + SHA256_SIZE, file->size - MAGIC_SIZE - 2 * SHA256_SIZE);
	uint32_t made = cursor_u32(&cursor), count = cursor_u32(&cursor);
	if (cursor.size != (size_t)count * MECHANISM_SIZE)
		return ERR_DAMAGED;
	enum err err = capabilities_init(out, count, 0);
	for (uint32_t i = 0; err == ERR_OK && i < count; i++)
		read_mechanism(&cursor, out);
	if (err == ERR_OK)
		domain_set_held(subject->domain, subject->wishes->node_generated, made);
	return err;
}

static enum err recall(const struct probe_subject *subject, const struct buf *file, struct capabilities *out)
{
	if (!is_of(subject, file))
		return ERR_NOT_FOUND;
	enum err err = check_mac(subject, file);
	return err == ERR_OK ? read_body(subject, file, out) : err;
}

static void tell(enum err err, const char *path)
{
	if (err == ERR_DAMAGED)
		log_warn("backend", "what was remembered of the token is damaged, or another domain's: it is tried anew file=%s", path);
	else if (err == ERR_NOT_FOUND)
		log_info("backend", "what was remembered is of another token, program, setting or start of the machine: the token is tried anew file=%s", path);
	else if (err == ERR_TOO_BIG)
		log_warn("backend", "what was remembered of the token is not ours, for its size: the token is tried anew file=%s", path);
}

enum err probe_recall(const struct probe_subject *subject, const char *path, struct capabilities *out)
{
	struct buf file;
	*out = (struct capabilities){ 0 };
	buf_init(&file, FILE_SIZE_MAX);
	enum err err = file_read(path, &file);
	bool is_missing = err == ERR_NOT_FOUND, is_unread = err == ERR_IO;
	if (is_unread)
		log_warn("backend", "what was remembered of the token can't be read, it is tried anew file=%s: %s", path, strerror(errno));
	else if (err == ERR_OK)
		err = recall(subject, &file, out);
	if (!is_missing && !is_unread)
		tell(err, path);
	buf_finish(&file);
	return is_unread || err == ERR_DAMAGED || err == ERR_TOO_BIG ? ERR_NOT_FOUND : err;
}
