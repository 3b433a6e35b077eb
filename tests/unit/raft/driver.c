#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

static struct id request(uint8_t n)
{
	return (struct id){ { n, 0, 7 } };
}

static void propose(struct fake_world *world, uint8_t n)
{
	struct id id = request(n);
	CU_ASSERT_EQUAL(driver_propose(world->driver, world->now, &id, "data", 4), ERR_OK);
	fake_settle(world);
}

static bool was_applied(const struct fake_world *world, uint8_t n)
{
	struct id id = request(n);
	for (size_t i = 0; i < world->applied_count; i++)
		if (id_equal(&world->applied[i].request, &id))
			return true;
	return false;
}

static unsigned forwards(const struct fake_world *world, uint64_t to)
{
	unsigned count = 0;
	for (size_t i = 0; i < world->sent_count; i++)
		count += world->sent[i].to == to && world->sent[i].message.kind == MESSAGE_FORWARD;
	return count;
}

/* Node 1 follows node 2 in `term`, its log ends at 1. */
static struct fake_world *following(uint64_t term)
{
	struct fake_world *world = fake_follower(3, term, 0, 1);
	fake_append(world, 2, term, 1, 1, 1, NULL, 0);
	fake_forget(world);
	return world;
}

/* Starting */

static void founders_write_the_first_entry_and_the_first_term(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = { .first_index = 1 };
	CU_ASSERT_EQUAL(fake_start(world, &saved, 3), ERR_OK);
	CU_ASSERT_EQUAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->jobs->entries[0]->type, ENTRY_CONFIGURATION);
	CU_ASSERT_EQUAL(world->term, 1);
	CU_ASSERT_EQUAL(world->configuration.count, 3);
	CU_ASSERT_EQUAL(fake_written_all(world), ERR_OK);
	fake_destroy(world);
}

/* The others hold all that is agreed and serve, but nobody waits for them. */
static void of_more_founders_than_seven_the_first_vote(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = { .first_index = 1 };
	CU_ASSERT_EQUAL(fake_start(world, &saved, 9), ERR_OK);
	CU_ASSERT_EQUAL(world->configuration.count, 9);
	for (size_t i = 0; i < world->configuration.count; i++)
		CU_ASSERT_EQUAL(world->configuration.nodes[i].voter, world->configuration.nodes[i].id <= VOTERS_MAX);
	CU_ASSERT_EQUAL(fake_written_all(world), ERR_OK);
	fake_destroy(world);
}

static void a_founding_that_was_cut_short_is_taken_up_again(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = fake_saved(3, 0, 0, 1);
	CU_ASSERT_EQUAL(fake_start(world, &saved, 3), ERR_OK);
	CU_ASSERT_EQUAL(world->term, 1);
	CU_ASSERT_EQUAL(world->job_count, 0);
	fake_destroy(world);
}

static void a_node_without_founders_waits_to_be_taken_in(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = { .first_index = 1 };
	CU_ASSERT_EQUAL(fake_start(world, &saved, 0), ERR_OK);
	fake_pass(world, 10000);
	CU_ASSERT_EQUAL(world->sent_count, 0);
	struct entry *entries[] = { fake_configuration(1, 3, 0), fake_command(3, 1) };
	fake_append(world, 2, 3, 0, 0, 2, entries, 2);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->applied_index, 2);
	CU_ASSERT_EQUAL(world->term, 3);
	fake_destroy(world);
}

static void start_refused(struct saved_state *saved, uint64_t machine_applied)
{
	struct fake_world *world = calloc(1, sizeof *world);
	world->machine_applied = machine_applied;
	CU_ASSERT_EQUAL(fake_start(world, saved, 0), ERR_DAMAGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->complaint.text, "new id"));
	free(world);
}

