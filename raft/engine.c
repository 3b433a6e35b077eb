#include "raft/engine.h"
#include <stdlib.h>
#include <string.h>

#define CANARY_SIZE 1024
#define CANARY 0xa5

struct probe {
	struct raft raft;
	uint8_t canary[CANARY_SIZE]; /* a library with a longer struct writes here */
};

static bool step(struct raft *raft, struct raft_event *event, struct raft_update *update)
{
	event->time = 1;
	return raft_step(raft, event, update) == 0;
}

static bool found(struct raft *raft)
{
	struct raft_configuration configuration;
	struct raft_entry entry = { .term = 1, .type = RAFT_CHANGE };
	struct raft_event event = { .type = RAFT_START };
	struct raft_update update;
	raft_configuration_init(&configuration);
	int rv = raft_configuration_add(&configuration, 1, "probe@probe:1", RAFT_VOTER);
	if (!rv)
		rv = raft_configuration_encode(&configuration, &entry.buf);
	raft_configuration_close(&configuration);
	if (rv)
		return false;
	entry.batch = entry.buf.base;
	event.start.term = 1;
	event.start.start_index = 1;
	event.start.entries = &entry;
	event.start.n_entries = 1;
	bool ok = step(raft, &event, &update) && raft_state(raft) == RAFT_LEADER && raft->state == RAFT_LEADER;
	raft_free(entry.buf.base);
	return ok;
}

/* 0.22.1 lends our own array back; newer sources make a fresh one, and copy more besides. */
static bool lends_our_array(struct raft *raft)
{
	struct raft_entry entry = { .term = raft_current_term(raft), .type = RAFT_COMMAND };
	struct raft_event event = { .type = RAFT_SUBMIT };
	struct raft_update update = { 0 };
	entry.batch = raft_malloc(8);
	if (!entry.batch)
		return false;
	memset(entry.batch, 0, 8);
	entry.buf = (struct raft_buffer){ entry.batch, 8 };
	event.submit.entries = &entry;
	event.submit.n = 1;
	bool ok = step(raft, &event, &update) && (update.flags & (RAFT_UPDATE_ENTRIES)) &&
	          update.entries.batch == &entry && update.entries.n == 1 && update.entries.index == 2;
	raft_free(entry.batch);
	return ok;
}

/* Its setters write where our header has the fields. */
static bool has_our_fields(struct raft *raft)
{
	raft_set_election_timeout(raft, 4321);
	raft_set_max_inflight_entries(raft, 77);
	raft_set_pre_vote(raft, true);
	return raft->election_timeout == 4321 && raft->max_inflight_entries == 77 && raft->pre_vote &&
	       raft_last_index(raft) == 2 && raft->commit_index == raft_commit_index(raft);
}

static bool canary_lives(const struct probe *probe)
{
	for (size_t i = 0; i < CANARY_SIZE; i++)
		if (probe->canary[i] != CANARY)
			return false;
	return true;
}

enum err engine_check(struct complaint *complaint)
{
	struct probe *probe = calloc(1, sizeof *probe);
	if (!probe)
		return complain(complaint, ERR_NO_MEMORY, "no memory to look at libraft");
	memset(probe->canary, CANARY, CANARY_SIZE);
	bool ok = raft_init(&probe->raft, NULL, NULL, 1, "probe@probe:1") == 0;
	probe->raft.tracer = NULL;
	ok = ok && canary_lives(probe);
	if (ok) {
		ok = found(&probe->raft) && lends_our_array(&probe->raft) && has_our_fields(&probe->raft) &&
		     canary_lives(probe);
		raft_close(&probe->raft, NULL);
	}
	free(probe);
	return ok ? ERR_OK
	          : complain(complaint, ERR_CONFIG,
	                     "the installed libraft.so.0 is not 0.22.1, the one this program was proven with: install "
	                     "libraft0 0.22.1 (Debian 13 or bookworm-backports), or build and run the simulator with yours");
}
