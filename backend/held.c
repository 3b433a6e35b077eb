#include "backend/held.h"
#include "backend/domain_private.h"
#include "backend/key_info.h"
#include "backend/learn.h"
#include "backend/seal_private.h"
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <strings.h>

#define POINT_SIZE_MAX 57

/* RFC 8410: the curves' object identifiers; PKCS#11 v3.0, 2.3.5: their names, as a PrintableString. */
static const struct curve {
	enum held kind;
	const char *name;       /* the operator's and OpenSSL's */
	uint8_t oid[5];
	const char *curve_name;
	size_t size;            /* bytes of the private and of the public value */
} curves[] = {
	{ HELD_ED25519, "ED25519", { 0x06, 0x03, 0x2b, 0x65, 0x70 }, "edwards25519", 32 },
	{ HELD_ED448, "ED448", { 0x06, 0x03, 0x2b, 0x65, 0x71 }, "edwards448", 57 },
	{ HELD_X25519, "X25519", { 0x06, 0x03, 0x2b, 0x65, 0x6e }, "curve25519", 32 },
	{ HELD_X448, "X448", { 0x06, 0x03, 0x2b, 0x65, 0x6f }, "curve448", 56 },
};

unsigned held_named(const char *name)
{
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (strcasecmp(curves[i].name, name) == 0)
			return curves[i].kind;
	return 0;
}

static bool is_curve(const struct curve *curve, const ProtobufCBinaryData *parameters)
{
	size_t size = strlen(curve->curve_name);
	if (parameters->len == sizeof curve->oid)
		return memcmp(parameters->data, curve->oid, sizeof curve->oid) == 0;
	return parameters->len == size + 2 && parameters->data[0] == 0x13 && parameters->data[1] == size &&
	       memcmp(parameters->data + 2, curve->curve_name, size) == 0;
}

static const struct curve *curve_of(const Craton__Object *object)
{
	CK_OBJECT_CLASS class = object_class(object);
	CK_KEY_TYPE type = object_key_type(object);
	struct attribute_list list = object_list(object);
	const Craton__Attribute *parameters = attribute_list_get(&list, CKA_EC_PARAMS);
	if ((class != CKO_PRIVATE_KEY && class != CKO_PUBLIC_KEY) || (type != CKK_EC_EDWARDS && type != CKK_EC_MONTGOMERY) || !parameters)
		return NULL;
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (is_curve(&curves[i], &parameters->value))
			return &curves[i];
	return NULL;
}

unsigned held_kind(const Craton__Object *object)
{
	const struct curve *curve = curve_of(object);
	return curve ? curve->kind : 0;
}

/* A private value of these curves is any string of its length. OpenSSL copies it to compute the public half, and wipes the copy; its
 * secure heap would be locked too, but is the whole process's, the token's module included, and fails when it is full. */
static CK_RV make_values(const struct curve *curve, struct secret *private, uint8_t public[POINT_SIZE_MAX])
{
	size_t size = curve->size;
	if (RAND_priv_bytes(private->data, (int)private->size) != 1)
		return CKR_DEVICE_ERROR;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key_ex(NULL, curve->name, NULL, private->data, private->size);
	bool done = key && EVP_PKEY_get_raw_public_key(key, public, &size) == 1 && size == curve->size;
	EVP_PKEY_free(key);
	return done ? CKR_OK : CKR_DEVICE_MEMORY;
}

/* "CKA_EC_POINT: the DER-encoding of the public value", an OCTET STRING. */
static enum err set_point(const struct curve *curve, const uint8_t *public, struct attribute_list *list)
{
	uint8_t der[2 + POINT_SIZE_MAX] = { 0x04, (uint8_t)curve->size };
	memcpy(der + 2, public, curve->size);
	return attribute_list_set(list, CKA_EC_POINT, der, 2 + curve->size);
}

static enum err mark(struct attribute_list *list, bool private)
{
	enum err err = attribute_list_set_bool(list, CKA_LOCAL, false);
	if (err == ERR_OK)
		err = attribute_list_set_ulong(list, CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION);
	if (err == ERR_OK && private)
		err = attribute_list_set_bool(list, CKA_ALWAYS_SENSITIVE, false);
	if (err == ERR_OK && private)
		err = attribute_list_set_bool(list, CKA_NEVER_EXTRACTABLE, false);
	return err;
}

static CK_RV describe(const struct curve *curve, const uint8_t *public, Craton__Object *public_object, Craton__Object *private_object)
{
	struct attribute_list public_list = object_list(public_object), private_list = object_list(private_object);
	enum err err = set_point(curve, public, &public_list);
	if (err == ERR_OK)
		err = mark(&public_list, false);
	if (err == ERR_OK)
		err = mark(&private_list, true);
	CK_RV rv = err == ERR_OK ? key_info_set(&public_list) : CKR_HOST_MEMORY;
	object_take_list(public_object, &public_list);
	object_take_list(private_object, &private_list);
	return rv == CKR_OK ? learn_from_public(public_object, private_object) : rv;
}

static CK_RV seal_held(struct domain *domain, const struct bytes *value, Craton__Object *object)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow(domain_token(domain), &session);
	if (rv != CKR_OK)
		return rv;
	rv = seal_value(domain, session, SEAL_VALUE, value, object);
	token_return(domain_token(domain), session, rv);
	return rv;
}

CK_RV held_generate(struct domain *domain, Craton__Object *public_object, Craton__Object *private_object)
{
	const struct curve *curve = curve_of(public_object);
	uint8_t public[POINT_SIZE_MAX];
	if (!curve || object_key_type(private_object) != object_key_type(public_object))
		return CKR_TEMPLATE_INCONSISTENT;
	struct secret *private = secret_create(NULL, curve->size);
	CK_RV rv = private ? make_values(curve, private, public) : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = describe(curve, public, public_object, private_object);
	if (rv == CKR_OK)
		rv = seal_held(domain, &(struct bytes){ private->data, private->size }, private_object);
	secret_destroy(private);
	return rv;
}

CK_RV held_import(struct domain *domain, const struct attribute_list *secret, Craton__Object *object)
{
	const struct curve *curve = curve_of(object);
	const Craton__Attribute *value = attribute_list_get(secret, CKA_VALUE);
	if (!value || secret->count != 1)
		return value ? CKR_TEMPLATE_INCONSISTENT : CKR_TEMPLATE_INCOMPLETE;
	if (!curve || value->value.len != curve->size)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	struct attribute_list list = object_list(object);
	enum err err = mark(&list, true);
	object_take_list(object, &list);
	return err == ERR_OK ? seal_held(domain, &(struct bytes){ value->value.data, value->value.len }, object) : CKR_HOST_MEMORY;
}
