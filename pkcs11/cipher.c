#include "pkcs11/cipher.h"
#include <string.h>

static const struct bytes nothing = { NULL, 0 };

/* True if the application only asked, or has too little room. */
static bool is_length_enough(size_t needed, CK_BYTE_PTR out, CK_ULONG_PTR size, CK_RV *rv)
{
	bool is_asked = !out, is_short = out && *size < needed;
	if (is_asked || is_short)
		*size = needed;
	*rv = is_short ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	return is_asked || is_short;
}

/* With a mode that pads, all pieces but the last are another mechanism, which a key may be forbidden. */
static bool begin_cut(struct operation *operation)
{
	bool is_cut = stream_init(&operation->stream, operation->mechanism, operation->kind == CRATON__CRYPT_KIND__DECRYPT);
	const Craton__Attribute *allowed = attribute_list_get(&operation->key->attributes, CKA_ALLOWED_MECHANISMS);
	bool is_particular = allowed && allowed->value.len; /* an empty list allows all */
	if (is_cut && is_particular && stream_is_mixed(&operation->stream))
		operation->stream.mode = NULL;
	return operation->stream.mode != NULL;
}

/* ---- modes that are cut into whole operations */

static CK_RV ask_piece(struct session *session, struct operation *operation, const struct stream *stream, struct bytes in,
                       bool is_end, struct buf *out)
{
	struct piece piece;
	CK_RV rv = stream_piece(stream, is_end, &piece);
	if (rv == CKR_OK)
		rv = operation_ask(session, operation, &piece.mechanism, in, nothing, out);
	return rv;
}

/* The result is owed to the application. */
static CK_RV ask_blocks(struct session *session, struct operation *operation, struct bytes in)
{
	struct buf *out = &operation->parts.owed;
	size_t before = out->size;
	CK_RV rv = ask_piece(session, operation, &operation->stream, in, false, out);
	if (rv == CKR_OK && out->size - before != in.size)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK)
		stream_done(&operation->stream, in, (struct bytes){ out->data + before, in.size });
	return rv;
}

/* What was held and what comes now, together. */
static CK_RV ask_ready(struct session *session, struct operation *operation, const uint8_t *part, size_t taken)
{
	struct stream *stream = &operation->stream;
	struct buf in;
	if (!stream->held_size)
		return ask_blocks(session, operation, (struct bytes){ part, taken });
	buf_init(&in, FRAME_SIZE_MAX);
	buf_add(&in, stream->held, stream->held_size);
	buf_add(&in, part, taken);
	CK_RV rv = in.failed ? CKR_HOST_MEMORY : ask_blocks(session, operation, (struct bytes){ in.data, in.size });
	buf_finish(&in);
	return rv;
}

/* So much of the data that one question holds it. */
static CK_RV cut_piece(struct session *session, struct operation *operation, const uint8_t *part, size_t size)
{
	struct stream *stream = &operation->stream;
	size_t ready = stream_ready(stream, size), taken = ready ? ready - stream->held_size : 0;
	CK_RV rv = ready ? ask_ready(session, operation, part, taken) : CKR_OK;
	if (rv == CKR_OK)
		stream_hold(stream, part + taken, size - taken);
	return rv;
}

static CK_RV cut(struct session *session, struct operation *operation, struct bytes data, struct room *room)
{
	CK_RV rv = CKR_OK;
	for (size_t at = 0; rv == CKR_OK && at < data.size;) {
		size_t left = data.size - at, size = left < PIECE_SIZE_MAX ? left : PIECE_SIZE_MAX;
		rv = cut_piece(session, operation, (const uint8_t *)data.data + at, size);
		at += size;
		if (rv == CKR_OK)
			parts_give(&operation->parts, room, at);
	}
	if (rv == CKR_OK)
		parts_give(&operation->parts, room, room->size);
	return rv;
}

