/* message.h: a message as bytes. u8 version, u8 kind, u64 term, then the kind's own fields in the order of
 * struct message; entries as { u64 term, u8 type, block }. */
#include "raft/message.h"
#include <stdlib.h>
#include <string.h>

#define MESSAGE_VERSION 1

static void put_entries(const struct message *m, struct buf *out)
{
	buf_add_u32(out, m->append.count);
	for (uint32_t i = 0; i < m->append.count; i++) {
		const struct entry *entry = m->append.entries[i];
		buf_add_u64(out, entry->term);
		buf_add_u8(out, (uint8_t)entry->type);
		buf_add_block(out, entry->data, entry->size);
	}
}

static void put_three(struct buf *out, uint64_t a, uint64_t b, uint64_t c)
{
	buf_add_u64(out, a);
	buf_add_u64(out, b);
	buf_add_u64(out, c);
}

static enum err put_body(const struct message *m, struct buf *out)
{
	switch (m->kind) {
	case MESSAGE_VOTE:
		put_three(out, m->vote.candidate, m->vote.last_index, m->vote.last_term);
		buf_add_u8(out, (uint8_t)(m->vote.disrupt_leader | m->vote.pre_vote << 1));
		return ERR_OK;
	case MESSAGE_VOTE_RESULT:
		buf_add_u8(out, (uint8_t)(m->vote_result.granted | m->vote_result.pre_vote << 1));
		buf_add_u32(out, m->vote_result.features);
		return ERR_OK;
	case MESSAGE_APPEND:
		put_three(out, m->append.prev_index, m->append.prev_term, m->append.commit);
		put_entries(m, out);
		return ERR_OK;
	case MESSAGE_APPEND_RESULT:
		buf_add_u64(out, m->append_result.rejected);
		buf_add_u64(out, m->append_result.last_index);
		buf_add_u32(out, m->append_result.features);
		return ERR_OK;
	case MESSAGE_INSTALL:
		return snapshot_meta_encode(m->install.meta, out);
	case MESSAGE_TIMEOUT_NOW:
		buf_add_u64(out, m->timeout_now.last_index);
		buf_add_u64(out, m->timeout_now.last_term);
		return ERR_OK;
	case MESSAGE_FORWARD:
		buf_add(out, m->forward.request.bytes, ID_SIZE);
		buf_add_block(out, m->forward.entry->data, m->forward.entry->size);
		return ERR_OK;
	case MESSAGE_READ:
	case MESSAGE_READ_RESULT:
	case MESSAGE_SETTLE:
	case MESSAGE_SETTLE_RESULT:
		buf_add_u64(out, m->read.number);
		buf_add_u64(out, m->read.index);
		return ERR_OK;
	case MESSAGE_ROUND:
	case MESSAGE_ROUND_RESULT:
		buf_add_u64(out, m->round.number);
		return ERR_OK;
	case MESSAGE_CONTACT:
		put_three(out, m->contact.stamp, m->contact.applied, m->contact.heard);
		buf_add_u8(out, m->contact.declines);
		return ERR_OK;
	case MESSAGE_CONTACT_RESULT:
		put_three(out, m->contact_result.stamp, m->contact_result.at, m->contact_result.age_ms);
		buf_add_u64(out, m->contact_result.commit);
		buf_add_u8(out, m->contact_result.granted);
		return ERR_OK;
	case MESSAGE_CONTACT_WANTED:
		buf_add_u64(out, m->contact_wanted.index);
		return ERR_OK;
	}
	return ERR_MALFORMED;
}

enum err message_encode(const struct message *m, struct buf *out)
{
	buf_add_u8(out, MESSAGE_VERSION);
	buf_add_u8(out, (uint8_t)m->kind);
	buf_add_u64(out, m->term);
	enum err err = put_body(m, out);
	return err == ERR_OK && out->failed ? ERR_NO_MEMORY : err;
}

