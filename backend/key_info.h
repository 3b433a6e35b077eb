/* CKA_PUBLIC_KEY_INFO: a public key as a SubjectPublicKeyInfo (RFC 5280), from the attributes of the key itself. */
#pragma once
#include "wire/attributes.h"

/* Sets it for a public key, or a private one whose attributes tell the public key too; where they do not, and where the owner gave an empty
 * one, it stays as it is. One that was given has to be of this very key: CKR_ATTRIBUTE_VALUE_INVALID, and CKR_ATTRIBUTE_TYPE_INVALID where that
 * can't be told ("a token MAY choose not to support the CKA_PUBLIC_KEY_INFO attribute for commands which create new private
 * keys"). CKR_HOST_MEMORY. */
CK_RV key_info_set(struct attribute_list *key);
