#include "pkcs11/locking.h"

/* "If … some, but not all, of the supplied function pointers … are non-NULL_PTR, then C_Initialize should return
 * CKR_ARGUMENTS_BAD." */
static CK_RV check(const CK_C_INITIALIZE_ARGS *arguments, int given)
{
	return (given == 0 || given == 4) && !arguments->pReserved ? CKR_OK : CKR_ARGUMENTS_BAD;
}

/* "4. If the flag isn't set, and … supplied: the library must use the application-supplied functions"; with the flag it may use
 * either; without both nobody comes from more than one thread. */
CK_RV locking_open(struct locking *locking, const CK_C_INITIALIZE_ARGS *arguments)
{
	*locking = (struct locking){ .destroy = NULL };
	if (!arguments)
		return CKR_OK;
	int given = !!arguments->CreateMutex + !!arguments->DestroyMutex + !!arguments->LockMutex + !!arguments->UnlockMutex;
	CK_RV rv = check(arguments, given);
	if (rv != CKR_OK || !given || arguments->flags & CKF_OS_LOCKING_OK)
		return rv;
	rv = arguments->CreateMutex(&locking->mutex);
	if (rv != CKR_OK)
		return rv;
	locking->destroy = arguments->DestroyMutex;
	locking->lock = arguments->LockMutex;
	locking->unlock = arguments->UnlockMutex;
	return CKR_OK;
}

void locking_close(struct locking *locking)
{
	if (locking->destroy)
		locking->destroy(locking->mutex);
	*locking = (struct locking){ .destroy = NULL };
}

CK_RV locking_enter(const struct locking *locking)
{
	return locking->destroy && locking->lock(locking->mutex) != CKR_OK ? CKR_GENERAL_ERROR : CKR_OK;
}

void locking_leave(const struct locking *locking)
{
	if (locking->destroy)
		locking->unlock(locking->mutex);
}
