/* General-purpose functions (PKCS#11 2.40, 5.4). */
#include "pkcs11/gate.h"
#include "pkcs11/text.h"
#include <string.h>

/* "If … some, but not all, of the supplied function pointers … are non-NULL_PTR, then C_Initialize should return
 * CKR_ARGUMENTS_BAD." Given all of them, the application's own locking is as good as ours: our locks are the
 * operating system's and are never held across a call of its, so both exclude threads alike and its functions are not needed. */
static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *arguments)
{
	int given = !!arguments->CreateMutex + !!arguments->DestroyMutex + !!arguments->LockMutex + !!arguments->UnlockMutex;
	return (given == 0 || given == 4) && !arguments->pReserved ? CKR_OK : CKR_ARGUMENTS_BAD;
}

CK_RV C_Initialize(void *init_args)
{
	const CK_C_INITIALIZE_ARGS *arguments = init_args;
	CK_RV rv = arguments ? check_arguments(arguments) : CKR_OK;
	if (rv != CKR_OK)
		return rv;
	return gate_open(!arguments || !(arguments->flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS));
}

CK_RV C_Finalize(void *reserved)
{
	return reserved ? CKR_ARGUMENTS_BAD : gate_close();
}

CK_RV C_GetInfo(CK_INFO_PTR info)
{
	struct library *library;
	CK_RV rv = gate_enter(&library);
	if (rv != CKR_OK)
		return rv;
	gate_leave();
	if (!info)
		return CKR_ARGUMENTS_BAD;
	*info = (CK_INFO){ .cryptokiVersion = { 2, 40 }, .libraryVersion = { 0, 1 } };
	PAD(info->manufacturerID, "Craton");
	PAD(info->libraryDescription, "Craton HA");
	return CKR_OK;
}

/* "Legacy function which should simply return the value CKR_FUNCTION_NOT_PARALLEL": whatever the arguments. */
CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
	(void)session;
	return CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
	(void)session;
	return CKR_FUNCTION_NOT_PARALLEL;
}
