/* Random bytes from a member's token. */
#pragma once
#include "pkcs11/session.h"

CK_RV random_ask(struct session *session, CK_BYTE_PTR out, CK_ULONG size);
