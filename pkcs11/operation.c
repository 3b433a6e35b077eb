#include "pkcs11/operation.h"
#include "pkcs11/asked.h"
#include "pkcs11/session.h"
#include "base/secret.h"
#include <stdlib.h>
#include <string.h>

#define SIZE_ABSURD (SIZE_MAX / 2) /* longer than any memory: a length gone below zero */

CK_RV check_bytes(const void *data, CK_ULONG size)
{
	return (data || size == 0) && size < SIZE_ABSURD ? CKR_OK : CKR_ARGUMENTS_BAD;
}

static void forget_result(struct operation *operation)
{
	if (operation->has_result)
		buf_finish(&operation->result);
	operation->has_result = false;
}

void operation_end(struct operation *operation)
{
	Craton__CryptKind kind = operation->kind;
	if (!operation->is_active)
		return;
	object_release(operation->key);
	mechanism_free(operation->mechanism);
	prehash_drop(&operation->prehash);
	parts_finish(&operation->parts);
	secret_destroy(operation->pin);
	forget_result(operation);
	secret_wipe(operation, sizeof *operation);
	operation->kind = kind;
}

CK_RV operation_refuse(struct operation *operation, CK_RV rv)
{
	operation_end(operation);
	return rv;
}

struct operation *operation_find(struct session *session, Craton__CryptKind kind)
{
	struct operation *operation = &session->operations[kind];
	return operation->is_active ? operation : NULL;
}

/* ---- asking */

bool operation_is_long(const struct operation *operation, size_t size)
{
	return size > (operation->facts ? PIECE_SIZE_MAX : FRAME_SIZE_MAX / 2) && !operation->parts.is_one_part;
}

/* What an RSA key cannot take is refused here: tokens disagree on how. RFC 8017, 7.2.1 and 9.2: PKCS #1 adds 11 bytes. */
static CK_RV check_size(const struct operation *operation, size_t size)
{
	size_t modulus = key_modulus_size(&operation->key->attributes);
	size_t added = operation->mechanism->type == CKM_RSA_PKCS ? 11 : 0;
	bool is_raw = operation->mechanism->type == CKM_RSA_PKCS || operation->mechanism->type == CKM_RSA_X_509;
	if (!modulus || !is_raw || operation->kind == CRATON__CRYPT_KIND__VERIFY_RECOVER)
		return CKR_OK;
	if (operation->kind == CRATON__CRYPT_KIND__DECRYPT)
		return size == modulus ? CKR_OK : CKR_ENCRYPTED_DATA_LEN_RANGE;
	return size + added <= modulus ? CKR_OK : CKR_DATA_LEN_RANGE;
}

static CK_RV ask_as_it_is(struct session *session, struct operation *operation, struct bytes data, struct bytes signature,
                          struct buf *out)
{
	struct parts *parts = &operation->parts;
	CK_RV rv = check_size(operation, data.size);
	if (rv != CKR_OK)
		return rv;
	if (parts_are_away(parts))
		rv = parts_last(session, operation, signature, NULL);
	else if (operation_is_long(operation, data.size))
		rv = parts_whole(session, operation, data, signature, NULL);
	else
		return operation_ask(session, operation, operation->mechanism, data, signature, out);
	if (rv == CKR_OK && out) { /* handed over, for it may be long */
		buf_finish(out);
		*out = parts->owed;
		buf_init(&parts->owed, out->size_max);
	}
	return rv;
}

/* As it is, or hashed here first. */
static CK_RV perform(struct session *session, struct operation *operation, struct bytes data, struct bytes signature,
                     struct buf *out)
{
	uint8_t hash[PREHASH_SIZE_MAX];
	size_t hash_size = 0;
	Craton__Mechanism raw;
	if (!operation->hashes_here)
		return ask_as_it_is(session, operation, data, signature, out);
	if (!operation->has_parts)
		prehash_drop(&operation->prehash); /* of an earlier attempt */
	CK_RV rv = prehash_add(&operation->prehash, operation->facts, data);
	if (rv == CKR_OK)
		rv = prehash_finish(&operation->prehash, operation->facts, hash, &hash_size);
	if (rv != CKR_OK)
		return rv;
	raw = *operation->mechanism;
	raw.type = operation->facts->raw;
	return operation_ask(session, operation, &raw, (struct bytes){ hash, hash_size }, signature, out);
}

