/* Verifying signatures and MACs (PKCS#11 2.40, 5.13). */
#include "pkcs11/session.h"

CK_RV C_VerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, operation_begin(session, CRATON__CRYPT_KIND__VERIFY, mechanism, key));
}

/* "A call to C_Verify always terminates the active verification operation." */
static CK_RV verify(struct session *session, struct bytes data, struct bytes signature, bool is_final)
{
	struct operation *operation = operation_find(session, CRATON__CRYPT_KIND__VERIFY);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (operation->has_parts && !is_final)
		return operation_refuse(operation, CKR_OPERATION_NOT_INITIALIZED);
	if (check_bytes(data.data, data.size) != CKR_OK || check_bytes(signature.data, signature.size) != CKR_OK)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	if (is_final)
		operation_begin_parts(operation);
	return operation_verify(session, operation, is_final ? operation_parts(operation) : data, signature);
}

CK_RV C_Verify(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR signature, CK_ULONG signature_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	rv = verify(session, (struct bytes){ data, data_size }, (struct bytes){ signature, signature_size }, false);
	return session_leave(session, rv);
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	struct operation *operation = operation_find(session, CRATON__CRYPT_KIND__VERIFY);
	rv = operation ? operation_add_part(session, operation, (struct bytes){ part, part_size }) : CKR_OPERATION_NOT_INITIALIZED;
	return session_leave(session, rv);
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR signature, CK_ULONG signature_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	rv = verify(session, (struct bytes){ NULL, 0 }, (struct bytes){ signature, signature_size }, true);
	return session_leave(session, rv);
}

/* ---- with recovery: the data is what comes out */

CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, operation_begin(session, CRATON__CRYPT_KIND__VERIFY_RECOVER, mechanism, key));
}

/* "A call to C_VerifyRecover always terminates the active verification operation unless it returns CKR_BUFFER_TOO_SMALL or is a
 * successful call … to determine the length". */
static CK_RV recover(struct session *session, struct bytes signature, CK_BYTE_PTR data, CK_ULONG_PTR size)
{
	struct operation *operation = operation_find(session, CRATON__CRYPT_KIND__VERIFY_RECOVER);
	if (!operation)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!size || check_bytes(signature.data, signature.size) != CKR_OK)
		return operation_refuse(operation, CKR_ARGUMENTS_BAD);
	return operation_finish(session, operation, signature, data, size);
}

CK_RV C_VerifyRecover(CK_SESSION_HANDLE handle, CK_BYTE_PTR signature, CK_ULONG signature_size, CK_BYTE_PTR data, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, recover(session, (struct bytes){ signature, signature_size }, data, size));
}
