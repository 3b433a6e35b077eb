/* Linearizable reads without an entry in the log (dissertation 6.4): the leader notes its commit index, then asks the voters whether it
 * is still their leader's term; once a majority says so, whoever asked before may read at that index.
 *
 * A voter that says "still term T" has not voted in a later one, so when a majority has said it no later leader had been
 * elected when the round began, and nothing later was committed. */
#include "raft/driver_internal.h"
#include <stdlib.h>

static void add_reader(struct driver *d, uint64_t asker, uint64_t number)
{
	struct reader *reader = malloc(sizeof *reader);
	if (!reader)
		return; /* it will ask again */
	*reader = (struct reader){ .next = d->readers, .asker = asker, .number = number };
	d->readers = reader;
}

static void barrier_answered(struct driver *d, uint64_t number, uint64_t index, bool settled)
{
	for (struct barrier *b = d->barriers; b; b = b->next)
		if (b->number == number && !b->index && (b->settles != 0) == settled)
			b->index = index;
}

void driver_settled(struct driver *d, uint64_t number, uint64_t index)
{
	barrier_answered(d, number, index, true);
}

static void answer(struct driver *d, const struct reader *reader)
{
	struct message m = { .kind = MESSAGE_READ_RESULT, .term = d->raft.current_term };
	m.read.number = reader->number;
	m.read.index = d->round_index;
	if (reader->asker == d->raft.id)
		barrier_answered(d, reader->number, d->round_index, false);
	else
		driver_send(d, reader->asker, &m);
}

static void round_ask(struct driver *d)
{
	struct message m = { .kind = MESSAGE_ROUND, .term = d->raft.current_term };
	m.round.number = d->round;
	d->round_asked_ms = d->now.ms;
	for (size_t i = 0; i < d->configuration.count; i++)
		if (d->configuration.nodes[i].voter && d->configuration.nodes[i].id != d->raft.id)
			driver_send(d, d->configuration.nodes[i].id, &m);
}

static void round_begin(struct driver *d)
{
	d->round++;
	d->round_index = d->guard.commit;
	d->round_runs = true;
	d->round_voter_count = 0;
	for (struct reader *reader = d->readers; reader; reader = reader->next)
		reader->round = d->round;
	round_ask(d);
}

/* Counted anew each time: who votes may have changed since they answered. */
static bool round_won(const struct driver *d)
{
	size_t yes = driver_is_voter(d, d->raft.id);
	for (size_t i = 0; i < d->round_voter_count; i++)
		yes += driver_is_voter(d, d->round_voters[i]);
	return yes > configuration_voters(&d->configuration) / 2;
}

static void round_end(struct driver *d)
{
	d->round_runs = false;
	for (struct reader **link = &d->readers; *link;) {
		struct reader *reader = *link;
		if (reader->round != d->round) {
			link = &reader->next;
			continue;
		}
		answer(d, reader);
		*link = reader->next;
		free(reader);
	}
}

static void round_result(struct driver *d, const struct message *m)
{
	if (!driver_leads(d) || !d->round_runs || m->term != d->raft.current_term || m->round.number != d->round)
		return;
	for (size_t i = 0; i < d->round_voter_count; i++)
		if (d->round_voters[i] == m->from)
			return;
	if (d->round_voter_count < NODES_MAX)
		d->round_voters[d->round_voter_count++] = m->from;
}

static void round_reply(struct driver *d, const struct message *m)
{
	struct message reply = { .kind = MESSAGE_ROUND_RESULT, .term = m->term };
	reply.round.number = m->round.number;
	if (m->term == d->raft.current_term)
		driver_send(d, m->from, &reply);
}

void driver_read_receive(struct driver *d, const struct message *m)
{
	if (m->kind == MESSAGE_READ && driver_leads(d) && configuration_find(&d->configuration, m->from))
		add_reader(d, m->from, m->read.number);
	else if (m->kind == MESSAGE_READ_RESULT)
		barrier_answered(d, m->read.number, m->read.index, false);
	else if (m->kind == MESSAGE_SETTLE_RESULT)
		driver_settled(d, m->read.number, m->read.index);
	else if (m->kind == MESSAGE_ROUND)
		round_reply(d, m);
	else if (m->kind == MESSAGE_ROUND_RESULT)
		round_result(d, m);
}