static void a_log_that_can_not_be_ours_is_refused(void)
{
	struct saved_state saved = fake_saved(3, 2, 4, 2);
	start_refused(&saved, 6); /* the machine has applied more than the log has */
	saved = fake_saved(3, 2, 4, 2);
	saved.first_index = 2; /* the beginning is missing */
	start_refused(&saved, 0);
	saved = fake_saved(3, 1, 4, 2); /* entries of terms that never were */
	start_refused(&saved, 0);
	saved = fake_saved(3, 2, 4, 2);
	saved.has_snapshot = true; /* ends before its snapshot */
	saved.snapshot = (struct snapshot_meta){ .index = 9, .term = 2, .configuration_index = 1 };
	start_refused(&saved, 0);
}

static void the_machine_is_not_given_again_what_it_has(void)
{
	struct fake_world *world = calloc(1, sizeof *world);
	struct saved_state saved = fake_saved(3, 2, 5, 2); /* 2..6 */
	world->machine_applied = 4;
	CU_ASSERT_EQUAL(fake_start(world, &saved, 0), ERR_OK);
	fake_append(world, 2, 2, 6, 2, 3, NULL, 0);
	CU_ASSERT_EQUAL(world->commands, 0);
	fake_append(world, 2, 2, 6, 2, 6, NULL, 0);
	CU_ASSERT_EQUAL(world->commands, 2);
	CU_ASSERT_EQUAL(world->machine_applied, 6);
	fake_destroy(world);
}

/* What is promised is on disk first */

static void a_vote_that_can_not_be_saved_is_not_cast(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	world->write_error = ERR_IO;
	CU_ASSERT_EQUAL(fake_vote(world, 2, 2, 5, 1, false), ERR_IO);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_VOTE_RESULT, 2));
	CU_ASSERT_EQUAL(fake_settle(world), ERR_IO); /* and that was its last word */
	fake_destroy(world);
}

static void an_entry_is_acknowledged_when_it_is_on_disk(void)
{
	struct fake_world *world = following(2);
	struct entry *entry = fake_command(2, 1);
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_APPEND_RESULT, 2));
	CU_ASSERT_EQUAL(world->applied_index, 1); /* committed elsewhere, but not on our own disk */
	fake_written(world);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.last_index, 2);
	CU_ASSERT_EQUAL(world->applied_index, 2);
	fake_destroy(world);
}

/* Term 3's entry 2, then term 4's in its place, then the first one again from the leader of term 5: the disk holds it
 * for good only when the third write is done. */
static void a_write_of_an_entry_that_was_cut_and_sent_again_does_not_count(void)
{
	struct fake_world *world = following(3);
	struct entry *first = fake_command(3, 1), *second = fake_command(4, 2), *third = fake_command(3, 1);
	fake_append(world, 2, 3, 1, 1, 1, &first, 1);
	fake_append(world, 3, 4, 1, 1, 1, &second, 1);
	fake_append(world, 2, 5, 1, 1, 1, &third, 1);
	CU_ASSERT_EQUAL(world->job_count, 3);
	fake_forget(world);
	fake_written(world);
	fake_written(world);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_APPEND_RESULT, 2));
	CU_ASSERT_EQUAL(world->driver->stored, 1);
	fake_written(world);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 2)->append_result.last_index, 2);
	fake_destroy(world);
}

/* A node that was away for long applies what it missed in portions, so that it goes on hearing its leader. */
static void a_long_backlog_is_applied_in_portions(void)
{
	struct fake_world *world = fake_follower(3, 2, 3000, 2);
	fake_append(world, 2, 2, 3001, 2, 3001, NULL, 0);
	CU_ASSERT_TRUE(world->applied_index < 3001);
	unsigned portions = 1;
	for (; driver_timeout(world->driver) <= world->now.ms && portions < 100; portions++)
		fake_pass(world, 0);
	CU_ASSERT_EQUAL(world->applied_index, 3001);
	CU_ASSERT_EQUAL(world->flushes, portions);
	CU_ASSERT_EQUAL(world->commands, 3000);
	fake_destroy(world);
}

/* Proposals */

