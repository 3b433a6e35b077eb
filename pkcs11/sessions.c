/* Session management (PKCS#11 2.40, 5.6) of one session. */
#include "pkcs11/gate.h"
#include "pkcs11/session.h"

CK_RV C_CloseSession(CK_SESSION_HANDLE session)
{
	struct library *library;
	CK_RV rv = gate_enter(&library);
	if (rv != CKR_OK)
		return rv;
	rv = session_close(library, session);
	gate_leave();
	return rv;
}

static CK_STATE session_state(const struct session *session)
{
	switch (login_role(&session->library->login)) {
	case CRATON__ROLE__ROLE_SO: return CKS_RW_SO_FUNCTIONS;
	case CRATON__ROLE__ROLE_USER: return session->is_writable ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	default: return session->is_writable ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
	}
}

static CK_RV session_info(const struct session *session, CK_SESSION_INFO *info)
{
	if (!info)
		return CKR_ARGUMENTS_BAD;
	*info = (CK_SESSION_INFO){
		.slotID = atomic_load(&session->library->slot),
		.state = session_state(session),
		.flags = CKF_SERIAL_SESSION | (session->is_writable ? CKF_RW_SESSION : 0),
	};
	return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO_PTR info)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, session_info(session, info));
}
