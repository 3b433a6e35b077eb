#include "tests/unit/raft/bare.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELECTION_MS 1000

void bare_configuration(struct raft_configuration *out, unsigned voters, raft_id learner, int learner_role)
{
	char text[96];
	raft_configuration_init(out);
	for (raft_id id = 1; id <= voters || id <= learner; id++) {
		if (id > voters && id != learner)
			continue;
		snprintf(text, sizeof text, "n%llu@10.0.0.%llu:700%llu", id, id, id);
		raft_configuration_add(out, id, text, id == learner ? learner_role : RAFT_VOTER);
	}
}

static struct raft_buffer encoded(unsigned voters, raft_id learner)
{
	struct raft_configuration configuration;
	struct raft_buffer bytes;
	bare_configuration(&configuration, voters, learner, RAFT_STANDBY);
	raft_configuration_encode(&configuration, &bytes);
	raft_configuration_close(&configuration);
	return bytes;
}

static struct bare *create(void)
{
	struct bare *bare = calloc(1, sizeof *bare);
	bare->now = 1000;
	raft_init(&bare->raft, NULL, NULL, 1, "n1@10.0.0.1:7001");
	bare->raft.tracer = NULL;
	raft_seed(&bare->raft, 7);
	raft_set_election_timeout(&bare->raft, ELECTION_MS);
	return bare;
}

static void release_entries(struct bare *bare)
{
	if (bare->update.flags & (RAFT_UPDATE_ENTRIES))
		raft_free(bare->update.entries.batch[0].batch);
}

int bare_event(struct bare *bare, struct raft_event *event)
{
	event->time = bare->now;
	memset(&bare->update, 0, sizeof bare->update);
	int rv = raft_step(&bare->raft, event, &bare->update);
	if (rv == 0)
		release_entries(bare);
	return rv;
}

struct bare *bare_follower(unsigned voters, raft_term term, unsigned extra, raft_term extra_term)
{
	struct bare *bare = create();
	struct raft_entry *entries = calloc(1 + extra, sizeof *entries);
	struct raft_event event = { .type = RAFT_START };
	static char nothing[8];
	entries[0] = (struct raft_entry){ .term = 1, .type = RAFT_CHANGE, .buf = encoded(voters, 0) };
	entries[0].batch = entries[0].buf.base;
	for (unsigned i = 1; i <= extra; i++)
		entries[i] = (struct raft_entry){ .term = extra_term, .type = RAFT_COMMAND, .buf = { nothing, 8 }, .batch = nothing };
	event.start.term = term;
	event.start.start_index = 1;
	event.start.entries = entries;
	event.start.n_entries = 1 + extra;
	bare_event(bare, &event);
	raft_free(entries[0].buf.base);
	free(entries);
	return bare;
}

struct bare *bare_leader(unsigned voters, raft_term term, unsigned extra, raft_term extra_term)
{
	struct bare *bare = bare_follower(voters, term, extra, extra_term);
	struct raft_message vote = { .type = RAFT_REQUEST_VOTE_RESULT };
	bare_timeout(bare, 2 * ELECTION_MS + 500);
	vote.request_vote_result.version = 2;
	vote.request_vote_result.term = bare->raft.current_term;
	vote.request_vote_result.vote_granted = true;
	bare_receive(bare, 2, &vote);
	return bare;
}

struct bare *bare_with_snapshot(raft_term term, raft_index index)
{
	struct bare *bare = create();
	struct raft_snapshot_metadata meta = { .index = index, .term = term, .configuration_index = 1 };
	struct raft_event event = { .type = RAFT_START };
	bare_configuration(&meta.configuration, 3, 0, 0);
	event.start.term = term;
	event.start.metadata = &meta;
	event.start.start_index = index + 1;
	bare_event(bare, &event);
	return bare;
}

void bare_destroy(struct bare *bare)
{
	raft_close(&bare->raft, NULL);
	free(bare);
}

