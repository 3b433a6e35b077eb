/* A message from another node, judged by the guards and then stepped, in pieces where the engine needs it. */
#include "base/log.h"
#include "raft/driver_internal.h"
#include <stdio.h>
#include <stdlib.h>

#define ADDRESS_TEXT_MAX 24

/* The engine wants an address to answer to; the world goes by id alone. */
static void step_message(struct driver *d, struct message *m, struct raft_message *to, struct step *step)
{
	char address[ADDRESS_TEXT_MAX];
	snprintf(address, sizeof address, "%llu", (unsigned long long)m->from);
	to->server_id = m->from;
	to->server_address = address;
	step->event.type = RAFT_RECEIVE;
	step->event.receive.message = to;
	step->message = m;
	driver_step(d, step);
}

static void note_leader_alive(struct driver *d, const struct message *m)
{
	if (m->term >= d->raft.current_term)
		d->guard.leader_seen_ms = d->now.ms;
}

static void answer(struct driver *d, const struct message *m, struct message *reply)
{
	driver_send(d, m->from, reply);
}

/* The verdict's consequences; true if the message is to be stepped. */
static bool passes(struct driver *d, struct message *m)
{
	struct message reply;
	switch (guard_receive(&d->guard, &d->raft, m, &reply)) {
	case GUARD_STEP:
		return true;
	case GUARD_REPLY:
		answer(d, m, &reply);
		return false;
	case GUARD_FATAL:
		driver_fail(d, ERR_DAMAGED, "another node leads in our own term");
		return false;
	case GUARD_DROP:
		break;
	}
	return false;
}

/* The engine needs terms, types and configurations; the bytes stay where they are. It frees `batch` when it
 * takes none of the entries. */
static struct raft_entry *engine_entries(const struct message *m, void *batch)
{
	struct raft_entry *entries = calloc(m->append.count, sizeof *entries);
	for (uint32_t i = 0; entries && i < m->append.count; i++) {
		struct entry *from = m->append.entries[i];
		entries[i].term = from->term;
		entries[i].type = (enum raft_entry_type)from->type;
		entries[i].buf = (struct raft_buffer){ from->data, from->size };
		entries[i].batch = batch;
	}
	return entries;
}

static void step_append(struct driver *d, struct message *m)
{
	struct raft_message to = { .type = RAFT_APPEND_ENTRIES };
	struct step step = { .entries = m->append.entries, .index = m->append.prev_index + 1 };
	if (m->append.count) {
		step.batch = raft_malloc(1);
		to.append_entries.entries = step.batch ? engine_entries(m, step.batch) : NULL;
		if (!to.append_entries.entries) {
			raft_free(step.batch);
			driver_fail(d, ERR_NO_MEMORY, "no memory for received entries");
			return;
		}
	}
	to.append_entries.term = m->term;
	to.append_entries.prev_log_index = m->append.prev_index;
	to.append_entries.prev_log_term = m->append.prev_term;
	to.append_entries.leader_commit = m->append.commit;
	to.append_entries.n_entries = m->append.count;
	note_leader_alive(d, m);
	step_message(d, m, &to, &step);
	free(to.append_entries.entries);
}

static void confirm_pending(struct driver *d, uint64_t index)
{
	struct step step = { .event.type = RAFT_CONFIGURATION };
	const struct entry *entry = memory_log_get(&d->log, index);
	struct raft_buffer bytes = { entry ? (void *)(uintptr_t)entry->data : NULL, entry ? entry->size : 0 };
	step.event.configuration.index = index;
	if (!entry)
		return;
	if (raft_configuration_decode(&bytes, &step.event.configuration.conf))
		driver_fail(d, ERR_DAMAGED, "a pending configuration does not parse");
	else
		driver_step(d, &step);
}

/* Before a configuration is stepped while another is pending: the same place without entries, so that term, state and
 * commit index move; then the pending one, if that is now proven committed. */
static void settle_pending(struct driver *d, const struct message *chunk)
{
	struct message m = *chunk;
	m.append.count = 0;
	if (!passes(d, &m))
		return;
	step_append(d, &m);
	if (d->dead != ERR_OK || d->guard.installing)
		return;
	uint64_t pending = guard_pending_change(&d->raft, &m, driver_term_of(d, m.append.prev_index));
	if (pending)
		confirm_pending(d, pending);
}

static void receive_append(struct driver *d, const struct message *m)
{
	uint32_t done = 0;
	do {
		struct message chunk = *m;
		chunk.append.entries = done ? m->append.entries + done : m->append.entries; /* a heartbeat has none: NULL */
		chunk.append.count = guard_chunk(chunk.append.entries, m->append.count - done);
		if (done) {
			chunk.append.prev_index += done;
			chunk.append.prev_term = chunk.append.entries[-1]->term;
		}
		done += chunk.append.count;
		if (chunk.append.count && chunk.append.entries[0]->type == ENTRY_CONFIGURATION &&
		    d->raft.configuration_uncommitted_index)
			settle_pending(d, &chunk);
		if (d->dead == ERR_OK && passes(d, &chunk))
			step_append(d, &chunk);
	} while (d->dead == ERR_OK && done < m->append.count);
}

