/* Many members, one slot. A call goes to the least busy member that can serve it and moves on to others
 * until one has answered; members that are lost are probed in the background and come back by themselves.
 *
 * Safe from many threads. No lock is held while anything is waited for. */
#pragma once
#include "ha/member.h"
#include "ha/multipart.h"
#include "ha/objects.h"
#include "wire/client_config.h"
#include <stddef.h>

struct group;

#define COMMANDS_MAX 30
struct group_settings {
	uint32_t slot;
	int64_t command_ms;           /* for how long members are begun to be asked: anew when one that was at work is lost, and longer by as much as the longest
	                              * was at work (a majority it waits for in its share of the time) that then fell silent or could not serve. One at work is
	                              * waited for; all is over after COMMANDS_MAX times as long */
	bool may_hedge;               /* a member that is silent for longer than it usually is: another is asked, too */
	int64_t hedge_least_ms, hedge_most_ms; /* bounds of that time */
	int64_t recovery_retries;     /* probes of a lost member before it is given up; -1: never */
	int64_t recovery_interval_ms; /* between attempts to reach a member when all are lost; measure of the backoff */
	int64_t recovery_wait_ms;     /* how long calls wait after all were lost */
	bool may_start_threads;       /* if not, lost members are tried by the calls themselves */
};
struct group_settings group_settings_of(const struct client_config *config, bool may_start_threads);

/* Takes over the members (1 to MEMBERS_MAX) in any case. Starts no thread and reaches for no network. NULL without memory. */
struct group *group_create(const struct group_settings *settings, struct member *const *members, size_t count);
/* The slot that questions are about, if the settings could not say (0). While no question is under way. */
void group_set_slot(struct group *group, uint32_t slot);
/* Ends the recovery thread and every wait; calls give ERR_CLOSED from now on. Safe to call again. */
void group_stop(struct group *group);
/* No call may be inside. Accepts NULL. */
void group_destroy(struct group *group);

/* What is asked. The asker fills in the body and the ticket; the rest of the request is the group's. */
struct question {
	Craton__Request request;
	Craton__ObjectRef *object; /* within the body, if it is about an object */
	struct object *about;      /* that object, held by the asker */
	struct multipart *multipart; /* the operation in parts that it begins or goes on with, if it does */
	struct id request_id;      /* of a deed; drawn when it is first asked, so that it happens once though it is asked again */
	uint64_t index_min;        /* what a member must have applied, at least; 0: everything any member has told us of */
	bool is_look;              /* nobody waits for its answer: it ends once it is certain that no member is there, however long others wait */
};
#define QUESTION_INIT { .request = CRATON__REQUEST__INIT }

/* A question of an operation in parts that a member has begun goes to that member alone; its loss is the operation's.
 *
 * ERR_OK: a member has answered, *reply is the caller's. It may still be a fault: its own (refused, malformed,
 * ticket, unknown object), or, after the time for the command, that of the last member that could not serve. Of what may be done only
 * once (ha/repeat.h), and may have been, the answer is the token's: CKR_DEVICE_ERROR.
 * ERR_CLOSED, ERR_TIMEOUT: every member is lost, or was silent. ERR_TOO_BIG, ERR_NO_MEMORY: the question cannot be asked. */
enum err group_call(struct group *group, struct question *question, Craton__Reply **reply);

uint64_t group_index_seen(struct group *group);
/* How many times every member was lost at once: each was tried since the last of them was lost, and none was there. */
uint64_t group_total_losses(struct group *group);
bool group_is_stopping(struct group *group);
