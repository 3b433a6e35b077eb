/* Contact and what it is for: driver_contact.c, driver_settle.c. Node 1's driver; the others are played. */
#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <string.h>

#define CONTACT_MS 1000 /* the fake world's election timeout */
#define MARGIN_MS 102

static bool in_contact(const struct fake_world *world)
{
	return driver_contact_until(world->driver) > world->now.ms;
}

/* Node 1 follows node 2 in `term`, has applied 1, and has just said that it is there. */
static struct fake_world *following(uint64_t term)
{
	struct fake_world *world = fake_follower(3, term, 0, 1);
	fake_append(world, 2, term, 1, 1, 1, NULL, 0);
	return world;
}

/* Node 2 answers what node 1 said last. */
static void answer(struct fake_world *world, uint64_t term, uint64_t age_ms, uint64_t commit, bool granted)
{
	const struct message *said = fake_last(world, MESSAGE_CONTACT, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	struct message m = { .kind = MESSAGE_CONTACT_RESULT, .term = term };
	m.contact_result.stamp = said->contact.stamp;
	m.contact_result.at = 77;
	m.contact_result.age_ms = age_ms;
	m.contact_result.commit = commit;
	m.contact_result.granted = granted;
	fake_receive(world, 2, &m);
}

/* Node `from` says to node 1, which leads, that it has applied so much. `heard`: as of now. */
static void say(struct fake_world *world, uint64_t from, uint64_t applied, bool heard)
{
	struct message m = { .kind = MESSAGE_CONTACT, .term = world->driver->raft.current_term };
	m.contact.stamp = 5;
	m.contact.applied = applied;
	m.contact.heard = heard ? (uint64_t)world->now.ms : 0;
	fake_receive(world, from, &m);
}

/* Time passes, node 2 stays in touch, and so node 1 leads on. */
static void with_node_2(struct fake_world *world, int64_t ms, uint64_t applied)
{
	fake_pass(world, ms);
	fake_append_result(world, 2, 0, memory_log_last(&world->driver->log));
	say(world, 2, applied, true);
}

static const struct message *said_to(const struct fake_world *world, uint64_t to)
{
	return fake_last(world, MESSAGE_CONTACT_RESULT, to);
}

/* Node 1 leads three; its term's first entry, 2, is committed and applied. */
static struct fake_world *leading(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fake_followers_agree(world, 3);
	return world;
}

/* ------------------------------------------------------------------ a node's lease */

static void a_node_is_in_contact_for_a_while_from_its_own_stamp_on(void)
{
	struct fake_world *world = following(2);
	CU_ASSERT_FALSE(in_contact(world));
	fake_pass(world, 40); /* the answer takes its time, and that counts */
	answer(world, 2, 100, 1, true);
	CU_ASSERT_EQUAL(driver_contact_until(world->driver), world->now.ms - 40 - 100 + CONTACT_MS);
	CU_ASSERT_TRUE(in_contact(world));
	CU_ASSERT_TRUE(driver_timeout(world->driver) <= driver_contact_until(world->driver));
	fake_pass(world, CONTACT_MS - 140);
	CU_ASSERT_FALSE(in_contact(world));
	fake_destroy(world);
}

static void it_counts_only_when_all_that_was_committed_is_applied(void)
{
	struct fake_world *world = following(2);
	struct entry *entry = fake_command(2, 1);
	answer(world, 2, 0, 2, true);
	CU_ASSERT_FALSE(in_contact(world));
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	CU_ASSERT_FALSE(in_contact(world)); /* not on its own disk yet */
	fake_written_all(world);
	CU_ASSERT_TRUE(in_contact(world));
	fake_destroy(world);
}

/* A node that is always a little behind lives off its older answers. */
static void newer_answers_do_not_push_out_those_that_are_soon_applied(void)
{
	struct fake_world *world = following(2);
	for (uint64_t commit = 2; commit < 40; commit++)
		answer(world, 2, 0, commit, true);
	struct entry *entry = fake_command(2, 1);
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	fake_written_all(world);
	CU_ASSERT_TRUE(in_contact(world));
	fake_destroy(world);
}

static void a_leader_without_a_majority_grants_nothing(void)
{
	struct fake_world *world = following(2);
	answer(world, 2, 0, 1, false);
	CU_ASSERT_FALSE(in_contact(world));
	fake_destroy(world);
}

static void answers_of_another_term_life_or_age_are_not_taken(void)
{
	struct fake_world *world = following(2);
	answer(world, 1, 0, 1, true);
	CU_ASSERT_FALSE(in_contact(world));
	answer(world, 2, CONTACT_MS, 1, true);
	CU_ASSERT_FALSE(in_contact(world));
	struct message m = { .kind = MESSAGE_CONTACT_RESULT, .term = 2 };
	m.contact_result.stamp = (uint64_t)world->now.ms; /* without the salt of this life */
	m.contact_result.granted = true;
	fake_receive(world, 2, &m);
	CU_ASSERT_FALSE(in_contact(world));
	fake_pass(world, CONTACT_MS);
	answer(world, 2, 0, 1, true); /* to its newest stamp: good */
	CU_ASSERT_TRUE(in_contact(world));
	fake_destroy(world);
}

static void it_says_every_heartbeat_that_it_is_there_and_returns_the_leaders_clock(void)
{
	struct fake_world *world = following(2);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_CONTACT, 2)->contact.heard, 0);
	answer(world, 2, 0, 1, false);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_CONTACT, 2)->contact.heard, 77); /* at once: the leader waits to know its majority */
	fake_forget(world);
	fake_pass(world, 99);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_CONTACT, 2));
	fake_pass(world, 1);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_CONTACT, 2));
	fake_destroy(world);
}

