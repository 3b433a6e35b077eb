#include "raft/acquaintances.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "raft/folder.h"
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX 4096
#define ONE_SIZE (8 + ID_SIZE)
#define FILE_SIZE_MAX (COUNT_MAX * ONE_SIZE + SHA256_SIZE)

struct acquaintance {
	uint64_t id;
	struct id incarnation;
};

struct acquaintances {
	char *path;
	struct secret *secret;
	pthread_mutex_t lock;
	struct acquaintance *all;
	size_t count;
};

/* u64 id ‖ incarnation, for each; then an HMAC over it all. */
static void seal(const struct acquaintances *a, const void *data, size_t size, uint8_t mac[SHA256_SIZE])
{
	struct bytes parts[] = { { "acquaintances", sizeof "acquaintances" }, { data, size } };
	hmac_sha256(a->secret->data, a->secret->size, parts, size ? 2 : 1, mac);
}

static enum err parse(struct acquaintances *a, const struct buf *file, struct complaint *complaint)
{
	uint8_t mac[SHA256_SIZE];
	if (file->size < SHA256_SIZE || (file->size - SHA256_SIZE) % ONE_SIZE != 0)
		return complain_of_damage(complaint, a->path, "its size is not one it can have");
	size_t size = file->size - SHA256_SIZE;
	seal(a, file->data, size, mac);
	if (!secret_equal(mac, SHA256_SIZE, file->data + size, SHA256_SIZE))
		return complain_of_damage(complaint, a->path, "it is not what was written");
	struct cursor cursor = cursor_over(file->data, size);
	for (; a->count < size / ONE_SIZE; a->count++) {
		a->all[a->count].id = cursor_u64(&cursor);
		memcpy(a->all[a->count].incarnation.bytes, cursor_bytes(&cursor, ID_SIZE), ID_SIZE);
	}
	return ERR_OK;
}

static enum err load(struct acquaintances *a, struct complaint *complaint)
{
	struct buf file;
	buf_init(&file, FILE_SIZE_MAX);
	enum err err = file_read(a->path, &file);
	if (err == ERR_OK)
		err = parse(a, &file, complaint);
	else if (err == ERR_NOT_FOUND)
		err = ERR_OK;
	else
		complain(complaint, err, "%s cannot be read: %s", a->path, strerror(errno));
	buf_finish(&file);
	return err;
}

enum err acquaintances_open(const char *folder, const struct secret *secret, struct acquaintances **out,
                            struct complaint *complaint)
{
	struct acquaintances *a = calloc(1, sizeof *a);
	if (!a)
		return complain(complaint, ERR_NO_MEMORY, "no memory to open %s", folder);
	pthread_mutex_init(&a->lock, NULL);
	a->path = file_path(folder, "acquaintances");
	a->secret = secret_create(secret->data, secret->size);
	a->all = calloc(COUNT_MAX, sizeof *a->all);
	enum err err = a->path && a->secret && a->all ? load(a, complaint)
	                                              : complain(complaint, ERR_NO_MEMORY, "no memory to open %s", folder);
	if (err == ERR_OK)
		*out = a;
	else
		acquaintances_close(a);
	return err;
}

void acquaintances_close(struct acquaintances *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	secret_destroy(a->secret);
	free(a->all);
	free(a->path);
	free(a);
}

static enum err save_locked(const struct acquaintances *a)
{
	struct buf file;
	uint8_t mac[SHA256_SIZE];
	buf_init(&file, FILE_SIZE_MAX);
	for (size_t i = 0; i < a->count; i++) {
		buf_add_u64(&file, a->all[i].id);
		buf_add(&file, a->all[i].incarnation.bytes, ID_SIZE);
	}
	seal(a, file.data, file.size, mac);
	buf_add(&file, mac, sizeof mac);
	enum err err = file.failed ? ERR_NO_MEMORY : file_write(a->path, file.data, file.size, 0600);
	buf_finish(&file);
	return err;
}

static bool meet_locked(struct acquaintances *a, uint64_t id, const struct id *incarnation)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->all[i].id == id)
			return id_equal(&a->all[i].incarnation, incarnation);
	if (a->count == COUNT_MAX)
		return false;
	a->all[a->count++] = (struct acquaintance){ id, *incarnation };
	if (save_locked(a) == ERR_OK)
		return true;
	a->count--;
	log_error("raft", "can't be written file=%s: %s", a->path, strerror(errno));
	return false;
}

bool acquaintances_meet(struct acquaintances *a, uint64_t id, const struct id *incarnation)
{
	pthread_mutex_lock(&a->lock);
	bool is_known = meet_locked(a, id, incarnation);
	pthread_mutex_unlock(&a->lock);
	return is_known;
}
