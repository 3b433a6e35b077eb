/* This node's own contact, which is a lease: what keeps it, and what it tells the leader to have it kept. Why it may be relied on is
 * told in driver_contact.c. */
#include "base/log.h"
#include "raft/driver_internal.h"

#define LATE_HEARTBEATS 2

static void lease_extend(struct driver *d, int64_t from_ms)
{
	if (from_ms + driver_contact_ms(d) > d->lease.until_ms)
		d->lease.until_ms = from_ms + driver_contact_ms(d);
}

/* What has been applied meanwhile counts, what has run out goes. */
static void grants_look(struct driver *d)
{
	size_t kept = 0;
	for (size_t i = 0; i < d->lease.grant_count; i++) {
		const struct grant *grant = &d->lease.grants[i];
		if (grant->commit <= driver_applied(d))
			lease_extend(d, grant->from_ms);
		else if (grant->from_ms + driver_contact_ms(d) > d->now.ms)
			d->lease.grants[kept++] = *grant;
	}
	d->lease.grant_count = kept;
}

/* When there are too many it is the newest that goes: the oldest is the next to be applied. */
void driver_granted(struct driver *d, int64_t from_ms, uint64_t commit)
{
#ifdef PLANT_CONTACT_UNAPPLIED /* a mistake for the simulator to find */
	commit = 0;
#endif
	if (commit <= driver_applied(d))
		lease_extend(d, from_ms);
	else if (d->lease.grant_count < GRANTS_MAX)
		d->lease.grants[d->lease.grant_count++] = (struct grant){ .from_ms = from_ms, .commit = commit };
}

int64_t driver_contact_until(const struct driver *d)
{
	return d->lease.until_ms;
}

static void log_change(struct driver *d)
{
	bool is_in = d->lease.until_ms > d->now.ms;
	if (is_in == d->lease.is_in)
		return;
	d->lease.is_in = is_in;
	if (is_in)
		log_info("raft", "in contact node=%llu leader=%llu term=%llu", d->raft.id, (unsigned long long)d->leader,
		         d->raft.current_term);
	else
		log_warn("raft", "out of contact: no leader with a majority has confirmed us node=%llu leader=%llu term=%llu",
		         d->raft.id, (unsigned long long)d->leader, d->raft.current_term);
}

static void tell_leader(struct driver *d)
{
	struct message m = { .kind = MESSAGE_CONTACT, .term = d->raft.current_term };
	struct lease *lease = &d->lease;
	m.contact.stamp = (uint64_t)d->now.ms + lease->salt;
	m.contact.applied = lease->applied_told = driver_applied(d);
	m.contact.declines = d->declines;
	m.contact.heard = lease->leader_term == d->raft.current_term ? lease->leader_at : 0;
	lease->next_ms = d->now.ms + d->config.heartbeat_ms;
	driver_send(d, d->leader, &m);
}

/* Whoever led when he said it: what is committed stays so. */
static void hear_commit(struct driver *d, const struct message *m)
{
	uint64_t commit = m->kind == MESSAGE_APPEND ? m->append.commit :
	                  m->kind == MESSAGE_INSTALL ? m->install.meta->index :
	                  m->kind == MESSAGE_CONTACT_RESULT ? m->contact_result.commit : 0;
	if (commit > d->lease.commit_heard)
		d->lease.commit_heard = commit;
}

uint64_t driver_commit_heard(const struct driver *d)
{
	uint64_t known = d->guard.commit > driver_applied(d) ? d->guard.commit : driver_applied(d);
	return known > d->lease.commit_heard ? known : d->lease.commit_heard;
}

/* A leader that answers us is alive, however late its heartbeats are: to the engine an empty AppendEntries says so, from what is
 * committed, which every later leader's log has too. */
static void leader_lives(struct driver *d, uint64_t id)
{
	struct message m = { .kind = MESSAGE_APPEND, .from = id, .term = d->raft.current_term };
	if (id != d->leader || d->guard.installing || d->now.ms - d->guard.leader_seen_ms < LATE_HEARTBEATS * d->config.heartbeat_ms)
		return;
	m.append.prev_index = m.append.commit = d->guard.commit;
	m.append.prev_term = driver_term_of(d, d->guard.commit);
	if (m.append.prev_term)
		driver_step_message(d, &m);
}

static void receive_result(struct driver *d, const struct message *m)
{
	struct lease *lease = &d->lease;
	int64_t stamp = (int64_t)(m->contact_result.stamp - lease->salt);
	if (m->term != d->raft.current_term || driver_leads(d) || stamp <= d->now.ms - driver_contact_ms(d) || stamp > d->now.ms)
		return;
	if (lease->leader_term != m->term) /* it learns at once that we are in its term, and may grant */
		lease->next_ms = d->now.ms;
	if (lease->leader_term != m->term || m->contact_result.at > lease->leader_at)
		lease->leader_at = m->contact_result.at;
	lease->leader_term = m->term;
	if (m->contact_result.granted && m->contact_result.age_ms < (uint64_t)driver_contact_ms(d))
		driver_granted(d, stamp - (int64_t)m->contact_result.age_ms, m->contact_result.commit);
	if (d->now.ms - stamp < d->config.election_ms)
		leader_lives(d, m->from);
}

/* Due, or the leader waits to hear of what we have just applied. */
static bool is_to_be_told(const struct driver *d)
{
	const struct lease *lease = &d->lease;
	return d->now.ms >= lease->next_ms ||
	       (lease->applied_told < lease->applied_wanted && driver_applied(d) > lease->applied_told);
}

void driver_contact_start(struct driver *d)
{
	d->configured_ms = d->led_since_ms = NEVER_MS;
	d->settle_due_ms = INT64_MAX;
}

void driver_contact_receive(struct driver *d, const struct message *m)
{
	hear_commit(d, m);
	if (m->kind == MESSAGE_CONTACT)
		driver_contact_asked(d, m);
	else if (m->kind == MESSAGE_CONTACT_RESULT)
		receive_result(d, m);
	else if (m->kind == MESSAGE_CONTACT_WANTED && m->term == d->raft.current_term &&
	         m->contact_wanted.index > d->lease.applied_wanted)
		d->lease.applied_wanted = m->contact_wanted.index;
}

void driver_contact_chores(struct driver *d)
{
	if (d->dead != ERR_OK)
		return;
	if (driver_leads(d)) {
		driver_grant_self(d);
		d->lease.next_ms = d->now.ms + d->config.heartbeat_ms;
	} else if (d->leader && is_to_be_told(d)) {
		tell_leader(d);
	}
	grants_look(d);
	log_change(d);
}

int64_t driver_contact_timeout(const struct driver *d)
{
	int64_t due = d->leader ? d->lease.next_ms : INT64_MAX;
	return d->lease.is_in && d->lease.until_ms < due ? d->lease.until_ms : due;
}
