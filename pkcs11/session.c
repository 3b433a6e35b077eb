#include "pkcs11/session.h"
#include "pkcs11/gate.h"
#include "pkcs11/message.h"
#include "pkcs11/one_use.h"
#include <openssl/evp.h>
#include <stdlib.h>

#define ANSWER_FRESH_MS 1000

/* Counts on across C_Finalize: a stale handle never means another session. */
static atomic_ulong handle_last;

static void session_release(struct session *session)
{
	if (!session || atomic_fetch_sub(&session->references, 1) > 1)
		return;
	for (size_t i = 0; i < sizeof session->operations / sizeof *session->operations; i++)
		operation_end(&session->operations[i]);
	for (size_t i = 0; i < sizeof session->messages / sizeof *session->messages; i++)
		message_end(session, (Craton__CryptKind)i);
	EVP_MD_CTX_free(session->digest);
	search_destroy(session->search);
	session_forget_answer(session);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

static struct session *session_create(struct library *library, bool is_writable)
{
	struct session *session = calloc(1, sizeof *session);
	if (!session)
		return NULL;
	session->references = 1;
	session->handle = atomic_fetch_add(&handle_last, 1) + 1;
	session->library = library;
	session->is_writable = is_writable;
	pthread_mutex_init(&session->lock, NULL);
	for (size_t i = 0; i < sizeof session->operations / sizeof *session->operations; i++)
		session->operations[i].kind = (Craton__CryptKind)i;
	return session;
}

/* A call that is inside still ends in peace: the last to leave frees the session. */
static void end(struct session *session)
{
	atomic_store(&session->is_closed, true);
	if (session->has_objects)
		objects_forget_session(session->library->objects, session->handle);
	session_release(session);
}

/* Without sessions nobody is logged in: the login ends with the lock held that the next one takes, so that it does not end that. */
static struct table take_all_locked(struct library *library)
{
	struct table all = library->sessions;
	library->sessions = (struct table){ 0 };
	library->sessions_read_only = 0;
	library_logout(library);
	return all;
}

static void end_all(struct table *all)
{
	struct session *session;
	size_t place = 0;
	while ((session = table_next(all, &place)))
		end(session);
	table_finish(all);
}

/* recovery.mode = basic: what was open when every member was lost at once is over, and the login with it. Whoever looks for a
 * session first is the one to find out. */
static void end_what_was_lost(struct library *library)
{
	struct table all = { 0 };
	if (library->config.recovery_mode != RECOVERY_BASIC)
		return;
	pthread_mutex_lock(&library->sessions_lock);
	uint64_t losses = group_total_losses(library->group);
	if (library->losses_met != losses) {
		library->losses_met = losses;
		all = take_all_locked(library);
	}
	pthread_mutex_unlock(&library->sessions_lock);
	end_all(&all);
}

/* PKCS#11: "If the application calls C_OpenSession … to open a read-only session, and the SO is logged in,
 * the call fails with CKR_SESSION_READ_WRITE_SO_EXISTS". Looked at with the lock that C_Login of the SO takes. */
CK_RV session_open(struct library *library, bool is_writable, CK_SESSION_HANDLE *handle)
{
	struct session *session = session_create(library, is_writable);
	if (!session)
		return CKR_HOST_MEMORY;
	end_what_was_lost(library);
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&library->sessions_lock);
	if (!is_writable && login_role(&library->login) == CRATON__ROLE__ROLE_SO)
		rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
	else if (!table_put(&library->sessions, session->handle, session))
		rv = CKR_HOST_MEMORY;
	else
		library->sessions_read_only += !is_writable;
	*handle = rv == CKR_OK ? session->handle : CK_INVALID_HANDLE;
	pthread_mutex_unlock(&library->sessions_lock);
	if (rv != CKR_OK)
		session_release(session);
	return rv;
}

static struct session *take_locked(struct library *library, CK_SESSION_HANDLE handle)
{
	struct session *session = table_take(&library->sessions, handle);
	if (session)
		library->sessions_read_only -= !session->is_writable;
	return session;
}

