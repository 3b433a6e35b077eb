/* A value by itself: a generic secret under the open key, with its length before it, for a secret of no length is none, and not every
 * token gives back the length it was given (domain_keys_keep_length). */
#include "backend/domain_private.h"
#include "backend/held.h"
#include "backend/seal_private.h"
#include <string.h>

#define LENGTH_SIZE 8
/* What a token may give back beyond it: zeros up to a multiple of eight. */
#define VALUE_SIZE_MAX (ATTRIBUTE_SIZE_MAX + LENGTH_SIZE + 8u)

static void readable(struct physical *physical)
{
	*physical = (struct physical){ .count = 0 };
	physical_number(physical, CKA_CLASS, CKO_SECRET_KEY);
	physical_number(physical, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
	physical_flag(physical, CKA_TOKEN, false);
	physical_flag(physical, CKA_PRIVATE, true);
	physical_flag(physical, CKA_SENSITIVE, false);
	physical_flag(physical, CKA_EXTRACTABLE, true);
}

static CK_RV create_readable(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct bytes *value, CK_OBJECT_HANDLE *out)
{
	struct physical physical;
	struct secret *framed = secret_create(NULL, LENGTH_SIZE + value->size);
	if (!framed)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < LENGTH_SIZE; i++)
		framed->data[i] = (uint8_t)((uint64_t)value->size >> (8 * (LENGTH_SIZE - 1 - i)));
	if (value->size)
		memcpy(framed->data + LENGTH_SIZE, value->data, value->size);
	readable(&physical);
	physical_bytes(&physical, CKA_VALUE, framed->data, framed->size);
	CK_RV rv = p11->C_CreateObject(session, physical.list, physical.count, out);
	secret_destroy(framed);
	return rv;
}

CK_RV seal_value(struct domain *domain, CK_SESSION_HANDLE session, enum seal_kind kind, const struct bytes *value,
                 Craton__Object *object)
{
	CK_FUNCTION_LIST *p11 = token_functions(domain_token(domain));
	CK_OBJECT_HANDLE framed;
	CK_RV rv = create_readable(p11, session, value, &framed);
	if (rv != CKR_OK)
		return rv;
	rv = seal_as(domain, session, kind, framed, object);
	CK_RV destroyed = p11->C_DestroyObject(session, framed);
	return rv == CKR_OK ? destroyed : rv;
}

CK_RV value_length(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ULONG *size)
{
	CK_ATTRIBUTE value = { CKA_VALUE, NULL, 0 };
	CK_RV rv = p11->C_GetAttributeValue(session, key, &value, 1);
	*size = value.ulValueLen;
	return rv == CKR_OK && *size > VALUE_SIZE_MAX ? CKR_DEVICE_ERROR : rv;
}

static CK_RV read_value(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct secret **out)
{
	CK_ATTRIBUTE value = { CKA_VALUE, NULL, 0 };
	CK_RV rv = value_length(p11, session, key, &value.ulValueLen);
	if (rv != CKR_OK)
		return rv;
	struct secret *secret = secret_create(NULL, value.ulValueLen);
	if (!secret)
		return CKR_HOST_MEMORY;
	value.pValue = secret->data;
	rv = p11->C_GetAttributeValue(session, key, &value, 1);
	if (rv == CKR_OK && value.ulValueLen != secret->size)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK)
		*out = secret;
	else
		secret_destroy(secret);
	return rv;
}

/* Its owner asked for a key that may leave, and what is about to be sealed can be read (physical_guard). */
CK_RV seal_value_of(struct domain *domain, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, Craton__Object *object)
{
	struct attribute_list list = object_list(object);
	struct secret *secret = NULL;
	CK_RV rv = read_value(token_functions(domain_token(domain)), session, key, &secret);
	if (rv != CKR_OK)
		return rv;
	uint64_t length = attribute_list_ulong(&list, CKA_VALUE_LEN, secret->size);
	struct bytes value = { secret->data, length < secret->size ? length : secret->size };
	rv = seal_value(domain, session, SEAL_VALUE, &value, object);
	secret_destroy(secret);
	return rv;
}

static CK_RV cut(const struct secret *framed, struct secret **out)
{
	struct cursor cursor = cursor_over(framed->data, framed->size);
	uint64_t size = cursor_u64(&cursor);
	if (cursor.failed || size > cursor.size)
		return CKR_ENCRYPTED_DATA_INVALID;
	*out = secret_create(cursor.data, (size_t)size);
	return *out ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV unseal_bare(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Sealed *sealed, struct secret **out)
{
	CK_FUNCTION_LIST *p11 = token_functions(domain_token(domain));
	CK_OBJECT_HANDLE key;
	struct secret *framed = NULL;
	struct physical physical;
	readable(&physical);
	CK_RV rv = seal_unwrap(domain, session, sealed, &physical, &key);
	if (rv != CKR_OK)
		return rv;
	rv = read_value(p11, session, key, &framed);
	CK_RV destroyed = p11->C_DestroyObject(session, key);
	if (rv == CKR_OK)
		rv = destroyed;
	if (rv == CKR_OK)
		rv = cut(framed, out);
	secret_destroy(framed);
	return rv;
}

CK_RV value_import(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, struct physical *physical,
                   CK_OBJECT_HANDLE *out)
{
	struct secret *value = NULL;
	if (object_class(object) == CKO_PRIVATE_KEY && !(held_kind(object) & domain_held_allowed(domain)))
		return CKR_KEY_FUNCTION_NOT_PERMITTED; /* this node's operator does not want to see it */
	CK_RV rv = unseal_bare(domain, session, object->sealed, &value);
	if (rv != CKR_OK)
		return rv;
	physical_from(physical, object, CKA_EC_PARAMS);
	physical_bytes(physical, CKA_VALUE, value->data, value->size);
	rv = token_functions(domain_token(domain))->C_CreateObject(session, physical->list, physical->count, out);
	secret_destroy(value);
	return rv;
}
