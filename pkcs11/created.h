/* New objects: from a member's answer to handles. */
#pragma once
#include "pkcs11/session.h"

#define ANY_CLASS ((CK_OBJECT_CLASS)-1)

/* Asks; *reply is a Created, the caller's. */
CK_RV created_ask(struct session *session, struct question *question, Craton__Reply **reply);
/* The handle of the one of that class. Token objects are known from now on, session objects kept (and taken
 * out of the reply). CKR_DEVICE_ERROR if there is none. */
CK_RV created_take(struct session *session, Craton__Reply *reply, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *handle);
