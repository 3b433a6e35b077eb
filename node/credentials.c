#include "node/credentials.h"
#include "base/log.h"
#include "node/access.h"
#include "node/change.h"
#include "node/seldom.h"
#include <string.h>

void credentials_refused(struct question *question, const char *reason)
{
	static struct seldom seldom;
	struct client *client = question->client;
	unsigned untold;
	count_one(&question->node->counters, COUNTER_CALLS_REFUSED);
	if (client->was_told || !seldom_may_tell(&seldom, &untold))
		return;
	client->was_told = true;
	log_warn("node", "call refused client=%s slot=%u reason=\"%s\" others_untold=%u",
	         client->identity.name, question->request->slot, reason, untold);
}

/* ---- the slot */

static enum err find_slot(struct question *question, bool *is_visible)
{
	struct client *client = question->client;
	struct slot_access access;
	enum err err = directory_slot_access(question->node->directory, question->request->slot, &access);
	*is_visible = err == ERR_OK && access_sees(&client->identity, client->called, &access);
	slot_access_finish(&access);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The list can only change with the applied index, so a slot that was visible at this very index still is. */
bool credentials_slot(struct question *question)
{
	struct client *client = question->client;
	uint64_t index = consensus_applied(question->node->consensus); /* before the list is read */
	bool is_visible;
	if (client->has_slot && client->slot == question->request->slot && client->slot_index == index)
		return true;
	client->has_slot = false;
	if (!*client->called)
		access_name(&client->identity, client->called);
	enum err err = find_slot(question, &is_visible);
	if (err != ERR_OK) {
		question_err(question, err, "reading the slot");
		return false;
	}
	if (!is_visible) {
		question->reply->rv = CKR_SLOT_ID_INVALID;
		credentials_refused(question, "no such slot for this client");
		return false;
	}
	client->slot = question->request->slot;
	client->slot_index = index;
	client->has_slot = true;
	return true;
}

/* ---- the ticket */

/* The very change that made this ticket void was this client's own, and nothing has been changed since. */
static bool voided_it_itself(struct question *question, const struct ticket *ticket, const struct slot_record *slot)
{
	struct id key = change_key(ticket->slot, &question->request->request_id, 0);
	struct request_record record;
	return slot->generation == ticket->generation + 1 && change_is_known(question, &key, &record);
}

/* A ticket dies with the slot's generation. */
static bool is_current(struct question *question, const struct ticket *ticket, bool voids)
{
	struct slot_record slot;
	if (directory_slot(question->node->directory, ticket->slot, &slot) != ERR_OK)
		return false;
	return slot.generation == ticket->generation || (voids && voided_it_itself(question, ticket, &slot));
}

/* The same of a ticket: the generation, too, can only change with the index. */
static bool remembers_ticket(const struct question *question, uint64_t index)
{
	const struct client *client = question->client;
	const ProtobufCBinaryData *bytes = &question->request->ticket;
	return client->has_ticket && client->ticket.slot == question->request->slot && client->ticket_index == index &&
	       secret_equal(client->ticket_bytes, TICKET_SIZE, bytes->data, bytes->len);
}

static void remember_ticket(struct client *client, const ProtobufCBinaryData *bytes, const struct ticket *ticket,
                            uint64_t index)
{
	memcpy(client->ticket_bytes, bytes->data, TICKET_SIZE);
	client->ticket = *ticket;
	client->ticket_index = index;
	client->has_ticket = true;
}

/* An old one is an honest client's everyday; one that is forged, or was given to somebody else or for another slot, is not. */
static bool is_good(struct question *question, bool voids, struct ticket *ticket)
{
	const ProtobufCBinaryData *bytes = &question->request->ticket;
	bool is_ours = ticket_check(question->node->ticket_key, &question->client->identity, bytes->data, bytes->len, ticket) == ERR_OK &&
	               ticket->slot == question->request->slot;
	if (!is_ours)
		credentials_refused(question, "not a ticket of this client and slot");
	return is_ours && is_current(question, ticket, voids);
}

bool credentials_ticket(struct question *question, bool voids)
{
	struct client *client = question->client;
	const ProtobufCBinaryData *bytes = &question->request->ticket;
	uint64_t index = consensus_applied(question->node->consensus); /* before the slot is read */
	struct ticket ticket;
	if (bytes->len == 0)
		return true;
	if (remembers_ticket(question, index)) {
		ticket = client->ticket;
	} else {
		client->has_ticket = false;
		if (!is_good(question, voids, &ticket)) {
			question_fault(question, CRATON__FAULT__FAULT_TICKET, "the ticket is not good (any more)");
			return false;
		}
		if (!voids)
			remember_ticket(client, bytes, &ticket, index);
	}
	question->ticket = ticket;
	question->asker.role = ticket.role;
	return true;
}
