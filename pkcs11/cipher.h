/* Encrypting and decrypting: the two chapters are one, read in two directions. */
#pragma once
#include "pkcs11/session.h"

CK_RV cipher_once(struct session *session, Craton__CryptKind kind, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size);
CK_RV cipher_update(struct session *session, Craton__CryptKind kind, struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size);
CK_RV cipher_final(struct session *session, Craton__CryptKind kind, CK_BYTE_PTR out, CK_ULONG_PTR size);
