/* A session's digest operation, for those that go beside another. */
#pragma once
#include "pkcs11/session.h"

/* Some more data. CKR_OPERATION_NOT_INITIALIZED; any failure ends the operation. */
CK_RV digest_add(struct session *session, struct bytes part);
/* Ends the operation, if there is one, and returns rv. */
CK_RV digest_end(struct session *session, CK_RV rv);