static void it_says_at_once_what_the_leader_waits_to_hear(void)
{
	struct fake_world *world = following(2);
	struct message wanted = { .kind = MESSAGE_CONTACT_WANTED, .term = 2 };
	wanted.contact_wanted.index = 2;
	fake_receive(world, 2, &wanted);
	fake_forget(world);
	struct entry *entry = fake_command(2, 1);
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_CONTACT, 2));
	fake_written_all(world);
	const struct message *said = fake_last(world, MESSAGE_CONTACT, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(said);
	CU_ASSERT_EQUAL(said->contact.applied, 2);
	fake_destroy(world);
}

/* A node that comes back knows how far behind it is before it has got anything. */
static void what_is_committed_is_heard_of_in_the_leaders_first_word(void)
{
	struct fake_world *world = following(2);
	CU_ASSERT_EQUAL(driver_commit_heard(world->driver), 1);
	answer(world, 2, 0, 40, false);
	CU_ASSERT_EQUAL(driver_commit_heard(world->driver), 40);
	fake_append(world, 2, 2, 60, 2, 61, NULL, 0); /* refused: there is a gap before it */
	CU_ASSERT_EQUAL(driver_commit_heard(world->driver), 61);
	CU_ASSERT_EQUAL(world->applied_index, 1);
	fake_destroy(world);
}

/* ------------------------------------------------------------------ what a leader grants */

static void a_leader_grants_while_it_knows_of_a_majority_in_its_term(void)
{
	struct fake_world *world = leading();
	say(world, 2, 2, false);
	CU_ASSERT_FALSE(said_to(world, 2)->contact_result.granted); /* node 2 has not heard of this leader yet */
	CU_ASSERT_FALSE(in_contact(world));
	say(world, 3, 2, true);
	CU_ASSERT_TRUE(said_to(world, 3)->contact_result.granted);
	CU_ASSERT_EQUAL(said_to(world, 3)->contact_result.commit, 2);
	CU_ASSERT_EQUAL(driver_contact_until(world->driver), world->now.ms + CONTACT_MS); /* and so to itself */
	fake_pass(world, 300);
	say(world, 2, 2, false);
	CU_ASSERT_TRUE(said_to(world, 2)->contact_result.granted);
	CU_ASSERT_EQUAL(said_to(world, 2)->contact_result.age_ms, 300);
	fake_destroy(world);
}