/* PKCS#11: "If the application has no more sessions open with the token … the login state returns to public". */
CK_RV session_close(struct library *library, CK_SESSION_HANDLE handle)
{
	end_what_was_lost(library);
	pthread_mutex_lock(&library->sessions_lock);
	struct session *session = take_locked(library, handle);
	if (session && library->sessions.count == 0)
		library_logout(library);
	pthread_mutex_unlock(&library->sessions_lock);
	if (!session)
		return CKR_SESSION_HANDLE_INVALID;
	end(session);
	return CKR_OK;
}

void sessions_close_all(struct library *library)
{
	pthread_mutex_lock(&library->sessions_lock);
	struct table all = take_all_locked(library);
	pthread_mutex_unlock(&library->sessions_lock);
	end_all(&all);
}

void sessions_count(struct library *library, size_t *count, size_t *read_only)
{
	end_what_was_lost(library);
	pthread_mutex_lock(&library->sessions_lock);
	*count = library->sessions.count;
	*read_only = library->sessions_read_only;
	pthread_mutex_unlock(&library->sessions_lock);
}

bool library_logout(struct library *library)
{
	bool was_in = login_end(&library->login);
	if (was_in)
		objects_forget_private_carried(library->objects);
	return was_in;
}

void library_logout_of(struct library *library, const struct ticket_copy *dead)
{
	if (!login_end_of(&library->login, dead))
		return;
	objects_forget_private_carried(library->objects);
	one_use_forget_all(library);
}

static struct session *borrow(struct library *library, CK_SESSION_HANDLE handle)
{
	pthread_mutex_lock(&library->sessions_lock);
	struct session *session = table_get(&library->sessions, handle);
	if (session)
		atomic_fetch_add(&session->references, 1);
	pthread_mutex_unlock(&library->sessions_lock);
	return session;
}

bool session_is_open_locked(const struct session *session)
{
	return table_get(&session->library->sessions, session->handle) == session;
}

CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **out)
{
	CK_RV rv = session_enter_remembering(handle, out);
	if (rv == CKR_OK)
		session_forget_answer(*out);
	return rv;
}

CK_RV session_enter_remembering(CK_SESSION_HANDLE handle, struct session **out)
{
	struct library *library;
	CK_RV rv = gate_enter(&library);
	if (rv != CKR_OK)
		return rv;
	end_what_was_lost(library);
	struct session *session = borrow(library, handle);
	if (!session) {
		gate_leave();
		return CKR_SESSION_HANDLE_INVALID;
	}
	pthread_mutex_lock(&session->lock);
	*out = session;
	return CKR_OK;
}

CK_RV session_leave(struct session *session, CK_RV rv)
{
	one_use_unlock(session);
	session_release(session);
	gate_leave();
	return rv;
}

void session_remember(struct session *session, struct object *about, Craton__Reply *answer)
{
	session_forget_answer(session);
	session->answer = answer;
	session->answer_about = about ? object_hold(about) : NULL;
	session->answer_at_ms = clock_ms();
}

bool session_answer_is_fresh(const struct session *session)
{
	return session->answer && clock_ms() - session->answer_at_ms <= ANSWER_FRESH_MS;
}

Craton__Reply *session_take_answer(struct session *session, bool is_wanted)
{
	Craton__Reply *answer = is_wanted ? session->answer : NULL;
	if (is_wanted)
		session->answer = NULL;
	session_forget_answer(session);
	return answer;
}

void session_forget_answer(struct session *session)
{
	reply_free(session->answer);
	object_release(session->answer_about);
	session->answer = NULL;
	session->answer_about = NULL;
}

struct object *session_object(struct session *session, CK_OBJECT_HANDLE handle)
{
	struct library *library = session->library;
	struct object *object = objects_look_up(library->objects, handle);
	if (!object || !object_is_private(object) || login_role(&library->login) == CRATON__ROLE__ROLE_USER)
		return object;
	object_release(object);
	return NULL;
}

CK_RV session_may_write(const struct session *session, const struct object *object)
{
	return object->carried || session->is_writable ? CKR_OK : CKR_SESSION_READ_ONLY;
}
