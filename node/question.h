/* One request being answered: what a connection's thread carries from the frame it read to the frame it writes. */
#pragma once
#include "node/access.h"
#include "node/node.h"
#include "node/rules.h"
#include "node/ticket.h"
#include "wire/call.h"

/* Who asks: the other end of one connection. */
struct client {
	struct identity identity;
	bool may_administer;
	bool was_told;           /* in the log, of something it was refused */
	bool was_awaited;        /* its first question was answered as of the moment it came */
	char called[ACCESS_NAME_SIZE]; /* in slots' lists; "" until it is asked for the first time */
	/* the slot last found to be visible to it, and the index at which the slot's list was looked at */
	uint32_t slot;
	uint64_t slot_index;
	bool has_slot;
	/* the ticket last found good, and the index at which its slot was looked at: while neither changes
	 * nothing needs checking again */
	uint8_t ticket_bytes[TICKET_SIZE];
	struct ticket ticket;
	uint64_t ticket_index;
	bool has_ticket;
	struct multipart *multipart; /* the operation in parts that is open on this connection; NULL: none */
};

struct question {
	struct node *node;
	struct client *client;
	const Craton__Request *request;
	Craton__Reply *reply;    /* every part of it allocated: craton__reply__free_unpacked */
	int64_t patience_ms;     /* how long the asker waits for a sign of life: heartbeats begin it anew */
	deadline_ms deadline;    /* the first time */
	uint64_t since;          /* the index that was applied when its answer began: before anyone looks whether it is done already */
	struct asker asker;      /* as the ticket says; nobody (ROLE_NONE) without one */
	struct ticket ticket;    /* valid if asker.role is not ROLE_NONE */
};

/* Answers `request`; the reply is never NULL but without memory, and the caller's: reply_free. */
Craton__Reply *question_answer(struct node *node, struct client *client, const Craton__Request *request);

/* How long whoever asks waits for a sign of life, less what an answer may take to arrive. */
int64_t question_patience(const struct node *node, const Craton__Request *request);

/* The machine's trouble instead of an answer. The first fault stays. Returns CKR_FUNCTION_FAILED, so that an answer may end in
 * `return question_fault(…)`: whoever asks looks at the fault first. */
CK_RV question_fault(struct question *question, Craton__Fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for an `enum err` of the rooms below. */
CK_RV question_err(struct question *question, enum err err, const char *doing);
/* There was no trouble after all. */
void question_take_back(struct question *question);
/* A physical token's CK_RV on its way home: those that are about our token rather than about the call (trouble.h) become
 * FAULT_NOT_SERVING, so that another member is asked, and the node looks after its token. */
CK_RV question_token(struct question *question, CK_RV rv);
/* The ticket says so (and is good). */
bool question_is(const struct question *question, Craton__Role role);

/* Each answers one kind of request: the body of the reply, or a CK_RV, or a fault. */
typedef CK_RV answering(struct question *question);
answering answer_crypt, answer_random, answer_mechanism_list;
answering answer_generate_key, answer_generate_key_pair;
answering answer_wrap_key, answer_unwrap_key, answer_derive_key, answer_copy_object, answer_object_size;
answering answer_create_object, answer_destroy_object, answer_set_attributes, answer_get_attributes, answer_find;
answering answer_login, answer_init_token, answer_init_pin, answer_set_pin, answer_slot_info;
answering answer_cluster_set, answer_member_set;
answering answer_status, answer_slot_create, answer_slot_access, answer_slot_remove, answer_slot_list, answer_snapshot, answer_transfer;

/* PART and LAST, which go on with what the connection has open. */
bool crypt_is_part(const Craton__Request *request);
/* Ends the operation in parts that is open, if one is. */
void crypt_give_up(struct node *node, struct client *client);

/* Sets an empty body. */
CK_RV question_done(struct question *question);