static void a_proposal_is_told_when_it_is_applied(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	propose(world, 1);
	fake_written_all(world);
	CU_ASSERT_FALSE(was_applied(world, 1)); /* one disk of three */
	fake_followers_agree(world, 3);
	CU_ASSERT_TRUE(was_applied(world, 1));
	CU_ASSERT_EQUAL(world->commands, 1);
	CU_ASSERT_EQUAL(world->driver->proposals.count, 0);
	fake_destroy(world);
}

static void proposals_of_one_turn_share_one_write(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fake_followers_agree(world, 3);
	for (uint8_t n = 1; n <= 20; n++) {
		struct id id = request(n);
		driver_propose(world->driver, world->now, &id, "data", 4);
	}
	fake_settle(world);
	CU_ASSERT_EQUAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->jobs->count, 20);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND, 2)->append.count, 20);
	fake_destroy(world);
}

static void a_follower_sends_proposals_to_the_leader_and_again_when_it_is_silent(void)
{
	struct fake_world *world = following(2);
	propose(world, 1);
	CU_ASSERT_EQUAL(forwards(world, 2), 1);
	fake_pass(world, 500);
	CU_ASSERT_EQUAL(forwards(world, 2), 1);
	fake_append(world, 2, 2, 1, 1, 1, NULL, 0);
	fake_pass(world, 500);
	CU_ASSERT_EQUAL(forwards(world, 2), 2);
	/* another leader: at once */
	fake_append(world, 3, 3, 1, 1, 1, NULL, 0);
	CU_ASSERT_EQUAL(forwards(world, 3), 1);
	/* it comes back under whatever index */
	struct id id = request(1);
	struct entry *entry = envelope_seal(3, &id, 0, "data", 4);
	fake_append(world, 3, 3, 1, 1, 2, &entry, 1);
	fake_written_all(world);
	CU_ASSERT_TRUE(was_applied(world, 1));
	fake_forget(world);
	fake_pass(world, 3000);
	CU_ASSERT_EQUAL(forwards(world, 3), 0);
	fake_destroy(world);
}

/* How long it takes until something is forwarded, while the leader, node 2, is alive all the time. */
static int64_t until_forwarded(struct fake_world *world)
{
	int64_t began_ms = world->now.ms;
	fake_forget(world);
	while (forwards(world, 2) == 0) {
		fake_forget(world);
		fake_append(world, 2, 2, 1, 1, 1, NULL, 0);
		fake_pass(world, 100);
	}
	return world->now.ms - began_ms;
}

/* A leader that has not got through all of it yet is not sent it again; and ever more seldom. */
static void a_large_proposal_is_given_time_and_then_more(void)
{
	struct fake_world *world = following(2);
	static const uint8_t large[8 << 20];
	struct id id = request(3);
	CU_ASSERT_EQUAL(driver_propose(world->driver, world->now, &id, large, sizeof large), ERR_OK);
	fake_settle(world);
	CU_ASSERT_EQUAL(forwards(world, 2), 1);
	int64_t first_ms = until_forwarded(world);
	CU_ASSERT_TRUE(first_ms >= 1000 + 2000);
	CU_ASSERT_TRUE(until_forwarded(world) >= 2 * first_ms - 100);
	fake_destroy(world);
}

/* What lay in the old connection is lost; there is no need to wait to find that out. */
static void a_new_connection_to_the_leader_gets_all_that_waits(void)
{
	struct fake_world *world = following(2);
	propose(world, 1);
	propose(world, 2);
	driver_barrier(world->driver, world->now, 5, world->now.ms + 60000);
	fake_settle(world);
	fake_forget(world);
	driver_connected(world->driver, world->now, 3); /* that one isn't meant */
	fake_settle(world);
	CU_ASSERT_EQUAL(forwards(world, 2), 0);
	driver_connected(world->driver, world->now, 2);
	fake_settle(world);
	CU_ASSERT_EQUAL(forwards(world, 2), 2);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_READ, 2));
	fake_destroy(world);
}

static void what_is_withdrawn_is_not_sent_again(void)
{
	struct fake_world *world = following(2);
	struct id id = request(1);
	propose(world, 1);
	driver_withdraw(world->driver, &id);
	fake_forget(world);
	fake_pass(world, 1500);
	CU_ASSERT_EQUAL(forwards(world, 2), 0);
	driver_withdraw(world->driver, &id);
	fake_destroy(world);
}

