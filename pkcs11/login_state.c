#include "pkcs11/login.h"
#include "base/secret.h"
#include <string.h>

void login_init(struct login *login)
{
	pthread_mutex_init(&login->lock, NULL);
	login->role = CRATON__ROLE__ROLE_NONE;
	login->ticket_size = 0;
}

void login_finish(struct login *login)
{
	secret_wipe(login->ticket, sizeof login->ticket);
	pthread_mutex_destroy(&login->lock);
}

Craton__Role login_role(struct login *login)
{
	pthread_mutex_lock(&login->lock);
	Craton__Role role = login->role;
	pthread_mutex_unlock(&login->lock);
	return role;
}

void login_copy(struct login *login, struct ticket_copy *copy)
{
	pthread_mutex_lock(&login->lock);
	copy->size = login->ticket_size;
	copy->index = login->index;
	memcpy(copy->data, login->ticket, copy->size);
	pthread_mutex_unlock(&login->lock);
}

static CK_RV conflict_locked(const struct login *login, Craton__Role role)
{
	if (login->role == CRATON__ROLE__ROLE_NONE)
		return CKR_OK;
	return login->role == role ? CKR_USER_ALREADY_LOGGED_IN : CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
}

CK_RV login_conflict(struct login *login, Craton__Role role)
{
	pthread_mutex_lock(&login->lock);
	CK_RV rv = conflict_locked(login, role);
	pthread_mutex_unlock(&login->lock);
	return rv;
}

static void keep_locked(struct login *login, const ProtobufCBinaryData *ticket, uint64_t index)
{
	secret_wipe(login->ticket, sizeof login->ticket);
	memcpy(login->ticket, ticket->data, ticket->len);
	login->ticket_size = ticket->len;
	login->index = index;
}

static bool is_ticket(const ProtobufCBinaryData *ticket)
{
	return ticket->len > 0 && ticket->len <= TICKET_SIZE_MAX;
}

CK_RV login_begin(struct login *login, Craton__Role role, const ProtobufCBinaryData *ticket, uint64_t index)
{
	if (!is_ticket(ticket))
		return CKR_DEVICE_ERROR;
	pthread_mutex_lock(&login->lock);
	CK_RV rv = conflict_locked(login, role);
	if (rv == CKR_OK) {
		login->role = role;
		keep_locked(login, ticket, index);
	}
	pthread_mutex_unlock(&login->lock);
	return rv;
}

void login_renew(struct login *login, const ProtobufCBinaryData *ticket, uint64_t index)
{
	pthread_mutex_lock(&login->lock);
	if (login->role != CRATON__ROLE__ROLE_NONE && is_ticket(ticket))
		keep_locked(login, ticket, index);
	pthread_mutex_unlock(&login->lock);
}

bool login_end(struct login *login)
{
	pthread_mutex_lock(&login->lock);
	bool was_in = login->role != CRATON__ROLE__ROLE_NONE;
	login->role = CRATON__ROLE__ROLE_NONE;
	secret_wipe(login->ticket, sizeof login->ticket);
	login->ticket_size = 0;
	pthread_mutex_unlock(&login->lock);
	return was_in;
}
