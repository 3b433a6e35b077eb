/* The walk of a signature: key, rules, token session, answer. */
#include "node/multipart.h"
#include "node/object.h"
#include "wire/mechanism.h"
#include <stdlib.h>
#include <string.h>

#define RESULT_MARGIN 4096 /* bytes a result may be longer than its input: padding, tags, signatures */

static bool is_key(const Craton__Object *object)
{
	struct attribute_list view = rules_view(object);
	switch (attribute_list_ulong(&view, CKA_CLASS, CKO_DATA)) {
	case CKO_PUBLIC_KEY:
	case CKO_PRIVATE_KEY:
	case CKO_SECRET_KEY:
		return true;
	default:
		return false;
	}
}

static CK_RV load(struct question *question, uint64_t epoch, Craton__Object *object, struct loaded_key **out)
{
	if (is_key(object))
		return question_token(question, keyring_load(question->node->keyring, epoch, object, out));
	object_destroy(object);
	return CKR_KEY_HANDLE_INVALID;
}

/* Loading is outside any lock; a key destroyed meanwhile is noticed by its epoch. */
static CK_RV load_stored(struct question *question, const struct id *id, struct loaded_key **out)
{
	struct node *node = question->node;
	Craton__Object *object;
	uint64_t version, epoch = keyring_epoch(node->keyring);
	enum err err = directory_object(node->directory, question->request->slot, id, &object, &version);
	if (err == ERR_NOT_FOUND)
		return question_fault(question, CRATON__FAULT__FAULT_UNKNOWN_OBJECT, "no such object here");
	if (err != ERR_OK)
		return question_err(question, err, "reading a key");
	return load(question, epoch, object, out);
}

static CK_RV load_carried(struct question *question, const Craton__ObjectRef *ref, struct loaded_key **out)
{
	struct found_object found;
	uint64_t epoch = keyring_epoch(question->node->keyring);
	CK_RV rv = object_find(question, ref, &found);
	if (rv != CKR_OK)
		return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
	if (found.object->sealed->kind == SEALED_NO_KEY) { /* its MAC is not a key's seal, and has been checked */
		craton__sealed__free_unpacked(found.object->sealed, NULL);
		found.object->sealed = NULL;
	}
	return load(question, epoch, found.object, out);
}

CK_RV key_borrow(struct question *question, const Craton__ObjectRef *ref, struct loaded_key **out)
{
	struct keyring *keyring = question->node->keyring;
	struct id id;
	if (!ref || !id_from_bytes(&id, ref->id.data, ref->id.len))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "a key's id has %d bytes", ID_SIZE);
	*out = keyring_borrow(keyring, &id);
	CK_RV rv = CKR_OK;
	if (*out && (*out)->object->slot != question->request->slot) { /* another's: as if it were not there */
		keyring_return(keyring, *out);
		*out = NULL;
	}
	if (!*out)
		rv = ref->carried ? load_carried(question, ref, out) : load_stored(question, &id, out);
	return rv;
}

static const enum counter counters[] = {
	[CRATON__CRYPT_KIND__SIGN] = COUNTER_SIGN,
	[CRATON__CRYPT_KIND__VERIFY] = COUNTER_VERIFY,
	[CRATON__CRYPT_KIND__ENCRYPT] = COUNTER_ENCRYPT,
	[CRATON__CRYPT_KIND__DECRYPT] = COUNTER_DECRYPT,
	[CRATON__CRYPT_KIND__SIGN_RECOVER] = COUNTER_SIGN,
	[CRATON__CRYPT_KIND__VERIFY_RECOVER] = COUNTER_VERIFY,
};

static bool is_known_kind(Craton__CryptKind kind)
{
	return (size_t)kind < sizeof counters / sizeof *counters;
}

static Craton__CryptReply *body_of(struct buf *out)
{
	Craton__CryptReply *body = out->failed ? NULL : malloc(sizeof *body);
	if (!body)
		return NULL;
	craton__crypt_reply__init(body);
	body->data = (ProtobufCBinaryData){ out->size, out->data };
	buf_init(out, 0);
	return body;
}

CK_RV crypt_body(struct question *question, struct buf *out)
{
	bool was_too_long = out->failed;
	Craton__CryptReply *body = body_of(out);
	if (!body)
		return was_too_long ? CKR_DEVICE_MEMORY : CKR_HOST_MEMORY;
	question->reply->body_case = CRATON__REPLY__BODY_CRYPT;
	question->reply->crypt = body;
	return CKR_OK;
}

/* With the IV, if the token has made it. */
static CK_RV cipher_body(struct question *question, const CK_MECHANISM *used, struct buf *out)
{
	const Craton__Mechanism *asked = question->request->crypt->mechanism;
	struct bytes iv;
	CK_RV rv = crypt_body(question, out);
	if (rv != CKR_OK || !asked || !mechanism_new_iv(asked, used, &iv))
		return rv;
	uint8_t *copy = malloc(iv.size);
	if (!copy)
		return CKR_HOST_MEMORY;
	memcpy(copy, iv.data, iv.size);
	question->reply->crypt->iv = (ProtobufCBinaryData){ iv.size, copy };
	return CKR_OK;
}

