/* The engine as it is, without the driver: what it really does, so that a new version that does otherwise is noticed. */
#pragma once
#include "raft/engine.h"
#include <stdbool.h>

struct bare {
	struct raft raft;
	struct raft_update update; /* of the last step */
	raft_time now;
};

/* Node 1 of `voters`; its log is the configuration at 1 and then `extra` commands of `extra_term`. */
struct bare *bare_follower(unsigned voters, raft_term term, unsigned extra, raft_term extra_term);
/* The same, elected by node 2, in term + 1. */
struct bare *bare_leader(unsigned voters, raft_term term, unsigned extra, raft_term extra_term);
/* Node 1 of three, with nothing but a snapshot. */
struct bare *bare_with_snapshot(raft_term term, raft_index index);
void bare_destroy(struct bare *bare);

int bare_receive(struct bare *bare, raft_id from, struct raft_message *message);
/* AppendEntries of `count` entries of `entry_term`; the one at `change` (from 0; -1: none) is a configuration of
 * three voters and node 4 as a learner. */
int bare_append(struct bare *bare, raft_id from, raft_term term, raft_index prev, raft_term prev_term,
                raft_index commit, unsigned count, raft_term entry_term, int change);
int bare_append_result(struct bare *bare, raft_id from, raft_index rejected, raft_index last);
int bare_vote_request(struct bare *bare, raft_id from, raft_term term, raft_index last, raft_term last_term, bool pre_vote);
void bare_timeout(struct bare *bare, raft_time later_ms);
void bare_persisted(struct bare *bare, raft_index index);
int bare_submit(struct bare *bare, unsigned type, const struct raft_configuration *configuration);
int bare_event(struct bare *bare, struct raft_event *event);
/* Of the last step; NULL if there is none. */
const struct raft_message *bare_sent(const struct bare *bare, unsigned type, raft_id to);

/* Voters 1 .. voters, then `learner` unless it is 0; with `self_learner` node 1 is a learner too. */
void bare_configuration(struct raft_configuration *out, unsigned voters, raft_id learner, int learner_role);