static void forward(struct fake_world *world, uint64_t from, uint8_t n)
{
	struct message m = { .kind = MESSAGE_FORWARD, .term = 1 };
	m.forward.request = request(n);
	m.forward.entry = entry_create(0, ENTRY_COMMAND, "data", 4);
	fake_receive(world, from, &m);
}

static void a_leader_takes_a_request_once_while_it_is_under_way(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	uint64_t last = memory_log_last(&world->driver->log);
	forward(world, 2, 1);
	forward(world, 3, 1);
	propose(world, 1);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last + 1);
	fake_followers_agree(world, 3);
	forward(world, 2, 1); /* applied meanwhile; the machine will know it */
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last + 2);
	fake_destroy(world);
}

static void only_members_may_propose(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	uint64_t last = memory_log_last(&world->driver->log);
	forward(world, 9, 1);
	CU_ASSERT_EQUAL(memory_log_last(&world->driver->log), last);
	fake_destroy(world);
}

static void a_leader_that_hears_nobody_stops_taking_proposals_in(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	static uint8_t megabyte[1 << 20];
	for (unsigned n = 0; n < 60; n++) {
		struct id id = request((uint8_t)n);
		enum err err = driver_propose(world->driver, world->now, &id, megabyte, sizeof megabyte);
		CU_ASSERT_EQUAL(err, ERR_OK);
		fake_settle(world);
	}
	size_t in_log = 0;
	for (uint64_t i = 1; i <= memory_log_last(&world->driver->log); i++)
		in_log += memory_log_get(&world->driver->log, i)->size;
	CU_ASSERT_TRUE(in_log <= UNCOMMITTED_BYTES_MAX + (1u << 20));
	enum err err = ERR_OK;
	for (uint8_t n = 100; n < 110 && err == ERR_OK; n++) {
		struct id id = request(n);
		err = driver_propose(world->driver, world->now, &id, megabyte, sizeof megabyte);
	}
	CU_ASSERT_EQUAL(err, ERR_BUSY);
	fake_destroy(world);
}

static void a_proposal_beyond_the_limit_is_too_big(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct id id = request(1);
	CU_ASSERT_EQUAL(driver_propose(world->driver, world->now, &id, "", ENTRY_SIZE_MAX + 1), ERR_TOO_BIG);
	fake_destroy(world);
}

static void large_entries_travel_in_several_messages(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	static uint8_t large[700 << 10];
	fake_followers_agree(world, 3);
	for (uint8_t n = 1; n <= 4; n++) {
		struct id id = request(n);
		driver_propose(world->driver, world->now, &id, large, sizeof large);
	}
	fake_settle(world);
	uint64_t next = memory_log_last(&world->driver->log) - 3;
	unsigned messages = 0;
	for (size_t i = 0; i < world->sent_count; i++) {
		const struct message *m = &world->sent[i].message;
		if (world->sent[i].to != 2 || m->kind != MESSAGE_APPEND)
			continue;
		CU_ASSERT_EQUAL(m->append.prev_index, next - 1);
		CU_ASSERT_EQUAL(m->append.prev_term, driver_term_of(world->driver, next - 1));
		next += m->append.count;
		messages++;
	}
	CU_ASSERT_EQUAL(messages, 4);
	CU_ASSERT_EQUAL(next, memory_log_last(&world->driver->log) + 1);
	fake_destroy(world);
}

static unsigned large_appends(const struct fake_world *world, uint64_t to)
{
	unsigned count = 0;
	for (size_t i = 0; i < world->sent_count; i++) {
		const struct message *m = &world->sent[i].message;
		count += world->sent[i].to == to && m->kind == MESSAGE_APPEND && m->append.count && m->append.entries[0]->size > 1u << 20;
	}
	return count;
}

