/* Consensus of one, in memory: what is proposed is applied at once, or never, as the test says. */
#pragma once
#include "raft/consensus.h"

/* Without a majority a proposal is ERR_TIMEOUT at once (nobody waits in a test), and nothing is applied. */
void fake_majority(bool there_is_one);
/* What a proposal without a majority asked for is committed after all, as it may be once the others are back; and so it is to whoever
 * waits for a barrier. */
void fake_commit_what_was_lost(void);
/* Called once, right before the next proposal is applied: the world moves between prepare and commit. */
void fake_before_next(void (*deed)(void *context), void *context);
/* Called once, by the next barrier: what this node had not applied yet. */
void fake_with_barrier(void (*deed)(void *context), void *context);
/* Until when the last proposal was to be waited for. */
deadline_ms fake_deadline(void);
/* As of when: the Event.since of what was proposed last. */
uint64_t fake_since(void);
/* How often something was proposed. */
unsigned fake_proposals(void);
/* Without contact, yet with a majority: a barrier, which waits for it, succeeds. Without a majority there is no contact either. */
void fake_contact(bool in_contact);
/* A leader has said that so much is committed. */
void fake_hear(uint64_t index);
/* The index that was settled last; 0: none was. */
uint64_t fake_settled(void);
/* Do the others apply what is committed, as far as anyone hears? */
void fake_settles(bool they_do);
/* How often was waited for a barrier, and for an index. */
unsigned fake_barriers(void);
unsigned fake_waits(void);
/* Another node of the configuration; id 0: none. */
void fake_peer(uint64_t id, const char *name);
/* Would the node rather not lead? */
bool fake_declines(void);
/* Was there any time left for handing over when it was stopped? */
bool fake_stopped_in_time(void);
/* How often leadership was to be handed over: which nobody takes. */
unsigned fake_transfers(void);
