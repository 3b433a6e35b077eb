/* What only the token knows of a key, into its virtual attributes. Inside backend/ only. */
#pragma once
#include "backend/physical.h"

/* Bytes of one attribute, added to `out`, which is as it was if the token does not tell. */
CK_RV read_attribute(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type,
                     struct buf *out);
/* By the standard's tables for the object's class and key type. Never a value that is secret. What stands
 * there already and can't be learned stays. */
CK_RV learn(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, Craton__Object *object);
/* DES and its kin: such a key has no CKA_VALUE_LEN. */
bool has_fixed_length(CK_KEY_TYPE type);
/* Public parts that a private key's object has too, from its public half's. */
CK_RV learn_from_public(const Craton__Object *public_object, Craton__Object *private_object);