/* The engine would, to a follower of which it doesn't know yet what it has. */
static void a_large_entry_is_not_sent_again_with_every_heartbeat(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	static const uint8_t large[4 << 20];
	struct id id = request(1);
	fake_forget(world);
	CU_ASSERT_EQUAL(driver_propose(world->driver, world->now, &id, large, sizeof large), ERR_OK);
	fake_settle(world);
	for (int i = 0; i < 8; i++) {
		fake_pass(world, 100);
		fake_append_result(world, 2, 0, 2); /* all that came before */
	}
	CU_ASSERT_EQUAL(large_appends(world, 2), 1);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND, 3)->append.count, 0); /* but a heartbeat is */
	fake_forget(world);
	driver_connected(world->driver, world->now, 3); /* it may be lost */
	fake_pass(world, 100);
	CU_ASSERT_EQUAL(large_appends(world, 3), 1);
	fake_destroy(world);
}

/* Snapshots */

static void fill_log(struct fake_world *world, uint8_t count)
{
	for (uint8_t n = 1; n <= count; n++)
		propose(world, n);
	fake_followers_agree(world, 3);
}

static void a_snapshot_is_recorded_and_the_log_trimmed(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fill_log(world, 10); /* up to 12 */
	driver_snapshot(world->driver, world->now, 5, world->now.ms + 5000);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->snapshots_asked, 1);
	fill_log(world, 12); /* the machine goes on meanwhile */
	uint64_t index = world->machine_applied - 1;
	driver_snapshot_taken(world->driver, world->now, ERR_OK, index, malloc(1));
	CU_ASSERT_EQUAL_FATAL(world->job_count, 1);
	CU_ASSERT_EQUAL(world->jobs->kind, LOG_SNAPSHOT);
	CU_ASSERT_EQUAL(world->jobs->meta.index, index);
	CU_ASSERT_EQUAL(world->jobs->meta.term, 2);
	CU_ASSERT_EQUAL(world->jobs->meta.configuration_index, 1);
	CU_ASSERT_EQUAL(world->jobs->trim_to, index - 4);
	CU_ASSERT_EQUAL(world->ticket, 0);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result_index, index);
	CU_ASSERT_EQUAL(world->driver->log.base, index - 4);
	CU_ASSERT_EQUAL(world->driver->snapshot.index, index);
	fake_destroy(world);
}

static void a_copy_that_failed_is_told_and_may_be_tried_again(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fill_log(world, 3);
	driver_snapshot(world->driver, world->now, 5, world->now.ms + 5000);
	fake_settle(world);
	driver_snapshot_taken(world->driver, world->now, ERR_IO, 0, NULL);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_IO);
	driver_snapshot(world->driver, world->now, 6, world->now.ms + 5000);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->snapshots_asked, 2);
	fake_pass(world, 6000);
	CU_ASSERT_EQUAL(world->ticket, 6);
	CU_ASSERT_EQUAL(world->result, ERR_TIMEOUT);
	fake_destroy(world);
}

static void a_snapshot_of_ours_that_a_leaders_has_overtaken_is_dropped(void)
{
	struct fake_world *world = following(2);
	struct entry *entries[] = { fake_command(2, 1), fake_command(2, 2) };
	fake_append(world, 2, 2, 1, 1, 3, entries, 2);
	fake_written_all(world);
	driver_snapshot(world->driver, world->now, 5, world->now.ms + 5000);
	fake_settle(world);
	fake_install(world, 2, 2, 90, 2);
	driver_snapshot_taken(world->driver, world->now, ERR_OK, 3, malloc(1));
	CU_ASSERT_EQUAL(world->files_discarded, 1);
	CU_ASSERT_EQUAL(world->job_count, 1);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->driver->applied, 90);
	CU_ASSERT_EQUAL(world->driver->snapshot.index, 90);
	fake_destroy(world);
}

/* Membership */

static void hear_all(struct fake_world *world, unsigned voters)
{
	for (uint64_t id = 2; id <= voters; id++)
		fake_append_result(world, id, 0, memory_log_last(&world->driver->log));
}

