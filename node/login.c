#include "node/login.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

/* How long a PIN waits for the majority: others of its slot wait behind it, whatever the patience of who showed it. */
#define COUNT_MS 5000 /* a wrong one, to be counted; until it is, we remember it */
#define CLEAR_MS 2000 /* a right one, for its count to be cleared */

static const struct pin_record *record_of(const struct slot_record *slot, Craton__Role role)
{
	return role == CRATON__ROLE__ROLE_SO ? &slot->so : &slot->user;
}

/* A guess is counted once however often its request is sent, but another guess under the same request id is another
 * guess: the id is made of both. The PIN goes through the token's key, so the id tells nothing about it. */
static CK_RV guess_key(struct question *question, const struct shown_pin *shown, const struct slot_record *slot,
                       struct id *out)
{
	uint8_t mac[SHA256_SIZE];
	uint8_t role = (uint8_t)shown->role;
	struct id request = change_key(slot->slot, &question->request->request_id, 0);
	CK_RV rv = domain_mac(question->node->domain, "guess",
	                      (struct bytes[]){ { request.bytes, ID_SIZE },
	                                        { &slot->generation, sizeof slot->generation },
	                                        { &role, 1 },
	                                        { shown->pin->data, shown->pin->len } }, 4, mac);
	memcpy(out->bytes, mac, ID_SIZE);
	return rv;
}

static enum err propose(struct question *question, const struct id *key, const Craton__Event *event, int64_t wait_ms)
{
	uint8_t packed[128];
	uint64_t index;
	deadline_ms until = deadline_in(wait_ms), deadline = until < question->deadline ? until : question->deadline;
	size_t size = craton__event__get_packed_size(event);
	if (size > sizeof packed)
		return ERR_TOO_BIG;
	craton__event__pack(event, packed);
	return consensus_propose(question->node->consensus, key, packed, size, deadline, &index);
}

/* Counted before it is answered. Where no majority counts it, this node remembers it and counts it in. */
static CK_RV count_failure(struct question *question, const struct shown_pin *shown, const struct slot_record *slot)
{
	struct node *node = question->node;
	Craton__LoginFailed change = CRATON__LOGIN_FAILED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	struct slot_record now;
	struct id key;
	CK_RV rv = guess_key(question, shown, slot, &key);
	if (rv != CKR_OK)
		return rv;
	change.slot = slot->slot;
	change.role = shown->role;
	change.generation = slot->generation;
	event.change_case = CRATON__EVENT__CHANGE_LOGIN_FAILED;
	event.login_failed = &change;
	attempts_remember(node->attempts, slot->slot, shown->role, &key);
	propose(question, &key, &event, COUNT_MS);
	unsigned uncounted = attempts_uncounted(node->attempts, node->directory, slot->slot, shown->role);
	if (directory_slot(node->directory, slot->slot, &now) != ERR_OK)
		return CKR_PIN_INCORRECT;
	unsigned failures = record_of(&now, shown->role)->failures + uncounted;
	count_one(&node->counters, COUNTER_LOGIN_FAILED);
	log_warn("node", "login failed slot=%u role=%s client=%s failures=%u", slot->slot,
	         shown->role == CRATON__ROLE__ROLE_SO ? "so" : "user", question->client->identity.name, failures);
	return failures >= LOGIN_FAILURES_MAX ? CKR_PIN_LOCKED : CKR_PIN_INCORRECT;
}

/* Good manners, not a condition: a right PIN is right also where no majority can be told. */
static void clear_failures(struct question *question, const struct shown_pin *shown, const struct slot_record *slot)
{
	Craton__LoginSucceeded change = CRATON__LOGIN_SUCCEEDED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	struct id key = id_random();
	attempts_forget(question->node->attempts, slot->slot, shown->role);
	if (record_of(slot, shown->role)->failures == 0)
		return;
	change.slot = slot->slot;
	change.role = shown->role;
	change.generation = slot->generation;
	event.change_case = CRATON__EVENT__CHANGE_LOGIN_SUCCEEDED;
	event.login_succeeded = &change;
	propose(question, &key, &event, CLEAR_MS);
}

static CK_RV check(struct question *question, const struct shown_pin *shown, struct slot_record *slot)
{
	struct node *node = question->node;
	struct request_record done;
	if (directory_slot(node->directory, question->request->slot, slot) != ERR_OK)
		return CKR_SLOT_ID_INVALID;
	if (shown->change && change_is_known(question, shown->change, &done)) /* after the slot was read: it was right, and is the old one now */
		return CKR_OK;
	const struct pin_record *record = record_of(slot, shown->role);
	struct pin_about about = { slot->serial, shown->role };
	if (!record->is_set)
		return shown->role == CRATON__ROLE__ROLE_USER ? CKR_USER_PIN_NOT_INITIALIZED : CKR_PIN_INCORRECT;
	unsigned uncounted = attempts_uncounted(node->attempts, node->directory, slot->slot, shown->role);
	if (record->failures + uncounted >= LOGIN_FAILURES_MAX)
		return CKR_PIN_LOCKED;
	CK_RV rv = pin_check(node->domain, &about, record, shown->pin->data, shown->pin->len);
	if (rv == CKR_PIN_INCORRECT)
		return count_failure(question, shown, slot);
	if (rv == CKR_OK)
		clear_failures(question, shown, slot);
	return question_token(question, rv);
}

CK_RV login_check(struct question *question, const struct shown_pin *shown, struct slot_record *slot)
{
	uint32_t id = question->request->slot;
	if (shown->role != CRATON__ROLE__ROLE_USER && shown->role != CRATON__ROLE__ROLE_SO)
		return CKR_USER_TYPE_INVALID;
	enum err err = attempts_enter(question->node->attempts, id, question->deadline);
	if (err == ERR_TIMEOUT)
		return question_fault(question, CRATON__FAULT__FAULT_BUSY, "others are trying PINs of this slot");
	if (err != ERR_OK)
		return question_err(question, err, "login");
	CK_RV rv = check(question, shown, slot);
	attempts_leave(question->node->attempts, id);
	return rv;
}

CK_RV login_ticket(struct question *question, Craton__Role role, const struct slot_record *slot)
{
	struct ticket ticket = { .role = role, .slot = slot->slot, .generation = slot->generation };
	Craton__LoginReply *body = malloc(sizeof *body);
	uint8_t *bytes = malloc(TICKET_SIZE);
	if (!body || !bytes) {
		free(body);
		free(bytes);
		return CKR_HOST_MEMORY;
	}
	ticket_make(question->node->ticket_key, &question->client->identity, &ticket, bytes);
	craton__login_reply__init(body);
	body->ticket = (ProtobufCBinaryData){ TICKET_SIZE, bytes };
	question->reply->body_case = CRATON__REPLY__BODY_LOGIN;
	question->reply->login = body;
	return CKR_OK;
}

CK_RV answer_login(struct question *question)
{
	const Craton__Login *login = question->request->login;
	struct shown_pin shown = { .role = login->role, .pin = &login->pin };
	struct slot_record slot;
	CK_RV rv = login_check(question, &shown, &slot);
	if (rv != CKR_OK)
		return rv;
	count_one(&question->node->counters, COUNTER_LOGIN);
	return login_ticket(question, login->role, &slot);
}
