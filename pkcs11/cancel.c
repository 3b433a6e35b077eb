/* Session management that 3.0 adds (PKCS#11 3.0, 5.6): users with names, and operations that end before their end. */
#include "pkcs11/digest.h"
#include "pkcs11/message.h"

/* A slot's users are the SO and the user, and neither has a name: what it means to give none is said by C_Login. */
CK_RV C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG pin_size, CK_UTF8CHAR_PTR name,
                  CK_ULONG name_size)
{
	struct session *session;
	(void)name;
	if (!name_size)
		return C_Login(handle, type, pin, pin_size);
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, CKR_ARGUMENTS_BAD) : rv;
}

static const struct {
	CK_FLAGS of_session, of_messages;
	Craton__CryptKind kind;
} kinds[] = {
	{ CKF_SIGN, CKF_MESSAGE_SIGN, CRATON__CRYPT_KIND__SIGN },
	{ CKF_VERIFY, CKF_MESSAGE_VERIFY, CRATON__CRYPT_KIND__VERIFY },
	{ CKF_ENCRYPT, CKF_MESSAGE_ENCRYPT, CRATON__CRYPT_KIND__ENCRYPT },
	{ CKF_DECRYPT, CKF_MESSAGE_DECRYPT, CRATON__CRYPT_KIND__DECRYPT },
	{ CKF_SIGN_RECOVER, 0, CRATON__CRYPT_KIND__SIGN_RECOVER },
	{ CKF_VERIFY_RECOVER, 0, CRATON__CRYPT_KIND__VERIFY_RECOVER },
};

/* "If a flag is set for an operation that has not been initialized in the session, the operation flag will be ignored". */
static void cancel(struct session *session, CK_FLAGS flags)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (flags & kinds[i].of_session)
			operation_end(&session->operations[kinds[i].kind]);
		if (flags & kinds[i].of_messages)
			message_end(session, kinds[i].kind);
	}
	if (flags & CKF_DIGEST)
		digest_end(session, CKR_OK);
	if (flags & CKF_FIND_OBJECTS) {
		search_destroy(session->search);
		session->search = NULL;
	}
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE handle, CK_FLAGS flags)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	cancel(session, flags);
	return session_leave(session, CKR_OK);
}
