/* Digests (PKCS#11 2.40, 5.10): made here, in a library context of our own, and known to no member. */
#include "pkcs11/digest.h"
#include "pkcs11/attributes.h"
#include "base/secret.h"
#include <openssl/evp.h>

CK_RV digest_end(struct session *session, CK_RV rv)
{
	EVP_MD_CTX_free(session->digest);
	session->digest = NULL;
	return rv;
}

static CK_RV digest_init(struct session *session, const CK_MECHANISM *mechanism)
{
	if (!mechanism)
		return session->digest ? digest_end(session, CKR_OK) : CKR_ARGUMENTS_BAD;
	if (session->digest)
		return CKR_OPERATION_ACTIVE;
	const struct hash_facts *facts = hash_facts(mechanism->mechanism);
	if (!facts || !digest_algorithm(facts->name))
		return CKR_MECHANISM_INVALID;
	if (mechanism->ulParameterLen)
		return CKR_MECHANISM_PARAM_INVALID;
	session->digest_facts = facts;
	session->digest_has_parts = false;
	session->digest = digest_begin(facts);
	return session->digest ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV C_DigestInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, digest_init(session, mechanism));
}

CK_RV digest_add(struct session *session, struct bytes part)
{
	if (!session->digest)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (check_bytes(part.data, part.size) != CKR_OK)
		return digest_end(session, CKR_ARGUMENTS_BAD);
	session->digest_has_parts = true;
	return EVP_DigestUpdate(session->digest, part.data, part.size) == 1 ? CKR_OK : digest_end(session, CKR_HOST_MEMORY);
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE_PTR part, CK_ULONG part_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, digest_add(session, (struct bytes){ part, part_size }));
}

/* True if only the length was asked for, or there is too little room. */
static bool is_about_length(const struct session *session, CK_BYTE_PTR out, CK_ULONG_PTR size, CK_RV *rv)
{
	size_t needed = session->digest_facts->size;
	bool is_short = out && *size < needed;
	*rv = is_short ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	if (!out || is_short)
		*size = needed;
	return !out || is_short;
}

static CK_RV digest_final(struct session *session, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	CK_RV rv;
	unsigned made = 0;
	if (!session->digest)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!size)
		return digest_end(session, CKR_ARGUMENTS_BAD);
	if (is_about_length(session, out, size, &rv))
		return rv;
	rv = EVP_DigestFinal_ex(session->digest, out, &made) == 1 ? CKR_OK : CKR_HOST_MEMORY;
	*size = made;
	return digest_end(session, rv);
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, digest_final(session, out, size));
}

static CK_RV digest_once(struct session *session, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	CK_RV rv;
	if (!session->digest)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (session->digest_has_parts)
		return digest_end(session, CKR_OPERATION_NOT_INITIALIZED);
	if (!size || check_bytes(data.data, data.size) != CKR_OK)
		return digest_end(session, CKR_ARGUMENTS_BAD);
	if (is_about_length(session, out, size, &rv))
		return rv;
	rv = digest_add(session, data);
	return rv == CKR_OK ? digest_final(session, out, size) : rv;
}

CK_RV C_Digest(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG data_size, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, digest_once(session, (struct bytes){ data, data_size }, out, size));
}

/* "CKR_KEY_INDIGESTIBLE: the value of the specified key cannot be digested for some reason": it may not be read. */
static CK_RV digest_value(struct session *session, struct object *key)
{
	Craton__Reply *reply;
	uint64_t types[] = { CKA_VALUE };
	if (attribute_list_ulong(&key->attributes, CKA_CLASS, CKO_DATA) != CKO_SECRET_KEY)
		return CKR_KEY_HANDLE_INVALID;
	CK_RV rv = attributes_ask(session, key, types, 1, &reply);
	if (rv != CKR_OK)
		return rv_for_key(rv);
	Craton__AttributeAnswer *answer = reply->attributes->n_list == 1 ? reply->attributes->list[0] : NULL;
	bool is_read = answer && answer->rv == CKR_OK;
	rv = is_read ? digest_add(session, (struct bytes){ answer->value.data, answer->value.len }) : CKR_KEY_INDIGESTIBLE;
	if (is_read && answer->value.len)
		secret_wipe(answer->value.data, answer->value.len);
	reply_free(reply);
	return rv;
}

static CK_RV digest_key(struct session *session, CK_OBJECT_HANDLE handle)
{
	if (!session->digest)
		return CKR_OPERATION_NOT_INITIALIZED;
	struct object *key = session_object(session, handle);
	CK_RV rv = key ? digest_value(session, key) : CKR_KEY_HANDLE_INVALID;
	object_release(key);
	return rv == CKR_OK ? CKR_OK : digest_end(session, rv);
}

CK_RV C_DigestKey(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, digest_key(session, key));
}
