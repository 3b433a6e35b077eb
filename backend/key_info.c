#include "backend/key_info.h"
#include "base/digest.h"
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

static bool is_said(const Craton__Attribute *attribute)
{
	return attribute && attribute->value.len > 0;
}

/* What OpenSSL calls a number that we have as an attribute. */
struct part {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
};

static bool add_number(OSSL_PARAM_BLD *builder, const struct attribute_list *key, const struct part *part, BIGNUM **out)
{
	const Craton__Attribute *attribute = attribute_list_get(key, part->type);
	if (!is_said(attribute) || attribute->value.len > INT_MAX)
		return false;
	*out = BN_bin2bn(attribute->value.data, (int)attribute->value.len, NULL);
	return *out && OSSL_PARAM_BLD_push_BN(builder, part->name, *out) == 1;
}

static EVP_PKEY *build(const char *algorithm, OSSL_PARAM_BLD *builder)
{
	EVP_PKEY *out = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(digest_context(), algorithm, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	if (context && params && EVP_PKEY_fromdata_init(context) == 1)
		EVP_PKEY_fromdata(context, &out, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(context);
	return out;
}

#define PARTS_MAX 4

static EVP_PKEY *from_numbers(const char *algorithm, const struct attribute_list *key, const struct part *parts, size_t count)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *numbers[PARTS_MAX] = { NULL };
	bool all = builder != NULL;
	for (size_t i = 0; all && i < count; i++)
		all = add_number(builder, key, &parts[i], &numbers[i]);
	EVP_PKEY *out = all ? build(algorithm, builder) : NULL;
	OSSL_PARAM_BLD_free(builder);
	for (size_t i = 0; i < count; i++)
		BN_free(numbers[i]);
	return out;
}

static const char *curve_name(const Craton__Attribute *params)
{
	const unsigned char *at = params->value.data;
	ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, (long)params->value.len);
	int nid = oid ? OBJ_obj2nid(oid) : NID_undef;
	ASN1_OBJECT_free(oid);
	return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

/* "DER-encoding of ANSI X9.62 ECPoint value": an OCTET STRING; bare bytes are met with too. */
static struct bytes point_of(const Craton__Attribute *point)
{
	const unsigned char *at = point->value.data;
	long size;
	int tag, class;
	int head = ASN1_get_object(&at, &size, &tag, &class, (long)point->value.len);
	if ((head & 0x80) == 0 && tag == V_ASN1_OCTET_STRING && at + size == point->value.data + point->value.len)
		return (struct bytes){ at, (size_t)size };
	return (struct bytes){ point->value.data, point->value.len };
}

static EVP_PKEY *from_curve(const struct attribute_list *key)
{
	const Craton__Attribute *params = attribute_list_get(key, CKA_EC_PARAMS), *point = attribute_list_get(key, CKA_EC_POINT);
	const char *name = is_said(params) && is_said(point) ? curve_name(params) : NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY *out = NULL;
	if (name && builder) {
		struct bytes bytes = point_of(point);
		if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) == 1 &&
		    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, bytes.data, bytes.size) == 1)
			out = build("EC", builder);
	}
	OSSL_PARAM_BLD_free(builder);
	return out;
}

/* RFC 8032 and 7748: the curve follows from what it is for and how long a point is. */
static EVP_PKEY *from_raw(CK_KEY_TYPE type, const struct attribute_list *key)
{
	const Craton__Attribute *point = attribute_list_get(key, CKA_EC_POINT);
	if (!is_said(point))
		return NULL;
	struct bytes bytes = point_of(point);
	const char *name = NULL;
	if (type == CKK_EC_EDWARDS)
		name = bytes.size == 32 ? "ED25519" : bytes.size == 57 ? "ED448" : NULL;
	else
		name = bytes.size == 32 ? "X25519" : bytes.size == 56 ? "X448" : NULL;
	return name ? EVP_PKEY_new_raw_public_key_ex(digest_context(), name, NULL, bytes.data, bytes.size) : NULL;
}

static EVP_PKEY *public_key_of(const struct attribute_list *key)
{
	static const struct part rsa[] = { { CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N }, { CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E } };
	static const struct part dsa[] = { { CKA_VALUE, OSSL_PKEY_PARAM_PUB_KEY }, { CKA_PRIME, OSSL_PKEY_PARAM_FFC_P },
	                                   { CKA_BASE, OSSL_PKEY_PARAM_FFC_G }, { CKA_SUBPRIME, OSSL_PKEY_PARAM_FFC_Q } };
	bool is_public = attribute_list_ulong(key, CKA_CLASS, CKO_DATA) == CKO_PUBLIC_KEY;
	CK_KEY_TYPE type = attribute_list_ulong(key, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
	if (type == CKK_RSA)
		return from_numbers("RSA", key, rsa, 2);
	if (!is_public) /* CKA_VALUE is another thing there */
		return NULL;
	switch (type) {
	case CKK_EC:
		return from_curve(key);
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY:
		return from_raw(type, key);
	case CKK_DSA:
		return from_numbers("DSA", key, dsa, 4);
	case CKK_DH:
		return from_numbers("DH", key, dsa, 3);
	case CKK_X9_42_DH:
		return from_numbers("DHX", key, dsa, 4);
	default:
		return NULL;
	}
}

static CK_RV check(const Craton__Attribute *said, const EVP_PKEY *key)
{
	const unsigned char *at = said->value.data;
	EVP_PKEY *other = d2i_PUBKEY_ex(NULL, &at, (long)said->value.len, digest_context(), NULL);
	bool same = other && at == said->value.data + said->value.len && EVP_PKEY_eq(key, other) == 1;
	EVP_PKEY_free(other);
	return same ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV set(struct attribute_list *list, const EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);
	enum err err = size > 0 ? attribute_list_set(list, CKA_PUBLIC_KEY_INFO, der, (size_t)size) : ERR_OK;
	OPENSSL_free(der);
	return err == ERR_OK ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV key_info_set(struct attribute_list *list)
{
	const Craton__Attribute *said = attribute_list_get(list, CKA_PUBLIC_KEY_INFO);
	if (said && said->value.len == 0)
		return CKR_OK;
	EVP_PKEY *key = public_key_of(list);
	CK_RV rv = CKR_OK;
	if (key)
		rv = said ? check(said, key) : set(list, key);
	else if (said)
		rv = CKR_ATTRIBUTE_TYPE_INVALID;
	EVP_PKEY_free(key);
	return rv;
}
