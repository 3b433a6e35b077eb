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
static enum err call_with_ticket(struct library *library, struct question *question, struct ticket_copy *ticket, Craton__Reply **reply)
{
	login_copy(&library->login, ticket);
	question->request.ticket = (ProtobufCBinaryData){ ticket->size, ticket->data };
	if (question->index_min && question->index_min < ticket->index)
		question->index_min = ticket->index;
	*reply = NULL;
	enum err err = group_call(library->group, question, reply);
	question->request.ticket = (ProtobufCBinaryData){ 0, NULL };
	return err;
}

static bool changes_pin(const struct question *question)
{
	return question->request.body_case == CRATON__REQUEST__BODY_SET_PIN || question->request.body_case == CRATON__REQUEST__BODY_INIT_PIN;
}

static bool is_dead(enum err err, const Craton__Reply *reply)
{
	return err == ERR_OK && reply->fault == CRATON__FAULT__FAULT_TICKET;
}

/* Has it died of our own change of PIN? Of that change's own ticket there is no other. */
static bool is_renewed(struct library *library, const struct question *question, const struct ticket_copy *dead)
{
	return !changes_pin(question) && login_has_another(&library->login, dead);
}

/* What was asked with a ticket that was renewed meanwhile is asked again with the new one; but a member that had an operation in parts has
 * let it go: *is_lost. A ticket that has died otherwise is the end of its login. */
static enum err call_logged_in(struct library *library, struct question *question, Craton__Reply **reply, bool *is_lost)
{
	struct ticket_copy ticket;
	bool has_member = question->multipart && multipart_is_open(question->multipart);
	enum err err = call_with_ticket(library, question, &ticket, reply);
	while (!has_member && is_dead(err, *reply) && is_renewed(library, question, &ticket)) {
		reply_free(*reply);
		err = call_with_ticket(library, question, &ticket, reply);
	}
	*is_lost = has_member && is_dead(err, *reply) && is_renewed(library, question, &ticket);
	if (is_dead(err, *reply) && !*is_lost)
		library_logout_of(library, &ticket);
	secret_wipe(ticket.data, sizeof ticket.data);
	return err;
}

CK_RV library_ask_members(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                          Craton__Reply **reply, bool *is_loss)
{
	bool is_lost;
	enum err err = call_logged_in(library, question, reply, &is_lost);
	CK_RV rv = err == ERR_OK ? rv_of_reply(*reply, wanted) : rv_of_err(err);
	*is_loss = is_lost || (err == ERR_OK ? fault_is_loss((*reply)->fault) : err_is_loss(err));
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
