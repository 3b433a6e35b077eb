/* Key material that comes from outside the token, and what may be read back. */
#include "backend/domain_private.h"
#include "backend/learn.h"
#include "backend/seal_private.h"

/* A private data object's value travels as a generic secret. Its length goes before it: a secret of no length is none, and not
 * every token gives back the length it was given (domain_keys_keep_length). */
#define DATA_SIZE_MAX (ATTRIBUTE_SIZE_MAX + 8u)

static void data_identity(struct physical *physical)
{
	physical_number(physical, CKA_CLASS, CKO_SECRET_KEY);
	physical_number(physical, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
	physical_flag(physical, CKA_TOKEN, false);
	physical_flag(physical, CKA_PRIVATE, true);
	physical_flag(physical, CKA_SENSITIVE, false);
	physical_flag(physical, CKA_EXTRACTABLE, true);
}

static void import_data(struct physical *physical, const struct attribute_list *secret, struct buf *padded)
{
	const Craton__Attribute *value = attribute_list_get(secret, CKA_VALUE);
	data_identity(physical);
	buf_add_u64(padded, value ? value->value.len : 0);
	if (value)
		buf_add(padded, value->value.data, value->value.len);
	physical_bytes(physical, CKA_VALUE, padded->data, padded->size);
}

static void import_parts(struct physical *physical, const struct attribute_list *secret, const Craton__Object *object)
{
	static const CK_ATTRIBUTE_TYPE shared[] = {
		CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_PRIME, CKA_SUBPRIME, CKA_BASE,
	};
	physical_identity(physical, object);
	physical_guard(physical, object, seal_kind_for(object), true);
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
		physical_from(physical, object, shared[i]);
	for (size_t i = 0; i < secret->count; i++)
		physical_bytes(physical, secret->items[i]->type, secret->items[i]->value.data, secret->items[i]->value.len);
}

#define SECRET_PARTS_MAX 10 /* of an RSA private key there are eight */

CK_RV seal_import(struct domain *domain, const struct attribute_list *secret, Craton__Object *object)
{
	struct token *token = domain_token(domain);
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	struct physical physical = { .count = 0 };
	struct buf padded;
	bool data = object_class(object) == CKO_DATA;
	if (secret->count > SECRET_PARTS_MAX)
		return CKR_TEMPLATE_INCONSISTENT;
	buf_init(&padded, DATA_SIZE_MAX);
	if (data)
		import_data(&physical, secret, &padded);
	else
		import_parts(&physical, secret, object);
	CK_RV rv = padded.failed ? CKR_HOST_MEMORY : token_borrow(token, &session);
	if (rv == CKR_OK) {
		rv = p11->C_CreateObject(session, physical.list, physical.count, &key);
		if (rv == CKR_OK && !data)
			rv = learn(p11, session, key, object);
		if (rv == CKR_OK)
			rv = seal_key(domain, session, key, object);
		seal_session_return(domain, session, rv, &key, 1);
	}
	buf_finish(&padded);
	return rv;
}

static CK_RV unseal_for_reading(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object,
                                CK_OBJECT_HANDLE *out)
{
	CK_RV rv = seal_check_on(domain, session, object);
	if (rv != CKR_OK)
		return rv;
	struct physical physical = { .count = 0 };
	if (object_class(object) == CKO_DATA)
		data_identity(&physical);
	else
		physical_identity(&physical, object);
	if (object_class(object) != CKO_DATA)
		physical_guard(&physical, object, (enum seal_kind)object->sealed->kind, false);
	return seal_unwrap(domain, session, object->sealed, &physical, out);
}

/* What the token gave → what was sealed. */
static CK_RV add_value(const Craton__Object *object, CK_ATTRIBUTE_TYPE type, const struct buf *value, struct buf *out)
{
	struct cursor cursor = cursor_over(value->data, value->size);
	uint64_t size = value->size;
	if (object_class(object) == CKO_DATA) {
		size = cursor_u64(&cursor);
	} else if (object_class(object) == CKO_SECRET_KEY && type == CKA_VALUE) {
		struct attribute_list list = object_list(object);
		uint64_t length = attribute_list_ulong(&list, CKA_VALUE_LEN, size);
		size = length < size ? length : size;
	}
	if (cursor.failed || size > cursor.size)
		return CKR_ENCRYPTED_DATA_INVALID;
	buf_add(out, cursor.data, (size_t)size);
	return out->failed ? CKR_HOST_MEMORY : CKR_OK;
}

CK_RV unseal_value(struct domain *domain, const Craton__Object *object, CK_ATTRIBUTE_TYPE type, struct buf *out)
{
	struct token *token = domain_token(domain);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	struct buf value;
	bool data = object_class(object) == CKO_DATA;
	if (!data && (object_flag(object, CKA_SENSITIVE, true) || !object_flag(object, CKA_EXTRACTABLE, false)))
		return CKR_ATTRIBUTE_SENSITIVE;
	if (data && type != CKA_VALUE)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	buf_init(&value, DATA_SIZE_MAX + 8u);
	rv = unseal_for_reading(domain, session, object, &key);
	if (rv == CKR_OK)
		rv = read_attribute(token_functions(token), session, key, type, &value);
	if (rv == CKR_OK)
		rv = add_value(object, type, &value, out);
	seal_session_return(domain, session, rv, &key, 1);
	buf_finish(&value);
	return rv;
}
