/* The walk of a signature: key, rules, token session, answer. */
#include "node/object.h"
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
};

static bool is_known_kind(Craton__CryptKind kind)
{
	return (size_t)kind < sizeof counters / sizeof *counters;
}

CK_RV crypt_body(struct question *question, struct buf *out)
{
	Craton__CryptReply *body = malloc(sizeof *body);
	if (!body || out->failed) {
		free(body);
		return out->failed ? CKR_DEVICE_MEMORY : CKR_HOST_MEMORY;
	}
	craton__crypt_reply__init(body);
	body->data = (ProtobufCBinaryData){ out->size, out->data };
	buf_init(out, 0);
	question->reply->body_case = CRATON__REPLY__BODY_CRYPT;
	question->reply->crypt = body;
	return CKR_OK;
}

static CK_RV run(struct question *question, CK_MECHANISM *mechanism, struct loaded_key *key)
{
	const Craton__Crypt *crypt = question->request->crypt;
	struct attribute_list view = rules_view(key->object);
	struct buf out;
	CK_RV rv = rules_use(&question->asker, &view, rules_use_of(crypt->kind), mechanism->mechanism);
	if (rv != CKR_OK)
		return rv;
	buf_init(&out, crypt->data.len + RESULT_MARGIN);
	rv = armory_operate(question->node->armory, crypt->kind, mechanism, key, crypt->data.data, crypt->data.len,
	                    crypt->signature.data, crypt->signature.len, &out);
	rv = keys_used(question, &key, 1, rv);
	if (rv == CKR_OK)
		rv = crypt_body(question, &out);
	buf_finish(&out);
	return rv;
}

CK_RV answer_crypt(struct question *question)
{
	const Craton__Crypt *crypt = question->request->crypt;
	struct loaded_key *key = NULL;
	CK_MECHANISM *mechanism = NULL;
	if (!crypt->mechanism || !is_known_kind(crypt->kind))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no mechanism, or no such use of a key");
	CK_RV rv = mechanism_from_wire(crypt->mechanism, false, NULL, &mechanism);
	if (rv == CKR_OK)
		rv = key_borrow(question, crypt->key, &key);
	if (rv == CKR_OK)
		rv = run(question, mechanism, key);
	keyring_return(question->node->keyring, key);
	free(mechanism);
	if (rv == CKR_OK || rv == CKR_SIGNATURE_INVALID)
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
