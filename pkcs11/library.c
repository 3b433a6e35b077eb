#include "pkcs11/library.h"
#include "pkcs11/session.h"
#include "base/log.h"
#include "base/secret.h"
#include "ha/remote.h"
#include "wire/call.h"
#include <stdlib.h>

static enum err make_group(struct library *library, bool may_start_threads)
{
	const struct client_config *config = &library->config;
	struct group_settings settings = group_settings_of(config, may_start_threads);
	struct member *members[MEMBERS_MAX];
	size_t count = 0;
	while (count < config->member_count && (members[count] = remote_create(&config->members[count], library->tls, config->connect_ms)))
		count++;
	if (count == config->member_count)
		library->group = group_create(&settings, members, count);
	else
		while (count--)
			members[count]->ops->destroy(members[count]);
	return library->group ? ERR_OK : ERR_NO_MEMORY;
}

enum err library_create(bool may_start_threads, struct library **out, struct complaint *complaint)
{
	struct library *library = calloc(1, sizeof *library);
	if (!library)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	login_init(&library->login);
	offer_init(&library->offer);
	states_init(&library->states);
	seed_init(&library->seed);
	pthread_mutex_init(&library->sessions_lock, NULL);
	pthread_mutex_init(&library->slot_lock, NULL);
	enum err err = client_config_load(NULL, &library->config, complaint);
	library->slot = (CK_SLOT_ID)library->config.slot;
	if (err == ERR_OK)
		err = client_config_tls(&library->config, &library->tls, complaint);
	if (err == ERR_OK && !(library->objects = objects_create()))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && (err = make_group(library, may_start_threads)) != ERR_OK)
		complain(complaint, err, "out of memory");
	if (err != ERR_OK) {
		library_destroy(library);
		return err;
	}
	*out = library;
	return ERR_OK;
}

void library_stop(struct library *library)
{
	group_stop(library->group);
}

void library_destroy(struct library *library)
{
	if (!library)
		return;
	sessions_close_all(library);
	pthread_mutex_destroy(&library->sessions_lock);
	pthread_mutex_destroy(&library->slot_lock);
	group_destroy(library->group);
	objects_destroy(library->objects);
	tls_destroy(library->tls);
	states_finish(&library->states);
	seed_finish(&library->seed);
	offer_finish(&library->offer);
	login_finish(&library->login);
	client_config_release(&library->config);
	free(library);
}

/* ---- the door */

static CK_RV rv_of_err(enum err err)
{
	switch (err) {
	case ERR_TOO_BIG: return CKR_DATA_LEN_RANGE;
	case ERR_NO_MEMORY: return CKR_HOST_MEMORY;
	default: return CKR_DEVICE_REMOVED;
	}
}

static CK_RV rv_of_fault(Craton__Fault fault)
{
	switch (fault) {
	case CRATON__FAULT__FAULT_NO_MAJORITY: return CKR_FUNCTION_FAILED;
	case CRATON__FAULT__FAULT_UNKNOWN_OBJECT: return CKR_OBJECT_HANDLE_INVALID;
	case CRATON__FAULT__FAULT_REFUSED: return CKR_FUNCTION_REJECTED;
	case CRATON__FAULT__FAULT_TICKET: return CKR_USER_NOT_LOGGED_IN;
	default: return CKR_DEVICE_ERROR;
	}
}

static CK_RV rv_of_reply(const Craton__Reply *reply, Craton__Reply__BodyCase wanted)
{
	if (reply->fault != CRATON__FAULT__FAULT_NONE)
		return rv_of_fault(reply->fault);
	if (reply->rv == CKR_SLOT_ID_INVALID) /* removed, or not ours any more: for the application its token is gone */
		return CKR_DEVICE_REMOVED;
	if (reply->rv != CKR_OK)
		return (CK_RV)reply->rv;
	if (wanted == ANY_BODY || reply->body_case == wanted)
		return CKR_OK;
	log_error("pkcs11", "a member's answer is not to the question body=%d wanted=%d", (int)reply->body_case, (int)wanted);
	return CKR_DEVICE_ERROR;
}

CK_RV library_ask_members(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                          Craton__Reply **reply)
{
	struct ticket_copy ticket;
	login_copy(&library->login, &ticket);
	question->request.ticket = (ProtobufCBinaryData){ ticket.size, ticket.data };
	if (question->index_min && question->index_min < ticket.index)
		question->index_min = ticket.index;
	*reply = NULL;
	enum err err = group_call(library->group, question, reply);
	question->request.ticket = (ProtobufCBinaryData){ 0, NULL };
	if (err == ERR_OK && (*reply)->fault == CRATON__FAULT__FAULT_TICKET)
		library_logout_of(library, &ticket);
	secret_wipe(ticket.data, sizeof ticket.data);
	CK_RV rv = err == ERR_OK ? rv_of_reply(*reply, wanted) : rv_of_err(err);
	if (rv == CKR_OK)
		return CKR_OK;
	reply_free(*reply);
	*reply = NULL;
	return group_is_stopping(library->group) ? CKR_CRYPTOKI_NOT_INITIALIZED : rv;
}

CK_RV library_ask(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                  Craton__Reply **reply)
{
	CK_SLOT_ID slot;
	CK_RV rv = library_slot(library, &slot);
	*reply = NULL;
	return rv == CKR_OK ? library_ask_members(library, question, wanted, reply) : rv;
}

CK_RV rv_for_slot(CK_RV rv)
{
	return rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv;
}

CK_RV rv_for_key(CK_RV rv)
{
	return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_KEY_HANDLE_INVALID : rv;
}
