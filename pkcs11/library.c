#include "pkcs11/library.h"
#include "pkcs11/door.h"
#include "pkcs11/session.h"
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
	while (count < config->member_count && (members[count] = remote_create(&config->members[count], library->tls, config->connect_ms, may_start_threads)))
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

/* ---- asking */

/* In the name of whoever is logged in now. */
static enum err call_with_ticket(struct library *library, struct question *question, Craton__Reply **reply)
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
	return err;
}

CK_RV library_ask_members(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                          Craton__Reply **reply, bool *is_loss)
{
	enum err err = call_with_ticket(library, question, reply);
	CK_RV rv = err == ERR_OK ? rv_of_reply(*reply, wanted) : rv_of_err(err);
	*is_loss = err == ERR_OK ? fault_is_loss((*reply)->fault) : err_is_loss(err);
	if (rv == CKR_OK)
		return CKR_OK;
	reply_free(*reply);
	*reply = NULL;
	if (!group_is_stopping(library->group))
		return rv;
	*is_loss = false; /* the end is nobody's loss */
	return CKR_CRYPTOKI_NOT_INITIALIZED;
}

CK_RV library_ask_noting(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                         Craton__Reply **reply, bool *is_loss)
{
	CK_SLOT_ID slot;
	CK_RV rv = library_slot(library, question->is_look, &slot);
	*reply = NULL;
	*is_loss = false;
	return rv == CKR_OK ? library_ask_members(library, question, wanted, reply, is_loss) : rv;
}

CK_RV library_ask(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                  Craton__Reply **reply)
{
	bool ignored;
	return library_ask_noting(library, question, wanted, reply, &ignored);
}
