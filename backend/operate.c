#include "backend/operate.h"
#include "backend/operate_private.h"

/* More than any signature (RSA-16384: 2 KiB) or anything a cipher adds. */
#define RESULT_ROOM 4096

/* What the token wrote and did not count is as secret as what it did. */
void operate_keep(struct buf *out, uint8_t *result, size_t room, size_t result_size)
{
	secret_wipe(result + result_size, room - result_size);
	out->size -= room - result_size;
}

static CK_RV run_once(run_function function, CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, size_t room,
                      struct buf *out, CK_ULONG *result_size)
{
	CK_BYTE *result = buf_extend(out, room);
	if (!result)
		return CKR_HOST_MEMORY;
	*result_size = room;
	CK_RV rv = function(session, data, size, result, result_size);
	if (rv == CKR_OK && *result_size > room)
		rv = CKR_DEVICE_ERROR;
	operate_keep(out, result, room, rv == CKR_OK ? *result_size : 0);
	return rv;
}

/* What fits, if the owner's limit is lower than our guess. */
size_t operate_room(const struct buf *out, size_t size)
{
	size_t left = out->size_max - out->size;
	size_t wanted = size > SIZE_MAX - RESULT_ROOM ? size : size + RESULT_ROOM;
	return wanted < left ? wanted : left;
}

/* SoftHSM takes NULL for a missing argument, also where the size is 0. PKCS#11 knows no const. */
static CK_BYTE *pointer_to(const struct bytes *bytes)
{
	static const CK_BYTE nothing[1];
	return (CK_BYTE *)(bytes->data && bytes->size ? bytes->data : nothing);
}

/* Straight into `out`; asked again with more room only if the guess was too small, in which case the operation goes on. */
CK_RV operate_run(run_function function, CK_SESSION_HANDLE session, const struct bytes *data, size_t expected, struct buf *out)
{
	CK_ULONG result_size;
	size_t room = operate_room(out, expected);
	CK_RV rv = run_once(function, session, pointer_to(data), data->size, room, out, &result_size);
	if (rv == CKR_BUFFER_TOO_SMALL && result_size > room)
		rv = run_once(function, session, pointer_to(data), data->size, result_size, out, &result_size);
	return rv;
}

CK_RV operate_sign_begun(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct bytes *data, struct buf *out)
{
	return operate_run(p11->C_Sign, session, data, 0, out);
}

CK_RV operate_on(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, Craton__CryptKind kind, CK_MECHANISM *mechanism,
                 CK_OBJECT_HANDLE key, const struct bytes *data, const struct bytes *signature, struct buf *out)
{
	CK_RV rv;
	switch (kind) {
	case CRATON__CRYPT_KIND__SIGN:
		rv = p11->C_SignInit(session, mechanism, key);
		return rv == CKR_OK ? operate_sign_begun(p11, session, data, out) : rv;
	case CRATON__CRYPT_KIND__VERIFY:
		rv = p11->C_VerifyInit(session, mechanism, key);
		return rv == CKR_OK ? p11->C_Verify(session, pointer_to(data), data->size, pointer_to(signature), signature->size) : rv;
	case CRATON__CRYPT_KIND__ENCRYPT:
		rv = p11->C_EncryptInit(session, mechanism, key);
		return rv == CKR_OK ? operate_run(p11->C_Encrypt, session, data, data->size, out) : rv;
	case CRATON__CRYPT_KIND__DECRYPT:
		rv = p11->C_DecryptInit(session, mechanism, key);
		return rv == CKR_OK ? operate_run(p11->C_Decrypt, session, data, data->size, out) : rv;
	case CRATON__CRYPT_KIND__SIGN_RECOVER:
		rv = p11->C_SignRecoverInit(session, mechanism, key);
		return rv == CKR_OK ? operate_run(p11->C_SignRecover, session, data, data->size, out) : rv;
	case CRATON__CRYPT_KIND__VERIFY_RECOVER: /* the data is the signature */
		rv = p11->C_VerifyRecoverInit(session, mechanism, key);
		return rv == CKR_OK ? operate_run(p11->C_VerifyRecover, session, data, data->size, out) : rv;
	default:
		return CKR_ARGUMENTS_BAD;
	}
}

CK_RV operate(struct token *token, Craton__CryptKind kind, CK_MECHANISM *mechanism, const struct loaded_key *key,
              const void *data, size_t size, const void *signature, size_t signature_size, struct buf *out)
{
	struct bytes input = { data, size }, signed_ = { signature, signature_size };
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .generation = key->generation }, &session);
	if (rv != CKR_OK)
		return rv;
	rv = operate_on(token_functions(token), session, kind, mechanism, key->handle, &input, &signed_, out);
	token_return(token, session, rv);
	return rv;
}

CK_RV operate_random(struct token *token, uint8_t *out, size_t size)
{
	CK_SESSION_HANDLE session;
	if (size == 0)
		return CKR_OK;
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = token_functions(token)->C_GenerateRandom(session, out, size);
	token_return(token, session, rv);
	return rv;
}
