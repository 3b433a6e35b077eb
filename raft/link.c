#include "raft/link.h"
#include "base/id.h"
#include "raft/integers.h"
#include <string.h>

#define MAGIC 0x4352414eu /* CRAN */
#define PROTOCOL 1
#define HEAD_SIZE (4u + 8 + 8 + 8 + 1)
#define MAC_SIZE 32u
#define KEY_SIZE 32

struct link_hello link_hello_make(uint64_t from, uint64_t to)
{
	struct link_hello hello = { .from = from, .to = to };
	random_bytes(hello.nonce, sizeof hello.nonce);
	return hello;
}

void link_hello_write(const struct link_hello *hello, uint8_t out[LINK_HELLO_SIZE])
{
	put_u32(out, MAGIC);
	put_u32(out + 4, PROTOCOL);
	put_u64(out + 8, hello->from);
	put_u64(out + 16, hello->to);
	memcpy(out + 24, hello->nonce, LINK_NONCE_SIZE);
}

enum err link_hello_read(const uint8_t in[LINK_HELLO_SIZE], struct link_hello *hello)
{
	struct cursor cursor = cursor_over(in, LINK_HELLO_SIZE);
	if (cursor_u32(&cursor) != MAGIC || cursor_u32(&cursor) != PROTOCOL)
		return ERR_MALFORMED;
	hello->from = cursor_u64(&cursor);
	hello->to = cursor_u64(&cursor);
	memcpy(hello->nonce, cursor_bytes(&cursor, LINK_NONCE_SIZE), LINK_NONCE_SIZE);
	return hello->from && hello->to && hello->from != hello->to ? ERR_OK : ERR_MALFORMED;
}

enum err link_init(struct link *link, const struct secret *secret, const struct link_hello *opener,
                   const struct link_hello *accepter, bool forward, int64_t age_ms_max, size_t payload_max)
{
	uint8_t both[2 * LINK_HELLO_SIZE];
	*link = (struct link){ .age_ms_max = age_ms_max, .payload_max = payload_max };
	link->sender = forward ? opener->from : accepter->from;
	link->key = secret_create(NULL, KEY_SIZE);
	if (!link->key)
		return ERR_NO_MEMORY;
	link_hello_write(opener, both);
	link_hello_write(accepter, both + LINK_HELLO_SIZE);
	hkdf_sha256(secret->data, secret->size, both, sizeof both,
	            forward ? "craton link forward" : "craton link back", link->key->data, KEY_SIZE);
	return ERR_OK;
}

void link_finish(struct link *link)
{
	secret_destroy(link->key);
	link->key = NULL;
}

static void seal(const struct link *link, const uint8_t *frame, size_t size, uint8_t mac[MAC_SIZE])
{
	struct bytes whole = { frame, size };
	hmac_sha256(link->key->data, link->key->size, &whole, 1, mac);
}

enum err link_seal(struct link *link, enum link_kind kind, const struct bytes *parts, size_t count,
                   int64_t wall_ms, struct buf *out)
{
	size_t payload = 0;
	for (size_t i = 0; i < count; i++)
		payload += parts[i].size;
	if (payload > link->payload_max)
		return ERR_TOO_BIG;
	size_t size = HEAD_SIZE + payload + MAC_SIZE;
	uint8_t *frame = buf_extend(out, size);
	if (!frame)
		return ERR_NO_MEMORY;
	uint8_t *at = frame + HEAD_SIZE;
	put_u32(frame, (uint32_t)(size - 4));
	put_u64(frame + 4, link->sender);
	put_u64(frame + 12, ++link->sequence);
	put_u64(frame + 20, (uint64_t)wall_ms);
	frame[28] = (uint8_t)kind;
	for (size_t i = 0; i < count; at += parts[i].size, i++)
		if (parts[i].size)
			memcpy(at, parts[i].data, parts[i].size);
	seal(link, frame, HEAD_SIZE + payload, at);
	return ERR_OK;
}

/* Only what has verified comes here. */
static enum err judge(struct link *link, const uint8_t *data, int64_t wall_ms)
{
	struct cursor cursor = cursor_over(data + 4, HEAD_SIZE - 4);
	uint64_t sender = cursor_u64(&cursor), sequence, sent;
	sequence = cursor_u64(&cursor);
	sent = cursor_u64(&cursor);
	uint64_t now = (uint64_t)wall_ms, age = now > sent ? now - sent : sent - now;
	if (sender != link->sender || sequence <= link->sequence)
		return ERR_REFUSED;
	if (age > (uint64_t)link->age_ms_max)
		return ERR_BEHIND;
	link->sequence = sequence;
	return ERR_OK;
}

enum err link_open(struct link *link, const uint8_t *data, size_t size, int64_t wall_ms,
                   struct link_frame *frame, size_t *used)
{
	*used = 0;
	if (size < 4)
		return ERR_OK;
	struct cursor cursor = cursor_over(data, 4);
	size_t rest = cursor_u32(&cursor);
	if (rest < HEAD_SIZE - 4 + MAC_SIZE)
		return ERR_MALFORMED;
	if (rest > HEAD_SIZE - 4 + MAC_SIZE + link->payload_max)
		return ERR_TOO_BIG;
	if (size - 4 < rest)
		return ERR_OK;
	uint8_t mac[MAC_SIZE];
	size_t signed_size = 4 + rest - MAC_SIZE;
	seal(link, data, signed_size, mac);
	if (!secret_equal(mac, MAC_SIZE, data + signed_size, MAC_SIZE))
		return ERR_REFUSED;
	enum err err = judge(link, data, wall_ms);
	if (err != ERR_OK)
		return err;
	*frame = (struct link_frame){ data[HEAD_SIZE - 1], data + HEAD_SIZE, signed_size - HEAD_SIZE };
	*used = 4 + rest;
	return ERR_OK;
}
