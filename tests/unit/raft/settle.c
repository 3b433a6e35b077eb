/* What contact is for: that an index is settled. driver_settle.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_contact.h"

static void settle(struct fake_world *world, uint64_t ticket, uint64_t index)
{
	driver_settle_index(world->driver, world->now, ticket, world->now.ms + 60000, index);
	fake_settle(world);
}

static void an_index_is_settled_when_all_have_said_that_they_applied_it(void)
{
	struct fake_world *world = fake_settled_leader();
	settle(world, 5, 2);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_CONTACT_WANTED, 3)->contact_wanted.index, 2); /* asked, not waited for */
	contact_say(world, 2, 2, true);
	contact_say(world, 3, 1, true);
	CU_ASSERT_EQUAL(world->ticket, 0);
	contact_say(world, 3, 2, true);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	settle(world, 6, 2); /* known by now: nobody is asked */
	CU_ASSERT_EQUAL(world->ticket, 6);
	fake_destroy(world);
}

static void of_a_node_that_is_gone_the_lease_is_waited_for(void)
{
	struct fake_world *world = fake_settled_leader();
	fake_pass(world, 2 * CONTACT_MS); /* the term is old enough */
	CU_ASSERT_TRUE(driver_leads(world->driver));
	contact_say(world, 2, 2, true);
	contact_say(world, 3, 1, true);
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
	struct fake_world *world = fake_settled_leader();
	fake_pass(world, 2 * CONTACT_MS);
	contact_say(world, 2, 2, true);
	settle(world, 5, 2);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

/* Whom the leader before granted what, this one can't know. */
static void a_new_leader_waits_for_the_grants_of_those_before_it(void)
{
	struct fake_world *world = fake_settled_leader();
	int64_t until = world->driver->led_since_ms + CONTACT_MS + MARGIN_MS;
	contact_say(world, 2, 2, true);
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
	struct fake_world *world = fake_settled_leader();
	fake_pass(world, 2 * CONTACT_MS);
	contact_say(world, 2, 2, true);
	contact_say(world, 3, 1, true);
	settle(world, 5, 2);
	for (int i = 0; i < 10; i++) {
		with_node_2(world, 100, 2);
		contact_say(world, 3, 1, true);
		CU_ASSERT_EQUAL(world->ticket, 0);
	}
	fake_pass(world, MARGIN_MS);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void a_node_that_was_removed_is_waited_for_too(void)
{
	struct fake_world *world = fake_settled_leader();
	fake_pass(world, 2 * CONTACT_MS);
	contact_say(world, 2, 2, true);
	contact_say(world, 3, 1, true); /* granted */
	driver_remove(world->driver, world->now, 6, world->now.ms + 60000, 3);
	int64_t removed_ms = world->now.ms;
	fake_followers_agree(world, 2);
	CU_ASSERT_EQUAL_FATAL(world->ticket, 6);
	contact_say(world, 2, 3, true);
	settle(world, 5, 3);
	fake_pass(world, removed_ms + CONTACT_MS + MARGIN_MS - 1 - world->now.ms);
	CU_ASSERT_EQUAL(world->ticket, 6);
	fake_pass(world, 1);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void a_follower_asks_the_leader_and_the_next_one_anew(void)
{
	struct fake_world *world = contact_follower(2);
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
	struct fake_world *world = fake_settled_leader();
	struct message wish = { .kind = MESSAGE_SETTLE, .term = 2 };
	wish.read.number = 41;
	wish.read.index = 2;
	fake_receive(world, 2, &wish);
	contact_say(world, 2, 2, true);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_SETTLE_RESULT, 2));
	contact_say(world, 3, 2, true);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_SETTLE_RESULT, 2)->read.number, 41);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_SETTLE_RESULT, 2)->read.index, 2);
	fake_destroy(world);
}

static void what_is_not_committed_is_not_settled(void)
{
	struct fake_world *world = fake_settled_leader();
	uint64_t number = 9;
	struct id id = { { 9 } };
	driver_propose(world->driver, world->now, &id, &number, sizeof number);
	fake_settle(world); /* at 3, which nobody acknowledges */
	settle(world, 5, 3);
	for (int i = 0; i < 20; i++) {
		fake_pass(world, 100);
		fake_append_result(world, 2, 0, 2);
		contact_say(world, 2, 2, true);
	}
	CU_ASSERT_TRUE(driver_leads(world->driver));
	CU_ASSERT_EQUAL(world->ticket, 0);
	fake_followers_agree(world, 3);
	contact_say(world, 2, 3, true);
	contact_say(world, 3, 3, true);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void a_sole_voter_is_in_contact_and_settles_by_itself(void)
{
	struct fake_world *world = fake_follower(1, 1, 0, 1);
	fake_settle(world);
	fake_written_all(world);
	CU_ASSERT_TRUE(is_in_contact(world));
	settle(world, 5, world->machine_applied);
	CU_ASSERT_EQUAL(world->ticket, 5);
	fake_destroy(world);
}

static void settling_ends_at_its_deadline(void)
{
	struct fake_world *world = contact_follower(2);
	driver_settle_index(world->driver, world->now, 5, world->now.ms + 400, 1);
	fake_settle(world);
	fake_pass(world, 400);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_TIMEOUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->complaint.text, "every node"));
	fake_destroy(world);
}

TESTS("raft settle", SAY(an_index_is_settled_when_all_have_said_that_they_applied_it),
      SAY(of_a_node_that_is_gone_the_lease_is_waited_for), SAY(a_node_long_gone_costs_nothing),
      SAY(a_new_leader_waits_for_the_grants_of_those_before_it),
      SAY(a_node_that_applies_nothing_does_not_hold_things_up),
      SAY(a_node_that_was_removed_is_waited_for_too), SAY(a_follower_asks_the_leader_and_the_next_one_anew),
      SAY(a_follower_is_told_once_it_is_settled), SAY(what_is_not_committed_is_not_settled),
      SAY(a_sole_voter_is_in_contact_and_settles_by_itself), SAY(settling_ends_at_its_deadline))
