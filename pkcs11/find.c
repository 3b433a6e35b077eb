/* Searches (PKCS#11 2.40, 5.7). */
#include "pkcs11/session.h"

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE_PTR template_, CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	if (!template_ && count)
		rv = CKR_ARGUMENTS_BAD;
	else if (session->search)
		rv = CKR_OPERATION_ACTIVE;
	else
		rv = search_create(session, template_, count, &session->search);
	return session_leave(session, rv);
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE_PTR objects, CK_ULONG count_max, CK_ULONG_PTR count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	if (!session->search)
		rv = CKR_OPERATION_NOT_INITIALIZED;
	else if (!objects || !count)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = search_next(session, session->search, objects, count_max, count);
	return session_leave(session, rv);
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	rv = session->search ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
	search_destroy(session->search);
	session->search = NULL;
	return session_leave(session, rv);
}
