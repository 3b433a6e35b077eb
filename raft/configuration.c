#include "raft/configuration.h"
#include "raft/engine.h"
#include <stdio.h>
#include <string.h>

/* The engine's encoding: u8 1 ‖ u64 count ‖ { u64 id ‖ text, NUL ‖ u8 role }, integers little endian, then zeros up
 * to a multiple of 8. It is read here with every length checked, which the engine itself doesn't do. */
#define ENGINE_FORMAT 1

static bool text_is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == '@' || *text == 0x7f)
			return false;
	return true;
}

enum err node_text(const struct consensus_node *node, char text[NODE_TEXT_MAX])
{
	const struct address *address = &node->address;
	if (!node->name[0] || !text_is_plain(node->name) || address->is_unix || !address->host[0] ||
	    !text_is_plain(address->host) || strpbrk(address->host, "[]") || !address->port)
		return ERR_CONFIG;
	const char *form = strchr(address->host, ':') ? "%s@[%s]:%u" : "%s@%s:%u";
	snprintf(text, NODE_TEXT_MAX, form, node->name, address->host, (unsigned)address->port);
	return ERR_OK;
}

static bool parse_port(const char *text, uint16_t *port)
{
	unsigned value = 0;
	size_t digits = strspn(text, "0123456789");
	if (!digits || digits > 5 || text[digits])
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

static bool copy_part(const char *from, const char *end, char *to, size_t size)
{
	if (end <= from || (size_t)(end - from) >= size)
		return false;
	memcpy(to, from, (size_t)(end - from));
	to[end - from] = 0;
	return true;
}

enum err node_from_text(const char *text, struct consensus_node *node)
{
	const char *at = strchr(text, '@');
	const char *colon = at ? strrchr(at, ':') : NULL;
	if (!colon || !copy_part(text, at, node->name, sizeof node->name) || !parse_port(colon + 1, &node->address.port))
		return ERR_MALFORMED;
	const char *host = at + 1, *end = colon;
	if (*host == '[' && end[-1] == ']') {
		host++;
		end--;
	}
	return copy_part(host, end, node->address.host, sizeof node->address.host) ? ERR_OK : ERR_MALFORMED;
}

enum err engine_configuration(const struct configuration *from, struct raft_configuration *out)
{
	char text[NODE_TEXT_MAX];
	raft_configuration_init(out);
	if (!from->count || from->count > NODES_MAX)
		return ERR_CONFIG;
	for (size_t i = 0; i < from->count; i++) {
		const struct consensus_node *node = &from->nodes[i];
		int rv = RAFT_BADID;
		if (node->id && node_text(node, text) == ERR_OK)
			rv = raft_configuration_add(out, node->id, text, node->voter ? RAFT_VOTER : RAFT_STANDBY);
		if (rv) {
			raft_configuration_close(out);
			raft_configuration_init(out);
			return rv == RAFT_NOMEM ? ERR_NO_MEMORY : ERR_CONFIG;
		}
	}
	return ERR_OK;
}

void engine_configuration_read(const struct raft_configuration *from, struct configuration *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < from->n && i < NODES_MAX; i++) {
		struct consensus_node *node = &out->nodes[out->count++];
		node->id = from->servers[i].id;
		node->voter = from->servers[i].role == RAFT_VOTER;
		node_from_text(from->servers[i].address, node);
	}
}

enum err configuration_encode(const struct configuration *configuration, struct buf *out)
{
	struct raft_configuration engine;
	enum err err = engine_configuration(configuration, &engine);
	if (err != ERR_OK)
		return err;
	struct raft_buffer bytes;
	int rv = raft_configuration_encode(&engine, &bytes);
	raft_configuration_close(&engine);
	if (rv)
		return ERR_NO_MEMORY;
	buf_add(out, bytes.base, bytes.len);
	raft_free(bytes.base);
	return out->failed ? ERR_NO_MEMORY : ERR_OK;
}

static uint64_t little_endian(struct cursor *cursor)
{
	return __builtin_bswap64(cursor_u64(cursor));
}

static enum err decode_node(struct cursor *cursor, struct consensus_node *node)
{
	node->id = little_endian(cursor);
	const char *text = (const char *)cursor->data;
	const char *end = cursor->size ? memchr(text, 0, cursor->size) : NULL;
	if (!end || !cursor_bytes(cursor, (size_t)(end - text) + 1))
		return ERR_MALFORMED;
	uint8_t role = cursor_u8(cursor);
	if (cursor->failed || !node->id || (role != RAFT_VOTER && role != RAFT_STANDBY))
		return ERR_MALFORMED;
	node->voter = role == RAFT_VOTER;
	return node_from_text(text, node);
}

/* One way to write it only, so that what the engine reads is what we read. */
static enum err is_canonical(const struct configuration *configuration, const void *data, size_t size)
{
	struct buf again;
	buf_init(&again, 64u << 10);
	enum err err = configuration_encode(configuration, &again);
	if (err == ERR_CONFIG || (err == ERR_OK && (again.size != size || memcmp(again.data, data, size))))
		err = ERR_MALFORMED;
	buf_finish(&again);
	return err;
}

enum err configuration_decode(const void *data, size_t size, struct configuration *out)
{
	struct cursor cursor = cursor_over(data, size);
	memset(out, 0, sizeof *out);
	uint8_t format = cursor_u8(&cursor);
	uint64_t count = little_endian(&cursor);
	if (cursor.failed || format != ENGINE_FORMAT || !count || count > NODES_MAX)
		return ERR_MALFORMED;
	for (out->count = 0; out->count < count; out->count++)
		if (decode_node(&cursor, &out->nodes[out->count]) != ERR_OK)
			return ERR_MALFORMED;
	return is_canonical(out, data, size);
}

const struct consensus_node *configuration_find(const struct configuration *configuration, uint64_t id)
{
	for (size_t i = 0; i < configuration->count; i++)
		if (configuration->nodes[i].id == id)
			return &configuration->nodes[i];
	return NULL;
}

size_t configuration_voters(const struct configuration *configuration)
{
	size_t voters = 0;
	for (size_t i = 0; i < configuration->count; i++)
		voters += configuration->nodes[i].voter;
	return voters;
}

enum err snapshot_meta_encode(const struct snapshot_meta *meta, struct buf *out)
{
	struct buf configuration;
	buf_init(&configuration, 64u << 10);
	enum err err = configuration_encode(&meta->configuration, &configuration);
	if (err == ERR_OK) {
		buf_add_u64(out, meta->index);
		buf_add_u64(out, meta->term);
		buf_add_u64(out, meta->configuration_index);
		buf_add_block(out, configuration.data, configuration.size);
		err = out->failed ? ERR_NO_MEMORY : ERR_OK;
	}
	buf_finish(&configuration);
	return err;
}

enum err snapshot_meta_decode(struct cursor *cursor, struct snapshot_meta *out)
{
	size_t size;
	memset(out, 0, sizeof *out);
	out->index = cursor_u64(cursor);
	out->term = cursor_u64(cursor);
	out->configuration_index = cursor_u64(cursor);
	const uint8_t *bytes = cursor_block(cursor, &size);
	if (cursor->failed || !out->index || !out->term || !out->configuration_index ||
	    out->configuration_index > out->index)
		return ERR_MALFORMED;
	return configuration_decode(bytes, size, &out->configuration);
}
