/* Contact: a lease that says "nothing has been settled that I have not applied".
 *
 * Every heartbeat a node tells the leader that it is there, with its clock as a stamp; the leader answers with the
 * stamp, its commit index, and for how long it has known that a majority was in its term. The node is in contact
 * for contact_ms from its stamp on, less that age, as soon as it has applied that commit index. A leader grants
 * the same to itself. Whether a majority was in its term the leader learns from the same messages: a voter returns the
 * leader's clock from the last answer, so it was still in that term at that moment or later.
 *
 * Why an index is settled (driver_settle.c) when each node says that it has applied it, or contact_ms and a margin
 * have passed since the last grant that did not know of it and since this leader began to lead:
 *
 * - Grants of this leader. Those made since the index was committed carry a commit index at or above it. Those
 *   made before end contact_ms after a stamp that was older than the grant.
 * - Grants of leaders of earlier terms. A grant ends contact_ms after a moment at which a majority was still in the granting
 *   leader's term. One of that majority voted for us later, since a vote moves to our term for good; and we led
 *   later still. Neither pre-vote nor a leader's stepping down in time is relied on, nor does a delayed message matter,
 *   nor need contact_ms be within the election timeout: whoever was left behind runs out by itself.
 * - Grants of leaders of later terms. They have the index in their logs and grant nothing before an entry of their own
 *   term, which is behind it, is committed.
 * - A node that said that it had applied the index and starts anew with less has no lease: stamps count within one life. It
 *   takes the word of leaders of its own term only, and that it remembers.
 * - Who is granted to is a member as of a committed configuration, so every later leader knows of it. A node that is to be
 *   a member no more gets no grants from the moment that is in the leader's log; every other leader learns of it later, so
 *   contact_ms and a margin after it has learned of a configuration is late enough.
 *
 * Clocks are only compared with themselves. The margin is for their pace: within 4 % of the true one (0.9 / 1.1 of each other)
 * a lease has ended everywhere before the leader thinks so. */
#include "raft/driver_internal.h"
#include <stdlib.h>

int64_t driver_contact_ms(const struct driver *d)
{
	return d->config.contact_ms > 0 ? d->config.contact_ms : d->config.election_ms;
}

int64_t driver_contact_over_ms(const struct driver *d)
{
	return driver_contact_ms(d) + driver_contact_ms(d) / 10 + 2; /* clocks are read in whole milliseconds */
}

struct contact *driver_contact_of(struct driver *d, uint64_t id)
{
	struct contact *free_one = NULL;
	for (size_t i = 0; i < NODES_MAX; i++) {
		struct contact *contact = &d->contacts[i];
		if (contact->id == id)
			return contact;
		if (!free_one && (!contact->id || !configuration_find(&d->configuration, contact->id)))
			free_one = contact;
	}
	/* there is one: who belongs is at most NODES_MAX, and we are only asked about those */
	*free_one = (struct contact){ .id = id, .heard_ms = -1, .granted_ms = NEVER_MS };
	return free_one;
}

static int later_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? 1 : x > y ? -1 : 0;
}

/* A moment at which, or after which, a majority was in our term; -1: there was none. */
static int64_t majority_ms(struct driver *d)
{
	int64_t heard[NODES_MAX];
	size_t voters = 0;
	for (size_t i = 0; i < d->configuration.count; i++) {
		const struct consensus_node *node = &d->configuration.nodes[i];
		if (node->voter)
			heard[voters++] = node->id == d->raft.id ? d->now.ms : driver_contact_of(d, node->id)->heard_ms;
	}
#ifdef PLANT_CONTACT_ALONE /* a mistake for the simulator to find */
	return d->now.ms;
#endif
	if (!voters)
		return -1;
	qsort(heard, voters, sizeof heard[0], later_first);
	return heard[voters / 2];
}

/* As of the committed configuration: one that is not may be forgotten again, and the next leader never hear of the node. */
static bool is_settled_member(const struct driver *d, uint64_t id)
{
	const struct raft_configuration *committed =
		d->raft.configuration_uncommitted_index ? &d->raft.configuration_committed : &d->raft.configuration;
	for (unsigned i = 0; i < committed->n; i++)
		if (committed->servers[i].id == id)
			return true;
	return false;
}

/* May it grant, and from when on? Before an entry of its own term is committed a leader doesn't know all that was committed. */
static bool may_grant(struct driver *d, uint64_t id, int64_t *from_ms)
{
	*from_ms = majority_ms(d);
	return is_settled_member(d, id) && *from_ms >= 0 && driver_own_term_committed(d) && d->now.ms - *from_ms < driver_contact_ms(d);
}

static void answer(struct driver *d, struct contact *contact, uint64_t stamp)
{
	struct message m = { .kind = MESSAGE_CONTACT_RESULT, .term = d->raft.current_term };
	int64_t from_ms;
	m.contact_result.stamp = stamp;
	m.contact_result.at = (uint64_t)d->now.ms;
	m.contact_result.commit = d->guard.commit;
	m.contact_result.granted = may_grant(d, contact->id, &from_ms);
	if (m.contact_result.granted) {
		m.contact_result.age_ms = (uint64_t)(d->now.ms - from_ms);
		contact->granted_ms = d->now.ms;
	}
	driver_send(d, contact->id, &m);
}

/* Who speaks to us of our term is alive, whatever of the log lies in the connection before a word of the engine's: so the engine hears
 * that the node has what it is known to have. A majority that is heard of keeps the leader in its place. */
static void node_lives(struct driver *d, uint64_t id)
{
	raft_index match = 0;
	struct message m = { .kind = MESSAGE_APPEND_RESULT, .from = id, .term = d->raft.current_term };
	if (raft_match_index(&d->raft, id, &match))
		return;
	m.append_result.last_index = match;
	m.append_result.features = 1;
	driver_step_message(d, &m);
}

void driver_contact_asked(struct driver *d, const struct message *m)
{
	if (!driver_leads(d) || m->term != d->raft.current_term || !configuration_find(&d->configuration, m->from))
		return;
	struct contact *contact = driver_contact_of(d, m->from);
	if (m->contact.heard && m->contact.heard <= (uint64_t)d->now.ms && (int64_t)m->contact.heard > contact->heard_ms)
		contact->heard_ms = (int64_t)m->contact.heard;
	if (m->contact.applied > contact->applied)
		contact->applied = m->contact.applied;
	struct heard *peer = driver_heard(d, m->from);
	peer->declines = m->contact.declines;
	if (contact->heard_ms > peer->gone_ms) /* it has heard us since: so there is a connection, even if we were not told */
		peer->gone_ms = 0;
	answer(d, contact, m->contact.stamp);
	node_lives(d, m->from);
}

/* To itself, as to any other. */
void driver_grant_self(struct driver *d)
{
	int64_t from_ms;
	struct contact *contact = driver_contact_of(d, d->raft.id);
	contact->applied = driver_applied(d);
	if (!may_grant(d, d->raft.id, &from_ms) || from_ms <= contact->heard_ms)
		return;
	contact->heard_ms = from_ms;
	contact->granted_ms = d->now.ms;
	driver_granted(d, from_ms, d->guard.commit);
}

/* What we knew of the others belonged to another term. */
void driver_contact_led(struct driver *d)
{
	for (size_t i = 0; i < NODES_MAX; i++)
		d->contacts[i] = (struct contact){ .id = 0 };
	d->led_since_ms = d->now.ms;
}

void driver_contact_configured(struct driver *d)
{
	if (d->raft.configuration_committed_index > 1 || d->raft.configuration_uncommitted_index > 1)
		d->configured_ms = d->now.ms;
}
