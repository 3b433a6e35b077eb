/* Entries of the log, of any bytes: whatever they say, applying them fails for no reason of content, and leaves a directory
 * whose rows, search rows and digest belong together. Each input is some entries: a byte of flags, the length as two
 * bytes, the event. It all happens in one transaction that is rolled back. */
#include "base/buf.h"
#include "base/log.h"
#include "store/check.h"
#include "store/parts.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAME_REQUEST 1
#define LATER 2

static struct directory *directory;
static char folder[] = "/tmp/craton-fuzz-XXXXXX";

static void clean_up(void)
{
	char path[64];
	directory_close(directory);
	snprintf(path, sizeof path, "%s/directory.db", folder);
	unlink(path);
	rmdir(folder);
}

static void set_up(void)
{
	struct secret *key = secret_create("thirty-two bytes for the fuzzer.", 32);
	log_to_stderr(LOG_ERROR_LINE);
	if (!mkdtemp(folder) || !key || directory_open(folder, key, true, &directory, NULL) != ERR_OK)
		abort();
	secret_destroy(key);
	atexit(clean_up);
}

static void apply_one(struct cursor *cursor, uint64_t index, int64_t *time_ms)
{
	uint8_t flags = cursor_u8(cursor);
	size_t high = cursor_u8(cursor), size = high << 8 | cursor_u8(cursor);
	if (size > cursor->size)
		size = cursor->size;
	*time_ms += flags & LATER ? 10000000 : 1;
	struct committed entry = { .index = index, .time_ms = *time_ms, .data = cursor_bytes(cursor, size), .size = size };
	entry.request.bytes[0] = flags & SAME_REQUEST ? 1 : (uint8_t)(index + 1);
	if (directory_apply(directory, &entry) != ERR_OK)
		abort();
}

/* Back to the empty directory. */
static void forget(const struct state_row *before)
{
	if (directory->in_batch && database_do(&directory->writer, ROLLBACK) != ERR_OK)
		abort();
	directory->in_batch = false;
	directory->state = *before;
	directory->news.gone_count = directory->news.reset_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!directory)
		set_up();
	struct cursor cursor = cursor_over(data, size);
	struct state_row before = directory->state, read;
	char wrong[200];
	int64_t time_ms = 0;
	for (uint64_t index = 1; cursor.size && !cursor.failed; index++)
		apply_one(&cursor, index, &time_ms);
	if (directory->in_batch && table_state_write(directory) != ERR_OK)
		abort();
	if (!check_rows(&directory->writer, NULL, &directory->key, &read, wrong, sizeof wrong)) {
		fprintf(stderr, "the directory %s\n", wrong);
		abort();
	}
	forget(&before);
	return 0;
}
