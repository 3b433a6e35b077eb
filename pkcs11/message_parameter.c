#include "pkcs11/message_parameter.h"
#include "pkcs11/random.h"
#include <string.h>

#define POLY1305_TAG_SIZE 16
#define RANDOM_BITS_MIN 64 /* fewer would meet again too soon */

bool mechanism_is_for_messages(CK_MECHANISM_TYPE type)
{
	return type == CKM_AES_GCM || type == CKM_AES_CCM || type == CKM_CHACHA20_POLY1305;
}

static void read_gcm(const CK_GCM_MESSAGE_PARAMS *from, struct message_parameter *to)
{
	*to = (struct message_parameter){ .iv = from->pIv, .iv_size = from->ulIvLen, .fixed_bits = from->ulIvFixedBits,
		.generator = from->ivGenerator, .tag = from->pTag, .data_size = SIZE_MAX };
	to->tag_size = from->ulTagBits % 8 == 0 ? from->ulTagBits / 8 : SIZE_MAX;
}

static void read_ccm(const CK_CCM_MESSAGE_PARAMS *from, struct message_parameter *to)
{
	*to = (struct message_parameter){ .iv = from->pNonce, .iv_size = from->ulNonceLen, .fixed_bits = from->ulNonceFixedBits,
		.generator = from->nonceGenerator, .tag = from->pMAC, .tag_size = from->ulMACLen, .data_size = from->ulDataLen };
}

/* Its text counts the nonce in bits, its header's name for it says bytes: 64, 96 and 192 are as clear as 8, 12 and 24. */
static void read_chacha(const CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *from, struct message_parameter *to)
{
	size_t size = from->ulNonceBits >= 64 ? from->ulNonceBits / 8 : from->ulNonceBits;
	*to = (struct message_parameter){ .iv = from->pNonce, .iv_size = size, .fixed_bits = 8 * size, .generator = CKG_NO_GENERATE,
		.tag = from->pTag, .tag_size = POLY1305_TAG_SIZE, .data_size = SIZE_MAX };
}

/* The structure may lie at any address. */
static bool copy_structure(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG size, struct message_parameter *out)
{
	union {
		CK_GCM_MESSAGE_PARAMS gcm;
		CK_CCM_MESSAGE_PARAMS ccm;
		CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS chacha;
	} copy;
	size_t wanted = type == CKM_AES_GCM ? sizeof copy.gcm : type == CKM_AES_CCM ? sizeof copy.ccm : sizeof copy.chacha;
	if (!parameter || size != wanted)
		return false;
	memcpy(&copy, parameter, size);
	if (type == CKM_AES_GCM)
		read_gcm(&copy.gcm, out);
	else if (type == CKM_AES_CCM)
		read_ccm(&copy.ccm, out);
	else
		read_chacha(&copy.chacha, out);
	return true;
}

