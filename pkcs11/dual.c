/* Two operations in one walk through the data (PKCS#11 2.40, 5.12). The cipher goes first: where its buffer is too short, or
 * only its length was asked for, neither has moved. What fails is over, and with the other half a cipher that has moved without it. */
#include "pkcs11/cipher.h"
#include "pkcs11/digest.h"
#include "base/secret.h"
#include <stdlib.h>
#include <string.h>

#define ENCRYPT CRATON__CRYPT_KIND__ENCRYPT
#define DECRYPT CRATON__CRYPT_KIND__DECRYPT
#define SIGN CRATON__CRYPT_KIND__SIGN
#define VERIFY CRATON__CRYPT_KIND__VERIFY

/* What happens to the plain text besides. */
typedef CK_RV beside(struct session *session, struct bytes plain);

static CK_RV beside_digest(struct session *session, struct bytes plain)
{
	return digest_add(session, plain);
}

static CK_RV beside_sign(struct session *session, struct bytes plain)
{
	return operation_add_part(session, operation_find(session, SIGN), plain);
}

static CK_RV beside_verify(struct session *session, struct bytes plain)
{
	return operation_add_part(session, operation_find(session, VERIFY), plain);
}

static bool are_active(struct session *session, Craton__CryptKind cipher, beside *other)
{
	bool has_other = session->digest != NULL;
	if (other == beside_sign)
		has_other = operation_find(session, SIGN) != NULL;
	else if (other == beside_verify)
		has_other = operation_find(session, VERIFY) != NULL;
	return has_other && operation_find(session, cipher);
}

static CK_RV also(struct session *session, Craton__CryptKind cipher, beside *other, struct bytes plain)
{
	CK_RV rv = other(session, plain);
	return rv == CKR_OK ? CKR_OK : operation_refuse(operation_find(session, cipher), rv);
}

/* The application's output may lie over its input, which is wanted once more afterwards. */
static CK_RV encrypt_update(struct session *session, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size, beside *other)
{
	if (!are_active(session, ENCRYPT, other))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!size || check_bytes(part.data, part.size) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	void *plain = out && part.size ? malloc(part.size) : NULL;
	if (out && part.size && !plain)
		return CKR_HOST_MEMORY;
	if (plain)
		memcpy(plain, part.data, part.size);
	CK_RV rv = cipher_update(session, ENCRYPT, part, out, size);
	if (rv == CKR_OK && out)
		rv = also(session, ENCRYPT, other, (struct bytes){ plain, part.size });
	if (plain)
		secret_wipe(plain, part.size);
	free(plain);
	return rv;
}

static CK_RV decrypt_update(struct session *session, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size, beside *other)
{
	if (!are_active(session, DECRYPT, other))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!size || check_bytes(part.data, part.size) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = cipher_update(session, DECRYPT, part, out, size);
	return rv == CKR_OK && out ? also(session, DECRYPT, other, (struct bytes){ out, *size }) : rv;
}

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, encrypt_update(session, (struct bytes){ part, part_size }, out, size, beside_digest));
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, decrypt_update(session, (struct bytes){ part, part_size }, out, size, beside_digest));
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, encrypt_update(session, (struct bytes){ part, part_size }, out, size, beside_sign));
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, decrypt_update(session, (struct bytes){ part, part_size }, out, size, beside_verify));
}
