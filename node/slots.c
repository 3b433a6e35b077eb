/* Virtual slots: what they look like, how they come to be, how their PINs are set. */
#include "node/login.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANUFACTURER "Craton"
#define MODEL "Craton HA"
#define LABEL_SIZE_MAX 32

struct pin_flags {
	CK_FLAGS count_low, final_try, locked;
};

/* PKCS#11 table "Token Information Flags": COUNT_LOW "if an incorrect PIN has been entered at least once since the
 * last successful authentication", FINAL_TRY "if supplying an incorrect PIN will cause it to become locked". */
static CK_FLAGS pin_flags(const struct pin_record *pin, const struct pin_flags *flags)
{
	CK_FLAGS out = 0;
	if (!pin->is_set)
		return 0;
	if (pin->failures > 0)
		out |= flags->count_low;
	if (pin->failures + 1 == LOGIN_FAILURES_MAX)
		out |= flags->final_try;
	if (PIN_LOCKED(pin))
		out |= flags->locked;
	return out;
}

static CK_FLAGS token_flags(const struct slot_record *slot)
{
	static const struct pin_flags user = { CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED };
	static const struct pin_flags so = { CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED };
	CK_FLAGS flags = CKF_RNG | CKF_LOGIN_REQUIRED;
	if (slot->so.is_set)
		flags |= CKF_TOKEN_INITIALIZED;
	if (slot->user.is_set)
		flags |= CKF_USER_PIN_INITIALIZED;
	return flags | pin_flags(&slot->user, &user) | pin_flags(&slot->so, &so);
}

static Craton__SlotInfo *slot_info(const struct slot_record *slot)
{
	Craton__SlotInfo *info = malloc(sizeof *info);
	if (!info)
		return NULL;
	craton__slot_info__init(info);
	info->slot = slot->slot;
	info->label = strdup(slot->label);
	info->serial = strdup(slot->serial);
	info->manufacturer = strdup(MANUFACTURER);
	info->model = strdup(MODEL);
	info->token_flags = token_flags(slot);
	info->pin_size_min = PIN_SIZE_MIN;
	info->pin_size_max = PIN_SIZE_MAX;
	if (info->label && info->serial && info->manufacturer && info->model)
		return info;
	craton__slot_info__free_unpacked(info, NULL);
	return NULL;
}

CK_RV answer_slot_info(struct question *question)
{
	struct slot_record slot;
	enum err err = directory_slot(question->node->directory, question->request->slot, &slot);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? CKR_SLOT_ID_INVALID : question_err(question, err, "reading the slot");
	Craton__SlotInfo *info = slot_info(&slot);
	if (!info)
		return CKR_HOST_MEMORY;
	question->reply->body_case = CRATON__REPLY__BODY_SLOT_INFO;
	question->reply->slot_info = info;
	return CKR_OK;
}

static CK_RV list_slots(Craton__SlotListReply *body, const struct slot_record *slots, size_t count)
{
	body->list = calloc(count + 1, sizeof *body->list);
	for (size_t i = 0; body->list && i < count; i++) {
		body->list[i] = slot_info(&slots[i]);
		if (!body->list[i])
			return CKR_HOST_MEMORY;
		body->n_list = i + 1;
	}
	return body->list ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV answer_slot_list(struct question *question)
{
	struct slot_record *slots = NULL;
	size_t count = 0;
	enum err err = directory_slots(question->node->directory, &slots, &count);
	if (err != ERR_OK)
		return question_err(question, err, "reading the slots");
	Craton__SlotListReply *body = malloc(sizeof *body);
	if (body) {
		craton__slot_list_reply__init(body);
		question->reply->body_case = CRATON__REPLY__BODY_SLOT_LIST;
		question->reply->slot_list = body;
	}
	CK_RV rv = body ? list_slots(body, slots, count) : CKR_HOST_MEMORY;
	free(slots);
	return rv;
}

static bool label_ok(const char *label)
{
	return strlen(label) <= LABEL_SIZE_MAX;
}

static CK_RV created_slot(struct question *question, const struct request_record *record)
{
	struct slot_record slot;
	if (record->outcome != OUTCOME_DONE)
		return change_rv(record, CKR_SLOT_ID_INVALID);
	enum err err = directory_slot(question->node->directory, record->slot, &slot);
	if (err != ERR_OK)
		return question_err(question, err, "reading the new slot");
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
	event.change_case = CRATON__EVENT__CHANGE_SLOT_CREATED;
	event.slot_created = &change;
	if (rv == CKR_OK)
		rv = change_commit(question, key, &event, question->deadline, &record);
	pin_verifier_finish(&so);
	pin_verifier_finish(&user);
	return rv == CKR_OK ? created_slot(question, &record) : rv;
}

CK_RV answer_slot_create(struct question *question)
{
	const Craton__SlotCreate *body = question->request->slot_create;
	struct id key = change_key(0, &question->request->request_id, 0);
	struct request_record record;
	if (!label_ok(body->label))
		return CKR_ARGUMENTS_BAD;
	if (!pin_size_ok(body->so_pin.len) || (body->user_pin.len && !pin_size_ok(body->user_pin.len)))
		return CKR_PIN_LEN_RANGE;
	return change_is_known(question, &key, &record) ? created_slot(question, &record) : create_slot(question, &key);
}
