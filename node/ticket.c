#include "node/ticket.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/id.h"
#include <assert.h>
#include <string.h>

#define TICKET_VERSION 1
#define BODY_SIZE (TICKET_SIZE - SHA256_SIZE)
#define NAME_DIGEST_SIZE 16

struct secret *ticket_key(const struct secret *cluster_secret)
{
	struct secret *key = secret_create(NULL, SHA256_SIZE);
	if (key)
		hkdf_sha256(cluster_secret->data, cluster_secret->size, NULL, 0, "craton ticket", key->data, key->size);
	return key;
}

static void name_digest(const struct identity *client, uint8_t out[NAME_DIGEST_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	sha256(&(struct bytes){ client->name, strlen(client->name) }, 1, digest);
	memcpy(out, digest, NAME_DIGEST_SIZE);
}

static void body_mac(const struct secret *key, const uint8_t *body, uint8_t mac[SHA256_SIZE])
{
	hmac_sha256(key->data, key->size, &(struct bytes){ body, BODY_SIZE }, 1, mac);
}

void ticket_make(const struct secret *key, const struct identity *client, const struct ticket *ticket,
                 uint8_t out[TICKET_SIZE])
{
	struct buf body;
	struct id random = id_random();
	uint8_t name[NAME_DIGEST_SIZE];

	name_digest(client, name);
	buf_init(&body, BODY_SIZE);
	buf_add_u8(&body, TICKET_VERSION);
	buf_add_u8(&body, (uint8_t)ticket->role);
	buf_add_u32(&body, ticket->slot);
	buf_add_u64(&body, ticket->generation);
	buf_add_u8(&body, (uint8_t)client->kind);
	buf_add(&body, name, sizeof name);
	buf_add(&body, random.bytes, sizeof random.bytes);
	assert(!body.failed && body.size == BODY_SIZE);
	memcpy(out, body.data, BODY_SIZE);
	body_mac(key, out, out + BODY_SIZE);
	buf_finish(&body);
}

static bool same_client(const struct identity *client, enum identity_kind kind, const uint8_t *name)
{
	uint8_t ours[NAME_DIGEST_SIZE];
	if ((client->kind == IDENTITY_LOCAL_USER) != (kind == IDENTITY_LOCAL_USER))
		return true;
	name_digest(client, ours);
	return client->kind == kind && memcmp(ours, name, sizeof ours) == 0;
}

enum err ticket_check(const struct secret *key, const struct identity *client, const void *data, size_t size,
                      struct ticket *out)
{
	uint8_t mac[SHA256_SIZE];
	if (size != TICKET_SIZE)
		return ERR_REFUSED;
	body_mac(key, data, mac);
	if (!secret_equal(mac, sizeof mac, (const uint8_t *)data + BODY_SIZE, SHA256_SIZE))
		return ERR_REFUSED;

	struct cursor cursor = cursor_over(data, BODY_SIZE);
	uint8_t version = cursor_u8(&cursor);
	out->role = (Craton__Role)cursor_u8(&cursor);
	out->slot = cursor_u32(&cursor);
	out->generation = cursor_u64(&cursor);
	enum identity_kind kind = (enum identity_kind)cursor_u8(&cursor);
	const uint8_t *name = cursor_bytes(&cursor, NAME_DIGEST_SIZE);
	return version == TICKET_VERSION && same_client(client, kind, name) ? ERR_OK : ERR_REFUSED;
}
