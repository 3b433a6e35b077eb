/* Who leads next: driver_transfer.c. */
#include "tests/check.h"
#include "tests/unit/raft/fake_contact.h"

/* Whoever leads and is sick asks again and again. */
static void leadership_goes_to_one_that_answers_and_has_not_declined(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	uint64_t last = memory_log_last(&d->log);
	fake_propose(world, 1);
	fake_append_result(world, 3, 0, last + 1); /* node 3 has it all, but has been silent since */
	fake_pass(world, 400);
	fake_append_result(world, 2, 0, last);
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(d->transfer.to, 2);
	driver_transfer(d, world->now, 6, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(world->ticket, 6);
	CU_ASSERT_EQUAL(world->result, ERR_BUSY);
	while (world->ticket != 5) { /* it does not keep up */
		fake_append_result(world, 3, 0, last);
		fake_append_result(world, 2, 0, last);
		fake_pass(world, 100);
	}
	CU_ASSERT_EQUAL(world->result, ERR_TIMEOUT);
	fake_append_result(world, 2, 0, last);
	fake_append_result(world, 3, 0, last);
	driver_transfer(d, world->now, 7, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(d->transfer.to, 3);
	fake_destroy(world);
}

static void say_whether_it_declines(struct fake_world *world, uint64_t from, bool declines)
{
	struct message m = { .kind = MESSAGE_CONTACT, .term = world->driver->raft.current_term };
	m.contact.declines = declines;
	fake_receive(world, from, &m);
}

/* Three leaders of which none is well would pass it round for ever. */
static void a_leader_that_declines_keeps_its_place_while_all_others_do_too(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	driver_decline(d, true);
	say_whether_it_declines(world, 2, true);
	say_whether_it_declines(world, 3, true);
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "no other voter"));
	say_whether_it_declines(world, 3, false);
	driver_transfer(d, world->now, 6, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(d->transfer.to, 3);
	fake_destroy(world);
}

/* Whoever leads and stops hands over even so. */
static void one_that_declines_is_handed_leadership_for_want_of_another(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	uint64_t last = memory_log_last(&d->log);
	say_whether_it_declines(world, 2, true);
	fake_propose(world, 1);
	fake_append_result(world, 2, 0, last + 1); /* node 3 lacks what node 2 has */
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(d->transfer.to, 3);
	fake_destroy(world);
	world = fake_settled_leader();
	say_whether_it_declines(world, 2, true);
	say_whether_it_declines(world, 3, true);
	driver_transfer(world->driver, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT_NOT_EQUAL(world->driver->transfer.to, 0);
	fake_destroy(world);
}

static void a_node_that_declines_tells_the_leader_at_once(void)
{
	struct fake_world *world = fake_following(2);
	driver_decline(world->driver, true);
	fake_settle(world);
	CU_ASSERT_TRUE(fake_last(world, MESSAGE_CONTACT, 2)->contact.declines);
	fake_forget(world);
	driver_decline(world->driver, true); /* nothing new */
	fake_settle(world);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_CONTACT, 2));
	driver_decline(world->driver, false);
	fake_settle(world);
	CU_ASSERT_FALSE(fake_last(world, MESSAGE_CONTACT, 2)->contact.declines);
	fake_destroy(world);
}

/* A whole cluster is stopped: the last but one ends with the leader's leadership on its way to it. */
static void a_handover_ends_at_once_when_the_other_goes(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	driver_disconnected(d, world->now, 3);
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(d->transfer.to, 2);
	driver_disconnected(d, world->now, 2);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "no other voter"));
	CU_ASSERT_TRUE(driver_may_submit(d));
	driver_connected(d, world->now, 3);
	driver_transfer(d, world->now, 6, world->now.ms + 60000, 0);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_TIMEOUT_NOW, 3));
	fake_destroy(world);
}

static void when_the_first_goes_the_next_is_asked(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_TIMEOUT_NOW, 2));
	driver_disconnected(d, world->now, 2);
	driver_connected(d, world->now, 2); /* soon enough, but it has been asked in vain */
	fake_settle(world);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_TIMEOUT_NOW, 3));
	uint64_t last = memory_log_last(&d->log);
	fake_append(world, 3, d->raft.current_term + 1, last, driver_term_of(d, last), last, NULL, 0);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	fake_destroy(world);
}

