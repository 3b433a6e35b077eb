#include "node/multipart.h"
#include "node/object.h"
#include <pthread.h>
#include <stdlib.h>

#define PIECE_SIZE_MAX (1u << 20)           /* bytes of a result in one answer */
#define RESULT_SIZE_MAX ((size_t)1 << 31)   /* bytes that a token may hold back until the end */

enum multipart_state {
	MULTIPART_SILENT,  /* its owner has not asked for more yet */
	MULTIPART_AT_WORK,
	MULTIPART_ENDED,   /* for another's sake: session and key are gone */
};

struct multipart {
	struct parts parts;
	struct loaded_key *key;
	CK_MECHANISM *mechanism;
	struct id id;             /* the key's */
	bool is_stored;           /* the directory knows the key */
	CK_RV rv;                 /* the last call's: how the session is given back */
	bool is_done;             /* the token has given all of it */
	struct buf result;        /* of the end, */
	size_t given;             /* and how much of that has been answered */
	/* under the lock */
	enum multipart_state state;
	int64_t silent_since_ms;
	struct multipart *next, **place;
};

struct multiparts {
	struct keyring *keyring;
	size_t count_max;
	int64_t silence_ms;
	pthread_mutex_t lock;
	struct multipart *list;   /* those with a session */
	size_t count;             /* of them, and of those about to have one */
};

struct multiparts *multiparts_create(struct keyring *keyring, size_t count_max, int64_t silence_ms)
{
	struct multiparts *multiparts = calloc(1, sizeof *multiparts);
	if (!multiparts)
		return NULL;
	multiparts->keyring = keyring;
	multiparts->count_max = count_max;
	multiparts->silence_ms = silence_ms;
	pthread_mutex_init(&multiparts->lock, NULL);
	return multiparts;
}

void multiparts_destroy(struct multiparts *multiparts)
{
	if (!multiparts)
		return;
	pthread_mutex_destroy(&multiparts->lock);
	free(multiparts);
}

size_t multiparts_count(struct multiparts *multiparts)
{
	pthread_mutex_lock(&multiparts->lock);
	size_t count = multiparts->count;
	pthread_mutex_unlock(&multiparts->lock);
	return count;
}

const CK_MECHANISM *multipart_mechanism(const struct multipart *multipart)
{
	return multipart->mechanism;
}

/* ---- the list */

static void add_locked(struct multiparts *multiparts, struct multipart *multipart)
{
	multipart->next = multiparts->list;
	multipart->place = &multiparts->list;
	if (multiparts->list)
		multiparts->list->place = &multipart->next;
	multiparts->list = multipart;
}

static void remove_locked(struct multipart *multipart)
{
	*multipart->place = multipart->next;
	if (multipart->next)
		multipart->next->place = multipart->place;
}

/* What it holds of the token's. A session with an operation left on it is closed by the pool, which is how that ends. */
static void release(struct multiparts *multiparts, struct multipart *multipart, CK_RV rv)
{
	parts_end(&multipart->parts, rv);
	keyring_return(multiparts->keyring, multipart->key);
	multipart->key = NULL;
}

static struct multipart *find_silent_locked(struct multiparts *multiparts)
{
	struct multipart *longest = NULL;
	int64_t until_ms = clock_ms() - multiparts->silence_ms;
	for (struct multipart *m = multiparts->list; m; m = m->next)
		if (m->state == MULTIPART_SILENT && m->silent_since_ms <= until_ms &&
		    (!longest || m->silent_since_ms < longest->silent_since_ms))
			longest = m;
	return longest;
}

/* A place for one more. The one that was ended for it belongs to its connection still: only what it held is taken, and off the list
 * and marked as ended nobody else touches that. */
static bool take_place(struct multiparts *multiparts)
{
	size_t half = token_sessions(keyring_token(multiparts->keyring)) / 2;
	struct multipart ended = { .state = MULTIPART_ENDED };
	pthread_mutex_lock(&multiparts->lock);
	bool has_room = multiparts->count < multiparts->count_max && multiparts->count < half;
	struct multipart *silent = has_room ? NULL : find_silent_locked(multiparts);
	if (silent) {
		remove_locked(silent);
		silent->state = MULTIPART_ENDED;
		ended.parts = silent->parts;
		ended.key = silent->key;
		silent->parts = (struct parts){ .token = NULL };
		silent->key = NULL;
	} else if (has_room) {
		multiparts->count++;
	}
	pthread_mutex_unlock(&multiparts->lock);
	if (silent)
		release(multiparts, &ended, CKR_OPERATION_ACTIVE);
	return has_room || silent;
}

static void leave_place(struct multiparts *multiparts)
{
	pthread_mutex_lock(&multiparts->lock);
	multiparts->count--;
	pthread_mutex_unlock(&multiparts->lock);
}

/* ---- one operation */

static struct multipart *multipart_create(struct loaded_key *key, CK_MECHANISM *mechanism)
{
	struct multipart *multipart = calloc(1, sizeof *multipart);
	if (!multipart)
		return NULL;
	multipart->key = key;
	multipart->mechanism = mechanism;
	multipart->state = MULTIPART_AT_WORK;
	buf_init(&multipart->result, RESULT_SIZE_MAX);
	struct attribute_list view = rules_view(key->object);
	multipart->is_stored = attribute_list_bool(&view, CKA_TOKEN, false);
	id_from_bytes(&multipart->id, key->object->id.data, key->object->id.len);
	return multipart;
}

