/* Signing and verifying messages (PKCS#11 3.0, 5.14 and 5.16), with any mechanism that signs: what it signs with was said
 * once, and a message has no parameter of its own. */
#include "pkcs11/asked.h"
#include "pkcs11/message.h"

#define SIGN CRATON__CRYPT_KIND__SIGN
#define VERIFY CRATON__CRYPT_KIND__VERIFY

static CK_RV find(struct session *session, Craton__CryptKind kind, bool in_parts, CK_ULONG parameter_size, struct message **message)
{
	CK_RV rv = message_find(session, kind, in_parts, message);
	return rv == CKR_OK && parameter_size ? CKR_MECHANISM_PARAM_INVALID : rv;
}

/* A signature that did not fit waits in the operation, and is given to whoever asks again with the same data. */
static CK_RV sign_whole(struct session *session, CK_ULONG parameter_size, struct bytes data, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct message *message;
	CK_RV rv = find(session, SIGN, false, parameter_size, &message);
	if (rv != CKR_OK)
		return rv;
	if (!size || check_bytes(data.data, data.size) != CKR_OK)
		return message_over(message, CKR_ARGUMENTS_BAD);
	if (!message->operation.is_active)
		rv = message_start(session, message, mechanism_copy(message->mechanism));
	return rv == CKR_OK ? operation_finish(session, &message->operation, data, signature, size) : rv;
}

static CK_RV begin(struct session *session, Craton__CryptKind kind, CK_ULONG parameter_size)
{
	struct message *message;
	CK_RV rv = find(session, kind, false, parameter_size, &message);
	if (rv == CKR_OK)
		rv = message_start(session, message, mechanism_copy(message->mechanism));
	if (rv == CKR_OK)
		message->is_in_parts = true;
	return rv;
}

/* The last part comes again with a bigger buffer, and is signed once. */
static CK_RV sign_last(struct session *session, struct message *message, struct bytes part, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct operation *operation = &message->operation;
	CK_RV rv = message->has_last ? CKR_OK : operation_add_part(session, operation, part);
	message->has_last = true;
	if (rv == CKR_OK)
		rv = operation_finish(session, operation, operation_parts(operation), signature, size);
	return operation->is_active ? rv : message_over(message, rv);
}

static CK_RV sign_next(struct session *session, CK_ULONG parameter_size, struct bytes part, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct message *message;
	CK_RV rv = find(session, SIGN, true, parameter_size, &message);
	if (rv == CKR_OPERATION_NOT_INITIALIZED)
		return rv;
	if (rv == CKR_OK)
		rv = check_bytes(part.data, part.size);
	if (rv == CKR_OK && size)
		return sign_last(session, message, part, signature, size);
	if (rv == CKR_OK)
		rv = operation_add_part(session, &message->operation, part);
	message->has_last = false;
	return rv == CKR_OK ? CKR_OK : message_over(message, rv);
}

static CK_RV verify_whole(struct session *session, CK_ULONG parameter_size, struct bytes data, struct bytes signature)
{
	struct message *message;
	CK_RV rv = find(session, VERIFY, false, parameter_size, &message);
	if (rv != CKR_OK)
		return rv;
	if (check_bytes(data.data, data.size) != CKR_OK || check_bytes(signature.data, signature.size) != CKR_OK)
		return message_over(message, CKR_ARGUMENTS_BAD);
	rv = message_start(session, message, mechanism_copy(message->mechanism));
	if (rv == CKR_OK)
		rv = operation_verify(session, &message->operation, data, signature);
	return message_over(message, rv);
}

/* "The pSignature argument is set to NULL if there is more data part to follow". */
static CK_RV verify_next(struct session *session, CK_ULONG parameter_size, struct bytes part, struct bytes signature)
{
	struct message *message;
	CK_RV rv = find(session, VERIFY, true, parameter_size, &message);
	if (rv == CKR_OPERATION_NOT_INITIALIZED)
		return rv;
	if (rv == CKR_OK && (check_bytes(part.data, part.size) != CKR_OK || check_bytes(signature.data, signature.size) != CKR_OK))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = operation_add_part(session, &message->operation, part);
	if (rv == CKR_OK && !signature.data)
		return CKR_OK;
	if (rv == CKR_OK)
		rv = operation_verify(session, &message->operation, operation_parts(&message->operation), signature);
	return message_over(message, rv);
}

/* ---- the functions */

CK_RV C_MessageSignInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_init(session, SIGN, mechanism, key)) : rv;
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_init(session, VERIFY, mechanism, key)) : rv;
}

CK_RV C_SignMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR data, CK_ULONG data_size,
                    CK_BYTE_PTR signature, CK_ULONG_PTR signature_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	(void)parameter;
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, sign_whole(session, parameter_size, (struct bytes){ data, data_size }, signature, signature_size));
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR data, CK_ULONG data_size,
                      CK_BYTE_PTR signature, CK_ULONG signature_size)
{
	struct session *session;
	struct bytes whole = { data, data_size }, said = { signature, signature_size };
	CK_RV rv = session_enter(handle, &session);
	(void)parameter;
	return rv == CKR_OK ? session_leave(session, verify_whole(session, parameter_size, whole, said)) : rv;
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	(void)parameter;
	return rv == CKR_OK ? session_leave(session, begin(session, SIGN, parameter_size)) : rv;
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	(void)parameter;
	return rv == CKR_OK ? session_leave(session, begin(session, VERIFY, parameter_size)) : rv;
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR data, CK_ULONG data_size,
                        CK_BYTE_PTR signature, CK_ULONG_PTR signature_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	(void)parameter;
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, sign_next(session, parameter_size, (struct bytes){ data, data_size }, signature, signature_size));
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR data,
                          CK_ULONG data_size, CK_BYTE_PTR signature, CK_ULONG signature_size)
{
	struct session *session;
	struct bytes part = { data, data_size }, said = { signature, signature_size };
	CK_RV rv = session_enter(handle, &session);
	(void)parameter;
	return rv == CKR_OK ? session_leave(session, verify_next(session, parameter_size, part, said)) : rv;
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_final(session, SIGN)) : rv;
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_final(session, VERIFY)) : rv;
}
