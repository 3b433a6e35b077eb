/* What stands between C_Initialize and C_Finalize, and the door from members' answers to CK_RV. */
#pragma once
#include "ha/group.h"
#include "ha/objects.h"
#include "ha/table.h"
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

/* The slot's id, asked for where craton.conf gives its label. CKR_SLOT_ID_INVALID: there is none for us, or several; and
 * what library_ask gives. */
CK_RV library_slot(struct library *library, CK_SLOT_ID *slot);

/* One question to the group and its answer. The ticket is added, and what any member has told us of log indices
 * is respected. CKR_OK: *reply is an answer with the `wanted` body, the caller's (reply_free). Any other: no reply.
 *
 * CKR_DEVICE_REMOVED: every member is lost. CKR_DEVICE_ERROR: none could serve in time. CKR_FUNCTION_FAILED: no majority in
 * time; nothing was changed, or it was and will be seen. CKR_USER_NOT_LOGGED_IN also when the ticket
 * has died (another application changed the PIN): the login is then over. */
CK_RV library_ask(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                  Craton__Reply **reply);
/* The same, of no slot: for library_slot. */
CK_RV library_ask_members(struct library *library, struct question *question, Craton__Reply__BodyCase wanted,
                          Craton__Reply **reply);
#define ANY_BODY CRATON__REPLY__BODY__NOT_SET

/* The same for functions that name a slot rather than a session. */
CK_RV rv_for_slot(CK_RV rv);
/* The same for a key: an object that is gone is a key that is gone. */
CK_RV rv_for_key(CK_RV rv);
