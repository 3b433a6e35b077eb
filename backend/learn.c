#include "backend/learn.h"
#include "backend/key_info.h"
#include <string.h>

#define VALUE_SIZE_MAX (5u << 20)

CK_RV read_attribute(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type,
                     struct buf *out)
{
	size_t before = out->size;
	CK_ATTRIBUTE attribute = { type, NULL, 0 };
	CK_RV rv = p11->C_GetAttributeValue(session, key, &attribute, 1);
	if (rv != CKR_OK)
		return rv;
	if (attribute.ulValueLen > VALUE_SIZE_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (attribute.ulValueLen == 0)
		return CKR_OK;
	if (!(attribute.pValue = buf_extend(out, attribute.ulValueLen)))
		return CKR_HOST_MEMORY;
	rv = p11->C_GetAttributeValue(session, key, &attribute, 1);
	size_t read = rv == CKR_OK && attribute.ulValueLen <= out->size - before ? attribute.ulValueLen : 0;
	secret_wipe(out->data + before + read, out->size - before - read);
	out->size = before + read;
	return rv;
}

enum need { MUST, MAY };

/* PKCS#11 2.40 mechanisms: tables of RSA, EC, DSA, DH key objects; and of secret keys (CKA_VALUE_LEN, CKA_CHECK_VALUE). */
static const struct {
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE key_type; /* of secret keys: any */
	CK_ATTRIBUTE_TYPE type;
	enum need need;
} facts[] = {
	{ CKO_PUBLIC_KEY, CKK_RSA, CKA_MODULUS, MUST },
	{ CKO_PUBLIC_KEY, CKK_RSA, CKA_PUBLIC_EXPONENT, MUST },
	{ CKO_PRIVATE_KEY, CKK_RSA, CKA_MODULUS, MUST },
	{ CKO_PRIVATE_KEY, CKK_RSA, CKA_PUBLIC_EXPONENT, MAY },
	{ CKO_PUBLIC_KEY, CKK_EC, CKA_EC_PARAMS, MUST },
	{ CKO_PUBLIC_KEY, CKK_EC, CKA_EC_POINT, MUST },
	{ CKO_PRIVATE_KEY, CKK_EC, CKA_EC_PARAMS, MAY },
	{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, CKA_EC_PARAMS, MUST },
	{ CKO_PUBLIC_KEY, CKK_EC_EDWARDS, CKA_EC_POINT, MUST },
	{ CKO_PRIVATE_KEY, CKK_EC_EDWARDS, CKA_EC_PARAMS, MAY },
	{ CKO_PUBLIC_KEY, CKK_DSA, CKA_PRIME, MUST },
	{ CKO_PUBLIC_KEY, CKK_DSA, CKA_SUBPRIME, MUST },
	{ CKO_PUBLIC_KEY, CKK_DSA, CKA_BASE, MUST },
	{ CKO_PUBLIC_KEY, CKK_DSA, CKA_VALUE, MUST },
	{ CKO_PRIVATE_KEY, CKK_DSA, CKA_PRIME, MAY },
	{ CKO_PRIVATE_KEY, CKK_DSA, CKA_SUBPRIME, MAY },
	{ CKO_PRIVATE_KEY, CKK_DSA, CKA_BASE, MAY },
	{ CKO_PUBLIC_KEY, CKK_DH, CKA_PRIME, MUST },
	{ CKO_PUBLIC_KEY, CKK_DH, CKA_BASE, MUST },
	{ CKO_PUBLIC_KEY, CKK_DH, CKA_VALUE, MUST },
	{ CKO_PRIVATE_KEY, CKK_DH, CKA_PRIME, MAY },
	{ CKO_PRIVATE_KEY, CKK_DH, CKA_BASE, MAY },
	{ CKO_PRIVATE_KEY, CKK_DH, CKA_VALUE_BITS, MAY },
	{ CKO_DOMAIN_PARAMETERS, CKK_DSA, CKA_PRIME, MUST },
	{ CKO_DOMAIN_PARAMETERS, CKK_DSA, CKA_SUBPRIME, MUST },
	{ CKO_DOMAIN_PARAMETERS, CKK_DSA, CKA_BASE, MUST },
	{ CKO_DOMAIN_PARAMETERS, CKK_DH, CKA_PRIME, MUST },
	{ CKO_DOMAIN_PARAMETERS, CKK_DH, CKA_BASE, MUST },
	{ CKO_SECRET_KEY, CK_UNAVAILABLE_INFORMATION, CKA_VALUE_LEN, MAY },
	{ CKO_SECRET_KEY, CK_UNAVAILABLE_INFORMATION, CKA_CHECK_VALUE, MAY },
};

bool has_fixed_length(CK_KEY_TYPE type)
{
	return type == CKK_DES || type == CKK_DES2 || type == CKK_DES3;
}

static bool applies(size_t fact, CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
	if (facts[fact].class != class)
		return false;
	if (class != CKO_SECRET_KEY)
		return facts[fact].key_type == type;
	return facts[fact].type != CKA_VALUE_LEN || !has_fixed_length(type);
}

/* A token's CK_ULONG is as long as ours; the directory's is eight bytes. */
static enum err set_learned(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, const struct buf *value)
{
	if (attribute_shape(type) != SHAPE_ULONG)
		return attribute_list_set(list, type, value->data, value->size);
	CK_ULONG number;
	if (value->size != sizeof number)
		return ERR_MALFORMED;
	memcpy(&number, value->data, sizeof number);
	if (type == CKA_VALUE_LEN && number == 0)
		return ERR_OK; /* there is no such secret: SoftHSM 2.6.1 does not know */
	return attribute_list_set_ulong(list, type, number);
}

static CK_RV learn_one(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type,
                       enum need need, struct attribute_list *list)
{
	struct buf value;
	buf_init(&value, VALUE_SIZE_MAX);
	CK_RV rv = read_attribute(p11, session, key, type, &value);
	if (rv == CKR_OK && value.size > 0) {
		enum err err = set_learned(list, type, &value);
		rv = err == ERR_OK ? CKR_OK : err == ERR_NO_MEMORY ? CKR_HOST_MEMORY : CKR_DEVICE_ERROR;
	} else if (need == MAY && rv != CKR_HOST_MEMORY) {
		rv = CKR_OK;
	} else if (rv == CKR_OK) {
		rv = CKR_DEVICE_ERROR; /* it does not say what every such key has */
	}
	buf_finish(&value);
	return rv;
}

/* "If a value is supplied in the application template (allowed but never necessary) then, if supported, it MUST match what the library
 * calculates it to be or the library returns a CKR_ATTRIBUTE_VALUE_INVALID." And one of no length is wanted so. */
static CK_RV check_value(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const Craton__Attribute *said)
{
	struct buf value;
	if (said->value.len == 0)
		return CKR_OK;
	buf_init(&value, VALUE_SIZE_MAX);
	CK_RV rv = read_attribute(p11, session, key, CKA_CHECK_VALUE, &value);
	bool differs = rv == CKR_OK && value.size > 0 &&
	               (value.size != said->value.len || memcmp(value.data, said->value.data, value.size) != 0);
	buf_finish(&value);
	if (rv == CKR_HOST_MEMORY)
		return rv;
	return differs ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
}

CK_RV learn(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, Craton__Object *object)
{
	CK_OBJECT_CLASS class = object_class(object);
	CK_KEY_TYPE type = object_key_type(object);
	struct attribute_list list = object_list(object);
	CK_RV rv = CKR_OK;
	for (size_t i = 0; rv == CKR_OK && i < sizeof facts / sizeof *facts; i++) {
		const Craton__Attribute *said = attribute_list_get(&list, facts[i].type);
		if (!applies(i, class, type))
			continue;
		if (facts[i].type == CKA_CHECK_VALUE && said)
			rv = check_value(p11, session, key, said);
		else
			rv = learn_one(p11, session, key, facts[i].type, facts[i].need, &list);
	}
	if (rv == CKR_OK && (class == CKO_PUBLIC_KEY || class == CKO_PRIVATE_KEY))
		rv = key_info_set(&list);
	object_take_list(object, &list);
	return rv;
}

CK_RV learn_from_public(const Craton__Object *public_object, Craton__Object *private_object)
{
	static const CK_ATTRIBUTE_TYPE shared[] = {
		CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_PRIME, CKA_SUBPRIME, CKA_BASE, CKA_PUBLIC_KEY_INFO,
	};
	struct attribute_list from = object_list(public_object);
	struct attribute_list to = object_list(private_object);
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < sizeof shared / sizeof *shared; i++) {
		const Craton__Attribute *attribute = attribute_list_get(&from, shared[i]);
		bool left_out = shared[i] == CKA_PUBLIC_KEY_INFO && attribute_list_get(&to, shared[i]);
		if (attribute && !left_out)
			err = attribute_list_set(&to, shared[i], attribute->value.data, attribute->value.len);
	}
	object_take_list(private_object, &to);
	return err == ERR_OK ? CKR_OK : CKR_HOST_MEMORY;
}
