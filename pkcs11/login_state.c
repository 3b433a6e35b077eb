#include "pkcs11/login.h"
#include <string.h>

void login_init(struct login *login)
{
	pthread_mutex_init(&login->lock, NULL);
	pthread_cond_init(&login->changed, NULL);
	login->role = CRATON__ROLE__ROLE_NONE;
	login->ticket = NULL;
}

void login_finish(struct login *login)
{
	secret_destroy(login->ticket);
	pthread_cond_destroy(&login->changed);
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
	copy->size = login->ticket ? login->ticket->size : 0;
	copy->index = login->index;
	if (copy->size)
		memcpy(copy->data, login->ticket->data, copy->size);
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

static CK_RV keep_locked(struct login *login, const ProtobufCBinaryData *ticket, uint64_t index)
{
	struct secret *kept = secret_create(ticket->data, ticket->len);
	if (!kept)
		return CKR_HOST_MEMORY;
	secret_destroy(login->ticket);
	login->ticket = kept;
	login->index = index;
	return CKR_OK;
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
	if (rv == CKR_OK)
		rv = keep_locked(login, ticket, index);
	if (rv == CKR_OK)
		login->role = role;
	pthread_mutex_unlock(&login->lock);
	return rv;
}

static unsigned number_locked(const struct login *login)
{
	return login->role != CRATON__ROLE__ROLE_NONE ? login->ends + 1 : 0;
}

void login_change_begin(struct login *login)
{
	pthread_mutex_lock(&login->lock);
	while (login->is_changing)
		pthread_cond_wait(&login->changed, &login->lock);
	login->is_changing = true;
	login->changing = number_locked(login);
	pthread_mutex_unlock(&login->lock);
}

void login_change_end(struct login *login)
{
	pthread_mutex_lock(&login->lock);
	login->is_changing = false;
	pthread_cond_broadcast(&login->changed);
	pthread_mutex_unlock(&login->lock);
}

void login_renew(struct login *login, const ProtobufCBinaryData *ticket, uint64_t index)
{
	pthread_mutex_lock(&login->lock);
	if (login->changing && login->changing == number_locked(login) && is_ticket(ticket))
		keep_locked(login, ticket, index);
	pthread_mutex_unlock(&login->lock);
}

static bool end_locked(struct login *login)
{
	bool was_in = login->role != CRATON__ROLE__ROLE_NONE;
	login->role = CRATON__ROLE__ROLE_NONE;
	secret_destroy(login->ticket);
	login->ticket = NULL;
	login->ends += was_in;
	return was_in;
}

bool login_end(struct login *login)
{
	pthread_mutex_lock(&login->lock);
	bool was_in = end_locked(login);
	pthread_mutex_unlock(&login->lock);
	return was_in;
}

static bool is_its_locked(const struct login *login, const struct ticket_copy *ticket)
{
	return login->ticket && secret_equal(login->ticket->data, login->ticket->size, ticket->data, ticket->size);
}

bool login_end_of(struct login *login, const struct ticket_copy *dead)
{
	pthread_mutex_lock(&login->lock);
	bool was_in = is_its_locked(login, dead) && end_locked(login);
	pthread_mutex_unlock(&login->lock);
	return was_in;
}

bool login_has_another(struct login *login, const struct ticket_copy *dead)
{
	pthread_mutex_lock(&login->lock);
	while (login->is_changing)
		pthread_cond_wait(&login->changed, &login->lock);
	bool has = login->ticket && !is_its_locked(login, dead);
	pthread_mutex_unlock(&login->lock);
	return has;
}

unsigned login_ends(struct login *login)
{
	pthread_mutex_lock(&login->lock);
	unsigned ends = login->ends;
	pthread_mutex_unlock(&login->lock);
	return ends;
}
