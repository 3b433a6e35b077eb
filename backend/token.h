/* A physical token: a module loaded through p11-kit, one slot of it chosen by a PKCS#11
 * URI (RFC 7512), logged in, and a pool of sessions on it. One thread uses a borrowed session at a time.
 *
 * A token that fails is shut, started afresh (a new generation), and opened again. No handle of one generation reaches another: a
 * token is started afresh only when no thread is at work in it, sessions that were laid aside are void from then on, and a loaded
 * key names its generation wherever it is used. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "wire/cryptoki.h"
#include <pthread.h>

struct token;

struct token_config {
	const char *module;       /* path */
	const char *uri;          /* "pkcs11:token=a" */
	const struct secret *pin; /* the user PIN */
	size_t sessions_max;      /* of the pool; borrowers wait beyond it */
};

/* ERR_CONFIG with an actionable line: the module can't be loaded, more than one token
 * matches the URI, the PIN is wrong (tried once only) or locked. ERR_NOT_FOUND: none of the tokens there matches it, or it has no PIN
 * yet; ERR_CLOSED: there is no token at all. */
enum err token_open(const struct token_config *config, struct token **out, struct complaint *complaint);
/* The module alone; the token is shut, and token_reopen opens it. ERR_CONFIG, ERR_NO_MEMORY. */
enum err token_load(const struct token_config *config, struct token **out, struct complaint *complaint);
void token_close(struct token *token); /* accepts NULL; nobody is at work in it */
CK_FUNCTION_LIST *token_functions(struct token *token);
/* A copy of what it said of itself when it was last opened; all zeros before. */
CK_TOKEN_INFO token_info(struct token *token);
CK_SLOT_ID token_slot(const struct token *token);

/* How long it may take, and is watched for. */
enum token_work {
	TOKEN_WORK_SHORT,  /* an operation with a key, or a few of them */
	TOKEN_WORK_LONG,   /* making keys or parameters; starting the module */
	TOKEN_WORK_COUNT,
};
struct token_need {
	enum token_work work;
	uint64_t generation; /* of a key's handle; 0: of none */
	bool is_fresh;       /* a session opened for this */
	bool is_spare;       /* only if another stays behind for whoever comes next, and never waited for; CKR_SESSION_COUNT otherwise */
};

/* Waits while sessions_max (or as many as the token can give) are out. Borrow one at a time: who holds one and waits for
 * another may wait for ever. CKR_TOKEN_NOT_PRESENT, at once and also for those who wait, while the token is shut;
 * CKR_SESSION_CLOSED if it has been started afresh since `generation`. */
CK_RV token_borrow_for(struct token *token, const struct token_need *need, CK_SESSION_HANDLE *session);
CK_RV token_borrow(struct token *token, CK_SESSION_HANDLE *session); /* for short work, with no key's handle */
/* How many there are to borrow in all, as far as is known: fewer than sessions_max once the token has refused more, until it gives more
 * to who wants a fresh one. */
size_t token_sessions(struct token *token);
/* `rv` is how the last call on it ended: a session that may have an operation left over or is broken is
 * closed instead of reused. Session 0 is ignored. */
void token_return(struct token *token, CK_SESSION_HANDLE session, CK_RV rv);
/* A borrowed session with an operation on it that goes on later, maybe in another thread. Whoever has the ticket takes it up
 * again: CKR_SESSION_CLOSED if the token was started afresh meanwhile, CKR_TOKEN_NOT_PRESENT while it is shut; there is nothing
 * left to return then. */
uint64_t token_lay_aside(struct token *token, CK_SESSION_HANDLE session);
CK_RV token_take_up(struct token *token, uint64_t ticket, CK_SESSION_HANDLE *session);
void token_give_up(struct token *token, uint64_t ticket); /* ends the operation and returns the session */
/* A session kept open for as long as the token, owner of loaded keys; one thread at a time. CKR_TOKEN_NOT_PRESENT as above. */
CK_RV token_keeper_enter(struct token *token, CK_SESSION_HANDLE *keeper);
void token_keeper_leave(struct token *token);

/* A call that is in the token. */
struct token_call {
	enum token_work work;
	int64_t age_ms;
};
/* Of those that are there longer than limits_ms[work], the one that is furthest beyond; false if none is. Others may have to wait for a long
 * one's end: the time in which that was last seen within its own limit is not counted, up to two limits of theirs. For one watch, to be asked
 * again and again. */
bool token_overdue(struct token *token, const int64_t limits_ms[TOKEN_WORK_COUNT], struct token_call *out);
/* This thread's; false if it is not in the token. */
bool token_call_of(struct token *token, pthread_t thread, struct token_call *out);

/* Nobody gets in from here on; those who are in it are not disturbed. Never waits for the token. */
void token_shut(struct token *token);
void token_admit(struct token *token);
bool token_is_shut(const struct token *token);
/* Waits until nobody is at work in it; false if somebody still was at the deadline. */
bool token_is_left(struct token *token, deadline_ms deadline);
/* Starts afresh a token that is shut: every session and every loaded key of before is gone. The PIN is tried
 * once, and never again once it was refused. `anew`: the module, too, is initialised anew, and finds the token again wherever it is by now;
 * without it, ERR_IO where another token is in its slot. Stays shut. ERR_BUSY while
 * somebody is at work in it; else as token_open. */
enum err token_reopen(struct token *token, bool anew, struct complaint *complaint);
/* Each start is a generation; what is remembered of a token (handles) holds for one. */
uint64_t token_generation(const struct token *token);
