/* Signing and MACing (PKCS#11 2.40, 5.11). */
#include "pkcs11/session.h"

CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, operation_begin(session, CRATON__CRYPT_KIND__SIGN, mechanism, key));
}

/* "A call to C_Sign always terminates the active signing operation unless it returns CKR_BUFFER_TOO_SMALL or is a
 * successful call … to determine the length". */
static CK_RV sign(struct session *session, Craton__CryptKind kind, struct bytes data, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, kind);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (operation->has_parts)
		return operation_refuse(operation, CKR_OPERATION_NOT_INITIALIZED);
	if (!size || check_bytes(data.data, data.size) != CKR_OK)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	return operation_finish(session, operation, data, signature, size);
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, sign(session, CRATON__CRYPT_KIND__SIGN, (struct bytes){ data, data_size }, signature, size));
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	struct operation *operation = operation_find(session, CRATON__CRYPT_KIND__SIGN);
	rv = operation ? operation_add_part(session, operation, (struct bytes){ part, part_size }) : CKR_OPERATION_NOT_INITIALIZED;
	return session_leave(session, rv);
}

static CK_RV sign_final(struct session *session, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, CRATON__CRYPT_KIND__SIGN);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!size)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	operation_begin_parts(operation);
	return operation_finish(session, operation, operation_parts(operation), signature, size);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, sign_final(session, signature, size));
}

/* ---- with recovery: the data can be read off the signature */

CK_RV C_SignRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, operation_begin(session, CRATON__CRYPT_KIND__SIGN_RECOVER, mechanism, key));
}

CK_RV C_SignRecover(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR signature, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	rv = sign(session, CRATON__CRYPT_KIND__SIGN_RECOVER, (struct bytes){ data, data_size }, signature, size);
	return session_leave(session, rv);
}
