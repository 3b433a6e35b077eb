/* Decrypting (PKCS#11 2.40, 5.9). */
#include "pkcs11/cipher.h"

#define KIND CRATON__CRYPT_KIND__DECRYPT

CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, operation_begin(session, KIND, mechanism, key));
}

CK_RV C_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, cipher_once(session, KIND, (struct bytes){ data, data_size }, out, size));
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, cipher_update(session, KIND, (struct bytes){ part, part_size }, out, size));
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, cipher_final(session, KIND, out, size));
}
