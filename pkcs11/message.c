#include "pkcs11/message.h"
#include "pkcs11/asked.h"
#include "pkcs11/message_parameter.h"
#include "base/secret.h"
#include <stdlib.h>

static void message_destroy(struct message *message)
{
	if (!message)
		return;
	operation_end(&message->operation);
	mechanism_free(message->mechanism);
	object_release(message->key);
	secret_destroy(message->pin);
	buf_finish(&message->parts);
	secret_wipe(message, sizeof *message);
	free(message);
}

/* A cipher's IV and tag come with each message; what signs is the same for all. */
static CK_RV take_mechanism(struct message *message, const CK_MECHANISM *mechanism, bool takes_bytes)
{
	bool is_cipher = message->kind == CRATON__CRYPT_KIND__ENCRYPT || message->kind == CRATON__CRYPT_KIND__DECRYPT;
	if (!is_cipher)
		return mechanism_to_wire(mechanism, takes_bytes, &message->mechanism);
	return mechanism->ulParameterLen ? message_parameter_check(mechanism) : CKR_OK;
}

static CK_RV check_kind(const struct message *message)
{
	bool is_cipher = message->kind == CRATON__CRYPT_KIND__ENCRYPT || message->kind == CRATON__CRYPT_KIND__DECRYPT;
	return is_cipher && !mechanism_is_for_messages(message->type) ? CKR_MECHANISM_INVALID : CKR_OK;
}

static CK_RV fill(struct session *session, struct message *message, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct offered offered;
	CK_RV rv = check_kind(message);
	if (rv == CKR_OK)
		rv = operation_find_key(session, message->kind, message->type, key, &offered, &message->key);
	if (rv != CKR_OK)
		return rv;
	message->is_wary = attribute_list_bool(&message->key->attributes, CKA_ALWAYS_AUTHENTICATE, false);
	return take_mechanism(message, mechanism, offered.takes_bytes);
}

CK_RV message_init(struct session *session, Craton__CryptKind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	bool is_active = session->messages[kind] != NULL;
	if (!mechanism) {
		message_end(session, kind);
		return is_active ? CKR_OK : CKR_ARGUMENTS_BAD;
	}
	if (is_active)
		return CKR_OPERATION_ACTIVE;
	struct message *message = calloc(1, sizeof *message);
	if (!message)
		return CKR_HOST_MEMORY;
	message->kind = message->operation.kind = kind;
	message->type = mechanism->mechanism;
	buf_init(&message->parts, MESSAGE_PARTS_SIZE_MAX);
	CK_RV rv = fill(session, message, mechanism, key);
	if (rv == CKR_OK)
		session->messages[kind] = message;
	else
		message_destroy(message);
	return rv;
}

void message_end(struct session *session, Craton__CryptKind kind)
{
	message_destroy(session->messages[kind]);
	session->messages[kind] = NULL;
}

CK_RV message_find(struct session *session, Craton__CryptKind kind, bool in_parts, struct message **message)
{
	*message = session->messages[kind];
	if (!*message)
		return CKR_OPERATION_NOT_INITIALIZED;
	if ((*message)->is_in_parts == in_parts)
		return CKR_OK;
	return in_parts ? CKR_OPERATION_NOT_INITIALIZED : CKR_OPERATION_ACTIVE;
}

CK_RV message_final(struct session *session, Craton__CryptKind kind)
{
	struct message *message;
	CK_RV rv = message_find(session, kind, false, &message);
	if (rv == CKR_OK)
		message_end(session, kind);
	return rv;
}

CK_RV message_start(struct session *session, struct message *message, Craton__Mechanism *mechanism)
{
	operation_end(&message->operation);
	if (!mechanism)
		return CKR_HOST_MEMORY;
	operation_start(session, &message->operation, mechanism, object_hold(message->key));
	message->operation.pin = message->pin;
	message->operation.needs_pin &= message->pin == NULL;
	message->pin = NULL;
	return CKR_OK;
}

CK_RV message_over(struct message *message, CK_RV rv)
{
	operation_end(&message->operation);
	buf_finish(&message->parts);
	buf_init(&message->parts, MESSAGE_PARTS_SIZE_MAX);
	message->is_in_parts = message->has_last = false;
	return rv;
}
