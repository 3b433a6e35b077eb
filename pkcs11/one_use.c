#include "pkcs11/one_use.h"
#include "pkcs11/message.h"
#include "base/secret.h"

#define MESSAGE_KINDS (sizeof ((struct session *)NULL)->messages / sizeof(struct message *))

static bool wants_pin(const struct operation *operation)
{
	return operation->is_active && operation->needs_pin;
}

/* Between two messages the next one does. */
static bool message_wants_pin(const struct message *message)
{
	if (!message)
		return false;
	return message->operation.is_active ? wants_pin(&message->operation) : message->is_wary && !message->pin;
}

bool one_use_is_wanted(const struct session *session)
{
	bool is_wanted = false;
	for (size_t i = 0; i < OPERATION_KINDS; i++)
		is_wanted |= wants_pin(&session->operations[i]);
	for (size_t i = 0; i < MESSAGE_KINDS; i++)
		is_wanted |= message_wants_pin(session->messages[i]);
	return is_wanted;
}

static CK_RV message_take_pin(struct message *message, const void *pin, size_t size)
{
	if (!message_wants_pin(message))
		return CKR_OK;
	if (message->operation.is_active)
		return operation_take_pin(&message->operation, pin, size);
	message->pin = secret_create(pin, size);
	return message->pin ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV one_use_take(struct session *session, const void *pin, size_t size)
{
	CK_RV rv = CKR_OK;
	for (size_t i = 0; rv == CKR_OK && i < OPERATION_KINDS; i++)
		rv = operation_take_pin(&session->operations[i], pin, size);
	for (size_t i = 0; rv == CKR_OK && i < MESSAGE_KINDS; i++)
		rv = message_take_pin(session->messages[i], pin, size);
	return rv;
}

static void forget(struct session *session)
{
	for (size_t i = 0; i < OPERATION_KINDS; i++)
		operation_use_up_pin(&session->operations[i]);
	for (size_t i = 0; i < MESSAGE_KINDS; i++) {
		struct message *message = session->messages[i];
		if (!message)
			continue;
		operation_use_up_pin(&message->operation);
		secret_destroy(message->pin);
		message->pin = NULL;
	}
}

/* Whoever marks the session after the look finds it unlocked, or is seen by the next look. */
void one_use_unlock(struct session *session)
{
	do {
		if (atomic_exchange(&session->has_stale_pins, false))
			forget(session);
		pthread_mutex_unlock(&session->lock);
	} while (atomic_load(&session->has_stale_pins) && pthread_mutex_trylock(&session->lock) == 0);
}

void one_use_forget_all(struct library *library)
{
	struct session *session;
	size_t place = 0;
	pthread_mutex_lock(&library->sessions_lock);
	while ((session = table_next(&library->sessions, &place))) {
		atomic_store(&session->has_stale_pins, true);
		if (pthread_mutex_trylock(&session->lock) == 0)
			one_use_unlock(session);
	}
	pthread_mutex_unlock(&library->sessions_lock);
}
