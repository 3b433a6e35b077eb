/* How an operation begins: is the mechanism offered for it, may the key be used so, and who does what. */
#include "pkcs11/operation.h"
#include "ha/repeat.h"
#include "pkcs11/session.h"
#include "wire/canonical.h"
#include <string.h>

static const struct {
	CK_FLAGS use;
	CK_ATTRIBUTE_TYPE permission;
} uses[] = {
	[CRATON__CRYPT_KIND__SIGN] = { CKF_SIGN, CKA_SIGN },
	[CRATON__CRYPT_KIND__VERIFY] = { CKF_VERIFY, CKA_VERIFY },
	[CRATON__CRYPT_KIND__ENCRYPT] = { CKF_ENCRYPT, CKA_ENCRYPT },
	[CRATON__CRYPT_KIND__DECRYPT] = { CKF_DECRYPT, CKA_DECRYPT },
	[CRATON__CRYPT_KIND__SIGN_RECOVER] = { CKF_SIGN_RECOVER, CKA_SIGN_RECOVER },
	[CRATON__CRYPT_KIND__VERIFY_RECOVER] = { CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER },
};

CK_FLAGS operation_use(Craton__CryptKind kind)
{
	return uses[kind].use;
}

/* What we know of a key may be older than the key: before it is refused for what it may not do, a member is asked. */
static CK_RV ask_permission(struct session *session, struct object *key, CK_ATTRIBUTE_TYPE type)
{
	struct question question = QUESTION_INIT;
	Craton__GetAttributes body = CRATON__GET_ATTRIBUTES__INIT;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	Craton__Reply *reply;
	uint64_t types[] = { type };
	ref.id = (ProtobufCBinaryData){ ID_SIZE, key->id.bytes };
	body.object = question.object = &ref;
	body.types = types;
	body.n_types = 1;
	question.about = key;
	question.request.body_case = CRATON__REQUEST__BODY_GET_ATTRIBUTES;
	question.request.get_attributes = &body;
	CK_RV rv = library_ask(session->library, &question, CRATON__REPLY__BODY_ATTRIBUTES, &reply);
	if (rv != CKR_OK)
		return rv_for_key(rv);
	const Craton__AttributeAnswer *answer = reply->attributes->n_list == 1 ? reply->attributes->list[0] : NULL;
	bool may = answer && answer->rv == CKR_OK && answer->value.len == 1 && answer->value.data[0];
	reply_free(reply);
	return may ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

static bool is_key(const struct object *object)
{
	CK_ULONG class = (CK_ULONG)attribute_list_ulong(&object->attributes, CKA_CLASS, CKO_DATA);
	return class == CKO_PUBLIC_KEY || class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY;
}

/* An empty list allows all. */
static bool is_allowed(const struct object *key, CK_MECHANISM_TYPE mechanism)
{
	const Craton__Attribute *allowed = attribute_list_get(&key->attributes, CKA_ALLOWED_MECHANISMS);
	if (!allowed || !allowed->value.len)
		return true;
	for (size_t at = 0; at + CANONICAL_ULONG_SIZE <= allowed->value.len; at += CANONICAL_ULONG_SIZE)
		if (canonical_get(allowed->value.data + at) == mechanism)
			return true;
	return false;
}

static CK_RV check_key(struct session *session, Craton__CryptKind kind, CK_MECHANISM_TYPE mechanism, struct object *key)
{
	CK_KEY_TYPE type = (CK_KEY_TYPE)attribute_list_ulong(&key->attributes, CKA_KEY_TYPE, KEY_TYPE_NONE);
	if (!is_key(key))
		return CKR_KEY_HANDLE_INVALID;
	if (!mechanism_takes_key_type(mechanism, type))
		return CKR_KEY_TYPE_INCONSISTENT;
	bool may = attribute_list_bool(&key->attributes, uses[kind].permission, false);
	CK_RV rv = may ? CKR_OK : ask_permission(session, key, uses[kind].permission);
	return rv == CKR_OK && !is_allowed(key, mechanism) ? CKR_MECHANISM_INVALID : rv;
}

static CK_RV find_key(struct session *session, CK_OBJECT_HANDLE handle, struct object **key)
{
	*key = session_object(session, handle);
	return *key ? CKR_OK : CKR_KEY_HANDLE_INVALID;
}

/* Then data of any size is one short round trip, and any token that signs hashes will do. A key that is bound to mechanisms which hash and
 * sign takes their digest. */
static bool may_hash_here(struct session *session, const struct operation *operation)
{
	struct offered raw;
	if (!operation->facts || !operation->facts->is_split)
		return false;
	return offer_find(session->library, operation->facts->raw, &raw) == CKR_OK && raw.remote & uses[operation->kind].use;
}

CK_RV operation_find_key(struct session *session, Craton__CryptKind kind, CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE handle,
                         struct offered *offered, struct object **key)
{
	*key = NULL;
	CK_RV rv = offer_find(session->library, mechanism, offered);
	if (rv == CKR_OK && !(offered->info.flags & uses[kind].use))
		rv = CKR_MECHANISM_INVALID;
	if (rv == CKR_OK)
		rv = find_key(session, handle, key);
	if (rv == CKR_OK)
		rv = check_key(session, kind, mechanism, *key);
	if (rv != CKR_OK) {
		object_release(*key);
		*key = NULL;
	}
	return rv;
}

/* A signature or a wrapping of what is given as it is: no token takes it in parts, by no standard. */
static bool is_one_part(const struct mechanism_facts *facts)
{
	if (!facts || facts->hash)
		return false;
	return facts->result == RESULT_WRAPPED || facts->key_type == CKK_RSA || facts->key_type == CKK_DSA ||
	       facts->key_type == CKK_EC || facts->key_type == CKK_EC_EDWARDS;
}

void operation_start(struct session *session, struct operation *operation, Craton__Mechanism *mechanism, struct object *key)
{
	operation->is_active = true;
	operation->key = key;
	operation->mechanism = mechanism;
	operation->needs_pin = attribute_list_bool(&key->attributes, CKA_ALWAYS_AUTHENTICATE, false);
	operation->facts = mechanism_facts((CK_MECHANISM_TYPE)mechanism->type);
	operation->hashes_here = may_hash_here(session, operation);
	parts_init(&operation->parts, is_one_part(operation->facts), (size_t)session->library->config.replay_size);
	operation->parts.is_once = crypt_is_once(operation->kind, mechanism->type);
}

/* GCM: "the IV … generated by the token … is returned" where the application has room for one. */
static struct room room_for_iv(Craton__CryptKind kind, const CK_MECHANISM *mechanism)
{
	CK_GCM_PARAMS gcm;
	if (kind != CRATON__CRYPT_KIND__ENCRYPT || mechanism->mechanism != CKM_AES_GCM || mechanism->ulParameterLen != sizeof gcm)
		return (struct room){ NULL, 0, 0 };
	memcpy(&gcm, mechanism->pParameter, sizeof gcm);
	return (struct room){ gcm.pIv, gcm.ulIvLen ? gcm.ulIvLen : (gcm.ulIvBits + 7) / 8, 0 };
}

/* PKCS#11 3.0: "C_EncryptInit can be called with pMechanism set to NULL_PTR to terminate an active encryption operation." */
CK_RV operation_begin(struct session *session, Craton__CryptKind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle)
{
	struct operation *operation = &session->operations[kind];
	struct offered offered;
	Craton__Mechanism *wire = NULL;
	struct object *key;
	if (!mechanism)
		return operation->is_active ? operation_refuse(operation, CKR_OK) : CKR_ARGUMENTS_BAD;
	if (operation->is_active)
		return CKR_OPERATION_ACTIVE;
	CK_RV rv = operation_find_key(session, kind, mechanism->mechanism, handle, &offered, &key);
	if (rv == CKR_OK)
		rv = mechanism_to_wire(mechanism, offered.takes_bytes, &wire);
	if (rv != CKR_OK) {
		object_release(key);
		return rv;
	}
	operation_start(session, operation, wire, key);
	operation->iv = room_for_iv(kind, mechanism);
	return CKR_OK;
}
