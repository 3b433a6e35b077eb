/* Sessions. They live in the library alone: opening ten thousand costs no node anything, and no node's end ends one; only, with
 * recovery.mode = basic, the end of all of them at once ends all sessions and the login. */
#pragma once
#include "pkcs11/library.h"
#include "pkcs11/operation.h"
#include "pkcs11/search.h"
#include <stdatomic.h>

struct message;

struct session {
	atomic_uint references;
	atomic_bool is_closed;
	CK_SESSION_HANDLE handle;
	struct library *library;
	bool is_writable;
	atomic_bool has_objects;        /* session objects of its own were made */
	atomic_bool has_stale_pins;     /* of a login that is over (one_use.h) */
	unsigned login_ends_before;     /* what is being made was asked for (created.c) */
	pthread_mutex_t lock;           /* one call at a time; an application that sends two gets them in turn */
	struct operation operations[OPERATION_KINDS];
	struct message *messages[4];    /* message-based processes, by Craton__CryptKind; NULL: none */
	EVP_MD_CTX *digest;             /* NULL: no digest operation */
	const struct hash_facts *digest_facts;
	bool digest_has_parts;
	struct search *search;          /* NULL: no search */
	/* What C_GetAttributeValue or C_WrapKey just heard when only lengths were asked: the values are asked for next. */
	Craton__Reply *answer;
	struct object *answer_about;    /* whose attributes, as it was then: held; NULL: nobody's */
	uint8_t answer_of[32];          /* a digest of what was to be wrapped */
	int64_t answer_at_ms;
};

CK_RV session_open(struct library *library, bool is_writable, CK_SESSION_HANDLE *handle);
CK_RV session_close(struct library *library, CK_SESSION_HANDLE handle); /* CKR_SESSION_HANDLE_INVALID */
void sessions_close_all(struct library *library);
/* Has nobody closed it, and no loss of all members ended it? With the sessions' lock held. */
bool session_is_open_locked(const struct session *session);
/* How many there are, and how many of them are read-only. */
void sessions_count(struct library *library, size_t *count, size_t *read_only);

/* Through the gate and into a session, alone; for every function that takes a session. What was
 * remembered for the next call is forgotten, but by those that remember.
 * CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SESSION_HANDLE_INVALID. */
CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **out);
CK_RV session_enter_remembering(CK_SESSION_HANDLE handle, struct session **out); /* C_GetAttributeValue, C_WrapKey */
/* Returns rv, so that a function ends in it. */
CK_RV session_leave(struct session *session, CK_RV rv);
/* An answer is good for the very next call, and not for long; taken over. `about` may be NULL. */
void session_remember(struct session *session, struct object *about, Craton__Reply *answer);
bool session_answer_is_fresh(const struct session *session);
/* The answer, the caller's, if it is wanted, else NULL; it is remembered no more in any case. */
Craton__Reply *session_take_answer(struct session *session, bool is_wanted);
void session_forget_answer(struct session *session);

/* The end of a login, with what goes with it. False if nobody was logged in. The last of the sessions ends first, or PINs for one use
 * are forgotten, too (one_use.h). */
bool library_logout(struct library *library);
/* The same, if it is still the login with this ticket. */
void library_logout_of(struct library *library, const struct ticket_copy *dead);

/* An object as this application may see it now; NULL if it may not. object_release. */
struct object *session_object(struct session *session, CK_OBJECT_HANDLE handle);
/* CKR_SESSION_READ_ONLY for a token object in a session that may not change any. */
CK_RV session_may_write(const struct session *session, const struct object *object);
