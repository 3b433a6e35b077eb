/* Contact: a node's lease, what a leader grants, signs of life. driver_contact.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_contact.h"

/* ------------------------------------------------------------------ a node's lease */

static void a_node_is_in_contact_for_a_while_from_its_own_stamp_on(void)
{
	struct fake_world *world = contact_follower(2);
	CU_ASSERT_FALSE(is_in_contact(world));
	fake_pass(world, 40); /* the answer takes its time, and that counts */
	contact_answer(world, 2, 100, 1, true);
	CU_ASSERT_EQUAL(driver_contact_until(world->driver), world->now.ms - 40 - 100 + CONTACT_MS);
	CU_ASSERT_TRUE(is_in_contact(world));
	CU_ASSERT_TRUE(driver_timeout(world->driver) <= driver_contact_until(world->driver));
	fake_pass(world, CONTACT_MS - 140);
	CU_ASSERT_FALSE(is_in_contact(world));
	fake_destroy(world);
}

static void it_counts_only_when_all_that_was_committed_is_applied(void)
{
	struct fake_world *world = contact_follower(2);
	struct entry *entry = fake_command(2, 1);
	contact_answer(world, 2, 0, 2, true);
	CU_ASSERT_FALSE(is_in_contact(world));
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	CU_ASSERT_FALSE(is_in_contact(world)); /* not on its own disk yet */
	fake_written_all(world);
	CU_ASSERT_TRUE(is_in_contact(world));
	fake_destroy(world);
}

/* A node that is always a little behind lives off its older answers. */
static void newer_answers_do_not_push_out_those_that_are_soon_applied(void)
{
	struct fake_world *world = contact_follower(2);
	for (uint64_t commit = 2; commit < 40; commit++)
		contact_answer(world, 2, 0, commit, true);
	struct entry *entry = fake_command(2, 1);
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	fake_written_all(world);
	CU_ASSERT_TRUE(is_in_contact(world));
	fake_destroy(world);
}

static void a_leader_without_a_majority_grants_nothing(void)
{
	struct fake_world *world = contact_follower(2);
	contact_answer(world, 2, 0, 1, false);
	CU_ASSERT_FALSE(is_in_contact(world));
	fake_destroy(world);
}

static void answers_of_another_term_life_or_age_are_not_taken(void)
{
	struct fake_world *world = contact_follower(2);
	contact_answer(world, 1, 0, 1, true);
	CU_ASSERT_FALSE(is_in_contact(world));
	contact_answer(world, 2, CONTACT_MS, 1, true);
	CU_ASSERT_FALSE(is_in_contact(world));
	struct message m = { .kind = MESSAGE_CONTACT_RESULT, .term = 2 };
	m.contact_result.stamp = (uint64_t)world->now.ms; /* without the salt of this life */
	m.contact_result.granted = true;
	fake_receive(world, 2, &m);
	CU_ASSERT_FALSE(is_in_contact(world));
	fake_pass(world, CONTACT_MS);
	contact_answer(world, 2, 0, 1, true); /* to its newest stamp: good */
	CU_ASSERT_TRUE(is_in_contact(world));
	fake_destroy(world);
}

static void it_says_every_heartbeat_that_it_is_there_and_returns_the_leaders_clock(void)
{
	struct fake_world *world = contact_follower(2);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_CONTACT, 2)->contact.heard, 0);
	contact_answer(world, 2, 0, 1, false);
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
	struct fake_world *world = contact_follower(2);
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
	struct fake_world *world = contact_follower(2);
	CU_ASSERT_EQUAL(driver_commit_heard(world->driver), 1);
	contact_answer(world, 2, 0, 40, false);
	CU_ASSERT_EQUAL(driver_commit_heard(world->driver), 40);
	fake_append(world, 2, 2, 60, 2, 61, NULL, 0); /* refused: there is a gap before it */
	CU_ASSERT_EQUAL(driver_commit_heard(world->driver), 61);
	CU_ASSERT_EQUAL(world->applied_index, 1);
	fake_destroy(world);
}

/* ------------------------------------------------------------------ what a leader grants */

static void a_leader_grants_while_it_knows_of_a_majority_in_its_term(void)
{
	struct fake_world *world = fake_settled_leader();
	contact_say(world, 2, 2, false);
	CU_ASSERT_FALSE(said_to(world, 2)->contact_result.granted); /* node 2 has not heard of this leader yet */
	CU_ASSERT_FALSE(is_in_contact(world));
	contact_say(world, 3, 2, true);
	CU_ASSERT_TRUE(said_to(world, 3)->contact_result.granted);
	CU_ASSERT_EQUAL(said_to(world, 3)->contact_result.commit, 2);
	CU_ASSERT_EQUAL(driver_contact_until(world->driver), world->now.ms + CONTACT_MS); /* and so to itself */
	fake_pass(world, 300);
	contact_say(world, 2, 2, false);
	CU_ASSERT_TRUE(said_to(world, 2)->contact_result.granted);
	CU_ASSERT_EQUAL(said_to(world, 2)->contact_result.age_ms, 300);
	fake_destroy(world);
}