static void one_asked_for_by_name_is_refused_when_it_goes(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	uint64_t last = memory_log_last(&d->log);
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 2);
	CU_ASSERT_EQUAL(d->transfer.to, 2);
	driver_disconnected(d, world->now, 2);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "has gone")); /* nobody asked for node 3 */
	fake_propose(world, 1);
	CU_ASSERT_EQUAL(memory_log_last(&d->log), last + 1); /* and work goes on */
	fake_destroy(world);
}

/* It isn't held against it. */
static void to_one_that_has_gone_nothing_is_handed_over_by_name(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	driver_disconnected(d, world->now, 3);
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 3);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "has gone"));
	CU_ASSERT_EQUAL(raft_transferee(&d->raft), 0);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_TIMEOUT_NOW, 3));
	uint64_t last = memory_log_last(&d->log);
	fake_propose(world, 1);
	CU_ASSERT_EQUAL(memory_log_last(&d->log), last + 1);
	driver_connected(d, world->now, 3);
	driver_disconnected(d, world->now, 2);
	driver_transfer(d, world->now, 6, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(d->transfer.to, 3);
	fake_destroy(world);
}

/* There was no memory to say that there is a connection again. */
static void one_that_has_heard_us_since_has_not_gone(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	driver_disconnected(d, world->now, 2);
	driver_disconnected(d, world->now, 3);
	contact_say(world, 2, 0, true); /* its last words, of what it had heard before */
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "no other voter"));
	fake_pass(world, 10);
	contact_say(world, 2, 0, true);
	driver_transfer(d, world->now, 6, world->now.ms + 60000, 0);
	CU_ASSERT_EQUAL(d->transfer.to, 2);
	fake_destroy(world);
}

/* Whoever loses its place while the other lacks something waits for an election, and looks at the clock only when that has failed. */
static void until_somebody_is_elected_it_waits(void)
{
	struct fake_world *world = fake_settled_leader();
	struct driver *d = world->driver;
	fake_propose(world, 1);
	for (int i = 0; i < 5; i++)
		fake_pass(world, 100); /* of silence */
	driver_transfer(d, world->now, 5, world->now.ms + 60000, 2);
	for (int i = 0; i < 100 && world->ticket != 5; i++) {
		fake_pass(world, driver_timeout(d) - world->now.ms);
		CU_ASSERT(driver_timeout(d) > world->now.ms);
	}
	CU_ASSERT_FALSE(driver_leads(d));
	CU_ASSERT(fake_was_refused(world, ERR_TIMEOUT, "nor did anybody else"));
	fake_destroy(world);
}

static void with_nobody_to_hand_over_to_it_is_said_at_once(void)
{
	struct fake_world *world = fake_settled_leader();
	world->now.ms += 2000; /* silence */
	driver_transfer(world->driver, world->now, 5, world->now.ms + 60000, 0);
	CU_ASSERT(fake_was_refused(world, ERR_REFUSED, "no other voter"));
	CU_ASSERT_TRUE(driver_may_submit(world->driver));
	fake_destroy(world);
}

TESTS("raft driver transfer", SAY(leadership_goes_to_one_that_answers_and_has_not_declined),
      SAY(a_leader_that_declines_keeps_its_place_while_all_others_do_too),
      SAY(one_that_declines_is_handed_leadership_for_want_of_another),
      SAY(a_node_that_declines_tells_the_leader_at_once), SAY(a_handover_ends_at_once_when_the_other_goes),
      SAY(when_the_first_goes_the_next_is_asked), SAY(one_asked_for_by_name_is_refused_when_it_goes),
      SAY(to_one_that_has_gone_nothing_is_handed_over_by_name), SAY(one_that_has_heard_us_since_has_not_gone),
      SAY(until_somebody_is_elected_it_waits),
      SAY(with_nobody_to_hand_over_to_it_is_said_at_once))