/* The key, if it may be used so by whoever asks. */
static CK_RV take(struct question *question, CK_MECHANISM **mechanism, struct loaded_key **key)
{
	const Craton__Crypt *crypt = question->request->crypt;
	CK_RV rv = mechanism_take(question, crypt->mechanism, NULL, mechanism);
	if (rv == CKR_OK)
		rv = key_borrow(question, crypt->key, key);
	return rv == CKR_OK ? key_may(question, *key, crypt) : rv;
}

static CK_RV run(struct question *question, CK_MECHANISM *mechanism, struct loaded_key *key)
{
	const Craton__Crypt *crypt = question->request->crypt;
	struct buf out;
	buf_init(&out, crypt->data.len + RESULT_MARGIN);
	CK_RV rv = armory_operate(question->node->armory, crypt->kind, mechanism, key, crypt->data.data, crypt->data.len,
	                          crypt->signature.data, crypt->signature.len, &out);
	rv = keys_used(question, &key, 1, rv);
	if (rv == CKR_OK)
		rv = cipher_body(question, mechanism, &out);
	buf_finish(&out);
	return rv;
}

static CK_RV do_whole(struct question *question)
{
	struct loaded_key *key = NULL;
	CK_MECHANISM *mechanism = NULL;
	CK_RV rv = take(question, &mechanism, &key);
	if (rv == CKR_OK)
		rv = run(question, mechanism, key);
	keyring_return(question->node->keyring, key);
	free(mechanism);
	return rv;
}

/* ---- in parts */

static CK_RV go_on(struct question *question)
{
	struct multipart *multipart = question->client->multipart;
	struct buf out;
	bool more;
	if (!multipart)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no operation in parts is open on this connection");
	buf_init(&out, FRAME_SIZE_MAX - RESULT_MARGIN); /* what no answer can hold is the token's refusal */
	CK_RV rv = multipart_go_on(question, multipart, &out, &more);
	if (rv == CKR_OK)
		rv = cipher_body(question, multipart_mechanism(multipart), &out);
	if (rv == CKR_OK)
		question->reply->crypt->more = more;
	buf_finish(&out);
	if (rv != CKR_OK || (question->request->crypt->stage == CRATON__CRYPT_STAGE__LAST && !more))
		crypt_give_up(question->node, question->client);
	return rv;
}

static CK_RV begin(struct question *question)
{
	struct loaded_key *key = NULL;
	CK_MECHANISM *mechanism = NULL;
	CK_RV rv = take(question, &mechanism, &key);
	if (rv == CKR_OK)
		return multipart_begin(question, key, mechanism, &question->client->multipart);
	keyring_return(question->node->keyring, key);
	free(mechanism);
	return rv;
}

void crypt_give_up(struct node *node, struct client *client)
{
	multipart_end(node->multiparts, client->multipart);
	client->multipart = NULL;
}

bool crypt_is_part(const Craton__Request *request)
{
	return request->body_case == CRATON__REQUEST__BODY_CRYPT && (request->crypt->stage == CRATON__CRYPT_STAGE__PART ||
	                                                             request->crypt->stage == CRATON__CRYPT_STAGE__LAST);
}

/* ---- */

static CK_RV answer(struct question *question)
{
	switch (question->request->crypt->stage) {
	case CRATON__CRYPT_STAGE__WHOLE:
		return do_whole(question);
	case CRATON__CRYPT_STAGE__FIRST: {
		CK_RV rv = begin(question);
		return rv == CKR_OK ? go_on(question) : rv;
	}
	case CRATON__CRYPT_STAGE__PART:
	case CRATON__CRYPT_STAGE__LAST:
		return go_on(question);
	default:
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no such stage of an operation");
	}
}

CK_RV answer_crypt(struct question *question)
{
	const Craton__Crypt *crypt = question->request->crypt;
	if (!is_known_kind(crypt->kind) || (!crypt->mechanism && !crypt_is_part(question->request)))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no mechanism, or no such use of a key");
	CK_RV rv = answer(question);
	bool is_end = crypt->stage == CRATON__CRYPT_STAGE__WHOLE || crypt->stage == CRATON__CRYPT_STAGE__LAST;
	if (is_end && (rv == CKR_OK || rv == CKR_SIGNATURE_INVALID))
		count_one(&question->node->counters, counters[crypt->kind]);
	return rv;
}

#define RANDOM_SIZE_MAX (1u << 20) /* bytes a call */

CK_RV answer_random(struct question *question)
{
	uint32_t size = question->request->random->size;
	if (size > RANDOM_SIZE_MAX)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "more than %u random bytes", RANDOM_SIZE_MAX);
	Craton__RandomReply *body = malloc(sizeof *body);
	uint8_t *bytes = malloc(size ? size : 1);
	if (!body || !bytes) {
		free(body);
		free(bytes);
		return CKR_HOST_MEMORY;
	}
	craton__random_reply__init(body);
	body->data = (ProtobufCBinaryData){ size, bytes };
	question->reply->body_case = CRATON__REPLY__BODY_RANDOM;
	question->reply->random = body;
	count_one(&question->node->counters, COUNTER_RANDOM);
	return question_token(question, operate_random(question->node->token, bytes, size));
}
