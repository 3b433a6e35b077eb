/* Who is logged in: one state for the application, whatever its sessions (PKCS#11 5.6: "an application's
 * sessions … all have the same login state"). */
#pragma once
#include "base/secret.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKET_SIZE_MAX 256 /* bytes */

struct login {
	pthread_mutex_t lock;
	Craton__Role role;
	struct secret *ticket;   /* NULL: nobody is logged in */
	uint64_t index;          /* of the log, when the ticket was given: members behind it would not know it */
	unsigned ends;           /* of logins, so far */
	bool is_changing;        /* a PIN, by a call of ours: the ticket dies, and another comes with the answer, */
	unsigned changing;       /* for this login, by its number (ends + 1); 0: nobody was logged in */
	pthread_cond_t changed;  /* that is over */
};
/* A copy of the ticket for one call; its owner wipes it. */
struct ticket_copy {
	uint8_t data[TICKET_SIZE_MAX];
	size_t size;
	uint64_t index;
};

void login_init(struct login *login);
void login_finish(struct login *login); /* wiped */
Craton__Role login_role(struct login *login);
void login_copy(struct login *login, struct ticket_copy *copy);
/* CKR_USER_ALREADY_LOGGED_IN, CKR_USER_ANOTHER_ALREADY_LOGGED_IN: another thread was first. CKR_DEVICE_ERROR: no ticket.
 * CKR_HOST_MEMORY. */
CK_RV login_begin(struct login *login, Craton__Role role, const ProtobufCBinaryData *ticket, uint64_t index);
/* Around a change of PIN by this application; one at a time, the next waits. */
void login_change_begin(struct login *login);
void login_change_end(struct login *login);
/* Within: a new ticket, for the one who was logged in when it began and is so still. */
void login_renew(struct login *login, const ProtobufCBinaryData *ticket, uint64_t index);
/* A ticket has turned out to be dead: has the login another by now? A change of PIN that is under way is waited for. */
bool login_has_another(struct login *login, const struct ticket_copy *dead);
unsigned login_ends(struct login *login); /* how many logins are over */
/* False if nobody was logged in. */
bool login_end(struct login *login);
/* The same, if the login is still the one with this ticket: it has turned out to be dead. */
bool login_end_of(struct login *login, const struct ticket_copy *dead);
/* What C_Login answers for someone who is logged in already; CKR_OK if nobody is. */
CK_RV login_conflict(struct login *login, Craton__Role role);