/* The last piece is asked for once; if the application has too little room for it, it waits. */
static CK_RV last_piece(struct session *session, struct operation *operation)
{
	if (operation->has_result)
		return CKR_OK;
	CK_RV rv = stream_check_end(&operation->stream);
	if (rv != CKR_OK)
		return rv;
	buf_init(&operation->result, FRAME_SIZE_MAX);
	operation->has_result = true;
	struct bytes held = { operation->stream.held, operation->stream.held_size };
	return stream_has_end(&operation->stream) ?
		ask_piece(session, operation, &operation->stream, held, true, &operation->result) : CKR_OK;
}

static CK_RV final_piece(struct session *session, struct operation *operation, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	bool exact;
	size_t needed = stream_end_size(&operation->stream, &exact);
	CK_RV rv;
	if ((!out || exact) && is_length_enough(needed, out, size, &rv))
		return rv;
	rv = last_piece(session, operation);
	if (rv != CKR_OK)
		return operation_refuse(operation, rv);
	if (is_length_enough(operation->result.size, out, size, &rv))
		return rv;
	*size = operation->result.size;
	if (*size)
		memcpy(out, operation->result.data, *size);
	return operation_refuse(operation, CKR_OK);
}

/* How long what will be unpadded is, only its last block tells: that is looked at first, and comes last. */
static CK_RV peek(struct session *session, struct operation *operation, struct bytes data, struct buf *last)
{
	struct stream at_end = operation->stream;
	struct bytes block = stream_skip(&at_end, data);
	return block.size ? ask_piece(session, operation, &at_end, block, true, last) : CKR_OK;
}

static CK_RV cut_whole(struct session *session, struct operation *operation, struct bytes data, struct buf *last,
                       CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct stream *stream = &operation->stream;
	bool exact;
	size_t needed = operation_result_size(operation, data.size, &exact);
	CK_RV rv = stream_check_size(stream, data.size);
	if (rv == CKR_OK && (!out || exact) && is_length_enough(needed, out, size, &rv))
		return rv;
	if (rv == CKR_OK && !exact) {
		rv = peek(session, operation, data, last);
		needed = data.size - stream_block_size(stream) + last->size;
		if (rv == CKR_OK && is_length_enough(needed, out, size, &rv))
			return rv;
	}
	struct room room = { out, *size, 0 };
	if (rv == CKR_OK)
		rv = cut(session, operation, data, &room); /* what is unpadded keeps its last block back by itself */
	if (rv == CKR_OK && exact && (rv = last_piece(session, operation)) == CKR_OK)
		buf_add(last, operation->result.data, operation->result.size);
	if (rv == CKR_OK && (last->failed || room.filled + last->size != needed))
		rv = last->failed ? CKR_HOST_MEMORY : CKR_DEVICE_ERROR;
	if (rv == CKR_OK && last->size)
		memcpy(out + room.filled, last->data, last->size);
	*size = needed;
	return operation_refuse(operation, rv);
}

/* ---- at once */

/* The result's length is known, so it need be kept nowhere. */
static CK_RV long_whole(struct session *session, struct operation *operation, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	bool exact;
	size_t needed = operation_result_size(operation, data.size, &exact);
	CK_RV rv;
	if (needed == SIZE_MAX || !exact)
		return operation_finish(session, operation, data, out, size);
	if (is_length_enough(needed, out, size, &rv))
		return rv;
	struct room room = { out, *size, 0 };
	rv = parts_whole(session, operation, data, nothing, &room);
	if (rv == CKR_OK && operation->parts.owed.size)
		rv = CKR_DEVICE_ERROR; /* longer than it can be */
	*size = room.filled;
	return operation_refuse(operation, rv);
}

static CK_RV once(struct session *session, struct operation *operation, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct buf last;
	if (!operation_is_long(operation, data.size))
		return operation_finish(session, operation, data, out, size);
	if (!operation->facts || !begin_cut(operation))
		return long_whole(session, operation, data, out, size);
	buf_init(&last, PIECE_SIZE_MAX);
	CK_RV rv = cut_whole(session, operation, data, &last, out, size);
	buf_finish(&last);
	return rv;
}

