/* What comes with each message to be enciphered: where its IV is or goes, who makes it, where the tag is or goes (Current Mechanisms
 * 3.0, 2.11.4, 2.11.6 and 2.63). The three AEAD mechanisms say it in three structures. */
#pragma once
#include "base/digest.h"
#include "pkcs11/message.h"

struct message_parameter {
	CK_BYTE_PTR iv;
	size_t iv_size, fixed_bits;
	CK_GENERATOR_FUNCTION generator;
	CK_BYTE_PTR tag;
	size_t tag_size;
	size_t data_size;                /* CCM: known beforehand; SIZE_MAX otherwise */
};

bool mechanism_is_for_messages(CK_MECHANISM_TYPE type);
/* CKR_MECHANISM_PARAM_INVALID: not the mechanism's structure, no place for IV or tag, or lengths that make no sense. */
CK_RV message_parameter_read(CK_MECHANISM_TYPE type, const void *parameter, CK_ULONG size, struct message_parameter *out);
/* That it can be read. */
CK_RV message_parameter_check(const CK_MECHANISM *mechanism);

/* The IV as the generator says, written where the application reads it. CKR_MECHANISM_PARAM_INVALID: an unknown generator, or too few
 * bits for random ones. CKR_TOKEN_RESOURCE_EXCEEDED: the counter came round. */
CK_RV message_make_iv(struct session *session, struct message *message, const struct message_parameter *parameter);
/* The mechanism of the one operation that a message is. `data_size`: of the plain text. */
CK_RV message_mechanism(const struct message *message, const struct message_parameter *parameter, struct bytes aad,
                        size_t data_size, Craton__Mechanism **out);