CK_RV message_parameter_read(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG size, struct message_parameter *out)
{
	bool good = copy_structure(type, parameter, size, out) && out->iv && out->iv_size >= 1 && out->iv_size <= MESSAGE_IV_SIZE_MAX &&
	            out->fixed_bits <= 8 * out->iv_size && out->tag_size <= 16 && (out->tag || !out->tag_size);
	return good ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV message_parameter_check(const CK_MECHANISM *mechanism)
{
	struct message_parameter ignored;
	return message_parameter_read(mechanism->mechanism, mechanism->pParameter, mechanism->ulParameterLen, &ignored);
}

/* ---- IVs */

/* "the ulIvFixedBits most significant bits of pIV contain the fixed IV": which bits of byte `at` those are. */
static uint8_t fixed_bits_of(const struct message_parameter *parameter, size_t at)
{
	if (parameter->fixed_bits >= 8 * (at + 1))
		return 0xff;
	if (parameter->fixed_bits <= 8 * at)
		return 0;
	return (uint8_t)(0xff << (8 - (parameter->fixed_bits - 8 * at)));
}

/* "CKG_GENERATE_COUNTER … by use of an incrementing counter, the initial IV counter is zero." */
static CK_RV count(struct message *message, const struct message_parameter *parameter, uint8_t *made)
{
	size_t bits = 8 * parameter->iv_size - parameter->fixed_bits;
	if (message->made == UINT64_MAX || (bits < 64 && message->made >> bits))
		return CKR_TOKEN_RESOURCE_EXCEEDED;
	memset(made, 0, parameter->iv_size);
	for (size_t i = 0; i < 8 && i < parameter->iv_size; i++)
		made[parameter->iv_size - 1 - i] = (uint8_t)(message->made >> (8 * i));
	message->made++;
	return CKR_OK;
}

/* "The value of the non-fixed portion passed must not vary from call to call": an application that passes what it got back
 * means the first one. */
static CK_RV count_xor(struct message *message, const struct message_parameter *parameter, uint8_t *made)
{
	if (message->made == 0)
		memcpy(message->mask, parameter->iv, parameter->iv_size);
	CK_RV rv = count(message, parameter, made);
	for (size_t i = 0; rv == CKR_OK && i < parameter->iv_size; i++)
		made[i] ^= message->mask[i];
	return rv;
}

static CK_RV draw(struct session *session, const struct message_parameter *parameter, uint8_t *made)
{
	if (8 * parameter->iv_size - parameter->fixed_bits < RANDOM_BITS_MIN)
		return CKR_MECHANISM_PARAM_INVALID;
	return random_ask(session, made, parameter->iv_size);
}

CK_RV message_make_iv(struct session *session, struct message *message, const struct message_parameter *parameter)
{
	uint8_t made[MESSAGE_IV_SIZE_MAX];
	CK_RV rv = CKR_MECHANISM_PARAM_INVALID;
	switch (parameter->generator) {
	case CKG_NO_GENERATE: return CKR_OK;
	case CKG_GENERATE: case CKG_GENERATE_RANDOM: rv = draw(session, parameter, made); break;
	case CKG_GENERATE_COUNTER: rv = count(message, parameter, made); break;
	case CKG_GENERATE_COUNTER_XOR: rv = count_xor(message, parameter, made); break;
	default: break;
	}
	for (size_t i = 0; rv == CKR_OK && i < parameter->iv_size; i++) {
		uint8_t fixed = fixed_bits_of(parameter, i);
		parameter->iv[i] = (CK_BYTE)((parameter->iv[i] & fixed) | (made[i] & ~fixed));
	}
	return rv;
}

/* ---- as one operation */

CK_RV message_mechanism(const struct message *message, const struct message_parameter *parameter, struct bytes aad,
                        size_t data_size, Craton__Mechanism **out)
{
	CK_BYTE_PTR more = (CK_BYTE_PTR)(uintptr_t)aad.data; /* read only */
	CK_GCM_PARAMS gcm = { .pIv = parameter->iv, .ulIvLen = parameter->iv_size, .ulIvBits = 8 * parameter->iv_size, .pAAD = more,
		.ulAADLen = aad.size, .ulTagBits = 8 * parameter->tag_size };
	CK_CCM_PARAMS ccm = { .ulDataLen = data_size, .pNonce = parameter->iv, .ulNonceLen = parameter->iv_size, .pAAD = more,
		.ulAADLen = aad.size, .ulMACLen = parameter->tag_size };
	CK_SALSA20_CHACHA20_POLY1305_PARAMS chacha = { .pNonce = parameter->iv, .ulNonceBits = parameter->iv_size, .pAAD = more,
		.ulAADLen = aad.size };
	CK_MECHANISM mechanism = { message->type, &gcm, sizeof gcm };
	if (message->type == CKM_AES_CCM)
		mechanism = (CK_MECHANISM){ message->type, &ccm, sizeof ccm };
	else if (message->type == CKM_CHACHA20_POLY1305)
		mechanism = (CK_MECHANISM){ message->type, &chacha, sizeof chacha };
	return mechanism_to_wire(&mechanism, false, out);
}