CK_RV cipher_once(struct session *session, Craton__CryptKind kind, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, kind);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (operation->has_parts)
		return operation_refuse(operation, CKR_OPERATION_NOT_INITIALIZED);
	if (!size || check_bytes(data.data, data.size) != CKR_OK)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	return once(session, operation, data, out, size);
}

/* ---- in parts */

static void begin_parts(struct operation *operation)
{
	if (!operation->has_parts)
		begin_cut(operation);
	operation_begin_parts(operation);
}

/* A cipher gives as much as it is given, but for one that must see the end before it may show anything. */
static bool gives_as_it_comes(const struct operation *operation)
{
	const struct mechanism_facts *facts = operation->facts;
	bool encrypts = operation->kind == CRATON__CRYPT_KIND__ENCRYPT;
	if (!facts || operation->parts.is_one_part)
		return false;
	return facts->result == RESULT_INPUT || facts->result == RESULT_PADDED || (facts->result == RESULT_TAGGED && encrypts);
}

/* A token may keep a block back and give it later, so the part's own length is room enough, and what does not fit is owed. */
static CK_RV add(struct session *session, struct operation *operation, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	bool at_once = gives_as_it_comes(operation);
	size_t least = at_once ? part.size : 0;
	if (!out || *size < least) {
		*size = part.size + operation->parts.owed.size; /* never 0: there are applications that take no memory then, and ask again */
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	struct room room = { out, *size, 0 };
	CK_RV rv = parts_add(session, operation, part, at_once, &room);
	*size = room.filled;
	return rv;
}

static CK_RV update(struct session *session, struct operation *operation, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	if (!size || check_bytes(part.data, part.size) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	begin_parts(operation);
	CK_RV rv = operation_go_on(operation);
	if (rv != CKR_OK)
		return rv;
	if (!operation->stream.mode)
		return add(session, operation, part, out, size);
	if (is_length_enough(stream_ready(&operation->stream, part.size), out, size, &rv))
		return rv;
	struct room room = { out, *size, 0 };
	rv = cut(session, operation, part, &room);
	*size = room.filled;
	return rv;
}

CK_RV cipher_update(struct session *session, Craton__CryptKind kind, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, kind);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	CK_RV rv = update(session, operation, part, out, size);
	return rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL ? rv : operation_refuse(operation, rv);
}

/* How much is still to come; *exact: just so much. */
static size_t left_to_come(const struct operation *operation, bool *exact)
{
	const struct parts *parts = &operation->parts;
	uint64_t given = parts->came - parts->owed.size;
	size_t all = operation_result_size(operation, (size_t)parts->added, exact);
	return all == SIZE_MAX || all < given ? SIZE_MAX : (size_t)(all - given);
}

static CK_RV final_part(struct session *session, struct operation *operation, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct parts *parts = &operation->parts;
	bool exact;
	size_t needed = left_to_come(operation, &exact);
	CK_RV rv;
	if (needed != SIZE_MAX && (!out || exact) && is_length_enough(needed, out, size, &rv))
		return rv;
	struct room room = { out, out ? *size : 0, 0 };
	bool has_room = needed != SIZE_MAX && exact; /* so none of it need be kept */
	rv = parts_last(session, operation, nothing, has_room ? &room : NULL);
	if (rv == CKR_OK && has_room && parts->owed.size)
		rv = CKR_DEVICE_ERROR; /* longer than it can be */
	if (rv != CKR_OK)
		return operation_refuse(operation, rv);
	if (!has_room && is_length_enough(parts->owed.size, out, size, &rv))
		return rv;
	parts_give(parts, &room, room.size);
	*size = room.filled;
	return operation_refuse(operation, CKR_OK);
}

CK_RV cipher_final(struct session *session, Craton__CryptKind kind, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, kind);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!size)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	begin_parts(operation);
	if (operation->stream.mode)
		return final_piece(session, operation, out, size);
	if (parts_are_away(&operation->parts))
		return final_part(session, operation, out, size);
	return operation_finish(session, operation, operation_parts(operation), out, size);
}
