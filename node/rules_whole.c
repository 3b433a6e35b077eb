/* What a new object's attributes say together: what we compute of them, and whether they fit each other. */
#include "base/digest.h"
#include "node/rules_private.h"
#include <openssl/evp.h>
#include <string.h>

static bool is_generated(const struct origin *origin)
{
	return origin->generated_by != CK_UNAVAILABLE_INFORMATION;
}

CK_RV rules_set_unique_id(struct attribute_list *object, const struct id *id)
{
	char text[ID_TEXT_SIZE];
	id_text(id, text);
	return rules_rv(attribute_list_set(object, CKA_UNIQUE_ID, text, strlen(text)));
}

/* "If the base key has its CKA_ALWAYS_SENSITIVE attribute set to CK_FALSE, then the derived key will as well … Similarly, if the base
 * key has its CKA_NEVER_EXTRACTABLE attribute set to CK_FALSE, then the derived key will, too." */
static bool all_bases(const struct origin *origin, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < origin->base_count; i++)
		if (!attribute_list_bool(&origin->bases[i], type, false))
			return false;
	return origin->base_count > 0;
}

/* Sensitive unless the owner wants it out: what is not extractable cannot be read anyway, and a key that is not sensitive would be
 * sealed less closely than it might. An unwrapped key is extractable by default, which nobody asked for. */
static enum err set_sensitivity(const struct origin *origin, struct attribute_list *out)
{
	bool extractable = attribute_list_bool(out, CKA_EXTRACTABLE, false);
	bool sensitive = attribute_list_bool(out, CKA_SENSITIVE, origin->unwraps || !extractable);
	bool always = sensitive, never = !extractable;
	if (!is_generated(origin)) { /* who knows where it was before */
		always = always && all_bases(origin, CKA_ALWAYS_SENSITIVE);
		never = never && all_bases(origin, CKA_NEVER_EXTRACTABLE);
	}
	enum err err = attribute_list_set_bool(out, CKA_SENSITIVE, sensitive);
	if (err == ERR_OK)
		err = attribute_list_set_bool(out, CKA_ALWAYS_SENSITIVE, always);
	return err == ERR_OK ? attribute_list_set_bool(out, CKA_NEVER_EXTRACTABLE, never) : err;
}

