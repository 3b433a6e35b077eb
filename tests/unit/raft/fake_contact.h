/* Stories of contact: node 1's driver again, and the words the others say to it. */
#pragma once
#include "tests/unit/raft/fake_world.h"

#define CONTACT_MS 1000 /* the fake world's election timeout */
#define MARGIN_MS 102

bool is_in_contact(const struct fake_world *world);
/* Node 1 follows node 2 in `term`, has applied 1, and has just said that it is there. */
struct fake_world *contact_follower(uint64_t term);
/* Node 2 answers what node 1 said last. */
void contact_answer(struct fake_world *world, uint64_t term, uint64_t age_ms, uint64_t commit, bool granted);
/* Node `from` says to node 1, which leads, that it has applied so much. `heard`: as of now. */
void contact_say(struct fake_world *world, uint64_t from, uint64_t applied, bool heard);
/* Time passes, node 2 stays in touch, and so node 1 leads on. */
void with_node_2(struct fake_world *world, int64_t ms, uint64_t applied);
/* What node 1 answered last; NULL: nothing. */
const struct message *said_to(const struct fake_world *world, uint64_t to);