/* Cut off with two of five: it leads on for a while, but what it knows of its majority grows old. */
static void a_leader_left_by_its_majority_loses_contact_and_grants_no_more(void)
{
	struct fake_world *world = fake_leader(5, 1, 0, 1);
	fake_followers_agree(world, 5);
	say(world, 2, 2, true);
	say(world, 3, 2, true);
	CU_ASSERT_TRUE(in_contact(world));
	for (int i = 0; i < 10; i++) {
		fake_pass(world, CONTACT_MS / 10);
		fake_append_result(world, 2, 0, 2); /* still a majority for the engine */
		fake_append_result(world, 3, 0, 2);
		say(world, 2, 2, true);
	}
	CU_ASSERT_TRUE(driver_leads(world->driver));
	CU_ASSERT_FALSE(in_contact(world));
	CU_ASSERT_FALSE(said_to(world, 2)->contact_result.granted);
	fake_destroy(world);
}

static void a_new_leader_grants_nothing_before_an_entry_of_its_term_is_committed(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	say(world, 2, 1, true);
	CU_ASSERT_FALSE(said_to(world, 2)->contact_result.granted);
	CU_ASSERT_FALSE(in_contact(world));
	fake_destroy(world);
}

static void strangers_and_other_terms_are_not_answered(void)
{
	struct fake_world *world = leading();
	say(world, 9, 2, true);
	CU_ASSERT_PTR_NULL(said_to(world, 9));
	struct message m = { .kind = MESSAGE_CONTACT, .term = 1 };
	fake_receive(world, 2, &m);
	CU_ASSERT_PTR_NULL(said_to(world, 2));
	fake_destroy(world);
}

/* Its addition may be undone, and the next leader never hear of it. */
static void a_node_whose_addition_is_not_committed_is_granted_nothing(void)
{
	struct fake_world *world = leading();
	struct consensus_node node = fake_node(4);
	driver_add(world->driver, world->now, 6, world->now.ms + 60000, &node);
	fake_settle(world);
	say(world, 2, 2, true);
	CU_ASSERT_TRUE(said_to(world, 2)->contact_result.granted);
	say(world, 4, 2, true);
	CU_ASSERT_FALSE(said_to(world, 4)->contact_result.granted);
	fake_followers_agree(world, 4);
	say(world, 2, 3, true);
	say(world, 4, 3, true);
	CU_ASSERT_TRUE(said_to(world, 4)->contact_result.granted);
	fake_destroy(world);
}

/* ------------------------------------------------------------------ signs of life */

/* Its heartbeats lie in the connection behind an entry of many megabytes. */
static void a_leader_that_answers_is_alive_though_its_heartbeats_are_late(void)
{
	struct fake_world *world = following(2);
	for (int i = 0; i < 50; i++) {
		fake_pass(world, 100);
		answer(world, 2, 0, 1, true);
	}
	CU_ASSERT_EQUAL(world->driver->leader, 2);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_VOTE, 3));
	fake_pass(world, 2500); /* and then it is dead */
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_VOTE, 3));
	fake_destroy(world);
}

static void a_leader_whose_majority_speaks_to_it_keeps_its_place(void)
{
	struct fake_world *world = leading();
	for (int i = 0; i < 50; i++) {
		fake_pass(world, 100);
		say(world, 2, 2, true);
		fake_forget(world);
	}
	CU_ASSERT_TRUE(driver_leads(world->driver));
	for (int i = 0; i < 25; i++)
		fake_pass(world, 100);
	CU_ASSERT_FALSE(driver_leads(world->driver));
	fake_destroy(world);
}

/* ------------------------------------------------------------------ settling */

static void settle(struct fake_world *world, uint64_t ticket, uint64_t index)
{
	driver_settle_index(world->driver, world->now, ticket, world->now.ms + 60000, index);
	fake_settle(world);
}

static void an_index_is_settled_when_all_have_said_that_they_applied_it(void)
{
	struct fake_world *world = leading();
	settle(world, 5, 2);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_CONTACT_WANTED, 3)->contact_wanted.index, 2); /* asked, not waited for */
	say(world, 2, 2, true);
	say(world, 3, 1, true);
	CU_ASSERT_EQUAL(world->ticket, 0);
	say(world, 3, 2, true);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	settle(world, 6, 2); /* known by now: nobody is asked */
	CU_ASSERT_EQUAL(world->ticket, 6);
	fake_destroy(world);
}

