#include "pkcs11/state.h"
#include "pkcs11/asked.h"
#include "pkcs11/digest.h"
#include "pkcs11/operation.h"
#include "pkcs11/session.h"
#include "base/secret.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 4 /* SIGN, VERIFY, ENCRYPT, DECRYPT: what goes in one part only has no state worth saving */

/* What the application holds. */
struct name {
	uint8_t magic[4];
	uint8_t version[4];
	struct id id;
};
static const struct name name_start = { { 'C', 'r', 'O', 'S' }, { 0, 0, 0, 1 }, { { 0 } } };

struct saved_state {
	atomic_uint references;
	struct id id;
	size_t size;                    /* of the data kept in it */
	struct operation operations[KINDS];
	EVP_MD_CTX *digest;
	const struct hash_facts *digest_facts;
	bool digest_has_parts;
};

static void saved_release(struct saved_state *saved)
{
	if (!saved || atomic_fetch_sub(&saved->references, 1) > 1)
		return;
	for (size_t i = 0; i < KINDS; i++)
		operation_end(&saved->operations[i]);
	EVP_MD_CTX_free(saved->digest);
	free(saved);
}

/* ---- copies */

static CK_RV copy_digest(const EVP_MD_CTX *from, EVP_MD_CTX **to)
{
	*to = from ? EVP_MD_CTX_new() : NULL;
	if (!from || (*to && EVP_MD_CTX_copy_ex(*to, from) == 1))
		return CKR_OK;
	EVP_MD_CTX_free(*to);
	*to = NULL;
	return CKR_HOST_MEMORY;
}

/* Where an IV of the token's would go is the application's memory and not the state's. */
static CK_RV copy_operation(struct session *session, const struct operation *from, struct operation *to)
{
	Craton__Mechanism *mechanism = mechanism_copy(from->mechanism);
	if (!mechanism)
		return CKR_HOST_MEMORY;
	to->kind = from->kind;
	operation_start(session, to, mechanism, object_hold(from->key));
	to->has_parts = from->has_parts;
	to->stream = from->stream;
	to->parts.added = from->parts.added;
	if (from->parts.kept.size)
		buf_add(&to->parts.kept, from->parts.kept.data, from->parts.kept.size);
	CK_RV rv = to->parts.kept.failed ? CKR_HOST_MEMORY : copy_digest(from->prehash.context, &to->prehash.context);
	if (rv != CKR_OK)
		operation_end(to);
	return rv;
}

/* ---- what can be saved */

/* A member may have it, a PIN may belong to it, a result may wait in it. */
static bool is_saveable(const struct operation *operation)
{
	const struct parts *parts = &operation->parts;
	bool is_here = !parts_are_away(parts) && !parts->is_beyond && !parts->is_lost && parts->owed.size == 0;
	return is_here && !operation->has_result && !operation->needs_pin && !operation->pin;
}

/* One key of a kind can be named when a state is restored. */
static CK_RV check_session(const struct session *session)
{
	const struct operation *all = session->operations;
	bool is_any = session->digest != NULL;
	for (size_t i = 0; i < OPERATION_KINDS; i++) {
		is_any |= all[i].is_active;
		if (all[i].is_active && (i >= KINDS || !is_saveable(&all[i])))
			return CKR_STATE_UNSAVEABLE;
	}
	bool has_both_ciphers = all[CRATON__CRYPT_KIND__ENCRYPT].is_active && all[CRATON__CRYPT_KIND__DECRYPT].is_active;
	bool has_both_signs = all[CRATON__CRYPT_KIND__SIGN].is_active && all[CRATON__CRYPT_KIND__VERIFY].is_active;
	if (has_both_ciphers || has_both_signs)
		return CKR_STATE_UNSAVEABLE;
	return is_any ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
}

static CK_RV save(struct session *session, struct saved_state **out)
{
	struct saved_state *saved = calloc(1, sizeof *saved);
	if (!saved)
		return CKR_HOST_MEMORY;
	saved->references = 1;
	saved->id = id_random();
	saved->digest_facts = session->digest_facts;
	saved->digest_has_parts = session->digest_has_parts;
	CK_RV rv = copy_digest(session->digest, &saved->digest);
	for (size_t i = 0; rv == CKR_OK && i < KINDS; i++) {
		saved->size += session->operations[i].is_active ? session->operations[i].parts.kept.size : 0;
		if (session->operations[i].is_active)
			rv = copy_operation(session, &session->operations[i], &saved->operations[i]);
	}
	if (rv == CKR_OK)
		*out = saved;
	else
		saved_release(saved);
	return rv;
}

/* ---- all that are saved */

void states_init(struct states *states)
{
	pthread_mutex_init(&states->lock, NULL);
}

void states_finish(struct states *states)
{
	for (size_t i = 0; i < STATES_MAX; i++)
		saved_release(states->list[i]);
	pthread_mutex_destroy(&states->lock);
}

static void drop_locked(struct states *states, size_t at)
{
	if (states->list[at])
		states->size -= states->list[at]->size;
	saved_release(states->list[at]);
	states->list[at] = NULL;
}

static void keep(struct states *states, struct saved_state *saved)
{
	pthread_mutex_lock(&states->lock);
	for (size_t i = 0; i < STATES_MAX && states->size + saved->size > STATES_SIZE_MAX; i++)
		drop_locked(states, (states->next + i) % STATES_MAX);
	drop_locked(states, states->next);
	states->list[states->next] = saved;
	states->size += saved->size;
	states->next = (states->next + 1) % STATES_MAX;
	pthread_mutex_unlock(&states->lock);
}