static void a_learner_votes_once_it_has_caught_up(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct consensus_node node = fake_node(4);
	fake_followers_agree(world, 3);
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &node);
	fake_followers_agree(world, 3);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_FALSE(configuration_find(&world->configuration, 4)->voter);
	driver_promote(world->driver, world->now, 6, world->now.ms + 60000, 4);
	fake_followers_agree(world, 3);
	CU_ASSERT_EQUAL(world->ticket, 5); /* node 4 has nothing yet */
	fake_append_result(world, 4, 0, memory_log_last(&world->driver->log));
	fake_followers_agree(world, 4);
	CU_ASSERT_EQUAL(world->ticket, 6);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	CU_ASSERT_TRUE(configuration_find(&world->configuration, 4)->voter);
	fake_destroy(world);
}

static void refused(struct fake_world *world, enum err err, const char *why)
{
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, err);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->complaint.text, why));
	world->ticket = 0;
}

static void what_would_harm_the_cluster_is_refused_with_a_reason(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct driver *d = world->driver;
	int64_t until = world->now.ms + 60000;
	struct consensus_node node = fake_node(2);
	fake_followers_agree(world, 3);
	hear_all(world, 3);
	driver_add(d, world->now, 5, until, &node);
	refused(world, ERR_REFUSED, "already");
	node.id = 8;
	driver_add(d, world->now, 5, until, &node);
	refused(world, ERR_REFUSED, "name");
	driver_promote(d, world->now, 5, until, 2);
	refused(world, ERR_REFUSED, "votes already");
	driver_promote(d, world->now, 5, until, 9);
	refused(world, ERR_NOT_FOUND, "not a member");
	driver_remove(d, world->now, 5, until, 9);
	refused(world, ERR_NOT_FOUND, "not a member");
	driver_transfer(d, world->now, 5, until, 9);
	refused(world, ERR_REFUSED, "no such voter");
	fake_pass(world, 900);
	fake_append_result(world, 2, 0, memory_log_last(&d->log));
	fake_pass(world, 900); /* node 3 has been silent for long, node 2 has not */
	fake_append_result(world, 2, 0, memory_log_last(&d->log));
	driver_remove(d, world->now, 5, until, 2);
	refused(world, ERR_REFUSED, "no majority");
	driver_remove(d, world->now, 6, until, 3); /* the silent one may go */
	fake_followers_agree(world, 2);
	CU_ASSERT_EQUAL(world->ticket, 6);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	driver_remove(d, world->now, 5, until, 2);
	refused(world, ERR_REFUSED, "two voters are the least");
	fake_destroy(world);
}

static void one_change_at_a_time(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct consensus_node four = fake_node(4), five = fake_node(5);
	driver_add(world->driver, world->now, 6, world->now.ms + 60000, &four);
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &five);
	refused(world, ERR_BUSY, "under way");
	driver_transfer(world->driver, world->now, 5, world->now.ms + 60000, 2);
	refused(world, ERR_BUSY, "under way");
	fake_destroy(world);
}

/* Whoever leads and is sick asks again and again. */
static void leadership_goes_to_one_that_answers_and_has_not_declined(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct driver *d = world->driver;
	fake_followers_agree(world, 3);
	uint64_t last = memory_log_last(&d->log);
	propose(world, 1);
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

static void with_nobody_to_hand_over_to_it_is_said_at_once(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	fake_followers_agree(world, 3);
	world->now.ms += 2000; /* silence */
	driver_transfer(world->driver, world->now, 5, world->now.ms + 60000, 0);
	refused(world, ERR_REFUSED, "no other voter");
	CU_ASSERT_TRUE(driver_may_submit(world->driver));
	fake_destroy(world);
}

static void a_change_ends_with_its_leadership(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct consensus_node four = fake_node(4);
	fake_followers_agree(world, 3);
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &four);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->configuration.count, 4);
	fake_append(world, 2, world->driver->raft.current_term + 1, 2, 2, 1, NULL, 0);
	refused(world, ERR_NOT_LEADER, "may yet come into force");
	driver_add(world->driver, world->now, 5, world->now.ms + 60000, &four);
	refused(world, ERR_NOT_LEADER, "ask node 2");
	fake_destroy(world);
}