static void of_a_node_that_is_gone_the_lease_is_waited_for(void)
{
	struct fake_world *world = leading();
	fake_pass(world, 2 * CONTACT_MS); /* the term is old enough */
	CU_ASSERT_TRUE(driver_leads(world->driver));
	say(world, 2, 2, true);
	say(world, 3, 1, true);
	CU_ASSERT_TRUE(said_to(world, 3)->contact_result.granted);
	with_node_2(world, 200, 2);
	settle(world, 5, 2); /* node 3's last grant is 200 ms old */
	CU_ASSERT_TRUE(driver_timeout(world->driver) <= world->now.ms + CONTACT_MS + MARGIN_MS - 200);
	for (int left = CONTACT_MS + MARGIN_MS - 200; left > 0; left -= 100) {
		CU_ASSERT_EQUAL(world->ticket, 0);
		with_node_2(world, left < 100 ? left : 100, 2);
	}
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	fake_destroy(world);
}

static void a_node_long_gone_costs_nothing(void)
{
	struct fake_world *world = leading();
	fake_pass(world, 2 * CONTACT_MS);
	say(world, 2, 2, true);
	settle(world, 5, 2);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

/* Whom the leader before granted what, this one can't know. */
static void a_new_leader_waits_for_the_grants_of_those_before_it(void)
{
	struct fake_world *world = leading();
	int64_t until = world->driver->led_since_ms + CONTACT_MS + MARGIN_MS;
	say(world, 2, 2, true);
	settle(world, 5, 2);
	fake_pass(world, until - 1 - world->now.ms);
	CU_ASSERT_EQUAL(world->ticket, 0);
	fake_pass(world, 1);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

/* It stays in touch and gets its grants, but they are worth nothing to it. */
static void a_node_that_applies_nothing_does_not_hold_things_up(void)
{
	struct fake_world *world = leading();
	fake_pass(world, 2 * CONTACT_MS);
	say(world, 2, 2, true);
	say(world, 3, 1, true);
	settle(world, 5, 2);
	for (int i = 0; i < 10; i++) {
		with_node_2(world, 100, 2);
		say(world, 3, 1, true);
		CU_ASSERT_EQUAL(world->ticket, 0);
	}
	fake_pass(world, MARGIN_MS);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void a_node_that_was_removed_is_waited_for_too(void)
{
	struct fake_world *world = leading();
	fake_pass(world, 2 * CONTACT_MS);
	say(world, 2, 2, true);
	say(world, 3, 1, true); /* granted */
	driver_remove(world->driver, world->now, 6, world->now.ms + 60000, 3);
	int64_t removed_ms = world->now.ms;
	fake_followers_agree(world, 2);
	CU_ASSERT_EQUAL_FATAL(world->ticket, 6);
	say(world, 2, 3, true);
	settle(world, 5, 3);
	fake_pass(world, removed_ms + CONTACT_MS + MARGIN_MS - 1 - world->now.ms);
	CU_ASSERT_EQUAL(world->ticket, 6);
	fake_pass(world, 1);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void a_follower_asks_the_leader_and_the_next_one_anew(void)
{
	struct fake_world *world = following(2);
	settle(world, 5, 1);
	const struct message *asked = fake_last(world, MESSAGE_SETTLE, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(asked);
	CU_ASSERT_EQUAL(asked->read.index, 1);
	fake_append(world, 3, 3, 1, 1, 1, NULL, 0); /* node 3 leads now */
	asked = fake_last(world, MESSAGE_SETTLE, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(asked);
	struct message settled = { .kind = MESSAGE_SETTLE_RESULT, .term = 3 };
	settled.read.number = asked->read.number + 1;
	settled.read.index = 1;
	fake_receive(world, 3, &settled);
	CU_ASSERT_EQUAL(world->ticket, 0); /* not ours */
	settled = (struct message){ .kind = MESSAGE_SETTLE_RESULT, .term = 3 };
	settled.read.number = asked->read.number;
	settled.read.index = 1;
	fake_receive(world, 3, &settled);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	fake_destroy(world);
}

static void a_follower_is_told_once_it_is_settled(void)
{
	struct fake_world *world = leading();
	struct message wish = { .kind = MESSAGE_SETTLE, .term = 2 };
	wish.read.number = 41;
	wish.read.index = 2;
	fake_receive(world, 2, &wish);
	say(world, 2, 2, true);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_SETTLE_RESULT, 2));
	say(world, 3, 2, true);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_SETTLE_RESULT, 2)->read.number, 41);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_SETTLE_RESULT, 2)->read.index, 2);
	fake_destroy(world);
}

