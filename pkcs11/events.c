/* Slot events (PKCS#11 2.40, 5.5): the slot's last member is lost, or one is there again. */
#include "pkcs11/gate.h"
#include "ha/changes.h"
#include <stdatomic.h>

#define LOOK_MS 1000 /* between looks whether anybody is there, while nobody else asks */

/* "If … more than one event …, the events are reported one at a time": what is one change after another here counts as one, and
 * of threads that wait one is told. Where a label has yet to become a number there is no slot to tell of. */
static bool take_event(struct library *library, CK_SLOT_ID *slot)
{
	uint64_t now = group_changes(library->group), seen = atomic_load(&library->changes_seen);
	*slot = atomic_load(&library->slot);
	return now != seen && *slot && atomic_compare_exchange_strong(&library->changes_seen, &seen, now);
}

/* That a member is gone shows only when it is asked something. */
static void look(struct library *library)
{
	struct question question = QUESTION_INIT;
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	Craton__Reply *reply;
	question.request.body_case = CRATON__REQUEST__BODY_SLOT_INFO;
	question.request.slot_info = &body;
	question.is_look = true;
	library_ask(library, &question, CRATON__REPLY__BODY_SLOT_INFO, &reply);
	reply_free(reply);
}

/* Until there is a change, or it is time to look for one; or for the slot, for whose sake the changes before have to wait. */
static void wait_or_look(struct library *library)
{
	bool has_slot = atomic_load(&library->slot) != 0;
	uint64_t known = has_slot ? atomic_load(&library->changes_seen) : group_changes(library->group);
	group_wait_for_change(library->group, known, deadline_in(LOOK_MS));
	bool is_changed = group_changes(library->group) != known;
	if (!group_is_stopping(library->group) && !(has_slot && is_changed))
		look(library);
}

/* "If C_Finalize is called while a thread blocks …, the C_WaitForSlotEvent call returns with CKR_CRYPTOKI_NOT_INITIALIZED."
 * Leaves the gate. */
static CK_RV wait_for_event(struct library *library, CK_SLOT_ID *slot)
{
	bool is_over = false;
	while (!take_event(library, slot) && !(is_over = group_is_stopping(library->group))) {
		gate_let_others();
		wait_or_look(library);
		CK_RV rv = gate_go_on();
		if (rv != CKR_OK)
			return rv;
	}
	gate_leave();
	return is_over ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_OK;
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID_PTR slot, void *reserved)
{
	struct library *library;
	CK_RV rv = gate_enter(&library);
	if (rv != CKR_OK)
		return rv;
	if (slot && !reserved && !(flags & CKF_DONT_BLOCK))
		return wait_for_event(library, slot);
	if (!slot || reserved)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = take_event(library, slot) ? CKR_OK : CKR_NO_EVENT;
	gate_leave();
	return rv;
}
