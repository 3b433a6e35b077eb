/* Who may see a slot. */
#include "store/directory.h"
#include <stdlib.h>
#include <string.h>

/* Those of certificates' names (wire/identity.c), and what names of users have besides. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+$\\";

bool slot_access_name_ok(const char *name)
{
	const char *who = !strncmp(name, "client:", 7) ? name + 7 : !strncmp(name, "user:", 5) ? name + 5 : "";
	size_t size = strlen(who);
	return size && size <= SLOT_ACCESS_NAME_MAX && strspn(who, letters) == size;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void drop_repeated(struct slot_access *access)
{
	size_t kept = 0;
	for (size_t i = 0; i < access->count; i++)
		if (kept && !strcmp(access->allowed[kept - 1], access->allowed[i]))
			free(access->allowed[i]);
		else
			access->allowed[kept++] = access->allowed[i];
	access->count = kept;
}

enum err slot_access_copy(struct slot_access *out, char *const *names, size_t count)
{
	*out = (struct slot_access){ NULL, 0 };
	for (size_t i = 0; i < count; i++)
		if (!slot_access_name_ok(names[i]))
			return ERR_MALFORMED;
	if (count > SLOT_ACCESS_MAX)
		return ERR_MALFORMED;
	if (count && !(out->allowed = calloc(count, sizeof *out->allowed)))
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		out->allowed[i] = strdup(names[i]);
		if (!out->allowed[i]) {
			slot_access_finish(out);
			return ERR_NO_MEMORY;
		}
		out->count = i + 1;
	}
	if (count)
		qsort(out->allowed, out->count, sizeof *out->allowed, by_name);
	drop_repeated(out);
	return ERR_OK;
}

bool slot_access_has(const struct slot_access *access, const char *name)
{
	return access->count && bsearch(&name, access->allowed, access->count, sizeof *access->allowed, by_name);
}

void slot_access_finish(struct slot_access *access)
{
	for (size_t i = 0; i < access->count; i++)
		free(access->allowed[i]);
	free(access->allowed);
	*access = (struct slot_access){ NULL, 0 };
}
