/* Key material that comes from outside the token, and what may be read back. */
#include "backend/domain_private.h"
#include "backend/held.h"
#include "backend/learn.h"
#include "backend/rsa_parts.h"
#include "backend/seal_private.h"

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

static CK_RV import_key(struct domain *domain, const struct attribute_list *secret, Craton__Object *object)
{
	struct token *token = domain_token(domain);
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	struct physical physical = { .count = 0 };
	import_parts(&physical, secret, object);
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_CreateObject(session, physical.list, physical.count, &key);
	if (rv == CKR_OK)
		rv = learn(p11, session, key, object);
	if (rv == CKR_OK)
		rv = seal_key(domain, session, key, object);
	seal_session_return(domain, session, rv, &key, 1);
	return rv;
}

static CK_RV import_data(struct domain *domain, const struct attribute_list *secret, Craton__Object *object)
{
	const Craton__Attribute *value = attribute_list_get(secret, CKA_VALUE);
	struct bytes bytes = { value ? value->value.data : NULL, value ? value->value.len : 0 };
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow(domain_token(domain), &session);
	if (rv != CKR_OK)
		return rv;
	rv = seal_value(domain, session, SEAL_OPEN, &bytes, object);
	token_return(domain_token(domain), session, rv);
	return rv;
}

static CK_RV import_completed(struct domain *domain, const struct attribute_list *secret, Craton__Object *object)
{
	struct attribute_list all;
	CK_RV rv = rsa_parts_add(object, secret, &all);
	if (rv == CKR_OK)
		rv = import_key(domain, &all, object);
	attribute_list_finish(&all);
	return rv;
}

CK_RV seal_import(struct domain *domain, const struct attribute_list *secret, Craton__Object *object)
{
	if (secret->count > SECRET_PARTS_MAX)
		return CKR_TEMPLATE_INCONSISTENT;
	if (object_class(object) == CKO_DATA)
		return import_data(domain, secret, object);
	if (held_kind(object) & domain_held_made(domain))
		return held_import(domain, secret, object);
	return rsa_parts_missing(object, secret) ? import_completed(domain, secret, object) : import_key(domain, secret, object);
}

/* The bytes of a secret key as they were sealed; a token may have left zeros behind them. */
static void add_value(const Craton__Object *object, CK_ATTRIBUTE_TYPE type, const struct buf *value, struct buf *out)
{
	struct attribute_list list = object_list(object);
	uint64_t size = value->size;
	if (object_class(object) == CKO_SECRET_KEY && type == CKA_VALUE)
		size = attribute_list_ulong(&list, CKA_VALUE_LEN, size);
	buf_add(out, value->data, size < value->size ? (size_t)size : value->size);
}

static CK_RV read_key(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, CK_ATTRIBUTE_TYPE type,
                      CK_OBJECT_HANDLE *key, struct buf *out)
{
	struct buf value;
	CK_RV rv = unseal_checked(domain, session, object, key);
	if (rv != CKR_OK)
		return rv;
	buf_init(&value, ATTRIBUTE_SIZE_MAX + 8u);
	rv = read_attribute(token_functions(domain_token(domain)), session, *key, type, &value);
	if (rv == CKR_OK)
		add_value(object, type, &value, out);
	buf_finish(&value);
	return rv;
}

static CK_RV read_bare(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, struct buf *out)
{
	struct secret *value = NULL;
	CK_RV rv = unseal_bare(domain, session, object->sealed, &value);
	if (rv == CKR_OK)
		buf_add(out, value->data, value->size);
	secret_destroy(value);
	return rv;
}

CK_RV unseal_value(struct domain *domain, const Craton__Object *object, CK_ATTRIBUTE_TYPE type, struct buf *out)
{
	struct token *token = domain_token(domain);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	bool data = object_class(object) == CKO_DATA;
	if (!data && (object_flag(object, CKA_SENSITIVE, true) || !object_flag(object, CKA_EXTRACTABLE, false)))
		return CKR_ATTRIBUTE_SENSITIVE;
	if (data && type != CKA_VALUE)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = seal_check_on(domain, session, object);
	if (rv == CKR_OK)
		rv = data ? read_bare(domain, session, object, out) : read_key(domain, session, object, type, &key, out);
	if (rv == CKR_OK && out->failed)
		rv = CKR_HOST_MEMORY;
	seal_session_return(domain, session, rv, &key, 1);
	return rv;
}
