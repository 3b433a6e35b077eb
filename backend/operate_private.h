/* Operations on a session that is already in hand. Inside backend/ only. */
#pragma once
#include "backend/operate.h"

/* Leaves no operation behind if it answers as token_return's clean results; `signature` is for VERIFY. */
CK_RV operate_on(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, Craton__CryptKind kind, CK_MECHANISM *mechanism,
                 CK_OBJECT_HANDLE key, const struct bytes *data, const struct bytes *signature, struct buf *out);
/* The second half of a signature whose C_SignInit has been done on this session. */
CK_RV operate_sign_begun(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct bytes *data, struct buf *out);
