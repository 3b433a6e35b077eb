/* The application's own mutexes (PKCS#11 2.40, 5.4, C_Initialize): where it supplies functions and does not allow the operating
 * system's, threads may be something that only these functions know of. Then one mutex of the application's is held around every
 * call, so that ours inside are never contended between its threads. */
#pragma once
#include "wire/cryptoki.h"

struct locking {
	CK_DESTROYMUTEX destroy;  /* NULL: the operating system's locks serve */
	CK_LOCKMUTEX lock;
	CK_UNLOCKMUTEX unlock;
	void *mutex;
};
/* CKR_ARGUMENTS_BAD: some functions but not all, or pReserved. What CreateMutex gives. `arguments` may be NULL. */
CK_RV locking_open(struct locking *locking, const CK_C_INITIALIZE_ARGS *arguments);
void locking_close(struct locking *locking);
CK_RV locking_enter(const struct locking *locking);
void locking_leave(const struct locking *locking);
