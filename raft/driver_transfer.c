/* Who leads next: leadership is handed over to a named voter, or to whoever is fittest. Proposals wait meanwhile. */
#include "raft/driver_internal.h"

#define ELECTION_ELECTIONS 2  /* so many election timeouts an election may take, after a transfer */
#define DECLINED_ELECTIONS 10 /* so long it is not asked again, unless by name */

bool driver_may_submit(const struct driver *d)
{
	return driver_leads(d) && !raft_transferee(&d->raft) && !d->transfer.ticket;
}

void driver_decline(struct driver *d, bool declines)
{
	if (declines != d->declines)
		d->lease.next_ms = d->now.ms; /* the leader hears of it at once */
	d->declines = declines;
}

enum err driver_disconnected(struct driver *d, struct moment now, uint64_t id)
{
	d->now = now;
	if (d->dead != ERR_OK)
		return d->dead;
	driver_heard(d, id)->gone_ms = now.ms;
	guard_transferee_gone(&d->raft, id);
	if (d->transfer.ticket)
		driver_transfer_chores(d); /* before there is another connection: it has been asked in vain */
	return d->dead;
}

/* How good a successor: 0 for one that is gone or silent, or did not take over lately (each attempt holds proposals up), or would hand over to
 * us in turn; one that was heard of in the last heartbeats is better than one that has more of the log but may just have died, and
 * any is better than one that would rather not. */
static uint64_t fitness(struct driver *d, const struct consensus_node *node)
{
	raft_index match = 0;
	const struct heard *heard = driver_heard(d, node->id);
	int64_t silent_ms = d->now.ms - heard->ms;
	bool would_return = heard->declines && d->declines;
#ifdef PLANT_PASS_ROUND /* a mistake for the simulator to find */
	would_return = false;
#endif
	if (!node->voter || node->id == d->raft.id || heard->gone_ms || heard->ms < 0 || silent_ms > d->config.election_ms ||
	    (heard->declined_ms && d->now.ms - heard->declined_ms < DECLINED_ELECTIONS * d->config.election_ms) ||
	    would_return || raft_match_index(&d->raft, node->id, &match))
		return 0;
	return 1 + match + (heard->declines ? 0 : UINT64_MAX / 2) + (silent_ms <= 3 * d->config.heartbeat_ms ? UINT64_MAX / 4 : 0);
}

static uint64_t successor(struct driver *d)
{
	uint64_t best = 0, best_fitness = 0;
	for (size_t i = 0; i < d->configuration.count; i++) {
		uint64_t fit = fitness(d, &d->configuration.nodes[i]);
		if (fit > best_fitness) {
			best = d->configuration.nodes[i].id;
			best_fitness = fit;
		}
	}
	return best;
}

void driver_transfer(struct driver *d, struct moment now, uint64_t ticket, int64_t deadline, uint64_t to)
{
	d->now = now;
	if (driver_member_refused(d, ticket))
		return;
	bool any = !to;
	if (any)
		to = successor(d);
	const struct consensus_node *node = configuration_find(&d->configuration, to);
	if (any && !to)
		driver_finished(d, ticket, ERR_REFUSED, 0, "there is no other voter that answers and would take leadership over");
	else if (!node || !node->voter)
		driver_finished(d, ticket, ERR_REFUSED, 0, "there is no such voter to hand leadership to");
	else if (to == d->raft.id)
		driver_finished(d, ticket, ERR_OK, d->guard.commit, "%s", "");
	else {
		/* the engine may still wait for one whose caller does no longer: it gives that up in its own time, and asks no other before */
		int64_t patience_ms = (raft_transferee(&d->raft) ? 2 : 1) * d->config.election_ms;
		d->transfer = (struct transfer){ .ticket = ticket, .deadline = deadline, .to = to, .any = any,
		                                 .until_ms = now.ms + patience_ms };
		driver_transfer_chores(d);
	}
}

static void transfer_end(struct driver *d, enum err err, const char *why)
{
	struct transfer transfer = d->transfer;
	struct heard *heard = driver_heard(d, transfer.to);
	d->transfer = (struct transfer){ 0 };
	if (err == ERR_OK || !heard->gone_ms) /* who has gone has not declined */
		heard->declined_ms = err == ERR_OK ? 0 : d->now.ms;
	if (err == ERR_OK)
		driver_finished(d, transfer.ticket, err, d->guard.commit, "%s", "");
	else
		driver_finished(d, transfer.ticket, err, 0, "node %llu %s", (unsigned long long)transfer.to, why);
}

/* It would not hear that it is to lead. Where anybody will do the next is asked, within the same time. */
static void transfer_gone(struct driver *d)
{
	struct transfer transfer = d->transfer;
	if (!transfer.any || !driver_leads(d)) {
		transfer_end(d, ERR_REFUSED, "has gone; the connection to it has ended");
		return;
	}
	d->transfer = (struct transfer){ 0 };
	driver_transfer(d, d->now, transfer.ticket, transfer.deadline, 0);
}

/* The engine sends its TimeoutNow at the first acknowledgement and never again, and a follower that lacks an entry ignores
 * it: so it is only asked when the follower has all there is, which it soon does as nothing new comes in. */
static void transfer_step(struct driver *d)
{
	raft_index match = 0;
	struct step step = { .event.type = RAFT_TRANSFER };
	if (raft_match_index(&d->raft, d->transfer.to, &match) || match != raft_last_index(&d->raft))
		return;
	step.event.transfer.server_id = d->transfer.to;
	d->transfer.stepped = true;
	driver_step(d, &step);
}

/* Ours; one that has been asked to take over the engine gives up by itself. */
static int64_t patience_ends_ms(const struct driver *d)
{
	if (!driver_leads(d))
		return d->transfer.until_ms + ELECTION_ELECTIONS * d->config.election_ms;
	return d->transfer.stepped ? INT64_MAX : d->transfer.until_ms;
}

void driver_transfer_chores(struct driver *d)
{
	if (d->leader == d->transfer.to) {
		transfer_end(d, ERR_OK, "");
	} else if (driver_heard(d, d->transfer.to)->gone_ms) {
		transfer_gone(d);
	} else if (driver_leads(d)) {
		if (!d->transfer.stepped && !raft_transferee(&d->raft))
			transfer_step(d);
		if (driver_leads(d) && d->transfer.stepped && !raft_transferee(&d->raft))
			transfer_end(d, ERR_TIMEOUT, "did not take over; is it well?");
		else if (driver_leads(d) && d->now.ms >= patience_ends_ms(d))
			transfer_end(d, ERR_TIMEOUT, "does not keep up with the log");
	} else if (d->leader) {
		transfer_end(d, ERR_REFUSED, "did not take over; another node was elected");
	} else if (d->now.ms >= patience_ends_ms(d)) {
		transfer_end(d, ERR_TIMEOUT, "did not take over, nor did anybody else");
	}
	if (d->transfer.ticket && d->now.ms >= d->transfer.deadline)
		transfer_end(d, ERR_TIMEOUT, "has not taken over in time");
}

int64_t driver_transfer_timeout(const struct driver *d)
{
	if (!d->transfer.ticket)
		return INT64_MAX;
	int64_t ends_ms = patience_ends_ms(d);
	return d->transfer.deadline < ends_ms ? d->transfer.deadline : ends_ms;
}
