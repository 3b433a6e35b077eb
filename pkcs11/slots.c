/* Slot and token management (PKCS#11 2.40, 5.5), but for PINs (login.c). */
#include "pkcs11/gate.h"
#include "pkcs11/session.h"
#include "pkcs11/text.h"
#include <stdlib.h>
#include <string.h>

static CK_RV give_slots(const CK_SLOT_ID *slot, CK_ULONG have, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count)
{
	CK_ULONG room = *count;
	*count = have;
	if (slots && room < have)
		return CKR_BUFFER_TOO_SMALL;
	if (slots && have)
		*slots = *slot;
	return CKR_OK;
}

/* The one slot is always there, whoever of its members is; but a label that no slot has is no slot. */
CK_RV C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR count)
{
	struct library *library;
	CK_SLOT_ID slot;
	CK_RV rv = gate_enter(&library);
	(void)token_present;
	if (rv != CKR_OK)
		return rv;
	rv = count ? library_slot(library, false, &slot) : CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK || rv == CKR_SLOT_ID_INVALID)
		rv = give_slots(&slot, rv == CKR_OK, slots, count);
	else if (rv == CKR_DEVICE_REMOVED || rv == CKR_DEVICE_ERROR)
		rv = CKR_FUNCTION_FAILED; /* nobody could be asked for the label */
	gate_leave();
	return rv;
}

/* Through the gate, to our slot. */
static CK_RV slot_enter(CK_SLOT_ID slot, const void *out, struct library **library)
{
	CK_SLOT_ID ours;
	CK_RV rv = gate_enter(library);
	if (rv != CKR_OK)
		return rv;
	rv = library_slot(*library, false, &ours);
	if (rv == CKR_OK && slot != ours)
		rv = CKR_SLOT_ID_INVALID;
	else if (rv == CKR_OK && !out)
		rv = CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		gate_leave();
	return rv_for_slot(rv);
}

static CK_RV slot_leave(CK_RV rv)
{
	gate_leave();
	return rv_for_slot(rv);
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
	struct library *library;
	CK_RV rv = slot_enter(slot, info, &library);
	if (rv != CKR_OK)
		return rv;
	*info = (CK_SLOT_INFO){ .flags = CKF_TOKEN_PRESENT, .firmwareVersion = { 0, 1 } };
	PAD(info->slotDescription, "Craton HA virtual slot");
	PAD(info->manufacturerID, "Craton");
	return slot_leave(CKR_OK);
}

static void fill_token_info(struct library *library, const Craton__SlotInfo *slot, CK_TOKEN_INFO *info)
{
	size_t count, read_only;
	sessions_count(library, &count, &read_only);
	*info = (CK_TOKEN_INFO){
		.flags = (CK_FLAGS)slot->token_flags | CKF_DUAL_CRYPTO_OPERATIONS,
		.ulMaxSessionCount = CK_EFFECTIVELY_INFINITE,
		.ulSessionCount = count,
		.ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE,
		.ulRwSessionCount = count - read_only,
		.ulMaxPinLen = (CK_ULONG)slot->pin_size_max,
		.ulMinPinLen = (CK_ULONG)slot->pin_size_min,
		.ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION,
		.ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION,
		.ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION,
		.ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION,
		.firmwareVersion = { 0, 1 },
	};
	PAD(info->label, slot->label);
	PAD(info->manufacturerID, *slot->manufacturer ? slot->manufacturer : "Craton");
	PAD(info->model, *slot->model ? slot->model : "Craton HA");
	PAD(info->serialNumber, slot->serial);
	memset(info->utcTime, ' ', sizeof info->utcTime);
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	struct library *library;
	struct question question = QUESTION_INIT;
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	Craton__Reply *reply;
	CK_RV rv = slot_enter(slot, info, &library);
	if (rv != CKR_OK)
		return rv;
	question.request.body_case = CRATON__REQUEST__BODY_SLOT_INFO;
	question.request.slot_info = &body;
	rv = library_ask(library, &question, CRATON__REPLY__BODY_SLOT_INFO, &reply);
	if (rv == CKR_OK)
		fill_token_info(library, reply->slot_info, info);
	reply_free(reply);
	return slot_leave(rv);
}

static CK_RV give_types(const CK_MECHANISM_TYPE *types, CK_ULONG have, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count)
{
	CK_ULONG room = *count;
	*count = have;
	if (!list)
		return CKR_OK;
	if (room < have)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(list, types, have * sizeof *list);
	return CKR_OK;
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count)
{
	struct library *library;
	CK_MECHANISM_TYPE *types = NULL;
	CK_ULONG have = 0;
	CK_RV rv = slot_enter(slot, count, &library);
	if (rv != CKR_OK)
		return rv;
	rv = offer_types(library, &types, &have);
	if (rv == CKR_OK)
		rv = give_types(types, have, list, count);
	free(types);
	return slot_leave(rv);
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info)
{
	struct library *library;
	struct offered offered;
	CK_RV rv = slot_enter(slot, info, &library);
	if (rv != CKR_OK)
		return rv;
	rv = offer_find(library, type, &offered);
	if (rv == CKR_OK)
		*info = offered.info;
	return slot_leave(rv);
}

/* ---- sessions (5.6) */

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session)
{
	struct library *library;
	CK_RV rv = slot_enter(slot, session, &library);
	(void)application;
	(void)notify; /* there is nothing to surrender to */
	if (rv != CKR_OK)
		return rv;
	if (!(flags & CKF_SERIAL_SESSION))
		return slot_leave(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	return slot_leave(session_open(library, flags & CKF_RW_SESSION, session));
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
	struct library *library;
	CK_RV rv = slot_enter(slot, "", &library);
	if (rv != CKR_OK)
		return rv;
	sessions_close_all(library);
	return slot_leave(CKR_OK);
}
