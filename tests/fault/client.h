/* fault-client: an application under load that writes down all it asks and is told (history.h) while members fail.
 *
 * Its threads are of kinds (client_loads.c); each has a session and goes on whatever it is answered. Objects are known by an entry of
 * the board and a side: a pair has two. */
#pragma once
#include "bench/module.h"
#include "tests/fault/client_board.h"
#include "tests/fault/history.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum side { SIDE_ONE, SIDE_PUBLIC }; /* the private key, the secret key, the data; a pair's public key */

struct worker {
	struct tally tally;
	CK_SESSION_HANDLE session;
	unsigned seed;     /* of rand_r */
	unsigned number;   /* of what it made last */
	unsigned pace_us;
	const char *process;
	struct { void *text; size_t size; } work; /* client_parts.c: what goes through in parts; freed by the worker's end */
};

extern struct module module;
extern _Atomic bool is_stopping;

unsigned draw(struct worker *worker, unsigned below); /* 0 … below - 1 */
void pause_us(uint64_t us); /* ends early when the client is told to stop */

/* ---- client_objects.c: each call leaves its record. */

/* Makes what the entry says, a token object or a session's own. The handles are remembered, of token objects. */
CK_RV object_make(struct worker *worker, const struct board_entry *entry, bool is_token, CK_OBJECT_HANDLE handles[2]);
/* The remembered handle, or that found; CK_INVALID_HANDLE if it is not there or could not be asked. */
CK_OBJECT_HANDLE object_handle(struct worker *worker, const struct board_entry *entry, enum side side);
/* Asks even if a handle is remembered: more than one object, or another handle than before, is wrong. */
CK_OBJECT_HANDLE object_find(struct worker *worker, const struct board_entry *entry, enum side side);
CK_RV object_destroy(struct worker *worker, struct board_entry *entry, enum side side, CK_OBJECT_HANDLE handle);
/* The attribute that serves as the object's register: CKA_VALUE of data, CKA_ID of keys. */
void object_read(struct worker *worker, const struct board_entry *entry, enum side side, CK_OBJECT_HANDLE handle);
void object_write(struct worker *worker, const struct board_entry *entry, enum side side, CK_OBJECT_HANDLE handle);
/* The first few of all data objects, a few at a time. */
void objects_search(struct worker *worker);
bool entry_is_pair(const struct board_entry *entry);
/* LABEL/SIDE, as the history has it. */
void object_name(const struct board_entry *entry, enum side side, char name[HISTORY_OBJECT_SIZE]);

/* ---- client_use.c */

/* Signs or encrypts with the key, or reads the data, and compares with what OpenSSL makes of it. */
void object_use(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle);
/* With OpenSSL, and the public key that the slot has of it. True also if that cannot be asked for now. */
bool object_verify(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle, CK_MECHANISM_TYPE mechanism,
                   const void *text, size_t size, const uint8_t *signature, size_t signature_size);

/* ---- client_parts.c: an operation in parts, with pauses in which its member may be lost. */
void parts_sign(struct worker *worker);
void parts_digest(struct worker *worker);
void parts_encrypt(struct worker *worker);
void parts_mac(struct worker *worker);
/* More than the library keeps: the loss of its member is CKR_DEVICE_ERROR, and the session is usable at once. */
void parts_mac_beyond(struct worker *worker);

/* ---- client_reference.c: OpenSSL's own opinion. */
#define KEY_SIZE 32
void reference_value(const char *label, uint8_t value[KEY_SIZE]); /* of an imported key */
bool reference_verify(const uint8_t *spki, size_t spki_size, enum kind kind, CK_MECHANISM_TYPE mechanism, const void *text, size_t size,
                      const uint8_t *signature, size_t signature_size);
bool reference_digest(const void *text, size_t size, const uint8_t *digest, size_t digest_size); /* SHA-256 */
bool reference_cbc_pad(const uint8_t key[KEY_SIZE], const void *text, size_t size, const uint8_t *cipher, size_t cipher_size); /* IV of zeros */
bool reference_cmac(const uint8_t key[KEY_SIZE], const void *text, size_t size, const uint8_t *mac, size_t mac_size);

/* ---- client_loads.c */

struct load {
	const char *name;
	unsigned slowness;  /* its pause between two rounds, in paces */
	void (*round)(struct worker *worker);
};
/* NULL: there is no such kind. */
const struct load *load_named(const char *name, size_t size);
/* Makes the standing keys: CKR_OK, or what the first that failed gave. */
CK_RV load_prepare(struct worker *worker);
/* Reads, and uses, everything on the board. */
void load_final(struct worker *worker);
