/* The working set: keys loaded into the token as session objects, least recently used out first: where there are more than the capacity, or
 * than the token has memory for. A public key is made from its attributes, a private or secret one unsealed. Borrowed keys stay. */
#pragma once
#include "backend/seal.h"
#include "base/id.h"

struct keyring;
struct loaded_key {
	Craton__Object *object;      /* what it is and may do; read only */
	CK_OBJECT_HANDLE handle;
	uint64_t generation;         /* of the token, whose handle it is: to be borrowed for (token_need) wherever the handle is used */
	uint64_t serial;             /* of this loading; never another's in this keyring, as a handle may be */
	/* the rest is the keyring's */
};

struct keyring *keyring_create(struct domain *domain, size_t capacity);
void keyring_destroy(struct keyring *keyring);
/* NULL if it is not loaded. A short lock, no token call. */
struct loaded_key *keyring_borrow(struct keyring *keyring, const struct id *id);
/* Loads it and borrows it; takes `object` in any case. Two threads that load the same key end with one. An object that was
 * forgotten (keyring_forget) between the caller's reading it and this call is not kept: `epoch` is keyring_epoch() from
 * before it was read. */
CK_RV keyring_load(struct keyring *keyring, uint64_t epoch, Craton__Object *object,
                   struct loaded_key **out);
uint64_t keyring_epoch(struct keyring *keyring);
/* The token is full before the keyring is, of keys of ours or of others' objects: a quarter of ours goes. False if all are in hand. */
bool keyring_make_room(struct keyring *keyring);
void keyring_return(struct keyring *keyring, struct loaded_key *key); /* accepts NULL */
/* Forgetting is a short lock and no token call: it never waits for a token that hangs. From here on nobody can borrow it; the physical key
 * is destroyed by the next thread that loads or returns a key, or tidies. */
void keyring_forget(struct keyring *keyring, const struct id *id);
void keyring_forget_slot(struct keyring *keyring, uint32_t slot);
void keyring_forget_all(struct keyring *keyring);
/* Removes what was forgotten from the token now. Worth a call now and then on a node that is idle. */
void keyring_tidy(struct keyring *keyring);
/* The token has been shut: who waits for another's loading of a key waits no more (CKR_TOKEN_NOT_PRESENT). */
void keyring_wake(struct keyring *keyring);
/* `gone` hears of the serial of each loaded key before its handle is the token's to give to another; one watcher, NULL for none. */
void keyring_watch(struct keyring *keyring, void (*gone)(void *context, uint64_t serial), void *context);
struct token *keyring_token(struct keyring *keyring);
struct keyring_counts { uint64_t loaded, hits, misses, evictions; };
struct keyring_counts keyring_counts(struct keyring *keyring);
