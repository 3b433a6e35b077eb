/* Keys that a node makes and holds itself, because the token makes and uses their kind but can't seal it. Only where the operator says so:
 * such a value has been in the node's memory (locked, wiped), and is readable for who has the token's PIN (SEAL_VALUE). */
#pragma once
#include "backend/seal.h"

enum held { HELD_ED25519 = 1, HELD_ED448 = 2, HELD_X25519 = 4, HELD_X448 = 8 };

/* As the operator writes them, "ed25519"; 0: no such kind. */
unsigned held_named(const char *name);
/* By class, key type and CKA_EC_PARAMS; 0 for all other keys. */
unsigned held_kind(const Craton__Object *object);

/* As generate_key_pair. CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE become false and CKA_KEY_GEN_MECHANISM unavailable: nobody
 * may take them for keys that a token made. */
CK_RV held_generate(struct domain *domain, Craton__Object *public_object, Craton__Object *private_object);
/* As seal_import; CKR_ATTRIBUTE_VALUE_INVALID for a CKA_VALUE of another length than the curve's. */
CK_RV held_import(struct domain *domain, const struct attribute_list *secret, Craton__Object *object);
