/* Which slot is ours, where craton.conf names it by its label. */
#include "base/log.h"
#include "pkcs11/library.h"
#include <string.h>

static CK_SLOT_ID find(const Craton__SlotListReply *list, const char *label)
{
	CK_SLOT_ID found = 0;
	for (size_t i = 0; i < list->n_list; i++) {
		if (strcmp(list->list[i]->label, label) != 0)
			continue;
		if (found) {
			log_error("pkcs11", "craton.conf: [slot] label = %s: several slots have it; write id = NUMBER instead", label);
			return 0;
		}
		found = list->list[i]->slot;
	}
	if (!found)
		log_error("pkcs11", "craton.conf: [slot] label = %s: there is no such slot for this application", label);
	return found;
}

static CK_RV ask(struct library *library, bool is_look, CK_SLOT_ID *slot)
{
	struct question question = QUESTION_INIT;
	Craton__SlotListRequest body = CRATON__SLOT_LIST_REQUEST__INIT;
	Craton__Reply *reply;
	bool ignored;
	question.request.body_case = CRATON__REQUEST__BODY_SLOT_LIST;
	question.request.slot_list = &body;
	question.is_look = is_look;
	CK_RV rv = library_ask_members(library, &question, CRATON__REPLY__BODY_SLOT_LIST, &reply, &ignored);
	if (rv == CKR_OK && !(*slot = find(reply->slot_list, library->config.slot_label)))
		rv = CKR_SLOT_ID_INVALID;
	reply_free(reply);
	return rv;
}

/* Nobody asks anything else before: the lock is waited for, not the answer by each. */
CK_RV library_slot(struct library *library, bool is_look, CK_SLOT_ID *slot)
{
	CK_RV rv = CKR_OK;
	*slot = atomic_load(&library->slot);
	if (*slot)
		return CKR_OK;
	pthread_mutex_lock(&library->slot_lock);
	*slot = atomic_load(&library->slot);
	if (!*slot)
		rv = ask(library, is_look, slot);
	if (rv == CKR_OK) {
		group_set_slot(library->group, (uint32_t)*slot);
		atomic_store(&library->slot, *slot);
	}
	pthread_mutex_unlock(&library->slot_lock);
	return rv;
}