static struct entry *get_entry(struct cursor *in, enum err *err)
{
	size_t size;
	uint64_t term = cursor_u64(in);
	uint8_t type = cursor_u8(in);
	const uint8_t *data = cursor_block(in, &size);
	if (in->failed || !term || type < ENTRY_COMMAND || type > ENTRY_CONFIGURATION) {
		*err = ERR_MALFORMED;
		return NULL;
	}
	struct configuration configuration;
	if (type == ENTRY_CONFIGURATION && configuration_decode(data, size, &configuration) != ERR_OK) {
		*err = ERR_MALFORMED;
		return NULL;
	}
	struct entry *entry = entry_create(term, (enum entry_type)type, data, size);
	if (!entry)
		*err = ERR_NO_MEMORY;
	return entry;
}

#define ENTRY_BYTES_MIN 13u /* an empty one */

static enum err get_entries(struct cursor *in, struct message *m)
{
	enum err err = ERR_OK;
	uint32_t count = cursor_u32(in);
	if (in->failed || count > MESSAGE_ENTRIES_MAX || count > in->size / ENTRY_BYTES_MIN)
		return ERR_MALFORMED;
	m->append.entries = count ? calloc(count, sizeof *m->append.entries) : NULL;
	if (count && !m->append.entries)
		return ERR_NO_MEMORY;
	uint64_t before = m->append.prev_term;
	for (; err == ERR_OK && m->append.count < count; m->append.count++) {
		struct entry *entry = get_entry(in, &err);
		if (!entry)
			break;
		m->append.entries[m->append.count] = entry;
		if (entry->term < before || entry->term > m->term)
			err = ERR_MALFORMED; /* terms never fall along a log, nor pass the leader's */
		before = entry->term;
	}
	return err;
}

static enum err get_append(struct cursor *in, struct message *m)
{
	m->append.prev_index = cursor_u64(in);
	m->append.prev_term = cursor_u64(in);
	m->append.commit = cursor_u64(in);
	/* The engine takes a place with a term, or the very beginning; nothing in between. */
	if (in->failed || !m->term || (m->append.prev_index == 0) != (m->append.prev_term == 0) ||
	    m->append.prev_term > m->term || m->append.prev_index > UINT64_MAX / 4)
		return ERR_MALFORMED;
	return get_entries(in, m);
}

static bool get_two_flags(struct cursor *in, bool *low, bool *high)
{
	uint8_t flags = cursor_u8(in);
	*low = flags & 1;
	*high = flags & 2;
	return !in->failed && flags < 4;
}

static enum err get_features(struct cursor *in, uint16_t *features)
{
	uint32_t value = cursor_u32(in);
	*features = (uint16_t)value;
	return in->failed || value > UINT16_MAX ? ERR_MALFORMED : ERR_OK;
}

static enum err get_install(struct cursor *in, struct message *m)
{
	m->install.meta = malloc(sizeof *m->install.meta);
	if (!m->install.meta)
		return ERR_NO_MEMORY;
	enum err err = snapshot_meta_decode(in, m->install.meta);
	return err == ERR_OK && m->install.meta->term > m->term ? ERR_MALFORMED : err;
}

static enum err get_forward(struct cursor *in, struct message *m)
{
	size_t size;
	const uint8_t *request = cursor_bytes(in, ID_SIZE);
	const uint8_t *data = cursor_block(in, &size);
	if (in->failed || size > ENTRY_SIZE_MAX)
		return ERR_MALFORMED;
	memcpy(m->forward.request.bytes, request, ID_SIZE);
	m->forward.entry = entry_create(0, ENTRY_COMMAND, data, size);
	return m->forward.entry ? ERR_OK : ERR_NO_MEMORY;
}

static bool get_flag(struct cursor *in, bool *flag)
{
	uint8_t value = cursor_u8(in);
	*flag = value;
	return !in->failed && value < 2;
}

