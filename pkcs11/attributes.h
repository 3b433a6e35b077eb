/* What a member says of an object's attributes. */
#pragma once
#include "pkcs11/session.h"

/* *reply is a GetAttributesReply, the caller's. Session objects are shown. */
CK_RV attributes_ask(struct session *session, struct object *object, uint64_t *types, size_t count, Craton__Reply **reply);
