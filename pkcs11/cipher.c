#include "pkcs11/cipher.h"
#include <string.h>

CK_RV cipher_once(struct session *session, Craton__CryptKind kind, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, kind);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (operation->has_parts)
		return operation_refuse(operation, CKR_OPERATION_NOT_INITIALIZED);
	if (!size || check_bytes(data.data, data.size) != CKR_OK)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	return operation_finish(session, operation, data, out, size);
}

/* With a mode that pads, all pieces but the last are another mechanism, which a key may be forbidden. */
static void begin_parts(struct operation *operation)
{
	bool is_cut = stream_init(&operation->stream, operation->mechanism, operation->kind == CRATON__CRYPT_KIND__DECRYPT);
	const Craton__Attribute *allowed = attribute_list_get(&operation->key->attributes, CKA_ALLOWED_MECHANISMS);
	bool is_particular = allowed && allowed->value.len; /* an empty list allows all */
	if (is_cut && is_particular && stream_is_mixed(&operation->stream))
		operation->stream.mode = NULL;
	operation->has_parts = true;
}

static CK_RV ask_piece(struct session *session, struct operation *operation, struct bytes in, bool is_end, struct buf *out)
{
	struct piece piece;
	CK_RV rv = stream_piece(&operation->stream, is_end, &piece);
	if (rv == CKR_OK)
		rv = operation_ask(session, operation, &piece.mechanism, in, (struct bytes){ NULL, 0 }, out);
	return rv;
}

/* What goes now is put together first: the application's output may lie over its input. */
static CK_RV cut(struct session *session, struct operation *operation, struct bytes part, size_t ready,
                 CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct stream *stream = &operation->stream;
	size_t taken = ready ? ready - stream->held_size : 0;
	struct buf in, result;
	CK_RV rv = CKR_OK;
	buf_init(&in, FRAME_SIZE_MAX);
	buf_init(&result, FRAME_SIZE_MAX);
	if (ready) {
		buf_add(&in, stream->held, stream->held_size);
		buf_add(&in, part.data, taken);
		rv = in.failed ? CKR_DATA_LEN_RANGE : ask_piece(session, operation, (struct bytes){ in.data, in.size }, false, &result);
	}
	if (rv == CKR_OK && result.size != ready)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK) {
		if (ready)
			stream_done(stream, (struct bytes){ in.data, in.size }, (struct bytes){ result.data, result.size });
		stream_hold(stream, (const uint8_t *)part.data + taken, part.size - taken);
		if (result.size)
			memcpy(out, result.data, result.size);
		*size = result.size;
	}
	buf_finish(&in);
	buf_finish(&result);
	return rv;
}

/* True if the application only asked, or has too little room. */
static bool is_length_enough(size_t needed, CK_BYTE_PTR out, CK_ULONG_PTR size, CK_RV *rv)
{
	bool is_asked = !out, is_short = out && *size < needed;
	if (is_asked || is_short)
		*size = needed;
	*rv = is_short ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	return is_asked || is_short;
}

static CK_RV update(struct session *session, struct operation *operation, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	CK_RV rv;
	if (!size || check_bytes(part.data, part.size) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	if (!operation->has_parts)
		begin_parts(operation);
	bool is_cut = operation->stream.mode != NULL;
	size_t ready = is_cut ? stream_ready(&operation->stream, part.size) : 0;
	if (is_length_enough(ready, out, size, &rv))
		return rv;
	if (is_cut)
		return cut(session, operation, part, ready, out, size);
	*size = 0; /* all of it comes at the end */
	return operation_keep_part(operation, part);
}

CK_RV cipher_update(struct session *session, Craton__CryptKind kind, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, kind);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	CK_RV rv = update(session, operation, part, out, size);
	return rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL ? rv : operation_refuse(operation, rv);
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
	return stream_has_end(&operation->stream) ? ask_piece(session, operation, held, true, &operation->result) : CKR_OK;
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

CK_RV cipher_final(struct session *session, Craton__CryptKind kind, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, kind);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!size)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	if (!operation->has_parts)
		begin_parts(operation);
	if (operation->stream.mode)
		return final_piece(session, operation, out, size);
	return operation_finish(session, operation, operation_parts(operation), out, size);
}