/* Held: it may be forgotten meanwhile. */
static struct saved_state *borrow(struct states *states, const struct id *id)
{
	struct saved_state *found = NULL;
	pthread_mutex_lock(&states->lock);
	for (size_t i = 0; i < STATES_MAX && !found; i++)
		if (states->list[i] && id_equal(&states->list[i]->id, id))
			found = states->list[i];
	if (found)
		atomic_fetch_add(&found->references, 1);
	pthread_mutex_unlock(&states->lock);
	return found;
}

/* ---- the functions */

static CK_RV get_state(struct session *session, CK_BYTE_PTR state, CK_ULONG_PTR size)
{
	struct saved_state *saved = NULL;
	struct name name = name_start;
	if (!size)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = check_session(session);
	bool is_short = state && *size < sizeof name;
	if (rv != CKR_OK)
		return rv;
	*size = sizeof name;
	if (!state || is_short)
		return is_short ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	rv = save(session, &saved);
	if (rv != CKR_OK)
		return rv;
	name.id = saved->id;
	keep(&session->library->states, saved);
	memcpy(state, &name, sizeof name);
	return CKR_OK;
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE handle, CK_BYTE_PTR state, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, get_state(session, state, size));
}

/* "CKR_KEY_NEEDED … an operation … which requires a key", "CKR_KEY_NOT_NEEDED: an extraneous key was supplied", "CKR_KEY_CHANGED: one
 * of the keys specified is not the same key that was being used in the original saved session". */
static CK_RV check_key(struct session *session, const struct operation *operation, CK_OBJECT_HANDLE handle)
{
	if (!operation)
		return handle == CK_INVALID_HANDLE ? CKR_OK : CKR_KEY_NOT_NEEDED;
	if (handle == CK_INVALID_HANDLE)
		return CKR_KEY_NEEDED;
	struct object *key = session_object(session, handle);
	CK_RV rv = !key ? CKR_KEY_HANDLE_INVALID : id_equal(&key->id, &operation->key->id) ? CKR_OK : CKR_KEY_CHANGED;
	object_release(key);
	return rv;
}

static const struct operation *either(const struct saved_state *saved, Craton__CryptKind one, Craton__CryptKind other)
{
	if (saved->operations[one].is_active)
		return &saved->operations[one];
	return saved->operations[other].is_active ? &saved->operations[other] : NULL;
}

/* A copy of its own, for the state may be restored again. */
static CK_RV copy_saved(struct session *session, const struct saved_state *saved, struct saved_state *copy)
{
	*copy = (struct saved_state){ .digest_facts = saved->digest_facts, .digest_has_parts = saved->digest_has_parts };
	CK_RV rv = copy_digest(saved->digest, &copy->digest);
	for (size_t i = 0; rv == CKR_OK && i < KINDS; i++)
		if (saved->operations[i].is_active)
			rv = copy_operation(session, &saved->operations[i], &copy->operations[i]);
	for (size_t i = 0; rv != CKR_OK && i < KINDS; i++)
		operation_end(&copy->operations[i]);
	if (rv != CKR_OK)
		EVP_MD_CTX_free(copy->digest);
	return rv;
}

/* Whatever the session was at is over. */
static void take_over(struct session *session, const struct saved_state *copy)
{
	for (size_t i = 0; i < OPERATION_KINDS; i++)
		operation_end(&session->operations[i]);
	for (size_t i = 0; i < KINDS; i++)
		if (copy->operations[i].is_active)
			session->operations[i] = copy->operations[i];
	digest_end(session, CKR_OK);
	session->digest = copy->digest;
	session->digest_facts = copy->digest_facts;
	session->digest_has_parts = copy->digest_has_parts;
}

static CK_RV restore(struct session *session, const struct saved_state *saved, CK_OBJECT_HANDLE encryption_key,
                     CK_OBJECT_HANDLE authentication_key)
{
	struct saved_state copy;
	CK_RV rv = check_key(session, either(saved, CRATON__CRYPT_KIND__ENCRYPT, CRATON__CRYPT_KIND__DECRYPT), encryption_key);
	if (rv == CKR_OK)
		rv = check_key(session, either(saved, CRATON__CRYPT_KIND__SIGN, CRATON__CRYPT_KIND__VERIFY), authentication_key);
	if (rv == CKR_OK)
		rv = copy_saved(session, saved, &copy);
	if (rv == CKR_OK)
		take_over(session, &copy);
	secret_wipe(&copy, sizeof copy); /* bytes that make no block yet are the application's text */
	return rv;
}

static CK_RV set_state(struct session *session, const void *state, CK_ULONG size, CK_OBJECT_HANDLE encryption_key,
                       CK_OBJECT_HANDLE authentication_key)
{
	struct name name;
	if (!state)
		return CKR_ARGUMENTS_BAD;
	if (size != sizeof name)
		return CKR_SAVED_STATE_INVALID;
	memcpy(&name, state, sizeof name);
	if (memcmp(&name, &name_start, offsetof(struct name, id)) != 0)
		return CKR_SAVED_STATE_INVALID;
	struct saved_state *saved = borrow(&session->library->states, &name.id);
	CK_RV rv = saved ? restore(session, saved, encryption_key, authentication_key) : CKR_SAVED_STATE_INVALID;
	saved_release(saved);
	return rv;
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE handle, CK_BYTE_PTR state, CK_ULONG size, CK_OBJECT_HANDLE encryption_key,
                          CK_OBJECT_HANDLE authentication_key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, set_state(session, state, size, encryption_key, authentication_key));
}
