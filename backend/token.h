/* A physical token: a module loaded through p11-kit, one slot of it chosen by a PKCS#11
 * URI (RFC 7512), logged in, and a pool of sessions on it. One thread uses a borrowed session at a time. */
#pragma once
#include "base/err.h"
#include "base/secret.h"
#include "wire/cryptoki.h"

struct token;

struct token_config {
	const char *module;       /* path */
	const char *uri;          /* "pkcs11:token=a" */
	const struct secret *pin; /* the user PIN */
	size_t sessions_max;      /* of the pool; borrowers wait beyond it */
};

/* ERR_CONFIG with an actionable line: the module can't be loaded, no token or more than one
 * matches the URI, the PIN is wrong (tried once only) or locked. */
enum err token_open(const struct token_config *config, struct token **out, struct complaint *complaint);
void token_close(struct token *token);
CK_FUNCTION_LIST *token_functions(struct token *token);
const CK_TOKEN_INFO *token_info(const struct token *token);
CK_SLOT_ID token_slot(const struct token *token);

/* Waits while sessions_max (or as many as the token can give) are out. Borrow one at a time: who holds one and waits for
 * another may wait for ever. */
CK_RV token_borrow(struct token *token, CK_SESSION_HANDLE *session);
/* Only if another stays behind for whoever comes next; CKR_SESSION_COUNT otherwise. */
CK_RV token_borrow_spare(struct token *token, CK_SESSION_HANDLE *session);
/* How many there are to borrow in all, as far as is known: fewer than sessions_max once the token has refused more. */
size_t token_sessions(struct token *token);
/* `rv` is how the last call on it ended: a session that may have an operation left over or is broken is
 * closed instead of reused. Session 0 is ignored. */
void token_return(struct token *token, CK_SESSION_HANDLE session, CK_RV rv);
/* A session kept open for as long as the token: owner of loaded keys. */
CK_SESSION_HANDLE token_keeper(struct token *token);

/* Starts afresh after a device error: every session and every loaded key of before is gone, the PIN is tried
 * once. Calls in flight fail. Each start is a generation; what is remembered of a token (handles) holds for one. */
enum err token_reopen(struct token *token, struct complaint *complaint);
uint64_t token_generation(const struct token *token);
