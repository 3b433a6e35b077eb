#include "pkcs11/parts.h"
#include "pkcs11/session.h"
#include <string.h>

#define OWED_SIZE_MAX ((size_t)1 << 31)
#define ATTEMPTS 5 /* each costs a member */

static const struct bytes nothing = { NULL, 0 };

void parts_init(struct parts *parts, bool is_one_part, size_t kept_max)
{
	*parts = (struct parts){ .is_one_part = is_one_part, .kept_max = is_one_part ? ONE_PART_SIZE_MAX : kept_max };
	buf_init(&parts->kept, parts->kept_max);
	buf_init(&parts->owed, OWED_SIZE_MAX);
}

void parts_finish(struct parts *parts)
{
	multipart_end(&parts->multipart);
	buf_finish(&parts->kept);
	buf_finish(&parts->owed);
}

void parts_reset(struct parts *parts)
{
	multipart_end(&parts->multipart);
	buf_reset(&parts->owed);
	parts->came = parts->skip = 0;
	parts->has_made_iv = false;
}

bool parts_are_away(const struct parts *parts)
{
	return multipart_is_open(&parts->multipart) || parts->is_ended || parts->is_beyond;
}

void parts_give(struct parts *parts, struct room *room, size_t end)
{
	size_t limit = end < room->size ? end : room->size;
	size_t left = room->filled < limit ? limit - room->filled : 0;
	size_t size = left < parts->owed.size ? left : parts->owed.size;
	if (!size)
		return;
	memcpy(room->to + room->filled, parts->owed.data, size);
	room->filled += size;
	buf_consume(&parts->owed, size);
}

/* ---- round trips */

/* Begun anew, an operation gives what it gave before: that much is dropped. */
static void skip_known(struct parts *parts, size_t before)
{
	size_t came = parts->owed.size - before;
	size_t known = parts->skip < came ? (size_t)parts->skip : came;
	if (known)
		memmove(parts->owed.data + before, parts->owed.data + before + known, came - known);
	parts->owed.size -= known;
	parts->skip -= known;
	parts->came += came - known;
}

static CK_RV send(struct session *session, struct operation *operation, Craton__CryptStage stage, struct bytes data,
                  struct bytes signature)
{
	struct parts *parts = &operation->parts;
	size_t before = parts->owed.size;
	struct asking asking = { .mechanism = operation->mechanism, .stage = stage, .data = data, .signature = signature };
	CK_RV rv = operation_ask_stage(session, operation, &asking, operation->kind == CRATON__CRYPT_KIND__VERIFY ? NULL : &parts->owed);
	/* Nobody to begin it is the group's last word. */
	parts->is_lost = stage != CRATON__CRYPT_STAGE__FIRST && asking.is_loss;
	if (rv == CKR_OK && asking.has_more && parts->owed.size == before) /* nothing, for ever */
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK)
		skip_known(parts, before);
	parts->has_more = rv == CKR_OK && asking.has_more;
	return parts->is_lost ? CKR_DEVICE_ERROR : rv;
}

/* In pieces, the first of them at `stage`. */
static CK_RV send_all(struct session *session, struct operation *operation, Craton__CryptStage stage, struct bytes data,
                      struct room *room)
{
	CK_RV rv;
	size_t sent = 0;
	do {
		size_t left = data.size - sent;
		struct bytes piece = { left ? (const uint8_t *)data.data + sent : NULL, left < PIECE_SIZE_MAX ? left : PIECE_SIZE_MAX };
		rv = send(session, operation, stage, piece, nothing);
		stage = CRATON__CRYPT_STAGE__PART;
		sent += piece.size;
		if (rv == CKR_OK && room)
			parts_give(&operation->parts, room, sent);
	} while (rv == CKR_OK && sent < data.size);
	return rv;
}

/* On whichever member can, with all that is kept. */
static CK_RV begin(struct session *session, struct operation *operation)
{
	struct parts *parts = &operation->parts;
	multipart_end(&parts->multipart);
	parts->multipart.is_repeatable = !parts->is_once;
	parts->skip = parts->came;
	return send_all(session, operation, CRATON__CRYPT_STAGE__FIRST, (struct bytes){ parts->kept.data, parts->kept.size }, NULL);
}

