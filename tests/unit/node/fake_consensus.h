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
/* Until when the last proposal was to be waited for. */
deadline_ms fake_deadline(void);
/* How often something was proposed. */
unsigned fake_proposals(void);
