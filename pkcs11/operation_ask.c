/* An operation's round trip, whole or at one stage of it. */
#include "pkcs11/session.h"
#include <string.h>

static ProtobufCBinaryData wire_bytes(struct bytes bytes)
{
	return (ProtobufCBinaryData){ bytes.size, (uint8_t *)(uintptr_t)bytes.data }; /* read only */
}

/* Where the application's own IV is kept, the one that was used is put. */
static void give_iv(struct operation *operation, const ProtobufCBinaryData *iv)
{
	struct room *room = &operation->iv;
	operation->parts.has_made_iv |= iv->len > 0;
	if (iv->len && room->to && iv->len <= room->size)
		memcpy(room->to, iv->data, iv->len);
}

static CK_RV take_answer(struct operation *operation, const Craton__CryptReply *answer, struct buf *out)
{
	give_iv(operation, &answer->iv);
	if (!out)
		return CKR_OK;
	if (answer->data.len)
		buf_add(out, answer->data.data, answer->data.len);
	return out->failed ? CKR_HOST_MEMORY : CKR_OK;
}

/* What begins an operation names its key and mechanism; what goes on with one does not. */
static bool is_begin(Craton__CryptStage stage)
{
	return stage == CRATON__CRYPT_STAGE__WHOLE || stage == CRATON__CRYPT_STAGE__FIRST;
}

/* The key as this process knows it now: it may have been changed, or destroyed, since C_*Init, and no member may serve that does not know
 * of it yet. A session object is as it was shown. */
static CK_RV renew_key(struct session *session, struct operation *operation)
{
	if (operation->key->carried)
		return CKR_OK;
	struct object *now = objects_look_up(session->library->objects, operation->key->handle);
	if (!now)
		return CKR_KEY_HANDLE_INVALID;
	object_release(operation->key);
	operation->key = now;
	return CKR_OK;
}

CK_RV operation_ask_stage(struct session *session, struct operation *operation, struct asking *asking, struct buf *out)
{
	struct question question = QUESTION_INIT;
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	Craton__Reply *reply;
	CK_RV rv = operation->needs_pin ? CKR_USER_NOT_LOGGED_IN : is_begin(asking->stage) ? renew_key(session, operation) : CKR_OK;
	if (rv != CKR_OK)
		return rv;
	body.kind = operation->kind;
	body.stage = asking->stage;
	body.data = wire_bytes(asking->data);
	body.signature = wire_bytes(asking->signature);
	if (is_begin(asking->stage)) {
		ref.id = (ProtobufCBinaryData){ ID_SIZE, operation->key->id.bytes };
		body.key = question.object = &ref;
		body.mechanism = (Craton__Mechanism *)(uintptr_t)asking->mechanism; /* read only */
		question.about = operation->key;
		if (operation->pin)
			body.pin = (ProtobufCBinaryData){ operation->pin->size, operation->pin->data };
	}
	if (asking->stage != CRATON__CRYPT_STAGE__WHOLE)
		question.multipart = &operation->parts.multipart;
	question.index_min = operation->key->index;
	question.request.body_case = CRATON__REQUEST__BODY_CRYPT;
	question.request.crypt = &body;
	rv = library_ask_noting(session->library, &question, CRATON__REPLY__BODY_CRYPT, &reply, &asking->is_loss);
	if (rv != CKR_OK)
		return rv_for_key(rv);
	asking->has_more = reply->crypt->more;
	rv = take_answer(operation, reply->crypt, out);
	reply_free(reply);
	return rv;
}

CK_RV operation_ask(struct session *session, struct operation *operation, const Craton__Mechanism *mechanism,
                    struct bytes data, struct bytes signature, struct buf *out)
{
	struct asking asking = { .mechanism = mechanism, .stage = CRATON__CRYPT_STAGE__WHOLE, .data = data, .signature = signature };
	return operation_ask_stage(session, operation, &asking, out);
}

CK_RV operation_take_pin(struct operation *operation, const void *pin, size_t size)
{
	if (!operation->is_active || !operation->needs_pin)
		return CKR_OK;
	operation->pin = secret_create(pin, size);
	operation->needs_pin = operation->pin == NULL;
	return operation->pin ? CKR_OK : CKR_HOST_MEMORY;
}
