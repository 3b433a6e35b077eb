/* Any PKCS#11 module, opened the way an application would: the module, the label of its token and the PIN
 * come from CRATON_MODULE, CRATON_SLOT_LABEL and CRATON_PIN. */
#pragma once
#include "wire/cryptoki.h"

struct module {
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* R/W, logged in as user */
};

/* Loads and initialises it only: no slot and no session yet. Both end the process with a line that says what is missing. */
void module_load(struct module *module);
void module_open(struct module *module);
void module_close(struct module *module);
/* Ends the process if rv is not CKR_OK. */
void module_must(CK_RV rv, const char *what);
CK_SESSION_HANDLE module_session(struct module *module);
/* An EC P-256 pair; `is_token` 0 for a session pair. The private key. */
CK_OBJECT_HANDLE module_make_ec(struct module *module, CK_SESSION_HANDLE session, CK_BBOOL is_token, const char *label);
/* The object of that class and label; CK_INVALID_HANDLE if there is none. */
CK_OBJECT_HANDLE module_find(struct module *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const char *label);
