#include "raft/envelope.h"
#include "base/buf.h"
#include "base/digest.h"
#include "raft/consensus.h"
#include "raft/integers.h"
#include <string.h>

#define ENVELOPE_VERSION 1
#define ENVELOPE_HEAD 25u /* version, request, time */

_Static_assert(ENVELOPE_HEAD + SHA256_SIZE == ENVELOPE_SIZE, "the parts of an envelope");

static void checksum(const uint8_t *bytes, size_t data_size, uint8_t out[SHA256_SIZE])
{
	sha256((struct bytes[]){ { bytes, ENVELOPE_HEAD }, { bytes + ENVELOPE_SIZE, data_size } }, 2, out);
}

struct entry *envelope_seal(uint64_t term, const struct id *request, int64_t time_ms, const void *data, size_t size)
{
	if (size > ENTRY_SIZE_MAX)
		return NULL;
	struct entry *entry = entry_create(term, ENTRY_COMMAND, NULL, ENVELOPE_SIZE + size);
	if (!entry)
		return NULL;
	entry->data[0] = ENVELOPE_VERSION;
	memcpy(entry->data + 1, request->bytes, ID_SIZE);
	put_u64(entry->data + 1 + ID_SIZE, (uint64_t)time_ms);
	if (size)
		memcpy(entry->data + ENVELOPE_SIZE, data, size);
	checksum(entry->data, size, entry->data + ENVELOPE_HEAD);
	return entry;
}

enum err envelope_open(const struct entry *entry, struct envelope *out)
{
	struct cursor cursor = cursor_over(entry->data, entry->size);
	uint8_t version = cursor_u8(&cursor);
	const uint8_t *request = cursor_bytes(&cursor, ID_SIZE);
	out->time_ms = (int64_t)cursor_u64(&cursor);
	const uint8_t *sum = cursor_bytes(&cursor, SHA256_SIZE);
	if (cursor.failed || version != ENVELOPE_VERSION || cursor.size > ENTRY_SIZE_MAX)
		return ERR_MALFORMED;
	memcpy(out->request.bytes, request, ID_SIZE);
	out->data = entry->data + ENVELOPE_SIZE;
	out->size = cursor.size;
	uint8_t expected[SHA256_SIZE];
	checksum(entry->data, out->size, expected);
	return memcmp(sum, expected, SHA256_SIZE) ? ERR_DAMAGED : ERR_OK;
}
