/* Virtual slots: what they look like, and who sees them. */
#include "node/access.h"
#include "node/login.h"
#include <stdlib.h>
#include <string.h>

#define MANUFACTURER "Craton"
#define MODEL "Craton HA"

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

/* The list is for administrators; it leaves `access` to become the message's. */
static void tell_access(Craton__SlotInfo *info, struct slot_access *access)
{
	info->allowed = access->allowed;
	info->n_allowed = access->count;
	*access = (struct slot_access){ NULL, 0 };
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

/* Another slot of the list, if this client may know of it. */
static CK_RV list_slot(struct question *question, const struct slot_record *slot)
{
	const struct client *client = question->client;
	Craton__SlotListReply *body = question->reply->slot_list;
	struct slot_access access;
	char name[ACCESS_NAME_SIZE];
	enum err err = directory_slot_access(question->node->directory, slot->slot, &access);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? CKR_OK : question_err(question, err, "reading the slots");
	access_name(&client->identity, name);
	if (client->may_administer || access_sees(&client->identity, name, &access)) {
		Craton__SlotInfo *info = slot_info(slot);
		if (info && client->may_administer)
			tell_access(info, &access);
		body->list[body->n_list] = info;
		body->n_list += info != NULL;
		err = info ? ERR_OK : ERR_NO_MEMORY;
	}
	slot_access_finish(&access);
	return err == ERR_OK ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV list_slots(struct question *question, const struct slot_record *slots, size_t count)
{
	Craton__SlotListReply *body = malloc(sizeof *body);
	if (!body)
		return CKR_HOST_MEMORY;
	craton__slot_list_reply__init(body);
	question->reply->body_case = CRATON__REPLY__BODY_SLOT_LIST;
	question->reply->slot_list = body;
	body->list = calloc(count + 1, sizeof *body->list);
	CK_RV rv = body->list ? CKR_OK : CKR_HOST_MEMORY;
	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = list_slot(question, &slots[i]);
	return rv;
}

CK_RV answer_slot_list(struct question *question)
{
	struct slot_record *slots = NULL;
	size_t count = 0;
	enum err err = directory_slots(question->node->directory, &slots, &count);
	CK_RV rv = err == ERR_OK ? list_slots(question, slots, count) : question_err(question, err, "reading the slots");
	free(slots);
	return rv;
}
