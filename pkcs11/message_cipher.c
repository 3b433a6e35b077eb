/* Enciphering and deciphering messages (PKCS#11 3.0, 5.9 and 5.11). A message's tag is apart from its data here, and after it
 * in the one operation that a member does for it; so nothing of a message that came in parts is out before its end. */
#include "pkcs11/message_parameter.h"
#include "base/secret.h"
#include <stdlib.h>
#include <string.h>

#define ENCRYPT CRATON__CRYPT_KIND__ENCRYPT
#define DECRYPT CRATON__CRYPT_KIND__DECRYPT

/* What an application says with every message. */
struct envelope {
	struct message_parameter parameter;
	struct bytes aad;
};

static CK_RV read_envelope(const struct message *message, const void *parameter, CK_ULONG size, struct bytes aad, struct envelope *out)
{
	if (check_bytes(aad.data, aad.size) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	out->aad = aad;
	return message_parameter_read(message->type, parameter, size, &out->parameter);
}

/* With the IV made, if it is to be. */
static CK_RV start(struct session *session, struct message *message, const struct envelope *envelope, size_t data_size)
{
	Craton__Mechanism *mechanism = NULL;
	size_t stated = envelope->parameter.data_size;
	if (stated != SIZE_MAX && data_size != SIZE_MAX && stated != data_size)
		return CKR_MECHANISM_PARAM_INVALID;
	CK_RV rv = message->kind == ENCRYPT ? message_make_iv(session, message, &envelope->parameter) : CKR_OK;
	if (rv == CKR_OK)
		rv = message_mechanism(message, &envelope->parameter, envelope->aad, data_size == SIZE_MAX ? stated : data_size, &mechanism);
	return rv == CKR_OK ? message_start(session, message, mechanism) : rv;
}

static CK_RV encrypt(struct session *session, struct message *message, const struct message_parameter *parameter, struct bytes plain,
                     CK_BYTE_PTR out)
{
	CK_ULONG size = plain.size + parameter->tag_size;
	CK_BYTE_PTR whole = malloc(size + 1);
	if (!whole)
		return CKR_HOST_MEMORY;
	CK_RV rv = operation_finish(session, &message->operation, plain, whole, &size);
	if (rv == CKR_OK && size != plain.size + parameter->tag_size)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK && plain.size)
		memcpy(out, whole, plain.size);
	if (rv == CKR_OK && parameter->tag_size)
		memcpy(parameter->tag, whole + plain.size, parameter->tag_size);
	free(whole);
	return rv == CKR_BUFFER_TOO_SMALL ? CKR_DEVICE_ERROR : rv;
}

/* "If … the authenticity of the associated data or ciphertext cannot be verified, then CKR_AEAD_DECRYPT_FAILED is returned."
 * A token of 2.40 has no such name for it: SoftHSM says CKR_GENERAL_ERROR. */
static CK_RV rv_of_decryption(CK_RV rv)
{
	switch (rv) {
	case CKR_ENCRYPTED_DATA_INVALID: case CKR_GENERAL_ERROR: return CKR_AEAD_DECRYPT_FAILED;
	case CKR_BUFFER_TOO_SMALL: return CKR_DEVICE_ERROR;
	default: return rv;
	}
}

static CK_RV decrypt(struct session *session, struct message *message, const struct message_parameter *parameter, struct bytes cipher,
                     CK_BYTE_PTR out)
{
	CK_BYTE none;
	CK_ULONG size = cipher.size;
	CK_BYTE_PTR whole = malloc(cipher.size + parameter->tag_size + 1);
	if (!whole)
		return CKR_HOST_MEMORY;
	if (cipher.size)
		memcpy(whole, cipher.data, cipher.size);
	if (parameter->tag_size)
		memcpy(whole + cipher.size, parameter->tag, parameter->tag_size);
	CK_RV rv = operation_finish(session, &message->operation, (struct bytes){ whole, cipher.size + parameter->tag_size },
	                            cipher.size ? out : &none, &size);
	free(whole);
	if (rv == CKR_OK && size != cipher.size)
		rv = CKR_DEVICE_ERROR;
	return rv_of_decryption(rv);
}

static CK_RV perform(struct session *session, struct message *message, const struct message_parameter *parameter, struct bytes data,
                     CK_BYTE_PTR out)
{
	return message->kind == ENCRYPT ? encrypt(session, message, parameter, data, out) : decrypt(session, message, parameter, data, out);
}

/* As long as the input, that is known without asking. True if that is all that was wanted, or all there is room for. */
static bool is_about_length(size_t needed, CK_BYTE_PTR out, CK_ULONG_PTR size, CK_RV *rv)
{
	bool is_short = out && *size < needed, is_asked = !out && needed;
	*size = needed;
	*rv = is_short ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	return is_short || is_asked;
}

