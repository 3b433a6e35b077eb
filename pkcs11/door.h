/* The door from the machine's troubles to CK_RV: the one table of what an application is told when a failure could not be hidden
 * from it (docs/functions.md has the same in words). A token's own CK_RV passes untouched. */
#pragma once
#include "base/err.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <stdbool.h>

#define ANY_BODY CRATON__REPLY__BODY__NOT_SET

/* No member has answered. */
CK_RV rv_of_err(enum err err);
/* One has: CKR_OK if it is an answer with the `wanted` body (ANY_BODY: with any). */
CK_RV rv_of_reply(const Craton__Reply *reply, Craton__Reply__BodyCase wanted);

/* Is it the trouble of members rather than of the question? Then another may take over what this one had. */
bool err_is_loss(enum err err);
bool fault_is_loss(Craton__Fault fault);

/* The same for functions that name a slot rather than a session. */
CK_RV rv_for_slot(CK_RV rv);
/* The same for a key: an object that is gone is a key that is gone. */
CK_RV rv_for_key(CK_RV rv);
