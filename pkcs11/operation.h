/* A cryptographic operation of a session: set aside by C_*Init without a word to any member, done in
 * one round trip by the call that has the data. */
#pragma once
#include "base/buf.h"
#include "base/secret.h"
#include "ha/objects.h"
#include "pkcs11/offer.h"
#include "pkcs11/parts.h"
#include "pkcs11/prehash.h"
#include "pkcs11/stream.h"
#include "wire/mechanism_table.h"

struct session;

#define OPERATION_KINDS 6 /* by Craton__CryptKind */

struct operation {
	Craton__CryptKind kind;
	bool is_active;
	bool has_parts;               /* an Update call came: the single-part call may not end it */
	bool hashes_here;             /* hash-then-sign: only the hash goes to a member */
	bool needs_pin;               /* CKA_ALWAYS_AUTHENTICATE: C_Login(CKU_CONTEXT_SPECIFIC) has to come first */
	struct secret *pin;           /* which then goes to the node with this operation, and no other */
	struct object *key;
	Craton__Mechanism *mechanism;
	const struct mechanism_facts *facts; /* NULL for a mechanism we know nothing of */
	struct prehash prehash;       /* hash-then-sign in parts */
	struct stream stream;         /* a cipher in parts */
	struct parts parts;           /* any other in parts */
	struct room iv;               /* the application's, for an IV that a token makes */
	/* A result that did not fit into the application's buffer, and a digest of what it is the result of. */
	bool has_result;
	struct buf result;
	uint8_t result_of[32];
};

/* Without a mechanism: ends an active one. CKR_ARGUMENTS_BAD, CKR_OPERATION_ACTIVE, CKR_MECHANISM_INVALID,
 * CKR_MECHANISM_PARAM_INVALID, CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT,
 * CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_HOST_MEMORY. */
CK_RV operation_begin(struct session *session, Craton__CryptKind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
/* Its two halves, for operations that are not the session's own of a kind (messages): the key, if it may be used so, and what
 * is offered of the mechanism … */
CK_RV operation_find_key(struct session *session, Craton__CryptKind kind, CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE handle,
                         struct offered *offered, struct object **key);
/* … and the start of one with it; takes over mechanism and key. `operation` is zeroed but for its kind. */
void operation_start(struct session *session, struct operation *operation, Craton__Mechanism *mechanism, struct object *key);
/* Forgets and wipes everything; may be called for one that is not active. */
void operation_end(struct operation *operation);
/* The same, and returns rv. */
CK_RV operation_refuse(struct operation *operation, CK_RV rv);
/* The operation of that kind if it is active; NULL: CKR_OPERATION_NOT_INITIALIZED. */
struct operation *operation_find(struct session *session, Craton__CryptKind kind);

CK_FLAGS operation_use(Craton__CryptKind kind); /* CKF_SIGN … */

/* One round trip. The result is added to `out`, NULL for VERIFY. */
CK_RV operation_ask(struct session *session, struct operation *operation, const Craton__Mechanism *mechanism,
                    struct bytes data, struct bytes signature, struct buf *out);
/* The same at one stage of an operation in parts. */
struct asking {
	const Craton__Mechanism *mechanism;
	Craton__CryptStage stage;
	struct bytes data, signature;
	bool has_more;                /* the answer's: another LAST brings the next of the result */
	bool is_loss;                 /* it failed with the member, and for no other reason */
};
CK_RV operation_ask_stage(struct session *session, struct operation *operation, struct asking *asking, struct buf *out);

/* How many bytes come of so much data; SIZE_MAX: only a member can tell. *exact: just as many, else at most. */
size_t operation_result_size(const struct operation *operation, size_t input_size, bool *exact);
/* Too much for one question, and of a mechanism that tokens do in parts. */
bool operation_is_long(const struct operation *operation, size_t size);

/* The last call of an operation that gives bytes: lengths are answered without a round trip where they can be known; a
 * result that does not fit is kept, so that nothing is done twice. Ends the operation, but after a
 * question for the length and CKR_BUFFER_TOO_SMALL. */
CK_RV operation_finish(struct session *session, struct operation *operation, struct bytes data,
                       CK_BYTE_PTR out, CK_ULONG_PTR out_size);
/* The same for VERIFY. */
CK_RV operation_verify(struct session *session, struct operation *operation, struct bytes data, struct bytes signature);

/* From here on it is in parts: what an earlier single-part call has left (a result that did not fit) is forgotten. */
void operation_begin_parts(struct operation *operation);
/* The same for an Update. CKR_OPERATION_NOT_INITIALIZED: its end was asked for already, and only its result is left to come. */
CK_RV operation_go_on(struct operation *operation);
/* Some more of the data of a SIGN or VERIFY in parts. Ends the operation if it fails. */
CK_RV operation_add_part(struct session *session, struct operation *operation, struct bytes part);
/* What was added and is kept here still. */
struct bytes operation_parts(const struct operation *operation);
/* C_Login(CKU_CONTEXT_SPECIFIC): the PIN, which a member has found good, for every operation that waits for it. CKR_HOST_MEMORY. */
CK_RV operation_take_pin(struct operation *operation, const void *pin, size_t size);
/* Wiped; another use wants another. */
void operation_use_up_pin(struct operation *operation);
/* CKR_ARGUMENTS_BAD: a length without bytes, or one that cannot be. */
CK_RV check_bytes(const void *data, CK_ULONG size);
