#include "tests/unit/node/fake_consensus.h"
#include "store/events.pb-c.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LOST_MAX 64

struct lost {
	struct id request;
	uint8_t *data;
	size_t size;
};

struct consensus {
	const struct machine_ops *ops;
	void *machine;
	uint64_t self;
	_Atomic uint64_t applied;
};

static struct {
	pthread_mutex_t lock;
	bool no_majority, out_of_contact, never_settles, stopped_in_time;
	uint64_t heard, settled, since;
	unsigned barriers, waits;
	struct consensus_peer peer; /* id 0: there is none */
	struct consensus *consensus;
	struct lost lost[LOST_MAX];
	size_t lost_count;
	void (*before)(void *context), (*with_barrier)(void *context);
	void *context, *barrier_context;
	deadline_ms deadline;
	unsigned proposals;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

void fake_majority(bool there_is_one)
{
	pthread_mutex_lock(&fake.lock);
	fake.no_majority = !there_is_one;
	pthread_mutex_unlock(&fake.lock);
}

void fake_before_next(void (*deed)(void *context), void *context)
{
	pthread_mutex_lock(&fake.lock);
	fake.before = deed;
	fake.context = context;
	pthread_mutex_unlock(&fake.lock);
}

void fake_with_barrier(void (*deed)(void *context), void *context)
{
	pthread_mutex_lock(&fake.lock);
	fake.with_barrier = deed;
	fake.barrier_context = context;
	pthread_mutex_unlock(&fake.lock);
}

void fake_contact(bool in_contact)
{
	pthread_mutex_lock(&fake.lock);
	fake.out_of_contact = !in_contact;
	pthread_mutex_unlock(&fake.lock);
}

void fake_hear(uint64_t index)
{
	pthread_mutex_lock(&fake.lock);
	fake.heard = index;
	pthread_mutex_unlock(&fake.lock);
}

void fake_settles(bool they_do)
{
	pthread_mutex_lock(&fake.lock);
	fake.never_settles = !they_do;
	pthread_mutex_unlock(&fake.lock);
}

unsigned fake_barriers(void)
{
	pthread_mutex_lock(&fake.lock);
	unsigned barriers = fake.barriers;
	pthread_mutex_unlock(&fake.lock);
	return barriers;
}

unsigned fake_waits(void)
{
	pthread_mutex_lock(&fake.lock);
	unsigned waits = fake.waits;
	pthread_mutex_unlock(&fake.lock);
	return waits;
}

void fake_peer(uint64_t id, const char *name)
{
	pthread_mutex_lock(&fake.lock);
	fake.peer = (struct consensus_peer){ .node = { .id = id, .voter = true }, .heard_ms_ago = -1 };
	strcpy(fake.peer.node.name, name);
	pthread_mutex_unlock(&fake.lock);
}

uint64_t fake_settled(void)
{
	pthread_mutex_lock(&fake.lock);
	uint64_t index = fake.settled;
	pthread_mutex_unlock(&fake.lock);
	return index;
}

deadline_ms fake_deadline(void)
{
	pthread_mutex_lock(&fake.lock);
	deadline_ms deadline = fake.deadline;
	pthread_mutex_unlock(&fake.lock);
	return deadline;
}

unsigned fake_proposals(void)
{
	pthread_mutex_lock(&fake.lock);
	unsigned proposals = fake.proposals;
	pthread_mutex_unlock(&fake.lock);
	return proposals;
}

static atomic_uint transfers;
static atomic_bool declines;

bool fake_declines(void)
{
	return atomic_load(&declines);
}

void consensus_decline(struct consensus *consensus, bool would_rather_not)
{
	(void)consensus;
	atomic_store(&declines, would_rather_not);
}

bool fake_stopped_in_time(void)
{
	return fake.stopped_in_time;
}

unsigned fake_transfers(void)
{
	return atomic_load(&transfers);
}

enum err consensus_start(const struct consensus_config *config, struct consensus **out, struct complaint *complaint)
{
	(void)complaint;
	struct consensus *consensus = calloc(1, sizeof *consensus);
	if (!consensus)
		return ERR_NO_MEMORY;
	consensus->ops = config->machine_ops;
	consensus->machine = config->machine;
	consensus->self = config->self;
	consensus->applied = consensus->ops->applied(consensus->machine);
	fake.consensus = consensus;
	fake.no_majority = fake.out_of_contact = fake.never_settles = false;
	fake.heard = fake.settled = 0;
	fake.peer = (struct consensus_peer){ .heard_ms_ago = -1 };
	fake.proposals = 0;
	*out = consensus;
	return ERR_OK;
}

void consensus_stop(struct consensus *consensus, deadline_ms deadline)
{
	fake.stopped_in_time = !deadline_passed(deadline);
	while (fake.lost_count)
		free(fake.lost[--fake.lost_count].data);
	fake.consensus = NULL;
	free(consensus);
}

static uint64_t since_of(const void *data, size_t size)
{
	Craton__Event *event = craton__event__unpack(NULL, size, data);
	uint64_t since = event ? event->since : 0;
	if (event)
		craton__event__free_unpacked(event, NULL);
	return since;
}

uint64_t fake_since(void)
{
	return fake.since;
}

static void apply_locked(struct consensus *consensus, const struct id *request, const void *data, size_t size)
{
	struct committed entry = { .index = consensus->applied + 1, .time_ms = clock_wall_ms(), .request = *request,
	                           .data = data, .size = size };
	if (consensus->ops->apply(consensus->machine, &entry) != ERR_OK ||
	    consensus->ops->flush(consensus->machine, entry.index) != ERR_OK)
		abort();
	atomic_store(&consensus->applied, entry.index);
}

static void lose_locked(const struct id *request, const void *data, size_t size)
{
	struct lost *lost = &fake.lost[fake.lost_count++];
	if (fake.lost_count == LOST_MAX)
		abort();
	*lost = (struct lost){ .request = *request, .data = malloc(size), .size = size };
	memcpy(lost->data, data, size);
}

void fake_commit_what_was_lost(void)
{
	pthread_mutex_lock(&fake.lock);
	for (size_t i = 0; i < fake.lost_count; i++) {
		apply_locked(fake.consensus, &fake.lost[i].request, fake.lost[i].data, fake.lost[i].size);
		free(fake.lost[i].data);
	}
	fake.lost_count = 0;
	pthread_mutex_unlock(&fake.lock);
}

enum err consensus_propose(struct consensus *consensus, const struct id *request, const void *data, size_t size,
                           deadline_ms deadline, uint64_t *index)
{
	pthread_mutex_lock(&fake.lock);
	fake.deadline = deadline;
	void (*before)(void *) = fake.before;
	void *context = fake.context;
	fake.before = NULL;
	fake.proposals++;
	fake.since = since_of(data, size);
	pthread_mutex_unlock(&fake.lock);
	if (before)
		before(context);
	pthread_mutex_lock(&fake.lock);
	bool lost = fake.no_majority;
	if (lost)
		lose_locked(request, data, size);
	else
		apply_locked(consensus, request, data, size);
	*index = consensus->applied;
	pthread_mutex_unlock(&fake.lock);
	return lost ? ERR_TIMEOUT : ERR_OK;
}

enum err consensus_wait(struct consensus *consensus, uint64_t index, deadline_ms deadline)
{
	(void)deadline;
	pthread_mutex_lock(&fake.lock);
	fake.waits++;
	pthread_mutex_unlock(&fake.lock);
	return index <= atomic_load(&consensus->applied) ? ERR_OK : ERR_TIMEOUT;
}

uint64_t consensus_applied(struct consensus *consensus)
{
	return atomic_load(&consensus->applied);
}

enum err consensus_barrier(struct consensus *consensus, deadline_ms deadline, uint64_t *index)
{
	(void)deadline;
	pthread_mutex_lock(&fake.lock);
	fake.barriers++;
	void (*deed)(void *) = fake.with_barrier;
	void *context = fake.barrier_context;
	fake.with_barrier = NULL;
	pthread_mutex_unlock(&fake.lock);
	if (deed)
		deed(context);
	if (!fake.no_majority)
		fake_commit_what_was_lost();
	*index = atomic_load(&consensus->applied);
	return fake.no_majority ? ERR_TIMEOUT : ERR_OK;
}

bool consensus_in_contact(struct consensus *consensus)
{
	(void)consensus;
	pthread_mutex_lock(&fake.lock);
	bool in_contact = !fake.no_majority && !fake.out_of_contact;
	pthread_mutex_unlock(&fake.lock);
	return in_contact;
}


uint64_t consensus_heard(struct consensus *consensus)
{
	uint64_t applied = consensus_applied(consensus);
	pthread_mutex_lock(&fake.lock);
	uint64_t heard = fake.heard > applied ? fake.heard : applied;
	pthread_mutex_unlock(&fake.lock);
	return heard;
}

enum err consensus_settle(struct consensus *consensus, uint64_t index, deadline_ms deadline)
{
	(void)consensus, (void)deadline;
	pthread_mutex_lock(&fake.lock);
	enum err err = fake.no_majority || fake.never_settles ? ERR_TIMEOUT : ERR_OK;
	if (err == ERR_OK)
		fake.settled = index;
	pthread_mutex_unlock(&fake.lock);
	return err;
}

enum err consensus_transfer(struct consensus *consensus, uint64_t to, deadline_ms deadline, struct complaint *complaint)
{
	(void)consensus, (void)to, (void)deadline;
	atomic_fetch_add(&transfers, 1);
	return complain(complaint, ERR_REFUSED, "there is nobody else");
}

enum err consensus_snapshot(struct consensus *consensus, deadline_ms deadline, uint64_t *index)
{
	(void)deadline;
	*index = atomic_load(&consensus->applied);
	return ERR_OK;
}

void consensus_status(struct consensus *consensus, struct consensus_status *out)
{
	uint64_t applied = atomic_load(&consensus->applied);
	*out = (struct consensus_status){ .role = ROLE_LEADER, .term = 1, .last_index = applied, .commit_index = applied,
	                                  .applied_index = applied, .leader = consensus->self };
	pthread_mutex_lock(&fake.lock);
	out->peers[0] = fake.peer;
	out->peer_count = fake.peer.node.id != 0;
	pthread_mutex_unlock(&fake.lock);
}