static CK_RV whole_message(struct session *session, Craton__CryptKind kind, const void *parameter, CK_ULONG parameter_size,
                           struct bytes aad, struct bytes data, CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	struct message *message;
	struct envelope envelope;
	CK_RV rv = message_find(session, kind, false, &message);
	if (rv != CKR_OK)
		return rv;
	if (!size || check_bytes(data.data, data.size) != CKR_OK)
		return CKR_ARGUMENTS_BAD;
	rv = read_envelope(message, parameter, parameter_size, aad, &envelope);
	if (rv != CKR_OK || is_about_length(data.size, out, size, &rv))
		return rv;
	rv = start(session, message, &envelope, data.size);
	if (rv == CKR_OK)
		rv = perform(session, message, &envelope.parameter, data, out);
	return message_over(message, rv);
}

static CK_RV begin_message(struct session *session, Craton__CryptKind kind, const void *parameter, CK_ULONG size, struct bytes aad)
{
	struct message *message;
	struct envelope envelope;
	CK_RV rv = message_find(session, kind, false, &message);
	if (rv != CKR_OK)
		return rv;
	rv = read_envelope(message, parameter, size, aad, &envelope);
	if (rv == CKR_OK)
		rv = start(session, message, &envelope, SIZE_MAX);
	if (rv != CKR_OK)
		return message_over(message, rv);
	message->is_in_parts = true;
	return CKR_OK;
}

static CK_RV end_message(struct session *session, struct message *message, const struct message_parameter *parameter, struct bytes part,
                         CK_BYTE_PTR out, CK_ULONG_PTR size)
{
	CK_RV rv;
	if (is_about_length(message->parts.size + part.size, out, size, &rv))
		return rv;
	buf_add(&message->parts, part.data, part.size);
	struct bytes all = { message->parts.data, message->parts.size };
	rv = message->parts.failed ? CKR_DATA_LEN_RANGE : perform(session, message, parameter, all, out);
	return message_over(message, rv);
}

static CK_RV next_part(struct session *session, Craton__CryptKind kind, const void *parameter, CK_ULONG parameter_size,
                       struct bytes part, CK_BYTE_PTR out, CK_ULONG_PTR size, CK_FLAGS flags)
{
	struct message *message;
	struct message_parameter read;
	CK_RV rv = message_find(session, kind, true, &message);
	if (rv != CKR_OK)
		return rv;
	rv = message_parameter_read(message->type, parameter, parameter_size, &read);
	if (!size || check_bytes(part.data, part.size) != CKR_OK)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		return message_over(message, rv);
	if (flags & CKF_END_OF_MESSAGE)
		return end_message(session, message, &read, part, out, size);
	if (out)
		buf_add(&message->parts, part.data, part.size);
	*size = out ? 0 : part.size; /* all of it comes at the end; but who asks for a length and hears 0 may bring no memory, and ask again */
	return message->parts.failed ? message_over(message, CKR_DATA_LEN_RANGE) : CKR_OK;
}

/* ---- the functions */

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_init(session, ENCRYPT, mechanism, key)) : rv;
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_init(session, DECRYPT, mechanism, key)) : rv;
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR aad, CK_ULONG aad_size,
                       CK_BYTE_PTR plain, CK_ULONG plain_size, CK_BYTE_PTR cipher, CK_ULONG_PTR cipher_size)
{
	struct session *session;
	struct bytes more = { aad, aad_size }, data = { plain, plain_size };
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, whole_message(session, ENCRYPT, parameter, parameter_size, more, data, cipher, cipher_size));
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR aad, CK_ULONG aad_size,
                       CK_BYTE_PTR cipher, CK_ULONG cipher_size, CK_BYTE_PTR plain, CK_ULONG_PTR plain_size)
{
	struct session *session;
	struct bytes more = { aad, aad_size }, data = { cipher, cipher_size };
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, whole_message(session, DECRYPT, parameter, parameter_size, more, data, plain, plain_size));
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR aad, CK_ULONG aad_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, begin_message(session, ENCRYPT, parameter, parameter_size, (struct bytes){ aad, aad_size }));
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR aad, CK_ULONG aad_size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, begin_message(session, DECRYPT, parameter, parameter_size, (struct bytes){ aad, aad_size }));
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR plain,
                           CK_ULONG plain_size, CK_BYTE_PTR cipher, CK_ULONG_PTR cipher_size, CK_FLAGS flags)
{
	struct session *session;
	struct bytes part = { plain, plain_size };
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, next_part(session, ENCRYPT, parameter, parameter_size, part, cipher, cipher_size, flags));
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE handle, CK_VOID_PTR parameter, CK_ULONG parameter_size, CK_BYTE_PTR cipher,
                           CK_ULONG cipher_size, CK_BYTE_PTR plain, CK_ULONG_PTR plain_size, CK_FLAGS flags)
{
	struct session *session;
	struct bytes part = { cipher, cipher_size };
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, next_part(session, DECRYPT, parameter, parameter_size, part, plain, plain_size, flags));
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_final(session, ENCRYPT)) : rv;
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	return rv == CKR_OK ? session_leave(session, message_final(session, DECRYPT)) : rv;
}