/* ---- the end */

size_t operation_result_size(const struct operation *operation, size_t input_size, bool *exact)
{
	return mechanism_result_size(operation->mechanism, operation_use(operation->kind), &operation->key->attributes,
	                             input_size, exact);
}

/* PKCS#11 5.2: a NULL buffer asks for the length; a short one gives CKR_BUFFER_TOO_SMALL and the length. The
 * application will ask again with the same data and a bigger buffer; with other data it gets another result. */
static CK_RV deliver(struct operation *operation, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR out_size)
{
	bool fits = out && *out_size >= operation->result.size;
	*out_size = operation->result.size;
	if (!fits) {
		sha256(&data, 1, operation->result_of);
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	if (operation->result.size)
		memcpy(out, operation->result.data, operation->result.size);
	operation_end(operation);
	return CKR_OK;
}

static bool is_result_of(const struct operation *operation, struct bytes data)
{
	uint8_t of[SHA256_SIZE];
	if (!operation->has_result)
		return false;
	sha256(&data, 1, of);
	return secret_equal(of, sizeof of, operation->result_of, sizeof of);
}

/* CKA_ALWAYS_AUTHENTICATE: a login is for one use, also where that use's result has yet to find room. */
void operation_use_up_pin(struct operation *operation)
{
	operation->needs_pin |= operation->pin != NULL;
	secret_destroy(operation->pin);
	operation->pin = NULL;
}

CK_RV operation_finish(struct session *session, struct operation *operation, struct bytes data,
                       CK_BYTE_PTR out, CK_ULONG_PTR out_size)
{
	bool exact;
	size_t size = operation_result_size(operation, data.size, &exact);
	if (size != SIZE_MAX && (!out || (exact && *out_size < size))) {
		*out_size = size;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	CK_RV rv = CKR_OK;
	if (!is_result_of(operation, data)) {
		forget_result(operation);
		buf_init(&operation->result, FRAME_SIZE_MAX);
		operation->has_result = true;
		rv = perform(session, operation, data, (struct bytes){ NULL, 0 }, &operation->result);
		operation_use_up_pin(operation);
	}
	if (rv == CKR_OK)
		return deliver(operation, data, out, out_size);
	operation_end(operation);
	return rv;
}

CK_RV operation_verify(struct session *session, struct operation *operation, struct bytes data, struct bytes signature)
{
	bool exact;
	size_t size = mechanism_result_size(operation->mechanism, CKF_SIGN, &operation->key->attributes, data.size, &exact);
	CK_RV rv = CKR_SIGNATURE_LEN_RANGE;
	if (size == SIZE_MAX || !exact || size == signature.size)
		rv = perform(session, operation, data, signature, NULL);
	operation_end(operation);
	return rv;
}

/* ---- in parts */

void operation_begin_parts(struct operation *operation)
{
	if (operation->has_parts)
		return;
	forget_result(operation);
	prehash_drop(&operation->prehash);
	parts_reset(&operation->parts);
	operation->has_parts = true;
}

CK_RV operation_go_on(struct operation *operation)
{
	operation_begin_parts(operation);
	return operation->has_result || operation->parts.is_ended ? CKR_OPERATION_NOT_INITIALIZED : CKR_OK;
}

CK_RV operation_add_part(struct session *session, struct operation *operation, struct bytes part)
{
	CK_RV rv = operation_go_on(operation);
	if (rv == CKR_OK)
		rv = check_bytes(part.data, part.size);
	if (rv == CKR_OK && operation->hashes_here)
		rv = prehash_add(&operation->prehash, operation->facts, part);
	else if (rv == CKR_OK)
		rv = parts_add(session, operation, part, false, NULL);
	return rv == CKR_OK ? CKR_OK : operation_refuse(operation, rv);
}

struct bytes operation_parts(const struct operation *operation)
{
	return (struct bytes){ operation->parts.kept.data, operation->parts.kept.size };
}