static void what_is_not_committed_is_not_settled(void)
{
	struct fake_world *world = leading();
	uint64_t number = 9;
	struct id id = { { 9 } };
	driver_propose(world->driver, world->now, &id, &number, sizeof number);
	fake_settle(world); /* at 3, which nobody acknowledges */
	settle(world, 5, 3);
	for (int i = 0; i < 20; i++) {
		fake_pass(world, 100);
		fake_append_result(world, 2, 0, 2);
		say(world, 2, 2, true);
	}
	CU_ASSERT_TRUE(driver_leads(world->driver));
	CU_ASSERT_EQUAL(world->ticket, 0);
	fake_followers_agree(world, 3);
	say(world, 2, 3, true);
	say(world, 3, 3, true);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void a_sole_voter_is_in_contact_and_settles_by_itself(void)
{
	struct fake_world *world = fake_follower(1, 1, 0, 1);
	fake_settle(world);
	fake_written_all(world);
	CU_ASSERT_TRUE(in_contact(world));
	settle(world, 5, world->machine_applied);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void settling_ends_at_its_deadline(void)
{
	struct fake_world *world = following(2);
	driver_settle_index(world->driver, world->now, 5, world->now.ms + 400, 1);
	fake_settle(world);
	fake_pass(world, 400);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_TIMEOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->complaint.text, "every node"));
	fake_destroy(world);
}

TESTS("raft contact",
      SAY(a_node_is_in_contact_for_a_while_from_its_own_stamp_on), SAY(it_counts_only_when_all_that_was_committed_is_applied),
      SAY(newer_answers_do_not_push_out_those_that_are_soon_applied), SAY(a_leader_without_a_majority_grants_nothing),
      SAY(answers_of_another_term_life_or_age_are_not_taken),
      SAY(it_says_every_heartbeat_that_it_is_there_and_returns_the_leaders_clock),
      SAY(it_says_at_once_what_the_leader_waits_to_hear), SAY(what_is_committed_is_heard_of_in_the_leaders_first_word),
      SAY(a_leader_grants_while_it_knows_of_a_majority_in_its_term),
      SAY(a_leader_left_by_its_majority_loses_contact_and_grants_no_more),
      SAY(a_new_leader_grants_nothing_before_an_entry_of_its_term_is_committed),
      SAY(strangers_and_other_terms_are_not_answered), SAY(a_node_whose_addition_is_not_committed_is_granted_nothing),
      SAY(a_leader_that_answers_is_alive_though_its_heartbeats_are_late),
      SAY(a_leader_whose_majority_speaks_to_it_keeps_its_place),
      SAY(an_index_is_settled_when_all_have_said_that_they_applied_it), SAY(of_a_node_that_is_gone_the_lease_is_waited_for),
      SAY(a_node_long_gone_costs_nothing), SAY(a_new_leader_waits_for_the_grants_of_those_before_it),
      SAY(a_node_that_applies_nothing_does_not_hold_things_up), SAY(a_node_that_was_removed_is_waited_for_too),
      SAY(a_follower_asks_the_leader_and_the_next_one_anew), SAY(a_follower_is_told_once_it_is_settled),
      SAY(what_is_not_committed_is_not_settled), SAY(a_sole_voter_is_in_contact_and_settles_by_itself),
      SAY(settling_ends_at_its_deadline))
