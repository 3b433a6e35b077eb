/* Keys that leave under another key (PKCS#11 2.40, 5.14). How long the result is, only a token can tell: who asks for the
 * length has the key wrapped at once, and is given that result by the next call. */
#include "pkcs11/asked.h"
#include "base/secret.h"
#include <stdlib.h>
#include <string.h>

struct wrapping {
	struct asked_mechanism mechanism;
	struct object *wrapping_key, *key;
	uint8_t of[SHA256_SIZE];          /* all of it: is it the same as the call before? */
};

static CK_RV digest_of(struct wrapping *wrapping)
{
	size_t size = craton__mechanism__get_packed_size(wrapping->mechanism.wire);
	uint8_t *packed = malloc(size + 1);
	if (!packed)
		return CKR_HOST_MEMORY;
	craton__mechanism__pack(wrapping->mechanism.wire, packed);
	struct bytes parts[] = { { wrapping->wrapping_key->id.bytes, ID_SIZE }, { wrapping->key->id.bytes, ID_SIZE }, { packed, size } };
	sha256(parts, sizeof parts / sizeof *parts, wrapping->of);
	free(packed);
	return CKR_OK;
}

static CK_RV read_wrapping(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
                           CK_OBJECT_HANDLE key, struct wrapping *out)
{
	CK_RV rv = asked_read(session, mechanism, CKF_WRAP, &out->mechanism);
	if (rv == CKR_OK && !(out->wrapping_key = session_object(session, wrapping_key)))
		rv = CKR_WRAPPING_KEY_HANDLE_INVALID;
	if (rv == CKR_OK && !(out->key = session_object(session, key)))
		rv = CKR_KEY_HANDLE_INVALID;
	return rv == CKR_OK ? digest_of(out) : rv;
}

static CK_RV ask_wrapped(struct session *session, const struct wrapping *wrapping, Craton__Reply **reply)
{
	struct question question = QUESTION_INIT;
	Craton__WrapKey body = CRATON__WRAP_KEY__INIT;
	Craton__ObjectRef wrapping_ref, key_ref;
	ref_in_full(wrapping->wrapping_key, &wrapping_ref);
	question_about(&question, wrapping->key, &key_ref);
	body.wrapping_key = &wrapping_ref;
	body.mechanism = wrapping->mechanism.wire;
	body.key = &key_ref;
	question.request.body_case = CRATON__REQUEST__BODY_WRAP_KEY;
	question.request.wrap_key = &body;
	return rv_for_key(library_ask(session->library, &question, CRATON__REPLY__BODY_CRYPT, reply));
}

static Craton__Reply *take_remembered(struct session *session, const struct wrapping *wrapping)
{
	const Craton__Reply *answer = session->answer;
	bool is_good = session_answer_is_fresh(session) && answer->body_case == CRATON__REPLY__BODY_CRYPT &&
	               memcmp(session->answer_of, wrapping->of, sizeof wrapping->of) == 0;
	return session_take_answer(session, is_good);
}

static void remember(struct session *session, const struct wrapping *wrapping, Craton__Reply *answer)
{
	memcpy(session->answer_of, wrapping->of, sizeof session->answer_of);
	session_remember(session, NULL, answer);
}

/* An IV that the token made goes where the application has room for it. */
static void give_iv(const CK_MECHANISM *mechanism, const ProtobufCBinaryData *iv)
{
	if (!iv->len || mechanism->mechanism != CKM_AES_GCM || mechanism->ulParameterLen != sizeof(CK_GCM_PARAMS))
		return;
	CK_GCM_PARAMS gcm;
	memcpy(&gcm, mechanism->pParameter, sizeof gcm);
	if (gcm.pIv && gcm.ulIvLen >= iv->len)
		memcpy(gcm.pIv, iv->data, iv->len);
}

/* PKCS#11 5.2: a NULL buffer asks for the length, a short one gives CKR_BUFFER_TOO_SMALL and the length. */
static CK_RV wrap(struct session *session, const CK_MECHANISM *mechanism, const struct wrapping *wrapping, CK_BYTE_PTR out,
                  CK_ULONG_PTR size)
{
	Craton__Reply *reply = take_remembered(session, wrapping);
	CK_RV rv = reply ? CKR_OK : ask_wrapped(session, wrapping, &reply);
	if (rv != CKR_OK)
		return rv;
	const Craton__CryptReply *wrapped = reply->crypt;
	bool fits = out && *size >= wrapped->data.len;
	*size = wrapped->data.len;
	if (!fits) {
		remember(session, wrapping, reply);
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	if (wrapped->data.len)
		memcpy(out, wrapped->data.data, wrapped->data.len);
	give_iv(mechanism, &wrapped->iv);
	reply_free(reply);
	return CKR_OK;
}

CK_RV C_WrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE key,
                CK_BYTE_PTR wrapped, CK_ULONG_PTR size)
{
	struct session *session;
	struct wrapping wrapping = { .key = NULL };
	CK_RV rv = session_enter_remembering(handle, &session);
	if (rv != CKR_OK)
		return rv;
	rv = size ? read_wrapping(session, mechanism, wrapping_key, key, &wrapping) : CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = wrap(session, mechanism, &wrapping, wrapped, size);
	asked_finish(&wrapping.mechanism);
	object_release(wrapping.wrapping_key);
	object_release(wrapping.key);
	return session_leave(session, rv);
}
