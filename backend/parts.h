/* An operation in parts on a session of the token: Init, then Update after Update, then Final. The session is borrowed for as long, so
 * its owner sees to it that there are not too many at a time. */
#pragma once
#include "backend/operate.h"

struct parts {
	struct token *token;         /* NULL: none is open */
	uint64_t ticket;             /* of its session, which lies aside between the parts */
	Craton__CryptKind kind;
	size_t owed;                 /* bytes that went in and have not come out; a gibibyte at most, and a part */
};

/* Only SIGN, VERIFY, ENCRYPT and DECRYPT are done in parts: CKR_FUNCTION_NOT_SUPPORTED. */
CK_RV parts_begin(struct parts *parts, struct token *token, Craton__CryptKind kind, CK_MECHANISM *mechanism,
                  const struct loaded_key *key);
/* Some more data; what comes out of a cipher is added to `out`. After any error the operation is over (parts_end all the same).
 * CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE: the token would have to hold back too much. CKR_SESSION_CLOSED where the
 * token was started afresh in between. */
CK_RV parts_update(struct parts *parts, const struct bytes *data, struct buf *out);
/* The end; `signature` is for VERIFY. */
CK_RV parts_final(struct parts *parts, const struct bytes *signature, struct buf *out);
/* Gives the session back; `rv` is what the last call gave, CKR_OPERATION_ACTIVE for an operation that is given up. Nothing for one
 * that is not open. */
void parts_end(struct parts *parts, CK_RV rv);
