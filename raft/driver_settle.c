/* Settled: nobody who is in contact can act any more on what was before an index. The leader waits until every node has said that
 * it has applied it, or has been silent for long enough; why that is enough is told in driver_contact.c. */
#include "raft/driver_internal.h"
#include <stdlib.h>

void driver_settle_wish(struct driver *d, uint64_t asker, uint64_t number, uint64_t index)
{
	for (const struct settler *s = d->settlers; s; s = s->next)
		if (s->asker == asker && s->number == number)
			return; /* asked again; it is being waited for */
	struct settler *settler = index <= memory_log_last(&d->log) ? malloc(sizeof *settler) : NULL;
	if (!settler)
		return; /* it will ask again */
	*settler = (struct settler){ .next = d->settlers, .asker = asker, .number = number, .index = index, .since_ms = -1 };
	d->settlers = settler;
}

void driver_settle_lost(struct driver *d)
{
	while (d->settlers) {
		struct settler *settler = d->settlers;
		d->settlers = settler->next;
		free(settler);
	}
}

/* From when on this node can't be in contact without having applied the index. */
static int64_t silent_from(struct driver *d, const struct settler *s, uint64_t id)
{
	const struct contact *contact = driver_contact_of(d, id);
	int64_t last = contact->granted_ms < s->since_ms ? contact->granted_ms : s->since_ms;
	if (contact->applied >= s->index)
		return NEVER_MS;
	if (last < d->led_since_ms)
		last = d->led_since_ms;
	return last + driver_contact_over_ms(d);
}

/* The moment by which it is settled even if nobody says anything any more. */
static int64_t settled_by(struct driver *d, const struct settler *s)
{
	int64_t by = d->configured_ms + driver_contact_over_ms(d);
	for (size_t i = 0; i < d->configuration.count; i++) {
		int64_t from = silent_from(d, s, d->configuration.nodes[i].id);
		if (from > by)
			by = from;
	}
	return by;
}

static void tell(struct driver *d, const struct settler *s)
{
	struct message m = { .kind = MESSAGE_SETTLE_RESULT, .term = d->raft.current_term };
	m.read.number = s->number;
	m.read.index = s->index;
	if (s->asker == d->raft.id)
		driver_settled(d, s->number, s->index);
	else
		driver_send(d, s->asker, &m);
}

/* Rather than wait for the next heartbeat of theirs. */
static void want_to_hear(struct driver *d, uint64_t index)
{
	struct message m = { .kind = MESSAGE_CONTACT_WANTED, .term = d->raft.current_term };
	m.contact_wanted.index = index;
	for (size_t i = 0; i < d->configuration.count; i++) {
		struct contact *contact = driver_contact_of(d, d->configuration.nodes[i].id);
		if (contact->id == d->raft.id || contact->applied >= index || contact->wanted >= index)
			continue;
		contact->wanted = index;
		driver_send(d, contact->id, &m);
	}
}

/* Those whose index is committed wait from now on; the highest of their indexes. */
static uint64_t begin_waiting(struct driver *d)
{
	uint64_t highest = 0;
	for (struct settler *s = d->settlers; s; s = s->next) {
		if (s->index > d->guard.commit)
			continue;
		if (s->since_ms < 0)
			s->since_ms = d->now.ms;
		if (s->index > highest)
			highest = s->index;
	}
	return highest;
}

/* True when it is over. */
static bool settler_chore(struct driver *d, const struct settler *s)
{
	if (s->since_ms < 0)
		return false;
	int64_t by = settled_by(d, s);
	if (by <= d->now.ms) {
		tell(d, s);
		return true;
	}
	if (by < d->settle_due_ms)
		d->settle_due_ms = by;
	return false;
}

void driver_settle_chores(struct driver *d)
{
	d->settle_due_ms = INT64_MAX;
	if (!driver_leads(d) || !driver_own_term_committed(d))
		return;
	uint64_t highest = begin_waiting(d);
	for (struct settler **link = &d->settlers; *link;) {
		struct settler *s = *link;
		if (settler_chore(d, s)) {
			*link = s->next;
			free(s);
		} else {
			link = &s->next;
		}
	}
	if (d->settlers && highest)
		want_to_hear(d, highest);
}
