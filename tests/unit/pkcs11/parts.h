/* What the tests of data in parts share. */
#pragma once
#include "tests/unit/pkcs11/module.h"

extern CK_BYTE text[1000];           /* no byte like its neighbours */
CK_BYTE *long_data(size_t size);     /* the same, of any size; free() */

/* Logged in, and 100 bytes are kept of an operation in parts. */
CK_SESSION_HANDLE start_with_members(size_t count);
/* A token object for HMAC. */
CK_OBJECT_HANDLE make_secret(CK_SESSION_HANDLE session);
/* In one call each. */
void mac_whole(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG size, CK_BYTE mac[32]);
CK_ULONG encrypt_whole(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ULONG size, CK_BYTE *out);
