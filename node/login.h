/* PINs of a virtual slot, checked and counted. */
#pragma once
#include "node/change.h"
#include "node/pin.h"

/* A PIN somebody shows us: checked in the token, a wrong one counted by the cluster before we say so. */
struct shown_pin {
	Craton__Role role;
	const ProtobufCBinaryData *pin;
	const struct id *change; /* the request that it is shown for, where that ends the PIN itself; NULL otherwise */
};
/* CKR_OK: it is right, and *slot is the slot it is right for; or `change` is done already, maybe through another node right now. CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED,
 * CKR_USER_TYPE_INVALID. One guess per slot at a time on this node. */
CK_RV login_check(struct question *question, const struct shown_pin *shown, struct slot_record *slot);
/* The answer `login`: a ticket for this client. */
CK_RV login_ticket(struct question *question, Craton__Role role, const struct slot_record *slot);