/* Node 1 knows 1, 2 and 3; 4 was added while it was away, and leads. */
static void a_leader_we_never_heard_of_is_followed(void)
{
	struct fake_world *world = fake_follower(3, 1, 0, 1);
	struct entry *entries[] = { fake_configuration(2, 4, 0), fake_command(3, 1) };
	fake_append(world, 4, 3, 1, 1, 3, entries, 2);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->applied_index, 3);
	CU_ASSERT_EQUAL(fake_last(world, MESSAGE_APPEND_RESULT, 4)->append_result.last_index, 3);
	CU_ASSERT_EQUAL(world->configuration.count, 4);
	fake_destroy(world);
}

/* Reads */

static void round_answer(struct fake_world *world, uint64_t from, uint64_t term, uint64_t number)
{
	struct message m = { .kind = MESSAGE_ROUND_RESULT, .term = term };
	m.round.number = number;
	fake_receive(world, from, &m);
}

static void a_leader_answers_a_reader_once_a_majority_still_follows(void)
{
	struct fake_world *world = fake_leader(5, 1, 0, 1);
	uint64_t term = world->driver->raft.current_term;
	driver_barrier(world->driver, world->now, 5, world->now.ms + 60000);
	fake_settle(world);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_ROUND, 2)); /* nothing of its term is committed */
	fake_followers_agree(world, 5);
	driver_barrier(world->driver, world->now, 6, world->now.ms + 60000);
	fake_settle(world);
	uint64_t number = world->driver->round;
	CU_ASSERT_TRUE(number > 0);
	round_answer(world, 2, term, number);
	round_answer(world, 2, term, number);     /* the same one twice */
	round_answer(world, 3, term, number - 1); /* an earlier round */
	round_answer(world, 3, term - 1, number);
	round_answer(world, 9, term, number);     /* nobody we know */
	CU_ASSERT_EQUAL(world->ticket, 0);
	round_answer(world, 3, term, number);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	CU_ASSERT_EQUAL(world->result_index, 2);
	fake_settle(world);
	round_answer(world, 4, term, world->driver->round); /* the second came too late for that round */
	round_answer(world, 5, term, world->driver->round);
	CU_ASSERT_EQUAL(world->ticket, 6);
	fake_destroy(world);
}

static void a_follower_asks_the_leader_and_waits_to_have_applied_it(void)
{
	struct fake_world *world = following(2);
	driver_barrier(world->driver, world->now, 5, world->now.ms + 60000);
	fake_settle(world);
	const struct message *asked = fake_last(world, MESSAGE_READ, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(asked);
	struct message answer = { .kind = MESSAGE_READ_RESULT, .term = 2 };
	answer.read.number = asked->read.number;
	answer.read.index = 2;
	fake_receive(world, 2, &answer);
	CU_ASSERT_EQUAL(world->ticket, 0);
	struct entry *entry = fake_command(2, 1);
	fake_append(world, 2, 2, 1, 1, 2, &entry, 1);
	fake_written_all(world);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result_index, 2);
	fake_destroy(world);
}

static void a_voter_confirms_its_own_term_only(void)
{
	struct fake_world *world = following(2);
	struct message m = { .kind = MESSAGE_ROUND, .term = 1 };
	fake_receive(world, 3, &m);
	CU_ASSERT_PTR_NULL(fake_last(world, MESSAGE_ROUND_RESULT, 3));
	m = (struct message){ .kind = MESSAGE_ROUND, .term = 2 };
	fake_receive(world, 2, &m);
	CU_ASSERT_PTR_NOT_NULL(fake_last(world, MESSAGE_ROUND_RESULT, 2));
	fake_destroy(world);
}

