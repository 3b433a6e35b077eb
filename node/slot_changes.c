/* Virtual slots come, go, and are opened to some and closed to others: the administrators' part. */
#include "node/login.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_RV created_slot(struct question *question, const struct request_record *record)
{
	struct slot_record slot;
	if (record->outcome != OUTCOME_DONE)
		return change_rv(record, CKR_SLOT_ID_INVALID);
	enum err err = directory_slot(question->node->directory, record->slot, &slot);
	if (err != ERR_OK) /* or removed again since, and this is a late retry */
		return err == ERR_NOT_FOUND ? CKR_SLOT_ID_INVALID : question_err(question, err, "reading the new slot");
	Craton__SlotCreateReply *body = malloc(sizeof *body);
	if (!body)
		return CKR_HOST_MEMORY;
	craton__slot_create_reply__init(body);
	question->reply->body_case = CRATON__REPLY__BODY_SLOT_CREATE;
	question->reply->slot_create = body;
	body->slot = slot.slot;
	body->serial = strdup(slot.serial);
	return body->serial ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV make_verifiers(struct question *question, const char *serial, Craton__PinVerifier *so, Craton__PinVerifier *user)
{
	const Craton__SlotCreate *body = question->request->slot_create;
	struct pin_about so_about = { serial, CRATON__ROLE__ROLE_SO }, user_about = { serial, CRATON__ROLE__ROLE_USER };
	struct domain *domain = question->node->domain;
	CK_RV rv = pin_verifier_make(domain, &so_about, body->so_pin.data, body->so_pin.len, so);
	if (rv == CKR_OK && body->user_pin.len)
		rv = pin_verifier_make(domain, &user_about, body->user_pin.data, body->user_pin.len, user);
	return question_token(question, rv);
}

/* The serial is drawn here, before anyone knows the slot's id: PINs are bound to it, and it never changes. */
static CK_RV create_slot(struct question *question, const struct id *key)
{
	Craton__SlotCreated change = CRATON__SLOT_CREATED__INIT;
	Craton__PinVerifier so = CRATON__PIN_VERIFIER__INIT, user = CRATON__PIN_VERIFIER__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	struct request_record record;
	struct id random = id_random();
	char text[ID_TEXT_SIZE], serial[17];

	id_text(&random, text);
	snprintf(serial, sizeof serial, "%.16s", text);
	CK_RV rv = make_verifiers(question, serial, &so, &user);
	change.label = question->request->slot_create->label;
	change.serial = serial;
	change.so_pin = &so;
	change.user_pin = user.mac.len ? &user : NULL;
	change.allowed = question->request->slot_create->allowed;
	change.n_allowed = question->request->slot_create->n_allowed;
	event.change_case = CRATON__EVENT__CHANGE_SLOT_CREATED;
	event.slot_created = &change;
	if (rv == CKR_OK)
		rv = change_commit(question, key, &event, question->deadline, &record);
	pin_verifier_finish(&so);
	pin_verifier_finish(&user);
	return rv == CKR_OK ? created_slot(question, &record) : rv;
}

static bool names_ok(struct question *question, char *const *names, size_t count)
{
	struct slot_access access;
	enum err err = slot_access_copy(&access, names, count);
	slot_access_finish(&access);
	if (err == ERR_MALFORMED)
		question_fault(question, CRATON__FAULT__FAULT_MALFORMED,
		               "who may see a slot is client:NAME or user:NAME, at most %d of them", SLOT_ACCESS_MAX);
	else if (err != ERR_OK)
		question_err(question, err, "the list");
	return err == ERR_OK;
}

CK_RV answer_slot_create(struct question *question)
{
	const Craton__SlotCreate *body = question->request->slot_create;
	struct id key = change_key(0, &question->request->request_id, 0);
	struct request_record record;
	if (!slot_label_ok(body->label))
		return CKR_ARGUMENTS_BAD;
	if (!pin_size_ok(body->so_pin.len) || (body->user_pin.len && !pin_size_ok(body->user_pin.len)))
		return CKR_PIN_LEN_RANGE;
	if (!names_ok(question, body->allowed, body->n_allowed))
		return CKR_FUNCTION_FAILED;
	return change_is_known(question, &key, &record) ? created_slot(question, &record) : create_slot(question, &key);
}

CK_RV answer_slot_access(struct question *question)
{
	const Craton__SlotAccess *body = question->request->slot_access;
	Craton__SlotAccessSet change = CRATON__SLOT_ACCESS_SET__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	if (!names_ok(question, body->allowed, body->n_allowed))
		return CKR_FUNCTION_FAILED;
	change.slot = body->slot;
	change.allowed = body->allowed;
	change.n_allowed = body->n_allowed;
	event.change_case = CRATON__EVENT__CHANGE_SLOT_ACCESS_SET;
	event.slot_access_set = &change;
	return change_once(question, &event, CKR_SLOT_ID_INVALID, NULL);
}

CK_RV answer_slot_remove(struct question *question)
{
	Craton__SlotRemoved change = CRATON__SLOT_REMOVED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	change.slot = question->request->slot_remove->slot;
	event.change_case = CRATON__EVENT__CHANGE_SLOT_REMOVED;
	event.slot_removed = &change;
	return change_once(question, &event, CKR_SLOT_ID_INVALID, NULL);
}
