/* What stands between C_Initialize and C_Finalize. */
#pragma once
#include "ha/group.h"
#include "ha/objects.h"
#include "ha/table.h"
#include "pkcs11/door.h"
#include "pkcs11/login.h"
#include "pkcs11/offer.h"
#include "pkcs11/seed.h"
#include "pkcs11/state.h"
#include "wire/call.h"
#include "wire/client_config.h"
#include <pthread.h>
#include <stdatomic.h>

struct library {
	struct client_config config;
	struct tls *tls;
	struct group *group;
	struct objects *objects;
	struct login login;
	struct offer offer;
	struct states states;        /* saved operations */
	struct seed seed;            /* C_SeedRandom's */
	atomic_uint_fast64_t changes_seen; /* of the group (ha/changes.h), by C_WaitForSlotEvent */
	atomic_ulong slot;           /* its id; 0: craton.conf gives its label, and nobody has needed it yet */
	pthread_mutex_t slot_lock;   /* held while it is looked up */
	/* sessions (session.c) */
	pthread_mutex_t sessions_lock;
	struct table sessions;       /* handle → struct session; one reference each */
	size_t sessions_read_only;
	uint64_t losses_met;         /* of all members at once, that have ended what was open (recovery.mode = basic) */
};

/* Reads craton.conf and makes everything ready; reaches for no network and starts no thread. */
enum err library_create(bool may_start_threads, struct library **out, struct complaint *complaint);
/* Every wait ends and the recovery thread with it; calls inside come out soon. */
void library_stop(struct library *library);
void library_destroy(struct library *library); /* no call may be inside; accepts NULL */

/* The slot's id, asked for where craton.conf gives its label; for the sake of a question that is only a look, by another such.
 * CKR_SLOT_ID_INVALID: there is none for us, or several; and what library_ask gives. */
CK_RV library_slot(struct library *library, bool is_look, CK_SLOT_ID *slot);

/* One question to the group and its answer. The ticket is added, and what any member has told us of log indices
 * is respected. CKR_OK: *reply is an answer with the `wanted` body, the caller's (reply_free). Any other: no reply.
 *
 * What the machine's troubles are called is in pkcs11/door.h. With FAULT_TICKET (another application changed the PIN) the login
 * is over. */
CK_RV library_ask(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                  Craton__Reply **reply);
/* The same; *is_loss: it was the machine's trouble, so that whoever has kept what went before may begin anew elsewhere. */
CK_RV library_ask_noting(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                         Craton__Reply **reply, bool *is_loss);
/* The same, of no slot: for library_slot. */
CK_RV library_ask_members(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                          Craton__Reply **reply, bool *is_loss);
