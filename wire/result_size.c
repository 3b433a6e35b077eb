/* How long results are, so that a question for a length needs no token. */
#include "wire/mechanism_table.h"
#include <string.h>

/* Named curves, and the bytes of their order. */
static const struct curve {
	size_t order_size;
	size_t params_size;
	uint8_t params[14];
} curves[] = {
	{ 24, 10, { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01 } },        /* P-192 */
	{ 28, 7, { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21 } },                           /* P-224 */
	{ 32, 10, { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 } },        /* P-256 */
	{ 48, 7, { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 } },                           /* P-384 */
	{ 66, 7, { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 } },                           /* P-521 */
	{ 32, 7, { 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a } },                           /* secp256k1 */
	{ 28, 11, { 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x05 } },  /* brainpoolP224r1 */
	{ 32, 11, { 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07 } },  /* brainpoolP256r1 */
	{ 40, 11, { 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x09 } },  /* brainpoolP320r1 */
	{ 48, 11, { 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b } },  /* brainpoolP384r1 */
	{ 64, 11, { 0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d } },  /* brainpoolP512r1 */
	{ 32, 5, { 0x06, 0x03, 0x2b, 0x65, 0x70 } },                                       /* Ed25519 */
	{ 57, 5, { 0x06, 0x03, 0x2b, 0x65, 0x71 } },                                       /* Ed448: RFC 8032, 114 bytes in all */
	{ 32, 14, { 0x13, 0x0c, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9' } },
	{ 57, 12, { 0x13, 0x0a, 'e', 'd', 'w', 'a', 'r', 'd', 's', '4', '4', '8' } },
};

size_t curve_order_size(const void *ec_params, size_t size)
{
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (size == curves[i].params_size && !memcmp(ec_params, curves[i].params, size))
			return curves[i].order_size;
	return 0;
}

size_t key_order_size(const struct attribute_list *key)
{
	const Craton__Attribute *params = attribute_list_get(key, CKA_EC_PARAMS);
	return params && params->value.len ? curve_order_size(params->value.data, params->value.len) : 0;
}

size_t key_modulus_size(const struct attribute_list *key)
{
	const Craton__Attribute *modulus = attribute_list_get(key, CKA_MODULUS);
	if (!modulus)
		return (size_t)((attribute_list_ulong(key, CKA_MODULUS_BITS, 0) + 7) / 8);
	size_t zeros = 0;
	while (zeros < modulus->value.len && modulus->value.data[zeros] == 0)
		zeros++;
	return modulus->value.len - zeros;
}

static size_t or_unknown(size_t size)
{
	return size ? size : SIZE_MAX;
}

/* The parameter's own length, where there is one and it makes sense. */
static size_t general_size(const struct mechanism_facts *facts, const Craton__Mechanism *mechanism)
{
	if (mechanism->parameter_case != CRATON__MECHANISM__PARAMETER_NUMBER || mechanism->number > facts->result_size)
		return SIZE_MAX;
	return (size_t)mechanism->number;
}

/* Bytes of the tag; SIZE_MAX if the parameter does not make sense. A token that makes the IV may put it into the result. */
static size_t tag_size_of(const Craton__Mechanism *mechanism)
{
	switch (mechanism->parameter_case) {
	case CRATON__MECHANISM__PARAMETER_GCM:
		return mechanism->gcm->tag_bits <= 128 && !mechanism->gcm->iv_size ? (size_t)((mechanism->gcm->tag_bits + 7) / 8) : SIZE_MAX;
	case CRATON__MECHANISM__PARAMETER_CCM:
		return mechanism->ccm->mac_size <= 16 ? (size_t)mechanism->ccm->mac_size : SIZE_MAX;
	case CRATON__MECHANISM__PARAMETER_CHACHA_POLY:
		return 16; /* RFC 8439, 2.5 */
	default:
		return SIZE_MAX;
	}
}

static size_t tagged_size(const Craton__Mechanism *mechanism, bool opens, size_t input_size)
{
	size_t tag_size = tag_size_of(mechanism);
	if (tag_size == SIZE_MAX)
		return SIZE_MAX;
	if (opens)
		return input_size < tag_size ? 0 : input_size - tag_size;
	return input_size + tag_size;
}

/* RSA without padding gives back what went in, zeros and all. */
static size_t modulus_size(const Craton__Mechanism *mechanism, bool opens, const struct attribute_list *key, bool *exact)
{
	*exact = !opens || mechanism->type == CKM_RSA_X_509;
	return or_unknown(key_modulus_size(key));
}

size_t mechanism_result_size(const Craton__Mechanism *mechanism, CK_FLAGS use,
                             const struct attribute_list *key, size_t input_size, bool *exact)
{
	const struct mechanism_facts *facts = mechanism_facts(mechanism->type);
	bool opens = use == CKF_DECRYPT || use == CKF_UNWRAP || use == CKF_VERIFY_RECOVER;
	*exact = true;
	if (!facts || input_size > SIZE_MAX / 2)
		return SIZE_MAX;
	switch (facts->result) {
	case RESULT_FIXED:
		return facts->result_size;
	case RESULT_GENERAL:
		return general_size(facts, mechanism);
	case RESULT_MODULUS:
		return modulus_size(mechanism, opens, key, exact);
	case RESULT_ORDER_TWICE:
		return or_unknown(2 * key_order_size(key));
	case RESULT_INPUT:
		return input_size;
	case RESULT_PADDED:
		*exact = !opens;
		return opens ? input_size : (input_size / facts->block_size + 1) * facts->block_size;
	case RESULT_TAGGED:
		return tagged_size(mechanism, opens, input_size);
	case RESULT_WRAPPED:
		*exact = !opens;
		return opens ? input_size : (input_size + 7) / 8 * 8 + 8;
	case RESULT_PADDED_WRAPPED:
		*exact = !opens;
		return opens ? input_size : (input_size / 8 + 1) * 8 + 8;
	case RESULT_UNKNOWN:
		break;
	}
	return SIZE_MAX;
}
