/* Operations on a session that is already in hand. Inside backend/ only. */
#pragma once
#include "backend/operate.h"

/* Leaves no operation behind if it answers as token_return's clean results; `signature` is for VERIFY. */
CK_RV operate_on(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, Craton__CryptKind kind, CK_MECHANISM *mechanism,
                 CK_OBJECT_HANDLE key, const struct bytes *data, const struct bytes *signature, struct buf *out);
/* The second half of a signature whose C_SignInit has been done on this session. */
CK_RV operate_sign_begun(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct bytes *data, struct buf *out);

typedef CK_RV (*run_function)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
/* One call that gives about `expected` bytes (or a few KiB more), which are added to `out`. */
CK_RV operate_run(run_function function, CK_SESSION_HANDLE session, const struct bytes *data, size_t expected, struct buf *out);
/* How much to have ready for `expected` bytes, of what `out` may still hold. */
size_t operate_room(const struct buf *out, size_t expected);
/* Of the `room` bytes at the end of `out`, keeps `result_size` and wipes the rest. */
void operate_keep(struct buf *out, uint8_t *result, size_t room, size_t result_size);