static CK_RV open_parts(struct question *question, struct multipart *multipart)
{
	struct multiparts *multiparts = question->node->multiparts;
	if (!take_place(multiparts))
		return question_fault(question, CRATON__FAULT__FAULT_BUSY, "as many operations in parts as may be open at a time");
	CK_RV rv = parts_begin(&multipart->parts, question->node->token, question->request->crypt->kind, multipart->mechanism,
	                       multipart->key);
	if (rv != CKR_OK) {
		leave_place(multiparts);
		return keys_used(question, &multipart->key, 1, rv);
	}
	pthread_mutex_lock(&multiparts->lock);
	add_locked(multiparts, multipart);
	pthread_mutex_unlock(&multiparts->lock);
	return CKR_OK;
}

CK_RV multipart_begin(struct question *question, struct loaded_key *key, CK_MECHANISM *mechanism, struct multipart **out)
{
	struct multipart *multipart = multipart_create(key, mechanism);
	CK_RV rv = multipart ? open_parts(question, multipart) : CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		*out = multipart;
		return CKR_OK;
	}
	keyring_return(question->node->keyring, key);
	free(mechanism);
	free(multipart);
	return rv;
}

/* Nobody else may end it from now on. False if somebody has. */
static bool begin_work(struct multiparts *multiparts, struct multipart *multipart)
{
	pthread_mutex_lock(&multiparts->lock);
	bool is_there = multipart->state != MULTIPART_ENDED;
	if (is_there)
		multipart->state = MULTIPART_AT_WORK;
	pthread_mutex_unlock(&multiparts->lock);
	return is_there;
}

static void end_work(struct multiparts *multiparts, struct multipart *multipart)
{
	pthread_mutex_lock(&multiparts->lock);
	multipart->state = MULTIPART_SILENT;
	multipart->silent_since_ms = clock_ms();
	pthread_mutex_unlock(&multiparts->lock);
}

/* Is the key still what it was? A key in use stays in the token though the directory knows it no more. */
static CK_RV check_key(struct question *question, const struct multipart *multipart)
{
	struct attribute_list view = rules_view(multipart->key->object);
	Craton__Object *object = NULL;
	uint64_t version;
	if (multipart->key->object->slot != question->request->slot)
		return CKR_KEY_HANDLE_INVALID;
	if (!rules_visible(&question->asker, &view))
		return CKR_USER_NOT_LOGGED_IN;
	if (!multipart->is_stored)
		return CKR_OK;
	struct loaded_key *now = keyring_borrow(question->node->keyring, &multipart->id);
	bool is_same = now == multipart->key;
	keyring_return(question->node->keyring, now);
	if (is_same)
		return CKR_OK;
	enum err err = directory_object(question->node->directory, question->request->slot, &multipart->id, &object, &version);
	object_destroy(object);
	return err == ERR_NOT_FOUND ? CKR_KEY_HANDLE_INVALID : question_err(question, err, "reading a key");
}

static CK_RV update(struct question *question, struct multipart *multipart, struct buf *out)
{
	const Craton__Crypt *crypt = question->request->crypt;
	struct bytes data = { crypt->data.data, crypt->data.len };
	multipart->rv = parts_update(&multipart->parts, &data, out);
	return keys_used(question, &multipart->key, 1, multipart->rv);
}

static CK_RV finish(struct question *question, struct multipart *multipart)
{
	const Craton__Crypt *crypt = question->request->crypt;
	struct bytes signature = { crypt->signature.data, crypt->signature.len };
	CK_RV rv = update(question, multipart, &multipart->result);
	if (rv != CKR_OK)
		return rv;
	multipart->rv = parts_final(&multipart->parts, &signature, &multipart->result);
	multipart->is_done = multipart->rv == CKR_OK;
	return keys_used(question, &multipart->key, 1, multipart->rv);
}

static CK_RV last(struct question *question, struct multipart *multipart, struct buf *out, bool *more)
{
	struct buf *result = &multipart->result;
	CK_RV rv = multipart->is_done ? CKR_OK : finish(question, multipart);
	if (rv != CKR_OK)
		return rv;
	size_t left = result->size - multipart->given, size = left < PIECE_SIZE_MAX ? left : PIECE_SIZE_MAX;
	if (size)
		buf_add(out, result->data + multipart->given, size);
	multipart->given += size;
	*more = size < left;
	return CKR_OK;
}

CK_RV multipart_go_on(struct question *question, struct multipart *multipart, struct buf *out, bool *more)
{
	struct multiparts *multiparts = question->node->multiparts;
	bool is_last = question->request->crypt->stage == CRATON__CRYPT_STAGE__LAST;
	*more = false;
	if (!begin_work(multiparts, multipart))
		return question_fault(question, CRATON__FAULT__FAULT_BUSY, "the operation was silent for long, and ended for another's sake");
	if (!multipart->is_done)
		multipart->rv = CKR_OPERATION_ACTIVE;
	else if (!is_last)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "the operation's end has come");
	CK_RV rv = check_key(question, multipart);
	if (rv == CKR_OK)
		rv = is_last ? last(question, multipart, out, more) : update(question, multipart, out);
	if (rv == CKR_OK && !multipart->is_done)
		multipart->rv = CKR_OPERATION_ACTIVE;
	if (rv == CKR_OK && (!is_last || *more))
		end_work(multiparts, multipart);
	return rv;
}

void multipart_end(struct multiparts *multiparts, struct multipart *multipart)
{
	if (!multipart)
		return;
	if (begin_work(multiparts, multipart)) {
		pthread_mutex_lock(&multiparts->lock);
		remove_locked(multipart);
		pthread_mutex_unlock(&multiparts->lock);
		release(multiparts, multipart, multipart->rv);
		leave_place(multiparts);
	}
	buf_finish(&multipart->result);
	free(multipart->mechanism);
	free(multipart);
}
