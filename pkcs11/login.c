/* Logging in and out (PKCS#11 2.40, 5.6), and PINs (5.5). A PIN goes from the application's buffer to the wire and is
 * kept nowhere: what stays is the ticket that a login gives. (Those for one use of a key wait for that use: one_use.h.) */
#include "pkcs11/gate.h"
#include "pkcs11/one_use.h"
#include "pkcs11/session.h"
#include "pkcs11/text.h"

#define PIN_SIZE_ABSURD 4096 /* bytes; what is a PIN the slot says */
#define LABEL_SIZE 32

static ProtobufCBinaryData pin_bytes(CK_UTF8CHAR_PTR pin, CK_ULONG size)
{
	return (ProtobufCBinaryData){ size, pin };
}

static CK_RV ask_login(struct session *session, Craton__Role role, ProtobufCBinaryData pin, Craton__Reply **reply)
{
	struct question question = QUESTION_INIT;
	Craton__Login body = CRATON__LOGIN__INIT;
	body.role = role;
	body.pin = pin;
	question.request.body_case = CRATON__REQUEST__BODY_LOGIN;
	question.request.login = &body;
	return library_ask(session->library, &question, CRATON__REPLY__BODY_LOGIN, reply);
}

/* Under the lock that opening a session takes, so that no read-only one slips in beside the SO, and that closing one takes, so
 * that nobody is logged in without any. */
static CK_RV begin(struct session *session, Craton__Role role, const Craton__Reply *reply)
{
	struct library *library = session->library;
	pthread_mutex_lock(&library->sessions_lock);
	CK_RV rv = session_is_open_locked(session) ? CKR_OK : CKR_SESSION_CLOSED;
	if (rv == CKR_OK && role == CRATON__ROLE__ROLE_SO && library->sessions_read_only)
		rv = CKR_SESSION_READ_ONLY_EXISTS;
	if (rv == CKR_OK)
		rv = login_begin(&library->login, role, &reply->login->ticket, reply->index);
	pthread_mutex_unlock(&library->sessions_lock);
	return rv;
}

static CK_RV log_in(struct session *session, Craton__Role role, ProtobufCBinaryData pin)
{
	struct library *library = session->library;
	Craton__Reply *reply;
	size_t count, read_only;
	CK_RV rv = login_conflict(&library->login, role);
	if (rv != CKR_OK)
		return rv;
	sessions_count(library, &count, &read_only);
	if (role == CRATON__ROLE__ROLE_SO && read_only)
		return CKR_SESSION_READ_ONLY_EXISTS;
	rv = ask_login(session, role, pin, &reply);
	if (rv == CKR_OK)
		rv = begin(session, role, reply);
	reply_free(reply);
	return rv;
}

/* Once for each use of a key that is CKA_ALWAYS_AUTHENTICATE: the PIN is checked now, and goes with the operation. */
static CK_RV log_in_for_operation(struct session *session, ProtobufCBinaryData pin)
{
	Craton__Reply *reply;
	if (!one_use_is_wanted(session))
		return CKR_OPERATION_NOT_INITIALIZED;
	CK_RV rv = ask_login(session, CRATON__ROLE__ROLE_USER, pin, &reply);
	if (rv == CKR_OK)
		rv = one_use_take(session, pin.data, pin.len);
	reply_free(reply);
	return rv;
}

static CK_RV login_as(struct session *session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size)
{
	if (user != CKU_USER && user != CKU_SO && user != CKU_CONTEXT_SPECIFIC)
		return CKR_USER_TYPE_INVALID;
	if (!pin)
		return CKR_ARGUMENTS_BAD; /* no protected authentication path */
	if (size > PIN_SIZE_ABSURD)
		return CKR_PIN_INCORRECT;
	if (user == CKU_CONTEXT_SPECIFIC)
		return log_in_for_operation(session, pin_bytes(pin, size));
	return log_in(session, user == CKU_SO ? CRATON__ROLE__ROLE_SO : CRATON__ROLE__ROLE_USER, pin_bytes(pin, size));
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, login_as(session, user, pin, size));
}

static CK_RV log_out(struct library *library)
{
	bool was_in = library_logout(library);
	one_use_forget_all(library);
	return was_in ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, log_out(session->library));
}

/* ---- PINs */

