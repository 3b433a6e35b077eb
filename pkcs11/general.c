/* General-purpose functions (PKCS#11 2.40, 5.4). */
#include "pkcs11/gate.h"

CK_RV C_Initialize(void *init_args)
{
	return gate_open(init_args);
}

CK_RV C_Finalize(void *reserved)
{
	return reserved ? CKR_ARGUMENTS_BAD : gate_close();
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
