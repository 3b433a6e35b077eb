/* Message-based operations (PKCS#11 3.0, 5.9, 5.11, 5.14, 5.16): one key for many messages, each an operation of its own. Between two
 * messages nothing is anywhere but here, so each may go to another member. */
#pragma once
#include "pkcs11/session.h"

#define MESSAGE_IV_SIZE_MAX 256           /* bytes */
#define MESSAGE_PARTS_SIZE_MAX (64u << 20) /* bytes of a message to be enciphered or deciphered in parts */

/* A process: from C_Message*Init to C_Message*Final. */
struct message {
	Craton__CryptKind kind;
	CK_MECHANISM_TYPE type;
	struct object *key;
	Craton__Mechanism *mechanism;   /* SIGN, VERIFY: every message's */
	bool is_in_parts;               /* a message was begun and has not ended */
	struct operation operation;     /* the message under way */
	bool is_wary;                   /* CKA_ALWAYS_AUTHENTICATE: each message wants the PIN, before it or when it has begun */
	struct secret *pin;             /* for the next one */
	bool has_last;                  /* SIGN: its last part is in it already */
	struct buf parts;               /* ENCRYPT, DECRYPT: of the message so far */
	uint64_t made;                  /* IVs counted out */
	uint8_t mask[MESSAGE_IV_SIZE_MAX]; /* CKG_GENERATE_COUNTER_XOR: the first message's IV */
};

/* A new process. `mechanism` NULL: ends the one that is, whatever it is at. CKR_ARGUMENTS_BAD, CKR_OPERATION_ACTIVE, and what
 * operation_begin gives. */
CK_RV message_init(struct session *session, Craton__CryptKind kind, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
/* CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE in the middle of a message. */
CK_RV message_final(struct session *session, Craton__CryptKind kind);
/* Whatever it is at; also if there is none. */
void message_end(struct session *session, Craton__CryptKind kind);

/* For a call between messages, or within one: CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE. */
CK_RV message_find(struct session *session, Craton__CryptKind kind, bool in_parts, struct message **message);
/* The next message's operation, with `mechanism` (taken over; NULL: without memory). */
CK_RV message_start(struct session *session, struct message *message, Craton__Mechanism *mechanism);
/* The message is over, the process goes on. Returns rv. */
CK_RV message_over(struct message *message, CK_RV rv);
