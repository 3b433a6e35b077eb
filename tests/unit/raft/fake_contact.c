#include "tests/unit/raft/fake_contact.h"
#include "tests/check.h"

bool is_in_contact(const struct fake_world *world)
{
	return driver_contact_until(world->driver) > world->now.ms;
}

struct fake_world *contact_follower(uint64_t term)
{
	struct fake_world *world = fake_follower(3, term, 0, 1);
	fake_append(world, 2, term, 1, 1, 1, NULL, 0);
	return world;
}

void contact_answer(struct fake_world *world, uint64_t term, uint64_t age_ms, uint64_t commit, bool granted)
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

void contact_say(struct fake_world *world, uint64_t from, uint64_t applied, bool heard)
{
	struct message m = { .kind = MESSAGE_CONTACT, .term = world->driver->raft.current_term };
	m.contact.stamp = 5;
	m.contact.applied = applied;
	m.contact.heard = heard ? (uint64_t)world->now.ms : 0;
	fake_receive(world, from, &m);
}

void with_node_2(struct fake_world *world, int64_t ms, uint64_t applied)
{
	fake_pass(world, ms);
	fake_append_result(world, 2, 0, memory_log_last(&world->driver->log));
	contact_say(world, 2, applied, true);
}

const struct message *said_to(const struct fake_world *world, uint64_t to)
{
	return fake_last(world, MESSAGE_CONTACT_RESULT, to);
}