int bare_receive(struct bare *bare, raft_id from, struct raft_message *message)
{
	static char addresses[8][4] = { "0", "1", "2", "3", "4", "5", "6", "7" };
	struct raft_event event = { .type = RAFT_RECEIVE };
	message->server_id = from;
	message->server_address = addresses[from];
	event.receive.message = message;
	return bare_event(bare, &event);
}

int bare_append(struct bare *bare, raft_id from, raft_term term, raft_index prev, raft_term prev_term,
                raft_index commit, unsigned count, raft_term entry_term, int change)
{
	struct raft_message m = { .type = RAFT_APPEND_ENTRIES };
	struct raft_entry *entries = calloc(count + 1, sizeof *entries);
	struct raft_buffer learner = encoded(3, 4);
	char *batch = count ? raft_malloc(8 + learner.len) : NULL;
	for (unsigned i = 0; i < count; i++) {
		entries[i] = (struct raft_entry){ .term = entry_term, .type = RAFT_COMMAND, .buf = { batch, 8 }, .batch = batch };
		if ((int)i != change)
			continue;
		memcpy(batch + 8, learner.base, learner.len);
		entries[i].type = RAFT_CHANGE;
		entries[i].buf = (struct raft_buffer){ batch + 8, learner.len };
	}
	m.append_entries = (struct raft_append_entries){ .term = term, .prev_log_index = prev, .prev_log_term = prev_term,
	                                                 .leader_commit = commit, .entries = entries, .n_entries = count };
	int rv = bare_receive(bare, from, &m);
	raft_free(learner.base);
	free(entries);
	return rv;
}

int bare_append_result(struct bare *bare, raft_id from, raft_index rejected, raft_index last)
{
	struct raft_message m = { .type = RAFT_APPEND_ENTRIES_RESULT };
	m.append_entries_result = (struct raft_append_entries_result){ .version = 2, .term = bare->raft.current_term,
	                                                               .rejected = rejected, .last_log_index = last };
	return bare_receive(bare, from, &m);
}

int bare_vote_request(struct bare *bare, raft_id from, raft_term term, raft_index last, raft_term last_term, bool pre_vote)
{
	struct raft_message m = { .type = RAFT_REQUEST_VOTE };
	m.request_vote = (struct raft_request_vote){ .version = 2, .term = term, .candidate_id = from, .last_log_index = last,
	                                             .last_log_term = last_term, .pre_vote = pre_vote };
	return bare_receive(bare, from, &m);
}

void bare_timeout(struct bare *bare, raft_time later_ms)
{
	struct raft_event event = { .type = RAFT_TIMEOUT };
	bare->now += later_ms;
	bare_event(bare, &event);
}

void bare_persisted(struct bare *bare, raft_index index)
{
	struct raft_event event = { .type = RAFT_PERSISTED_ENTRIES };
	event.persisted_entries.index = index;
	bare_event(bare, &event);
}

int bare_submit(struct bare *bare, unsigned type, const struct raft_configuration *configuration)
{
	struct raft_entry entry = { .term = bare->raft.current_term, .type = (enum raft_entry_type)type };
	struct raft_event event = { .type = RAFT_SUBMIT };
	if (configuration)
		raft_configuration_encode(configuration, &entry.buf);
	else
		entry.buf = (struct raft_buffer){ raft_calloc(1, 8), 8 };
	entry.batch = entry.buf.base;
	event.submit.entries = &entry;
	event.submit.n = 1;
	int rv = bare_event(bare, &event);
	if (rv)
		raft_free(entry.batch);
	return rv;
}

const struct raft_message *bare_sent(const struct bare *bare, unsigned type, raft_id to)
{
	if (!(bare->update.flags & (RAFT_UPDATE_MESSAGES)))
		return NULL;
	for (unsigned i = 0; i < bare->update.messages.n; i++)
		if (bare->update.messages.batch[i].type == (enum raft_message_type)type && bare->update.messages.batch[i].server_id == to)
			return &bare->update.messages.batch[i];
	return NULL;
}