static void a_read_without_a_majority_ends_at_its_deadline(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	driver_barrier(world->driver, world->now, 5, world->now.ms + 400);
	fake_settle(world);
	CU_ASSERT_TRUE(driver_timeout(world->driver) <= world->now.ms + 400);
	fake_pass(world, 400);
	refused(world, ERR_TIMEOUT, "no majority");
	fake_destroy(world);
}

static void a_sole_voter_needs_nobody(void)
{
	struct fake_world *world = fake_follower(1, 1, 0, 1);
	fake_settle(world);
	fake_written_all(world);
	propose(world, 1);
	fake_written_all(world);
	CU_ASSERT_TRUE(was_applied(world, 1));
	driver_barrier(world->driver, world->now, 5, world->now.ms + 400);
	fake_settle(world);
	CU_ASSERT_EQUAL(world->ticket, 5);
	CU_ASSERT_EQUAL(world->result, ERR_OK);
	fake_destroy(world);
}

static void the_status_says_who_is_where(void)
{
	struct fake_world *world = fake_leader(3, 1, 0, 1);
	struct consensus_status status = { 0 };
	fake_followers_agree(world, 3);
	driver_status(world->driver, &status);
	CU_ASSERT_EQUAL(status.role, ROLE_LEADER);
	CU_ASSERT_EQUAL(status.leader, 1);
	CU_ASSERT_EQUAL(status.applied_index, 2);
	CU_ASSERT_EQUAL(status.peer_count, 2);
	CU_ASSERT_EQUAL(status.peers[0].node.id, 2);
	CU_ASSERT_EQUAL(status.peers[0].match_index, 2);
	fake_destroy(world);
}

TESTS("raft driver",
      SAY(founders_write_the_first_entry_and_the_first_term), SAY(of_more_founders_than_seven_the_first_vote),
      SAY(a_founding_that_was_cut_short_is_taken_up_again),
      SAY(a_node_without_founders_waits_to_be_taken_in), SAY(a_log_that_can_not_be_ours_is_refused),
      SAY(the_machine_is_not_given_again_what_it_has), SAY(a_vote_that_can_not_be_saved_is_not_cast),
      SAY(an_entry_is_acknowledged_when_it_is_on_disk),
      SAY(a_write_of_an_entry_that_was_cut_and_sent_again_does_not_count),
      SAY(a_long_backlog_is_applied_in_portions), SAY(a_proposal_is_told_when_it_is_applied), SAY(proposals_of_one_turn_share_one_write),
      SAY(a_follower_sends_proposals_to_the_leader_and_again_when_it_is_silent),
      SAY(a_large_proposal_is_given_time_and_then_more), SAY(a_new_connection_to_the_leader_gets_all_that_waits),
      SAY(what_is_withdrawn_is_not_sent_again), SAY(a_leader_takes_a_request_once_while_it_is_under_way),
      SAY(only_members_may_propose), SAY(a_leader_that_hears_nobody_stops_taking_proposals_in),
      SAY(a_proposal_beyond_the_limit_is_too_big), SAY(large_entries_travel_in_several_messages),
      SAY(a_large_entry_is_not_sent_again_with_every_heartbeat), SAY(a_snapshot_is_recorded_and_the_log_trimmed), SAY(a_copy_that_failed_is_told_and_may_be_tried_again),
      SAY(a_snapshot_of_ours_that_a_leaders_has_overtaken_is_dropped), SAY(a_learner_votes_once_it_has_caught_up),
      SAY(what_would_harm_the_cluster_is_refused_with_a_reason), SAY(one_change_at_a_time),
      SAY(leadership_goes_to_one_that_answers_and_has_not_declined), SAY(with_nobody_to_hand_over_to_it_is_said_at_once),
      SAY(a_change_ends_with_its_leadership), SAY(a_leader_we_never_heard_of_is_followed),
      SAY(a_leader_answers_a_reader_once_a_majority_still_follows),
      SAY(a_follower_asks_the_leader_and_waits_to_have_applied_it), SAY(a_voter_confirms_its_own_term_only),
      SAY(a_read_without_a_majority_ends_at_its_deadline), SAY(a_sole_voter_needs_nobody),
      SAY(the_status_says_who_is_where))
