/* What a stranger with a TLS connection may say first, and what one without the secret may send after it; also
 * frames whose HMAC is right, so that what comes behind it is reached. */
#include "raft/link.h"
#include "tests/fuzz/fuzz.h"
#include <stdlib.h>
#include <string.h>

#define NOW 1700000000000

static struct link *the_link(void)
{
	static struct link link;
	static const uint8_t key[32];
	if (!link.key) {
		struct link_hello hello = { .from = 1, .to = 2 };
		struct secret *secret = secret_create(key, sizeof key);
		if (!secret || link_init(&link, secret, &hello, &hello, true, 30000, 4096) != ERR_OK)
			abort();
		secret_destroy(secret);
	}
	link.sequence = 0;
	return &link;
}

static void open_all(const uint8_t *data, size_t size)
{
	struct link *link = the_link();
	struct link_frame frame;
	size_t used;
	while (link_open(link, data, size, NOW, &frame, &used) == ERR_OK && used) {
		if (used > size || frame.payload < data || frame.payload + frame.size > data + used)
			abort();
		data += used;
		size -= used;
	}
}

/* The same bytes as one frame of the right size under the right HMAC. */
static void open_sealed(const uint8_t *data, size_t size)
{
	struct link *link = the_link();
	if (size < 25 || size > 4096)
		return;
	uint8_t *frame = malloc(4 + size + 32);
	if (!frame)
		abort();
	size_t rest = size + 32;
	for (int i = 3; i >= 0; i--, rest >>= 8)
		frame[i] = (uint8_t)rest;
	memcpy(frame + 4, data, size);
	struct bytes whole = { frame, 4 + size };
	hmac_sha256(link->key->data, link->key->size, &whole, 1, frame + 4 + size);
	open_all(frame, 4 + size + 32);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct link_hello hello;
	if (size >= LINK_HELLO_SIZE && link_hello_read(data, &hello) == ERR_OK && (!hello.from || !hello.to))
		abort();
	open_all(data, size);
	open_sealed(data, size);
	return 0;
}