/* Cut off with two of five: it leads on for a while, but what it knows of its majority grows old. */
static void a_leader_left_by_its_majority_loses_contact_and_grants_no_more(void)
{
	struct fake_world *world = fake_leader(5, 1, 0, 1);
	fake_followers_agree(world, 5);
	contact_say(world, 2, 2, true);
	contact_say(world, 3, 2, true);
	CU_ASSERT_TRUE(is_in_contact(world));
	for (int i = 0; i < 10; i++) {
		fake_pass(world, CONTACT_MS / 10);
		fake_append_result(world, 2, 0, 2); /* still a majority for the engine */
		fake_append_result(world, 3, 0, 2);
		contact_say(world, 2, 2, true);
	}
	CU_ASSERT_TRUE(driver_leads(world->driver));
	CU_ASSERT_FALSE(is_in_contact(world));
	CU_ASSERT_FALSE(said_to(world, 2)->contact_result.granted);
	fake_destroy(world);
}

static void a_new_leader_grants_nothing_before_an_entry_of_its_term_is_committed(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	contact_say(world, 2, 1, true);
	CU_ASSERT_FALSE(said_to(world, 2)->contact_result.granted);
	CU_ASSERT_FALSE(is_in_contact(world));
	fake_destroy(world);
}

static void strangers_and_other_terms_are_not_answered(void)
{
	struct fake_world *world = fake_settled_leader();
	contact_say(world, 9, 2, true);
	CU_ASSERT_PTR_NULL(said_to(world, 9));
	struct message m = { .kind = MESSAGE_CONTACT, .term = 1 };
	fake_receive(world, 2, &m);
	CU_ASSERT_PTR_NULL(said_to(world, 2));
	fake_destroy(world);
}

/* Its addition may be undone, and the next leader never hear of it. */
static void a_node_whose_addition_is_not_committed_is_granted_nothing(void)
{
	struct fake_world *world = fake_settled_leader();
	struct consensus_node node = fake_node(4);
	driver_add(world->driver, world->now, 6, world->now.ms + 60000, &node);
	fake_settle(world);
	contact_say(world, 2, 2, true);
	CU_ASSERT_TRUE(said_to(world, 2)->contact_result.granted);
	contact_say(world, 4, 2, true);
	CU_ASSERT_FALSE(said_to(world, 4)->contact_result.granted);
	fake_followers_agree(world, 4);
	contact_say(world, 2, 3, true);
	contact_say(world, 4, 3, true);
	CU_ASSERT_TRUE(said_to(world, 4)->contact_result.granted);
	fake_destroy(world);
}

/* ------------------------------------------------------------------ signs of life */

/* Its heartbeats lie in the connection behind an entry of many megabytes. */
static void a_leader_that_answers_is_alive_though_its_heartbeats_are_late(void)
{
	struct fake_world *world = contact_follower(2);
	for (int i = 0; i < 50; i++) {
		fake_pass(world, 100);
		contact_answer(world, 2, 0, 1, true);
	}
	CU_ASSERT_EQUAL(world->driver->leader, 2);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_VOTE, 3));
	fake_pass(world, 2500); /* and then it is dead */
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_VOTE, 3));
	fake_destroy(world);
}

static void a_leader_whose_majority_speaks_to_it_keeps_its_place(void)
{
	struct fake_world *world = fake_settled_leader();
	for (int i = 0; i < 50; i++) {
		fake_pass(world, 100);
		contact_say(world, 2, 2, true);
		fake_forget(world);
	}
	CU_ASSERT_TRUE(driver_leads(world->driver));
	for (int i = 0; i < 25; i++)
		fake_pass(world, 100);
	CU_ASSERT_FALSE(driver_leads(world->driver));
	fake_destroy(world);
}

TESTS("raft contact", SAY(a_node_is_in_contact_for_a_while_from_its_own_stamp_on),
      SAY(it_counts_only_when_all_that_was_committed_is_applied),
      SAY(newer_answers_do_not_push_out_those_that_are_soon_applied),
      SAY(a_leader_without_a_majority_grants_nothing), SAY(answers_of_another_term_life_or_age_are_not_taken),
      SAY(it_says_every_heartbeat_that_it_is_there_and_returns_the_leaders_clock),
      SAY(it_says_at_once_what_the_leader_waits_to_hear),
      SAY(what_is_committed_is_heard_of_in_the_leaders_first_word),
      SAY(a_leader_grants_while_it_knows_of_a_majority_in_its_term),
      SAY(a_leader_left_by_its_majority_loses_contact_and_grants_no_more),
      SAY(a_new_leader_grants_nothing_before_an_entry_of_its_term_is_committed),
      SAY(strangers_and_other_terms_are_not_answered),
      SAY(a_node_whose_addition_is_not_committed_is_granted_nothing),
      SAY(a_leader_that_answers_is_alive_though_its_heartbeats_are_late),
      SAY(a_leader_whose_majority_speaks_to_it_keeps_its_place))