/* A change of PIN makes tickets void; whoever was logged in gets a new one and stays so, and other threads' calls go on with it. */
static CK_RV ask_pin_change(struct session *session, struct question *question)
{
	struct login *login = &session->library->login;
	Craton__Reply *reply;
	login_change_begin(login);
	CK_RV rv = library_ask(session->library, question, ANY_BODY, &reply);
	if (rv == CKR_OK && reply->body_case == CRATON__REPLY__BODY_LOGIN)
		login_renew(login, &reply->login->ticket, reply->index);
	login_change_end(login);
	reply_free(reply);
	return rv;
}

static CK_RV check_new_pin(const void *pin, CK_ULONG size)
{
	if (!pin)
		return CKR_ARGUMENTS_BAD;
	return size > PIN_SIZE_ABSURD ? CKR_PIN_LEN_RANGE : CKR_OK;
}

static CK_RV init_pin(struct session *session, CK_UTF8CHAR_PTR pin, CK_ULONG size)
{
	struct question question = QUESTION_INIT;
	Craton__InitPin body = CRATON__INIT_PIN__INIT;
	CK_RV rv = check_new_pin(pin, size);
	if (login_role(&session->library->login) != CRATON__ROLE__ROLE_SO)
		return CKR_USER_NOT_LOGGED_IN;
	if (rv != CKR_OK)
		return rv;
	body.pin = pin_bytes(pin, size);
	question.request.body_case = CRATON__REQUEST__BODY_INIT_PIN;
	question.request.init_pin = &body;
	return ask_pin_change(session, &question);
}

CK_RV C_InitPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR_PTR pin, CK_ULONG size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, init_pin(session, pin, size));
}

/* "C_SetPIN modifies the PIN of the user that is currently logged in, or the CKU_USER PIN if the session is not logged in." */
static CK_RV set_pin(struct session *session, ProtobufCBinaryData old_pin, ProtobufCBinaryData new_pin)
{
	struct question question = QUESTION_INIT;
	Craton__SetPin body = CRATON__SET_PIN__INIT;
	CK_RV rv = check_new_pin(new_pin.data, new_pin.len);
	if (!session->is_writable)
		return CKR_SESSION_READ_ONLY;
	if (rv != CKR_OK || !old_pin.data)
		return rv != CKR_OK ? rv : CKR_ARGUMENTS_BAD;
	if (old_pin.len > PIN_SIZE_ABSURD)
		return CKR_PIN_INCORRECT;
	body.role = login_role(&session->library->login) == CRATON__ROLE__ROLE_SO ? CRATON__ROLE__ROLE_SO : CRATON__ROLE__ROLE_USER;
	body.old_pin = old_pin;
	body.new_pin = new_pin;
	question.request.body_case = CRATON__REQUEST__BODY_SET_PIN;
	question.request.set_pin = &body;
	return ask_pin_change(session, &question);
}

CK_RV C_SetPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR_PTR old_pin, CK_ULONG old_size, CK_UTF8CHAR_PTR new_pin, CK_ULONG new_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, set_pin(session, pin_bytes(old_pin, old_size), pin_bytes(new_pin, new_size)));
}

static CK_RV init_token(struct library *library, ProtobufCBinaryData pin, char *label)
{
	struct question question = QUESTION_INIT;
	Craton__InitToken body = CRATON__INIT_TOKEN__INIT;
	Craton__Reply *reply;
	size_t count, read_only;
	sessions_count(library, &count, &read_only);
	if (count)
		return CKR_SESSION_EXISTS;
	body.so_pin = pin;
	body.label = label;
	question.request.body_case = CRATON__REQUEST__BODY_INIT_TOKEN;
	question.request.init_token = &body;
	CK_RV rv = library_ask(library, &question, CRATON__REPLY__BODY_DONE, &reply);
	if (rv == CKR_OK)
		objects_forget_all(library->objects);
	reply_free(reply);
	return rv;
}

CK_RV C_InitToken(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG size, CK_UTF8CHAR_PTR label)
{
	struct library *library;
	char text[LABEL_SIZE + 1];
	CK_SLOT_ID ours;
	CK_RV rv = gate_enter(&library);
	if (rv != CKR_OK)
		return rv;
	rv = library_slot(library, false, &ours);
	if (rv == CKR_OK)
		rv = slot != ours ? CKR_SLOT_ID_INVALID : !pin || !label ? CKR_ARGUMENTS_BAD :
		     size > PIN_SIZE_ABSURD ? CKR_PIN_INCORRECT : CKR_OK;
	if (rv == CKR_OK) {
		text_trim(label, LABEL_SIZE, text);
		rv = init_token(library, pin_bytes(pin, size), text);
	}
	gate_leave();
	return rv_for_slot(rv);
}