void driver_read_lost(struct driver *d)
{
	while (d->readers) {
		struct reader *reader = d->readers;
		d->readers = reader->next;
		free(reader);
	}
	d->round_runs = false;
}

static void barrier_ask(struct driver *d, struct barrier *b)
{
	struct message m = { .kind = b->settles ? MESSAGE_SETTLE : MESSAGE_READ, .term = d->raft.current_term };
	m.read.number = b->number;
	m.read.index = b->settles;
	b->asked_ms = d->now.ms;
	b->asked_term = d->leader_term;
	if (driver_leads(d) && b->settles)
		driver_settle_wish(d, d->raft.id, b->number, b->settles);
	else if (driver_leads(d))
		add_reader(d, d->raft.id, b->number);
	else if (d->leader)
		driver_send(d, d->leader, &m);
	else
		b->asked_ms = -1; /* as soon as there is one */
}

static void begin(struct driver *d, uint64_t ticket, int64_t deadline, uint64_t settles)
{
	struct barrier *b = calloc(1, sizeof *b);
	if (!b) {
		driver_finished(d, ticket, ERR_NO_MEMORY, 0, "no memory");
		return;
	}
	*b = (struct barrier){ .next = d->barriers, .ticket = ticket, .deadline = deadline, .settles = settles,
	                       .number = ++d->barrier_number, .asked_ms = -1 };
	d->barriers = b;
}

void driver_barrier(struct driver *d, struct moment now, uint64_t ticket, int64_t deadline)
{
	d->now = now;
	begin(d, ticket, deadline, 0);
}

void driver_settle_index(struct driver *d, struct moment now, uint64_t ticket, int64_t deadline, uint64_t index)
{
	d->now = now;
	if (index)
		begin(d, ticket, deadline, index);
	else
		driver_finished(d, ticket, ERR_OK, 0, "%s", ""); /* before the first entry there is nothing */
}

void driver_read_again(struct driver *d)
{
	for (struct barrier *b = d->barriers; b; b = b->next)
		b->asked_ms = -1;
}

/* The answer is late, or another leads now, who knows nothing of it. */
static bool barrier_to_be_asked(const struct driver *d, const struct barrier *b)
{
	return !b->index && (b->asked_ms < 0 || d->now.ms >= b->asked_ms + d->config.election_ms ||
	                     (d->leader && b->asked_term != d->leader_term));
}

/* True when it is over. */
static bool barrier_chore(struct driver *d, struct barrier *b)
{
	if (b->index && driver_applied(d) >= b->index)
		driver_finished(d, b->ticket, ERR_OK, b->index, "%s", "");
	else if (d->now.ms >= b->deadline)
		driver_finished(d, b->ticket, ERR_TIMEOUT, 0,
		                b->settles ? "it is not known in time that every node has applied it" : "no majority has confirmed the leader in time");
	else {
		if (barrier_to_be_asked(d, b))
			barrier_ask(d, b);
		return false;
	}
	return true;
}

static void round_chores(struct driver *d)
{
	if (!driver_leads(d) || !driver_own_term_committed(d))
		return;
	if (d->round_runs && round_won(d))
		round_end(d);
	if (!d->round_runs && d->readers)
		round_begin(d);
	if (d->round_runs && round_won(d))
		round_end(d);
	else if (d->round_runs && d->now.ms >= d->round_asked_ms + d->config.heartbeat_ms)
		round_ask(d);
}

static void barriers_chores(struct driver *d)
{
	for (struct barrier **link = &d->barriers; *link;) {
		struct barrier *b = *link;
		if (barrier_chore(d, b)) {
			*link = b->next;
			free(b);
		} else {
			link = &b->next;
		}
	}
}

void driver_read_chores(struct driver *d)
{
	if (d->dead != ERR_OK)
		return;
	barriers_chores(d); /* asks */
	round_chores(d);    /* may answer our own at once */
	driver_settle_chores(d); /* so may this */
	barriers_chores(d);
}
