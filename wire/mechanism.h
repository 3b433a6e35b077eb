/* Mechanisms and their parameters, between PKCS#11's structures and the wire's messages. Which mechanism takes
 * what is one table (wire/mechanism_form.c), and each field of each parameter has its bounds in one more
 * (wire/mechanism_layout.c), for both directions. */
#pragma once
#include "base/digest.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <stdbool.h>

/* An application's mechanism, whose parameter may lie at any address. CKR_MECHANISM_PARAM_INVALID for a size, length or
 * pointer that makes no sense; a mechanism whose parameter we do not know travels only without one (CKR_MECHANISM_INVALID
 * otherwise), unless `takes_bytes`: it is declared to be a byte string. CKR_HOST_MEMORY.
 * Objects that the parameter names by handle are not in *out: mechanism_keys. */
CK_RV mechanism_to_wire(const CK_MECHANISM *mechanism, bool takes_bytes, Craton__Mechanism **out); /* craton__mechanism__free_unpacked */

/* Native form, in one block with all it points to: free(). `keys`: handles for mechanism->keys, in its order; NULL if it names
 * none. CKR_MECHANISM_PARAM_INVALID too where there are not as many as the parameter names. An IV that the token is to make
 * has its room, filled with random bytes: a token that makes none takes these, and no IV comes twice. */
CK_RV mechanism_from_wire(const Craton__Mechanism *mechanism, bool takes_bytes, const CK_OBJECT_HANDLE *keys,
                          CK_MECHANISM **out);

#define MECHANISM_KEYS_MAX 2
/* The objects that a parameter names by handle (HKDF's salt key, CKM_CONCATENATE_BASE_AND_KEY's second), in its order: how many. The
 * parameter has passed mechanism_to_wire. */
size_t mechanism_keys(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handles[MECHANISM_KEYS_MAX]);

/* Has the token made or changed the IV of a GCM parameter? `used` is what mechanism_from_wire made of `asked`, after use;
 * *iv lies in it. */
bool mechanism_new_iv(const Craton__Mechanism *asked, const CK_MECHANISM *used, struct bytes *iv);