static bool may_begin_anew(const struct parts *parts, CK_RV rv, int attempt)
{
	return rv != CKR_OK && parts->is_lost && !parts->is_once && !parts->is_beyond && !parts->has_made_iv && attempt < ATTEMPTS;
}

/* ---- Update */

/* False if there is no room for it, and so no way back. */
static bool keep(struct parts *parts, struct bytes part)
{
	if (parts->is_beyond || part.size > parts->kept_max - parts->kept.size)
		return false;
	buf_add(&parts->kept, part.data, part.size);
	return !parts->kept.failed;
}

static CK_RV add_kept(struct session *session, struct operation *operation, struct bytes part, struct room *room)
{
	struct parts *parts = &operation->parts;
	bool is_open = multipart_is_open(&parts->multipart);
	CK_RV rv = is_open ? send_all(session, operation, CRATON__CRYPT_STAGE__PART, part, room) : begin(session, operation);
	for (int attempt = 1; may_begin_anew(parts, rv, attempt); attempt++)
		rv = begin(session, operation);
	return rv;
}

/* From here on there is nothing to begin it anew with. */
static CK_RV add_beyond(struct session *session, struct operation *operation, struct bytes part, struct room *room)
{
	struct parts *parts = &operation->parts;
	CK_RV rv = CKR_OK;
	if (!parts->is_beyond && !multipart_is_open(&parts->multipart))
		rv = begin(session, operation);
	parts->is_beyond = true;
	parts->multipart.is_repeatable = false;
	buf_finish(&parts->kept);
	return rv == CKR_OK ? send_all(session, operation, CRATON__CRYPT_STAGE__PART, part, room) : rv;
}

CK_RV parts_add(struct session *session, struct operation *operation, struct bytes part, bool at_once, struct room *room)
{
	struct parts *parts = &operation->parts;
	if (part.size == 0)
		return CKR_OK;
	bool is_kept = keep(parts, part);
	if (!is_kept && parts->is_one_part)
		return CKR_DATA_LEN_RANGE;
	parts->added += part.size;
	if (is_kept && !at_once && !multipart_is_open(&parts->multipart))
		return CKR_OK;
	CK_RV rv = is_kept ? add_kept(session, operation, part, room) : add_beyond(session, operation, part, room);
	if (rv == CKR_OK && room)
		parts_give(parts, room, room->size);
	return rv;
}

/* ---- the end */

/* What a token has held back may be more than one answer holds. */
static CK_RV send_last(struct session *session, struct operation *operation, struct bytes signature, struct room *room)
{
	CK_RV rv;
	do {
		rv = send(session, operation, CRATON__CRYPT_STAGE__LAST, nothing, signature);
		if (rv == CKR_OK && room)
			parts_give(&operation->parts, room, room->size);
	} while (rv == CKR_OK && operation->parts.has_more);
	return rv;
}

CK_RV parts_last(struct session *session, struct operation *operation, struct bytes signature, struct room *room)
{
	struct parts *parts = &operation->parts;
	if (parts->is_ended)
		return CKR_OK;
	CK_RV rv = send_last(session, operation, signature, room);
	for (int attempt = 1; may_begin_anew(parts, rv, attempt); attempt++) {
		rv = begin(session, operation);
		if (rv == CKR_OK)
			rv = send_last(session, operation, signature, room);
	}
	parts->is_ended = rv == CKR_OK;
	return rv;
}

static bool lies_over(const struct room *room, struct bytes data)
{
	uintptr_t to = (uintptr_t)room->to, from = (uintptr_t)data.data;
	return to < from + data.size && from < to + room->size;
}

/* The application holds the data, so whatever its size it can be sent again, unless the result is written over it. */
CK_RV parts_whole(struct session *session, struct operation *operation, struct bytes data, struct bytes signature, struct room *room)
{
	struct parts *parts = &operation->parts;
	bool may_repeat = !parts->is_once && (!room || !lies_over(room, data));
	CK_RV rv;
	int attempt = 1;
	do {
		parts_reset(parts);
		parts->multipart.is_repeatable = may_repeat;
		if (room)
			room->filled = 0;
		rv = send_all(session, operation, CRATON__CRYPT_STAGE__FIRST, data, room);
		if (rv == CKR_OK)
			rv = send_last(session, operation, signature, room);
		parts->has_made_iv = false; /* the application has not seen it yet */
	} while (may_repeat && may_begin_anew(parts, rv, attempt++));
	return rv;
}