static size_t bits_of(const Craton__Attribute *number)
{
	size_t zeros = 0;
	while (zeros < number->value.len && !number->value.data[zeros])
		zeros++;
	if (zeros == number->value.len)
		return 0;
	size_t bits = (number->value.len - zeros) * 8;
	for (uint8_t top = number->value.data[zeros]; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

static enum err set_bits(const struct family *family, struct attribute_list *out)
{
	static const struct {
		CK_ATTRIBUTE_TYPE number, bits;
	} sized[] = { { CKA_MODULUS, CKA_MODULUS_BITS }, { CKA_PRIME, CKA_PRIME_BITS }, { CKA_SUBPRIME, CKA_SUB_PRIME_BITS } };
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < sizeof sized / sizeof *sized; i++) {
		const Craton__Attribute *number = attribute_list_get(out, sized[i].number);
		if (number && family_rule(family, sized[i].bits))
			err = attribute_list_set_ulong(out, sized[i].bits, bits_of(number));
	}
	return err;
}

/* Lengths follow from what was given. */
static enum err set_sizes(const struct family *family, struct attribute_list *out)
{
	const Craton__Attribute *value = attribute_list_get(out, CKA_VALUE);
	if (family->class == CKO_SECRET_KEY && value && family_rule(family, CKA_VALUE_LEN))
		return attribute_list_set_ulong(out, CKA_VALUE_LEN, value->value.len);
	return set_bits(family, out);
}

CK_RV rules_set_computed(const struct origin *origin, const struct family *family, const struct id *id,
                         struct attribute_list *out)
{
	CK_RV rv = rules_set_unique_id(out, id);
	enum err err = ERR_OK;
	if (rv == CKR_OK && family_rule(family, CKA_LOCAL))
		err = attribute_list_set_bool(out, CKA_LOCAL, is_generated(origin));
	if (rv == CKR_OK && err == ERR_OK && family_rule(family, CKA_KEY_GEN_MECHANISM))
		err = attribute_list_set_ulong(out, CKA_KEY_GEN_MECHANISM, origin->generated_by);
	if (rv == CKR_OK && err == ERR_OK && family_rule(family, CKA_ALWAYS_SENSITIVE))
		err = set_sensitivity(origin, out);
	if (rv == CKR_OK && err == ERR_OK)
		err = set_sizes(family, out);
	return rv == CKR_OK ? rules_rv(err) : rv;
}

static bool key_size_fits(uint64_t key_type, uint64_t size)
{
	switch (key_type) {
	case CKK_AES:
		return size == 16 || size == 24 || size == 32;
	case CKK_DES:
		return size == 8;
	case CKK_DES2:
		return size == 16;
	case CKK_DES3:
		return size == 24;
	case CKK_CAMELLIA:
	case CKK_ARIA:
	case CKK_TWOFISH:
		return size == 16 || size == 24 || size == 32;
	case CKK_AES_XTS:
		return size == 32 || size == 64;
	case CKK_SEED:
		return size == 16;
	case CKK_CHACHA20:
	case CKK_POLY1305:
		return size == 32;
	default:
		return size > 0;
	}
}

/* One value in DER, as CKA_EC_PARAMS is: an OBJECT IDENTIFIER, a name, or parameters in full. */
static bool is_der(const Craton__Attribute *params)
{
	const uint8_t *bytes = params->value.data;
	size_t size = params->value.len, head = 2, length;
	if (size < 2)
		return false;
	length = bytes[1];
	if (length == 0x81 && size >= 3) {
		head = 3;
		length = bytes[2];
	} else if (length == 0x82 && size >= 4) {
		head = 4;
		length = (size_t)bytes[2] << 8 | bytes[3];
	} else if (length >= 0x80) {
		return false;
	}
	return size == head + length;
}

#define SECRET_SIZE_MAX (64u << 10) /* bytes to be generated or derived; tokens that name no limit would be busy for minutes */

/* The length said, and that of the value where one was given. */
static bool secret_fits(const struct attribute_list *out)
{
	const Craton__Attribute *value = attribute_list_get(out, CKA_VALUE);
	uint64_t kind = attribute_list_ulong(out, CKA_KEY_TYPE, KEY_TYPE_NONE), size = attribute_list_ulong(out, CKA_VALUE_LEN, 0);
	if (value && !key_size_fits(kind, value->value.len))
		return false;
	return !attribute_list_get(out, CKA_VALUE_LEN) || (key_size_fits(kind, size) && (value || size <= SECRET_SIZE_MAX));
}

static CK_RV check_key(const struct family *family, const struct attribute_list *out)
{
	if (family->class == CKO_SECRET_KEY && !secret_fits(out))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	const Craton__Attribute *params = attribute_list_get(out, CKA_EC_PARAMS);
	if (params && !is_der(params))
		return CKR_DOMAIN_PARAMS_INVALID;
	/* "This attribute may be set to CK_TRUE only when CKA_PRIVATE is also CK_TRUE." (4.9) */
	if (attribute_list_bool(out, CKA_ALWAYS_AUTHENTICATE, false) && !attribute_list_bool(out, CKA_PRIVATE, false))
		return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

static bool is_empty(const struct attribute_list *object, CK_ATTRIBUTE_TYPE type)
{
	const Craton__Attribute *attribute = attribute_list_get(object, type);
	return !attribute || !attribute->value.len;
}

/* "It is derived from the certificate by taking the first three bytes of the SHA-1 hash of the certificate object's
 * CKA_VALUE attribute." One that was given has to be that. */
static CK_RV check_value_of_certificate(struct attribute_list *out)
{
	const Craton__Attribute *value = attribute_list_get(out, CKA_VALUE), *said = attribute_list_get(out, CKA_CHECK_VALUE);
	uint8_t digest[EVP_MAX_MD_SIZE];
	if (is_empty(out, CKA_VALUE) || (said && !said->value.len))
		return CKR_OK;
	const EVP_MD *sha1 = digest_algorithm("SHA1");
	if (!sha1 || EVP_Digest(value->value.data, value->value.len, digest, NULL, sha1, NULL) != 1)
		return CKR_OK; /* a policy without SHA-1 goes without check values */
	if (said)
		return said->value.len == 3 && !memcmp(said->value.data, digest, 3) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	return rules_rv(attribute_list_set(out, CKA_CHECK_VALUE, digest, 3));
}

/* 4.6.3, 4.6.4: CKA_VALUE "MUST be non-empty if CKA_URL is empty"; the two hashes "can only be empty if CKA_URL is empty". */
static bool says_where_it_is(const struct attribute_list *out)
{
	if (is_empty(out, CKA_URL))
		return !is_empty(out, CKA_VALUE);
	return !is_empty(out, CKA_HASH_OF_SUBJECT_PUBLIC_KEY) && !is_empty(out, CKA_HASH_OF_ISSUER_PUBLIC_KEY);
}

static CK_RV check_certificate(const struct family *family, struct attribute_list *out)
{
	if (family_rule(family, CKA_URL) && !says_where_it_is(out))
		return CKR_TEMPLATE_INCOMPLETE;
	/* Of a WTLS certificate's subject: "Can only be empty if CKA_VALUE is empty." */
	if (family->kind == CKC_WTLS && is_empty(out, CKA_SUBJECT) && !is_empty(out, CKA_VALUE))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return check_value_of_certificate(out);
}

static bool are_digits(const uint8_t *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

/* CK_DATE: year "1900" to "9999", month "01" to "12", day "01" to "31". Whether the end is after the start is not ours to say: the
 * dates are "for reference only". */
static bool is_date(const Craton__Attribute *attribute)
{
	const uint8_t *text = attribute->value.data;
	if (attribute->value.len == 0)
		return true;
	if (attribute->value.len != 8 || !are_digits(text, 8))
		return false;
	int month = (text[4] - '0') * 10 + text[5] - '0', day = (text[6] - '0') * 10 + text[7] - '0';
	return memcmp(text, "1900", 4) >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

#define NUMBER_BITS_MAX 16384 /* RSA-16384's; with larger ones a token would compute for hours */

static bool is_number(CK_ATTRIBUTE_TYPE type)
{
	switch (type) {
	case CKA_MODULUS: case CKA_PUBLIC_EXPONENT: case CKA_PRIVATE_EXPONENT:
	case CKA_PRIME_1: case CKA_PRIME_2: case CKA_EXPONENT_1: case CKA_EXPONENT_2: case CKA_COEFFICIENT:
	case CKA_PRIME: case CKA_SUBPRIME: case CKA_BASE:
		return true;
	default:
		return false;
	}
}

CK_RV rules_check_values(const struct attribute_list *said)
{
	for (size_t i = 0; i < said->count; i++) {
		const Craton__Attribute *attribute = said->items[i];
		if (attribute_shape(attribute->type) == SHAPE_DATE && !is_date(attribute))
			return CKR_ATTRIBUTE_VALUE_INVALID;
		if (is_number(attribute->type) && bits_of(attribute) > NUMBER_BITS_MAX)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	return CKR_OK;
}

CK_RV rules_check_whole(const struct family *family, struct attribute_list *out)
{
	CK_RV rv = rules_check_values(out);
	if (rv != CKR_OK)
		return rv;
	switch (family->class) {
	case CKO_CERTIFICATE:
		return check_certificate(family, out);
	case CKO_PUBLIC_KEY:
	case CKO_PRIVATE_KEY:
	case CKO_SECRET_KEY:
		return check_key(family, out);
	default:
		return CKR_OK;
	}
}
