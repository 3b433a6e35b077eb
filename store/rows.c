#include "store/rows.h"
#include "base/buf.h"
#include <assert.h>
#include <string.h>

#define FIXED_MAX 256 /* bytes of a row's fixed fields */

void row_key_derive(struct row_key *key, const struct secret *secret)
{
	uint8_t bytes[SHA256_SIZE];
	hkdf_sha256(secret->data, secret->size, NULL, 0, "craton directory rows", bytes, sizeof bytes);
	key->hmac = hmac_create(bytes, sizeof bytes);
	secret_wipe(bytes, sizeof bytes);
}

void row_key_copy(struct row_key *copy, const struct row_key *key)
{
	copy->hmac = hmac_copy(key->hmac);
}

void row_key_finish(struct row_key *key)
{
	hmac_destroy(key->hmac);
	key->hmac = NULL;
}

void hash_add(struct hash *sum, const struct hash *row)
{
	unsigned carry = 0;
	for (size_t i = SHA256_SIZE; i-- > 0;) {
		carry += (unsigned)sum->bytes[i] + row->bytes[i];
		sum->bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

void hash_subtract(struct hash *sum, const struct hash *row)
{
	int borrow = 0;
	for (size_t i = SHA256_SIZE; i-- > 0;) {
		int difference = (int)sum->bytes[i] - row->bytes[i] - borrow;
		borrow = difference < 0;
		sum->bytes[i] = (uint8_t)difference;
	}
}

/* Fixed fields first, and at most one field of free length, last: no two rows read the same. */
static void keyed(const struct row_key *key, char table, const struct buf *fixed,
                  const struct bytes *rest, struct hash *out)
{
	assert(!fixed->failed);
	const struct bytes parts[] = { { &table, 1 }, { fixed->data, fixed->size }, *rest };
	hmac_make(key->hmac, parts, 3, out->bytes);
}

void object_row_hash(const struct row_key *key, const struct object_row *row, struct hash *out)
{
	struct buf fixed;
	buf_init(&fixed, FIXED_MAX);
	buf_add_u32(&fixed, row->slot);
	buf_add(&fixed, row->id.bytes, ID_SIZE);
	buf_add_u8(&fixed, row->is_private);
	buf_add_u64(&fixed, row->version);
	keyed(key, 'o', &fixed, &row->body, out);
	buf_finish(&fixed);
}

void slot_row_hash(const struct row_key *key, uint32_t slot, const struct bytes *body, struct hash *out)
{
	struct buf fixed;
	buf_init(&fixed, FIXED_MAX);
	buf_add_u32(&fixed, slot);
	keyed(key, 's', &fixed, body, out);
	buf_finish(&fixed);
}

void setting_row_hash(const struct row_key *key, const char *name, const struct bytes *value, struct hash *out)
{
	struct buf fixed;
	buf_init(&fixed, FIXED_MAX);
	buf_add_block(&fixed, name, strlen(name));
	keyed(key, 'n', &fixed, value, out);
	buf_finish(&fixed);
}

void request_row_hash(const struct row_key *key, const struct request_row *row, struct hash *out)
{
	const struct request_record *record = &row->record;
	struct buf fixed;
	buf_init(&fixed, FIXED_MAX);
	buf_add(&fixed, row->id.bytes, ID_SIZE);
	buf_add_u64(&fixed, record->index);
	buf_add_u64(&fixed, (uint64_t)row->time_ms);
	buf_add_u32(&fixed, record->slot);
	buf_add_u32(&fixed, (uint32_t)record->outcome);
	buf_add_block(&fixed, record->objects, record->object_count * ID_SIZE);
	keyed(key, 'r', &fixed, &row->carried, out);
	buf_finish(&fixed);
}

void state_row_seal(const struct row_key *key, const struct state_row *row, struct hash *out)
{
	struct bytes digest = { row->digest.bytes, SHA256_SIZE };
	struct buf fixed;
	buf_init(&fixed, FIXED_MAX);
	buf_add_u64(&fixed, row->applied);
	buf_add_u64(&fixed, (uint64_t)row->time_ms);
	buf_add_u64(&fixed, row->objects);
	buf_add_u64(&fixed, row->requests);
	keyed(key, 't', &fixed, &digest, out);
	buf_finish(&fixed);
}
