#include "base/secret.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a secret's pages begin with. */
struct room {
	struct secret secret;
	size_t mapped;
	max_align_t bytes[];
};

/* Locking may be forbidden (RLIMIT_MEMLOCK); then the pages can be swapped, which is
 * worth a line but not a failure. */
static void hide(void *pages, size_t size)
{
	static atomic_bool told;
	if (mlock(pages, size) < 0 && !atomic_exchange(&told, true))
		log_warn("base", "secrets cannot be locked in memory, raise LimitMEMLOCK errno=%d", errno);
	madvise(pages, size, MADV_DONTDUMP);
}

struct secret *secret_create(const void *data, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (size > SIZE_MAX - sizeof(struct room) - page)
		return NULL;
	size_t mapped = (sizeof(struct room) + size + page - 1) / page * page;
	struct room *room = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	hide(room, mapped);
	room->mapped = mapped;
	room->secret = (struct secret){ .data = (uint8_t *)room->bytes, .size = size };
	if (data && size)
		memcpy(room->secret.data, data, size);
	return &room->secret;
}

void secret_destroy(struct secret *secret)
{
	if (!secret)
		return;
	struct room *room = (struct room *)secret; /* its first member */
	size_t mapped = room->mapped;
	secret_wipe(room, mapped);
	munmap(room, mapped);
}

bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size)
{
	return a_size == b_size && (a_size == 0 || CRYPTO_memcmp(a, b, a_size) == 0);
}

void secret_wipe(void *data, size_t size)
{
	if (data && size)
		OPENSSL_cleanse(data, size);
}

/* Where a secret came from, and how long it may be. */
struct source {
	const char *what; /* "file /etc/craton/secret", for the complaint */
	size_t size_min, size_max;
	struct complaint *complaint;
};

static enum err keep(const struct source *source, const char *text, size_t size, struct secret **out)
{
	if (size && text[size - 1] == '\n')
		size--;
	if (size < source->size_min || size > source->size_max)
		return complain(source->complaint, ERR_CONFIG, "%s: holds %zu bytes, but must hold %zu to %zu",
		                source->what, size, source->size_min, source->size_max);
	*out = secret_create(text, size);
	return *out ? ERR_OK : complain(source->complaint, ERR_NO_MEMORY, "%s: no memory", source->what);
}

static enum err keep_file(const struct source *source, int fd, struct secret **out)
{
	struct secret *text = secret_create(NULL, source->size_max + 2); /* a newline, and one more to see it is too long */
	if (!text)
		return complain(source->complaint, ERR_NO_MEMORY, "%s: no memory", source->what);
	size_t size = 0;
	ssize_t got = 0;
	while (size < text->size && (got = read(fd, text->data + size, text->size - size)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		size += got > 0 ? (size_t)got : 0;
	}
	enum err err = got < 0 ? complain(source->complaint, ERR_CONFIG, "%s: cannot be read: %s", source->what, strerror(errno))
	                       : keep(source, (const char *)text->data, size, out);
	secret_destroy(text);
	return err;
}

/* Who else could read it, or could have put it there? */
static enum err judge_file(const struct source *source, int fd, const char *path)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return complain(source->complaint, ERR_CONFIG, "%s: %s", source->what, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return complain(source->complaint, ERR_CONFIG, "%s: is not a regular file", source->what);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return complain(source->complaint, ERR_CONFIG, "%s: belongs to user %u; run: chown %u %s",
		                source->what, st.st_uid, geteuid(), path);
	if (st.st_mode & 077)
		return complain(source->complaint, ERR_CONFIG, "%s: others may read it (mode %04o); run: chmod 600 %s",
		                source->what, (unsigned)st.st_mode & 07777, path);
	return ERR_OK;
}

static enum err load_file(const char *path, bool judged, struct source source, struct secret **out)
{
	char what[PATH_MAX + 8];
	snprintf(what, sizeof what, "file %s", path);
	source.what = what;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return complain(source.complaint, ERR_CONFIG, "%s: cannot be opened: %s", what, strerror(errno));
	enum err err = judged ? judge_file(&source, fd, path) : ERR_OK;
	if (err == ERR_OK)
		err = keep_file(&source, fd, out);
	close(fd);
	return err;
}

static enum err load_variable(const char *variable, const char *value, struct source source, struct secret **out)
{
	char what[256];
	snprintf(what, sizeof what, "environment variable %s", variable);
	source.what = what;
	return keep(&source, value, strlen(value), out);
}

/* systemd guards the folder, and may give the file mode 0440 with an ACL of its own: not ours to judge. */
static bool credential_path(const char *credential, char path[PATH_MAX])
{
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	if (!credential || !folder || !*folder)
		return false;
	int size = snprintf(path, PATH_MAX, "%s/%s", folder, credential);
	return size > 0 && size < PATH_MAX && access(path, F_OK) == 0;
}

static enum err nowhere(const char *variable, const char *credential, struct complaint *complaint)
{
	return complain(complaint, ERR_NOT_FOUND, "name a file (mode 0600)%s%s%s%s", variable ? ", or set " : "",
	                variable ? variable : "", credential ? ", or give the credential " : "",
	                credential ? credential : "");
}

enum err secret_load(const char *file, const char *variable, const char *credential,
                     size_t size_min, size_t size_max, struct secret **out,
                     struct complaint *complaint)
{
	struct source source = { .size_min = size_min, .size_max = size_max, .complaint = complaint };
	char path[PATH_MAX];
	if (file)
		return load_file(file, true, source, out);
	const char *value = variable ? secure_getenv(variable) : NULL;
	if (value)
		return load_variable(variable, value, source, out);
	if (credential_path(credential, path))
		return load_file(path, false, source, out);
	return nowhere(variable, credential, complaint);
}
