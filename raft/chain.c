#include "raft/chain.h"
#include "base/digest.h"
#include "raft/integers.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct chain {
	struct hmac *hmac;       /* keyed once: setting it up would cost as much as a row */
};

struct chain *chain_create(const struct secret *secret, uint64_t node)
{
	struct chain *chain = calloc(1, sizeof *chain);
	uint8_t salt[8], key[SHA256_SIZE];
	if (!chain)
		return NULL;
	put_u64(salt, node);
	hkdf_sha256(secret->data, secret->size, salt, sizeof salt, "craton log chain", key, sizeof key);
	chain->hmac = hmac_create(key, sizeof key);
	secret_wipe(key, sizeof key);
	return chain;
}

void chain_destroy(struct chain *chain)
{
	if (!chain)
		return;
	hmac_destroy(chain->hmac);
	free(chain);
}

void chain_anchor(const struct chain *chain, uint64_t index, uint64_t term, uint8_t hash[CHAIN_SIZE])
{
	uint8_t place[16];
	put_u64(place, index);
	put_u64(place + 8, term);
	chain_seal(chain, "anchor", place, sizeof place, hash);
}

void chain_hash(const struct chain *chain, const uint8_t before[CHAIN_SIZE], const struct log_row *row,
                uint8_t hash[CHAIN_SIZE])
{
	uint8_t head[25];
	put_u64(head, row->index);
	put_u64(head + 8, row->term);
	head[16] = row->type;
	put_u64(head + 17, row->size);
	struct bytes parts[] = {
		{ "row", sizeof "row" }, /* with its NUL: no kind is the beginning of another */
		{ before, CHAIN_SIZE },
		{ head, sizeof head },
		{ row->data, row->size },
	};
	hmac_make(chain->hmac, parts, row->size ? 4 : 3, hash);
}

void chain_append(const struct chain *chain, uint8_t head[CHAIN_SIZE], struct log_row *row)
{
	chain_hash(chain, head, row, row->hash);
	memcpy(head, row->hash, CHAIN_SIZE);
}

bool chain_follows(const struct chain *chain, uint8_t head[CHAIN_SIZE], uint64_t next,
                   const struct log_row *row)
{
	uint8_t hash[CHAIN_SIZE];
	if (row->index != next)
		return false;
	chain_hash(chain, head, row, hash);
#ifdef PLANT_SKIP_CHAIN_CHECK /* a mistake for the simulator to find */
	memcpy(hash, row->hash, CHAIN_SIZE);
#endif
	if (!secret_equal(hash, CHAIN_SIZE, row->hash, CHAIN_SIZE))
		return false;
	memcpy(head, hash, CHAIN_SIZE);
	return true;
}

enum err chain_verify(const struct chain *chain, uint8_t head[CHAIN_SIZE], uint64_t next,
                      const struct log_row *rows, size_t count, uint64_t *bad)
{
	uint64_t term = 0;
	for (size_t i = 0; i < count; i++, next++) {
		*bad = next;
		if (rows[i].term < term || !chain_follows(chain, head, next, &rows[i]))
			return ERR_DAMAGED;
		term = rows[i].term;
	}
	return ERR_OK;
}

void chain_seal(const struct chain *chain, const char *kind, const void *data, size_t size,
                uint8_t seal[CHAIN_SIZE])
{
	struct bytes parts[] = { { kind, strlen(kind) + 1 }, { data, size } };
	assert(strcmp(kind, "row") != 0);
	hmac_make(chain->hmac, parts, size ? 2 : 1, seal);
}

bool chain_seal_holds(const struct chain *chain, const char *kind, const void *data, size_t size,
                      const uint8_t seal[CHAIN_SIZE])
{
	uint8_t expected[CHAIN_SIZE];
	chain_seal(chain, kind, data, size, expected);
	return secret_equal(expected, CHAIN_SIZE, seal, CHAIN_SIZE);
}
