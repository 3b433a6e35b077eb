#include "backend/parts.h"
#include "backend/operate_private.h"
#include <stdlib.h>

#define BLOCK_ROOM 4096 /* bytes that may come out besides: what a cipher adds */
#define OWED_SIZE_MAX ((size_t)1 << 30) /* bytes that a token may be made to hold back */

typedef CK_RV (*init_function)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);

static init_function init_of(CK_FUNCTION_LIST *p11, Craton__CryptKind kind)
{
	switch (kind) {
	case CRATON__CRYPT_KIND__SIGN: return p11->C_SignInit;
	case CRATON__CRYPT_KIND__VERIFY: return p11->C_VerifyInit;
	case CRATON__CRYPT_KIND__ENCRYPT: return p11->C_EncryptInit;
	case CRATON__CRYPT_KIND__DECRYPT: return p11->C_DecryptInit;
	default: return NULL;
	}
}

CK_RV parts_begin(struct parts *parts, struct token *token, Craton__CryptKind kind, CK_MECHANISM *mechanism,
                  const struct loaded_key *key)
{
	init_function init = init_of(token_functions(token), kind);
	CK_SESSION_HANDLE session;
	if (!init)
		return CKR_FUNCTION_NOT_SUPPORTED;
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .generation = key->generation }, &session);
	if (rv != CKR_OK)
		return rv;
	rv = init(session, mechanism, key->handle);
	if (rv == CKR_OK)
		*parts = (struct parts){ .token = token, .ticket = token_lay_aside(token, session), .kind = kind };
	else
		token_return(token, session, rv);
	return rv;
}

/* A token may ask for room for all that it holds back though it gives nothing yet (SoftHSM does, when it deciphers with GCM): so there is
 * room for all of it. What is not written to costs nothing. */
static CK_RV cipher(struct parts *parts, CK_SESSION_HANDLE session, const struct bytes *data, struct buf *out)
{
	CK_FUNCTION_LIST *p11 = token_functions(parts->token);
	run_function update = parts->kind == CRATON__CRYPT_KIND__ENCRYPT ? p11->C_EncryptUpdate : p11->C_DecryptUpdate;
	size_t room = parts->owed + data->size + BLOCK_ROOM;
	CK_ULONG size = room;
	if (parts->owed > OWED_SIZE_MAX)
		return parts->kind == CRATON__CRYPT_KIND__DECRYPT ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
	CK_BYTE *result = malloc(room);
	if (!result)
		return CKR_HOST_MEMORY;
	CK_RV rv = update(session, (CK_BYTE *)(uintptr_t)data->data, data->size, result, &size);
	if (rv == CKR_OK && size > room)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK && size)
		buf_add(out, result, size);
	secret_wipe(result, rv == CKR_OK ? size : data->size + BLOCK_ROOM);
	free(result);
	if (rv != CKR_OK)
		return rv;
	parts->owed += data->size;
	parts->owed -= size < parts->owed ? size : parts->owed;
	return out->failed ? CKR_DEVICE_MEMORY : CKR_OK;
}

static CK_RV update_on(struct parts *parts, CK_SESSION_HANDLE session, const struct bytes *data, struct buf *out)
{
	CK_FUNCTION_LIST *p11 = token_functions(parts->token);
	CK_BYTE *input = (CK_BYTE *)(uintptr_t)data->data; /* PKCS#11 knows no const */
	switch (parts->kind) {
	case CRATON__CRYPT_KIND__SIGN: return p11->C_SignUpdate(session, input, data->size);
	case CRATON__CRYPT_KIND__VERIFY: return p11->C_VerifyUpdate(session, input, data->size);
	default: return cipher(parts, session, data, out);
	}
}

typedef CK_RV (*step_function)(struct parts *parts, CK_SESSION_HANDLE session, const struct bytes *input, struct buf *out);

static CK_RV step(struct parts *parts, step_function function, const struct bytes *input, struct buf *out)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = token_take_up(parts->token, parts->ticket, &session);
	if (rv != CKR_OK)
		return rv;
	rv = function(parts, session, input, out);
	parts->ticket = token_lay_aside(parts->token, session);
	return rv;
}

CK_RV parts_update(struct parts *parts, const struct bytes *data, struct buf *out)
{
	/* Not every token takes an empty part. */
	return data->size ? step(parts, update_on, data, out) : CKR_OK;
}

typedef CK_RV (*final_function)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);

/* operate_run has a place for data, Final none. */
struct final_call {
	final_function function;
	CK_SESSION_HANDLE session;
};

static CK_RV finish(const struct final_call *call, size_t room, struct buf *out)
{
	CK_ULONG size = room;
	CK_BYTE *result = buf_extend(out, room);
	if (!result)
		return CKR_HOST_MEMORY;
	CK_RV rv = call->function(call->session, result, &size);
	if (rv == CKR_OK && size > room)
		rv = CKR_DEVICE_ERROR;
	operate_keep(out, result, room, rv == CKR_OK ? size : 0);
	if (rv != CKR_BUFFER_TOO_SMALL || size <= room)
		return rv;
	return out->size_max - out->size < size ? CKR_DEVICE_MEMORY : finish(call, size, out);
}

static CK_RV final_on(struct parts *parts, CK_SESSION_HANDLE session, const struct bytes *signature, struct buf *out)
{
	CK_FUNCTION_LIST *p11 = token_functions(parts->token);
	struct final_call call = { p11->C_SignFinal, session };
	if (parts->kind == CRATON__CRYPT_KIND__VERIFY)
		return p11->C_VerifyFinal(session, (CK_BYTE *)(uintptr_t)signature->data, signature->size);
	if (parts->kind == CRATON__CRYPT_KIND__ENCRYPT)
		call.function = p11->C_EncryptFinal;
	else if (parts->kind == CRATON__CRYPT_KIND__DECRYPT)
		call.function = p11->C_DecryptFinal;
	return finish(&call, operate_room(out, parts->owed), out);
}

CK_RV parts_final(struct parts *parts, const struct bytes *signature, struct buf *out)
{
	return step(parts, final_on, signature, out);
}

void parts_end(struct parts *parts, CK_RV rv)
{
	CK_SESSION_HANDLE session;
	if (parts->token && token_take_up(parts->token, parts->ticket, &session) == CKR_OK)
		token_return(parts->token, session, rv);
	*parts = (struct parts){ .token = NULL };
}
