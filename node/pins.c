/* C_InitToken, C_InitPIN, C_SetPIN of a virtual slot. */
#include "node/login.h"
#include <string.h>

static CK_RV commit_token(struct question *question, const struct id *key, const struct slot_record *slot,
                          struct request_record *record)
{
	const Craton__InitToken *body = question->request->init_token;
	struct pin_about about = { slot->serial, CRATON__ROLE__ROLE_SO };
	Craton__TokenInitialised change = CRATON__TOKEN_INITIALISED__INIT;
	Craton__PinVerifier pin;
	Craton__Event event = CRATON__EVENT__INIT;
	CK_RV rv = pin_verifier_make(question->node->domain, &about, body->so_pin.data, body->so_pin.len, &pin);
	if (rv != CKR_OK)
		return question_token(question, rv);
	change.slot = slot->slot;
	change.label = body->label;
	change.so_pin = &pin;
	change.generation = slot->generation;
	event.change_case = CRATON__EVENT__CHANGE_TOKEN_INITIALISED;
	event.token_initialised = &change;
	rv = change_commit(question, key, &event, question->deadline, record);
	pin_verifier_finish(&pin);
	return rv;
}

/* PKCS#11: "If the token has not been initialized … the pPin parameter becomes the initial value of the SO PIN. If
 * the token is being reinitialized, the pPin parameter is checked against the existing SO PIN". */
static CK_RV init_token(struct question *question, const struct id *key, struct request_record *record)
{
	const Craton__InitToken *body = question->request->init_token;
	struct shown_pin shown = { .role = CRATON__ROLE__ROLE_SO, .pin = &body->so_pin };
	struct slot_record slot;
	enum err err = directory_slot(question->node->directory, question->request->slot, &slot);
	if (err != ERR_OK)
		return question_err(question, err, "reading the slot");
	CK_RV rv = CKR_OK;
	if (slot.so.is_set)
		rv = login_check(question, &shown, &slot);
	else if (!pin_size_ok(body->so_pin.len))
		rv = CKR_PIN_LEN_RANGE;
	return rv == CKR_OK ? commit_token(question, key, &slot, record) : rv;
}

/* A PIN that was changed since the SO's was checked means that it has to be checked anew. */
static CK_RV init_token_as_it_is(struct question *question, struct request_record *record)
{
	CK_RV rv = CKR_OK;
	record->outcome = OUTCOME_STALE;
	for (unsigned i = 0; rv == CKR_OK && record->outcome == OUTCOME_STALE && !(i && deadline_passed(question->deadline)); i++) {
		struct id key = change_key(question->request->slot, &question->request->request_id, i);
		if (!change_is_known(question, &key, record))
			rv = init_token(question, &key, record);
	}
	return rv;
}

CK_RV answer_init_token(struct question *question)
{
	struct request_record record;
	if (!slot_label_ok(question->request->init_token->label))
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = init_token_as_it_is(question, &record);
	if (rv == CKR_OK)
		rv = change_rv(&record, CKR_SLOT_ID_INVALID);
	if (rv == CKR_OK)
		rv = change_settle(question, &record); /* the slot's objects are gone */
	return rv == CKR_OK ? question_done(question) : rv;
}

static CK_RV set_pin(struct question *question, const struct slot_record *slot, Craton__Role role,
                     const ProtobufCBinaryData *new_pin, bool by_so, struct request_record *record)
{
	struct id key = change_key(slot->slot, &question->request->request_id, 0);
	struct pin_about about = { slot->serial, role };
	Craton__PinSet change = CRATON__PIN_SET__INIT;
	Craton__PinVerifier pin;
	Craton__Event event = CRATON__EVENT__INIT;
	CK_RV rv = pin_verifier_make(question->node->domain, &about, new_pin->data, new_pin->len, &pin);
	if (rv != CKR_OK)
		return question_token(question, rv);
	change.slot = slot->slot;
	change.role = role;
	change.pin = &pin;
	change.by_so = by_so;
	change.generation = slot->generation;
	event.change_case = CRATON__EVENT__CHANGE_PIN_SET;
	event.pin_set = &change;
	rv = change_commit(question, &key, &event, question->deadline, record);
	pin_verifier_finish(&pin);
	return rv;
}

/* Who was logged in still is: the change made the old ticket void, so here is its successor. */
static CK_RV answer_with_ticket(struct question *question)
{
	struct slot_record slot;
	if (question_is(question, CRATON__ROLE__ROLE_NONE))
		return question_done(question);
	enum err err = directory_slot(question->node->directory, question->request->slot, &slot);
	if (err != ERR_OK)
		return question_err(question, err, "reading the slot");
	return login_ticket(question, question->asker.role, &slot);
}

/* The old PIN and old tickets are good for nothing anywhere from now on. */
static CK_RV answer_pin(struct question *question, const struct request_record *record)
{
	CK_RV rv = change_rv(record, CKR_SLOT_ID_INVALID);
	if (rv == CKR_OK)
		rv = change_settle(question, record);
	return rv == CKR_OK ? answer_with_ticket(question) : rv;
}

static bool is_done_already(struct question *question, struct request_record *record)
{
	struct id key = change_key(question->request->slot, &question->request->request_id, 0);
	return change_is_known(question, &key, record);
}

CK_RV answer_init_pin(struct question *question)
{
	const ProtobufCBinaryData *pin = &question->request->init_pin->pin;
	struct request_record record;
	struct slot_record slot;
	CK_RV rv = CKR_OK;
	if (!question_is(question, CRATON__ROLE__ROLE_SO))
		return CKR_USER_NOT_LOGGED_IN;
	if (!pin_size_ok(pin->len))
		return CKR_PIN_LEN_RANGE;
	if (!is_done_already(question, &record)) {
		enum err err = directory_slot(question->node->directory, question->request->slot, &slot);
		rv = err == ERR_OK ? set_pin(question, &slot, CRATON__ROLE__ROLE_USER, pin, true, &record)
		                   : question_err(question, err, "reading the slot");
	}
	return rv == CKR_OK ? answer_pin(question, &record) : rv;
}

CK_RV answer_set_pin(struct question *question)
{
	const Craton__SetPin *body = question->request->set_pin;
	struct id key = change_key(question->request->slot, &question->request->request_id, 0);
	struct shown_pin shown = { .role = body->role, .pin = &body->old_pin, .change = &key };
	struct request_record record;
	struct slot_record slot;
	CK_RV rv = CKR_OK;
	if (!pin_size_ok(body->new_pin.len))
		return CKR_PIN_LEN_RANGE;
	if (!change_is_known(question, &key, &record)) {
		rv = login_check(question, &shown, &slot);
		if (rv == CKR_OK)
			rv = set_pin(question, &slot, body->role, &body->new_pin, false, &record);
	}
	return rv == CKR_OK ? answer_pin(question, &record) : rv;
}
