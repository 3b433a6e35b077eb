#include "raft/message.h"
#include "tests/check.h"
#include "tests/unit/raft/fake_world.h"
#include <stdlib.h>
#include <string.h>

static struct buf encoded(const struct message *m)
{
	struct buf bytes;
	buf_init(&bytes, MESSAGE_SIZE_MAX);
	CU_ASSERT_EQUAL(message_encode(m, &bytes), ERR_OK);
	return bytes;
}

/* There and back: the same bytes again; and no shorter ones parse. */
static struct message back(const struct message *m)
{
	struct message again;
	struct buf bytes = encoded(m), twice;
	for (size_t size = 0; size < bytes.size; size++)
		CU_ASSERT_NOT_EQUAL(message_decode(bytes.data, size, &again), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(message_decode(bytes.data, bytes.size, &again), ERR_OK);
	twice = encoded(&again);
	CU_ASSERT_EQUAL(bytes.size, twice.size);
	CU_ASSERT_EQUAL(memcmp(bytes.data, twice.data, bytes.size), 0);
	CU_ASSERT_EQUAL(again.from, 0);
	buf_add_u8(&bytes, 0);
	struct message longer;
	CU_ASSERT_EQUAL(message_decode(bytes.data, bytes.size, &longer), ERR_MALFORMED);
	buf_finish(&bytes);
	buf_finish(&twice);
	return again;
}

/* Of newer software; nothing is wrong with it. */
static void a_kind_that_is_not_known_is_told_from_garbage(void)
{
	struct message m = { .kind = MESSAGE_CONTACT_WANTED, .term = 3 }, got;
	struct buf bytes = encoded(&m);
	bytes.data[1] = MESSAGE_SETTLE_RESULT + 1;
	CU_ASSERT_EQUAL(message_decode(bytes.data, bytes.size, &got), ERR_NOT_FOUND);
	bytes.data[1] = 0;
	CU_ASSERT_EQUAL(message_decode(bytes.data, bytes.size, &got), ERR_MALFORMED);
	buf_finish(&bytes);
}

static void votes_come_back(void)
{
	struct message m = { .kind = MESSAGE_VOTE, .from = 9, .term = 7 };
	m.vote.candidate = 3;
	m.vote.last_index = 100;
	m.vote.last_term = 6;
	m.vote.pre_vote = true;
	struct message got = back(&m);
	CU_ASSERT_EQUAL(got.vote.last_index, 100);
	CU_ASSERT_TRUE(got.vote.pre_vote);
	CU_ASSERT_FALSE(got.vote.disrupt_leader);
	m = (struct message){ .kind = MESSAGE_VOTE_RESULT, .term = 7 };
	m.vote_result.granted = true;
	m.vote_result.features = 3;
	got = back(&m);
	CU_ASSERT_TRUE(got.vote_result.granted);
	CU_ASSERT_EQUAL(got.vote_result.features, 3);
}

static void entries_come_back(void)
{
	struct entry *entries[] = { fake_command(2, 1), fake_configuration(3, 3, 4), entry_create(3, ENTRY_BARRIER, NULL, 0) };
	struct message m = { .kind = MESSAGE_APPEND, .term = 3 };
	m.append.prev_index = 10;
	m.append.prev_term = 2;
	m.append.commit = 9;
	m.append.entries = entries;
	m.append.count = 3;
	struct message got = back(&m);
	CU_ASSERT_EQUAL(got.append.count, 3);
	CU_ASSERT_EQUAL(got.append.entries[1]->type, ENTRY_CONFIGURATION);
	CU_ASSERT_EQUAL(got.append.entries[0]->size, entries[0]->size);
	CU_ASSERT_EQUAL(memcmp(got.append.entries[0]->data, entries[0]->data, entries[0]->size), 0);
	message_release(&got);
	m.append.count = 0;
	got = back(&m);
	message_release(&got);
	for (int i = 0; i < 3; i++)
		entry_drop(entries[i]);
}

static void the_others_come_back(void)
{
	struct message m = { .kind = MESSAGE_APPEND_RESULT, .term = 3 };
	m.append_result.rejected = 5;
	m.append_result.last_index = 4;
	CU_ASSERT_EQUAL(back(&m).append_result.rejected, 5);
	m = (struct message){ .kind = MESSAGE_TIMEOUT_NOW, .term = 3 };
	m.timeout_now.last_index = 44;
	CU_ASSERT_EQUAL(back(&m).timeout_now.last_index, 44);
	m = (struct message){ .kind = MESSAGE_READ_RESULT, .term = 3 };
	m.read.number = 1;
	m.read.index = 2;
	CU_ASSERT_EQUAL(back(&m).read.index, 2);
	m = (struct message){ .kind = MESSAGE_ROUND, .term = 3 };
	m.round.number = 8;
	CU_ASSERT_EQUAL(back(&m).round.number, 8);
}

static void words_of_contact_come_back(void)
{
	struct message m = { .kind = MESSAGE_CONTACT, .term = 3 }, got;
	m.contact.stamp = 1;
	m.contact.applied = 2;
	m.contact.heard = 3;
	m.contact.declines = true;
	got = back(&m);
	CU_ASSERT(got.contact.stamp == 1 && got.contact.applied == 2 && got.contact.heard == 3 && got.contact.declines);
	m = (struct message){ .kind = MESSAGE_CONTACT_RESULT, .term = 3 };
	m.contact_result.stamp = 1;
	m.contact_result.at = 2;
	m.contact_result.age_ms = 3;
	m.contact_result.commit = 4;
	m.contact_result.granted = true;
	got = back(&m);
	CU_ASSERT(got.contact_result.stamp == 1 && got.contact_result.at == 2 && got.contact_result.age_ms == 3);
	CU_ASSERT(got.contact_result.commit == 4 && got.contact_result.granted);
	struct buf bytes = encoded(&m);
	bytes.data[bytes.size - 1] = 2; /* neither yes nor no */
	CU_ASSERT_EQUAL(message_decode(bytes.data, bytes.size, &got), ERR_MALFORMED);
	buf_finish(&bytes);
	m = (struct message){ .kind = MESSAGE_CONTACT_WANTED, .term = 3 };
	m.contact_wanted.index = 5;
	CU_ASSERT_EQUAL(back(&m).contact_wanted.index, 5);
	m = (struct message){ .kind = MESSAGE_SETTLE, .term = 3 };
	m.read.number = 1;
	m.read.index = 6;
	CU_ASSERT_EQUAL(back(&m).read.index, 6);
	m.kind = MESSAGE_SETTLE_RESULT;
	CU_ASSERT_EQUAL(back(&m).read.number, 1);
}

static void a_proposal_and_a_snapshots_announcement_come_back(void)
{
	struct message m = { .kind = MESSAGE_FORWARD, .term = 3 };
	m.forward.request = (struct id){ { 5, 6 } };
	m.forward.entry = entry_create(0, ENTRY_COMMAND, "create", 6);
	struct message got = back(&m);
	CU_ASSERT_TRUE(id_equal(&got.forward.request, &m.forward.request));
	CU_ASSERT_EQUAL(memcmp(got.forward.entry->data, "create", 6), 0);
	message_release(&got);
	message_release(&m);
	struct snapshot_meta meta = { .index = 9, .term = 2, .configuration_index = 1, .configuration = { .count = 1 } };
	meta.configuration.nodes[0] = fake_node(1);
	m = (struct message){ .kind = MESSAGE_INSTALL, .term = 3 };
	m.install.meta = &meta;
	got = back(&m);
	CU_ASSERT_EQUAL(memcmp(got.install.meta, &meta, sizeof meta), 0);
	CU_ASSERT_PTR_NULL(got.install.file);
	message_release(&got);
}

static enum err append_with(uint64_t term, uint64_t prev, uint64_t prev_term, uint64_t first_term, uint64_t second_term)
{
	struct entry *entries[] = { fake_command(first_term, 1), fake_command(second_term, 2) };
	struct message m = { .kind = MESSAGE_APPEND, .term = term }, got;
	m.append.prev_index = prev;
	m.append.prev_term = prev_term;
	m.append.entries = entries;
	m.append.count = 2;
	struct buf bytes = encoded(&m);
	enum err err = message_decode(bytes.data, bytes.size, &got);
	if (err == ERR_OK)
		message_release(&got);
	buf_finish(&bytes);
	entry_drop(entries[0]);
	entry_drop(entries[1]);
	return err;
}

static void a_log_that_can_not_be_is_malformed(void)
{
	CU_ASSERT_EQUAL(append_with(5, 10, 3, 3, 5), ERR_OK);
	CU_ASSERT_EQUAL(append_with(5, 0, 0, 3, 5), ERR_OK);
	CU_ASSERT_EQUAL(append_with(5, 10, 3, 4, 3), ERR_MALFORMED); /* terms fall */
	CU_ASSERT_EQUAL(append_with(5, 10, 4, 3, 5), ERR_MALFORMED);
	CU_ASSERT_EQUAL(append_with(5, 10, 3, 3, 6), ERR_MALFORMED); /* newer than the leader */
	CU_ASSERT_EQUAL(append_with(5, 10, 0, 3, 5), ERR_MALFORMED); /* a place without a term */
	CU_ASSERT_EQUAL(append_with(5, 0, 3, 3, 5), ERR_MALFORMED);
	CU_ASSERT_EQUAL(append_with(5, 10, 3, 0, 5), ERR_MALFORMED);
}

/* A count that the bytes can't hold takes no memory. */
static void lengths_that_lie_are_malformed(void)
{
	struct message m = { .kind = MESSAGE_APPEND, .term = 5 }, got;
	struct buf bytes = encoded(&m);
	memset(bytes.data + bytes.size - 4, 0xff, 4);
	CU_ASSERT_EQUAL(message_decode(bytes.data, bytes.size, &got), ERR_MALFORMED);
	buf_finish(&bytes);
	CU_ASSERT_EQUAL(message_decode(bytes.data, (size_t)MESSAGE_SIZE_MAX + 1, &got), ERR_TOO_BIG);
}

TESTS("raft message codec", SAY(votes_come_back), SAY(entries_come_back), SAY(the_others_come_back),
      SAY(words_of_contact_come_back), SAY(a_kind_that_is_not_known_is_told_from_garbage),
	SAY(a_proposal_and_a_snapshots_announcement_come_back), SAY(a_log_that_can_not_be_is_malformed),
      SAY(lengths_that_lie_are_malformed))