static void receive_install(struct driver *d, struct message *m)
{
	struct raft_message to = { .type = RAFT_INSTALL_SNAPSHOT };
	struct step step = { 0 };
	const struct snapshot_meta *meta = m->install.meta;
	if (!passes(d, m))
		return;
	to.install_snapshot.term = m->term;
	to.install_snapshot.last_index = meta->index;
	to.install_snapshot.last_term = meta->term;
	to.install_snapshot.conf_index = meta->configuration_index;
	to.install_snapshot.data.base = raft_malloc(1); /* the body is the world's; the engine only carries this */
	to.install_snapshot.data.len = 1;
	if (!to.install_snapshot.data.base ||
	    engine_configuration(&meta->configuration, &to.install_snapshot.conf) != ERR_OK) {
		raft_free(to.install_snapshot.data.base);
		driver_fail(d, ERR_NO_MEMORY, "no memory for a snapshot's configuration");
		return;
	}
	note_leader_alive(d, m);
	step_message(d, m, &to, &step);
}

static void receive_vote(struct driver *d, struct message *m)
{
	struct raft_message to = { .type = RAFT_REQUEST_VOTE };
	struct step step = { 0 };
	guard_vote_before(&d->guard, &d->raft, m, d->now.ms);
	to.request_vote = (struct raft_request_vote){
		.version = 2, .term = m->term, .candidate_id = m->vote.candidate,
		.last_log_index = m->vote.last_index, .last_log_term = m->vote.last_term,
		.disrupt_leader = m->vote.disrupt_leader, .pre_vote = m->vote.pre_vote,
	};
	if (m->vote.candidate == m->from)
		step_message(d, m, &to, &step);
}

static void receive_vote_result(struct driver *d, struct message *m)
{
	struct raft_message to = { .type = RAFT_REQUEST_VOTE_RESULT };
	struct step step = { 0 };
	to.request_vote_result = (struct raft_request_vote_result){
		.version = 2, .term = m->term, .vote_granted = m->vote_result.granted,
		.pre_vote = m->vote_result.pre_vote, .features = m->vote_result.features,
	};
	if (passes(d, m))
		step_message(d, m, &to, &step);
}

static void receive_append_result(struct driver *d, struct message *m)
{
	struct raft_message to = { .type = RAFT_APPEND_ENTRIES_RESULT };
	struct step step = { 0 };
	to.append_entries_result = (struct raft_append_entries_result){
		.version = 2, .term = m->term, .rejected = m->append_result.rejected,
		.last_log_index = m->append_result.last_index, .features = m->append_result.features,
	};
	if (passes(d, m))
		step_message(d, m, &to, &step);
}

static void receive_timeout_now(struct driver *d, struct message *m)
{
	struct raft_message to = { .type = RAFT_TIMEOUT_NOW };
	struct step step = { 0 };
	to.timeout_now = (struct raft_timeout_now){
		.term = m->term, .last_log_index = m->timeout_now.last_index, .last_log_term = m->timeout_now.last_term,
	};
	step_message(d, m, &to, &step);
}

void driver_step_message(struct driver *d, struct message *m)
{
	switch (m->kind) {
	case MESSAGE_APPEND:
		receive_append(d, m);
		break;
	case MESSAGE_APPEND_RESULT:
		receive_append_result(d, m);
		break;
	case MESSAGE_VOTE:
		receive_vote(d, m);
		break;
	case MESSAGE_VOTE_RESULT:
		receive_vote_result(d, m);
		break;
	case MESSAGE_INSTALL:
		receive_install(d, m);
		break;
	case MESSAGE_TIMEOUT_NOW:
		receive_timeout_now(d, m);
		break;
	case MESSAGE_FORWARD:
		if (driver_leads(d) && configuration_find(&d->configuration, m->from))
			driver_submission(d, &m->forward.request, m->forward.entry);
		break;
	case MESSAGE_SETTLE:
		if (driver_leads(d) && configuration_find(&d->configuration, m->from))
			driver_settle_wish(d, m->from, m->read.number, m->read.index);
		break;
	default:
		driver_read_receive(d, m);
		break;
	}
}

/* Requests are heard from any node whose link has been verified, even one our configuration does not know: it
 * may well lead us, if we missed its being added (dissertation 4.1). Answers count from members only (the guards,
 * the engine and driver_read.c see to that), and only members may propose and read: a node that was removed doesn't
 * hear of its proposals any more and would make them for ever. */
enum err driver_receive(struct driver *d, struct moment now, struct message *message)
{
	d->now = now;
	if (d->dead == ERR_OK && message->from && message->from != d->config.self) {
		driver_heard(d, message->from)->ms = now.ms;
		driver_contact_receive(d, message);
		driver_step_message(d, message);
	}
	if (message->kind == MESSAGE_INSTALL && message->install.file) {
		d->config.world_ops->file_discard(d->config.world, message->install.file);
		message->install.file = NULL;
	}
	return d->dead;
}
