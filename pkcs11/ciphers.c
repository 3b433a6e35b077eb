/* Encrypting and decrypting (PKCS#11 2.40, 5.8 and 5.9): the same functions in two directions. */
#include "pkcs11/cipher.h"

#define ENCRYPT CRATON__CRYPT_KIND__ENCRYPT
#define DECRYPT CRATON__CRYPT_KIND__DECRYPT

static CK_RV init(Craton__CryptKind kind, CK_SESSION_HANDLE handle, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, operation_begin(session, kind, mechanism, key)) : rv;
}

typedef CK_RV ciphering(struct session *session, Craton__CryptKind kind, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size);

static CK_RV cipher(ciphering *function, Craton__CryptKind kind, CK_SESSION_HANDLE handle, struct bytes data, CK_BYTE_PTR out,
                    CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, function(session, kind, data, out, size)) : rv;
}

static CK_RV final(Craton__CryptKind kind, CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, cipher_final(session, kind, out, size)) : rv;
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	return init(ENCRYPT, handle, mechanism, key);
}

CK_RV C_Encrypt(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	return cipher(cipher_once, ENCRYPT, handle, (struct bytes){ data, data_size }, out, size);
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	return cipher(cipher_update, ENCRYPT, handle, (struct bytes){ part, part_size }, out, size);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	return final(ENCRYPT, handle, out, size);
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	return init(DECRYPT, handle, mechanism, key);
}

CK_RV C_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	return cipher(cipher_once, DECRYPT, handle, (struct bytes){ data, data_size }, out, size);
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	return cipher(cipher_update, DECRYPT, handle, (struct bytes){ part, part_size }, out, size);
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	return final(DECRYPT, handle, out, size);
}