static enum err get_contact(struct cursor *in, struct message *m)
{
	m->contact.stamp = cursor_u64(in);
	m->contact.applied = cursor_u64(in);
	m->contact.heard = cursor_u64(in);
	return get_flag(in, &m->contact.declines) ? ERR_OK : ERR_MALFORMED;
}

static enum err get_contact_result(struct cursor *in, struct message *m)
{
	m->contact_result.stamp = cursor_u64(in);
	m->contact_result.at = cursor_u64(in);
	m->contact_result.age_ms = cursor_u64(in);
	m->contact_result.commit = cursor_u64(in);
	return get_flag(in, &m->contact_result.granted) ? ERR_OK : ERR_MALFORMED;
}

static enum err get_body(struct cursor *in, struct message *m)
{
	switch (m->kind) {
	case MESSAGE_VOTE:
		m->vote.candidate = cursor_u64(in);
		m->vote.last_index = cursor_u64(in);
		m->vote.last_term = cursor_u64(in);
		return get_two_flags(in, &m->vote.disrupt_leader, &m->vote.pre_vote) ? ERR_OK : ERR_MALFORMED;
	case MESSAGE_VOTE_RESULT:
		if (!get_two_flags(in, &m->vote_result.granted, &m->vote_result.pre_vote))
			return ERR_MALFORMED;
		return get_features(in, &m->vote_result.features);
	case MESSAGE_APPEND:
		return get_append(in, m);
	case MESSAGE_APPEND_RESULT:
		m->append_result.rejected = cursor_u64(in);
		m->append_result.last_index = cursor_u64(in);
		return get_features(in, &m->append_result.features);
	case MESSAGE_INSTALL:
		return get_install(in, m);
	case MESSAGE_TIMEOUT_NOW:
		m->timeout_now.last_index = cursor_u64(in);
		m->timeout_now.last_term = cursor_u64(in);
		return ERR_OK;
	case MESSAGE_FORWARD:
		return get_forward(in, m);
	case MESSAGE_READ:
	case MESSAGE_READ_RESULT:
	case MESSAGE_SETTLE:
	case MESSAGE_SETTLE_RESULT:
		m->read.number = cursor_u64(in);
		m->read.index = cursor_u64(in);
		return ERR_OK;
	case MESSAGE_ROUND:
	case MESSAGE_ROUND_RESULT:
		m->round.number = cursor_u64(in);
		return ERR_OK;
	case MESSAGE_CONTACT:
		return get_contact(in, m);
	case MESSAGE_CONTACT_RESULT:
		return get_contact_result(in, m);
	case MESSAGE_CONTACT_WANTED:
		m->contact_wanted.index = cursor_u64(in);
		return ERR_OK;
	}
	return ERR_MALFORMED;
}

enum err message_decode(const void *data, size_t size, struct message *out)
{
	memset(out, 0, sizeof *out);
	if (size > MESSAGE_SIZE_MAX)
		return ERR_TOO_BIG;
	struct cursor in = cursor_over(data, size);
	uint8_t version = cursor_u8(&in);
	uint8_t kind = cursor_u8(&in);
	out->term = cursor_u64(&in);
	if (in.failed || version != MESSAGE_VERSION || kind < MESSAGE_VOTE)
		return ERR_MALFORMED;
	if (kind > MESSAGE_SETTLE_RESULT)
		return ERR_NOT_FOUND;
	out->kind = (enum message_kind)kind;
	enum err err = get_body(&in, out);
	if (err == ERR_OK && (in.failed || in.size))
		err = ERR_MALFORMED;
	if (err != ERR_OK)
		message_release(out);
	return err;
}

void message_release(struct message *m)
{
	if (m->kind == MESSAGE_APPEND) {
		for (uint32_t i = 0; i < m->append.count; i++)
			entry_drop(m->append.entries[i]);
		free(m->append.entries);
	} else if (m->kind == MESSAGE_FORWARD) {
		entry_drop(m->forward.entry);
	} else if (m->kind == MESSAGE_INSTALL) {
		free(m->install.meta);
	}
	memset(m, 0, sizeof *m);
}
