/* General-purpose functions (PKCS#11 2.40, 5.4). */
#include "pkcs11/gate.h"
#include "pkcs11/text.h"
#include <string.h>

CK_RV C_Initialize(void *init_args)
{
	return gate_open(init_args);
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
