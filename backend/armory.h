/* Signatures begun before they are asked for. On many tokens C_SignInit costs as much as C_Sign itself (SoftHSM decrypts and
 * decodes the key anew: 37 of 68 µs for P-256), or a round trip to the device. For a key that signs again and again a thread of
 * ours begins the next operations on spare sessions while nobody waits, and a call then finds C_SignInit done.
 *
 * Only signatures whose mechanism has no parameter are begun, only for keys in the keyring, and what was begun ends with the
 * loaded key: a session is tied to the key's serial, which is never used for another. Nothing is begun for a key at rest. */
#pragma once
#include "backend/keyring.h"
#include "backend/operate.h"

struct armory;

/* Uses at most a quarter of the pool's sessions. Destroy it before the keyring. NULL without memory or threads. */
struct armory *armory_create(struct keyring *keyring, size_t sessions_max);
void armory_destroy(struct armory *armory); /* accepts NULL */

/* operate() with a borrowed key, faster where the operation has been begun. */
CK_RV armory_operate(struct armory *armory, Craton__CryptKind kind, CK_MECHANISM *mechanism, const struct loaded_key *key,
                     const void *data, size_t size, const void *signature, size_t signature_size, struct buf *out);
/* How many operations were found begun. */
uint64_t armory_hits(struct armory *armory);
