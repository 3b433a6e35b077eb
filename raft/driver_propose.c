/* Proposals: kept by the node where they were made until they are applied there, sent to whoever leads, again when the
 * leader changes, the connection to it breaks, or it says nothing for so long that it must have dropped them; put into the log by the leader, once per term of its own. The state machine
 * recognises a request that comes through twice all the same. */
#include "raft/driver_internal.h"
#include "raft/envelope.h"
#include <stdlib.h>
#include <string.h>

static void list_append(struct proposal_list *list, struct proposal *p)
{
	p->next = NULL;
	p->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = p;
	list->last = p;
	list->count++;
	list->bytes += p->entry->size;
}

static void list_remove(struct proposal_list *list, struct proposal *p)
{
	*(p->previous ? &p->previous->next : &list->first) = p->next;
	*(p->next ? &p->next->previous : &list->last) = p->previous;
	list->count--;
	list->bytes -= p->entry->size;
}

static struct proposal_list *list_of(struct driver *d, const struct proposal *p)
{
	return p->sent ? &d->sent : &d->waiting;
}

static void forget(struct driver *d, const struct id *request)
{
	struct proposal *p = id_map_take(&d->proposals, request);
	if (!p)
		return;
	list_remove(list_of(d, p), p);
	entry_drop(p->entry);
	free(p);
}

enum err driver_propose(struct driver *d, struct moment now, const struct id *request, const void *data, size_t size)
{
	d->now = now;
	if (d->dead != ERR_OK || id_map_get(&d->proposals, request))
		return d->dead;
	if (size > ENTRY_SIZE_MAX)
		return ERR_TOO_BIG;
	size_t count = d->waiting.count + d->sent.count, bytes = d->waiting.bytes + d->sent.bytes;
	if (count && (count >= WAITING_ENTRIES_MAX || bytes + size > WAITING_BYTES_MAX))
		return ERR_BUSY;
	struct proposal *p = calloc(1, sizeof *p);
	struct entry *entry = p ? entry_create(0, ENTRY_COMMAND, data, size) : NULL;
	if (!entry || id_map_put(&d->proposals, request, p) != ERR_OK) {
		entry_drop(entry);
		free(p);
		return ERR_NO_MEMORY;
	}
	p->request = *request;
	p->entry = entry;
	list_append(&d->waiting, p);
	return ERR_OK;
}

void driver_withdraw(struct driver *d, const struct id *request)
{
	forget(d, request);
}

void driver_proposal_applied(struct driver *d, const struct id *request)
{
	struct accepted *accepted = id_map_take(&d->accepted, request);
	if (accepted) {
		d->accepted_bytes -= accepted->bytes;
		free(accepted);
	}
	forget(d, request);
}

/* Back to the front, in the order they were made. */
void driver_proposals_again(struct driver *d)
{
	while (d->sent.last) {
		struct proposal *p = d->sent.last;
		list_remove(&d->sent, p);
		p->sent = false;
		p->times = 0;
		p->next = d->waiting.first;
		p->previous = NULL;
		*(d->waiting.first ? &d->waiting.first->previous : &d->waiting.last) = p;
		d->waiting.first = p;
		d->waiting.count++;
		d->waiting.bytes += p->entry->size;
	}
}

static void resend_silent(struct driver *d)
{
	if (d->now.ms < d->resend_ms)
		return;
	d->resend_ms = INT64_MAX;
	for (struct proposal *p = d->sent.first, *next; p; p = next) {
		next = p->next;
		if (p->due_ms > d->now.ms) {
			d->resend_ms = p->due_ms < d->resend_ms ? p->due_ms : d->resend_ms;
			continue;
		}
		list_remove(&d->sent, p);
		p->sent = false;
		list_append(&d->waiting, p);
	}
}

enum err driver_connected(struct driver *d, struct moment now, uint64_t id)
{
	d->now = now;
	if (d->dead == ERR_OK) {
		struct heard *peer = driver_heard(d, id);
		peer->large_until_ms = peer->snapshot_until_ms = 0;
		peer->gone_ms = 0;
	}
	if (d->dead == ERR_OK && id == d->leader && !driver_leads(d)) {
		driver_proposals_again(d);
		driver_read_again(d);
		d->lease.next_ms = now.ms;
	}
	return d->dead;
}

static bool has_room(const struct driver *d, size_t size)
{
	size_t count = d->accepted.count;
	return !count || (count < UNCOMMITTED_ENTRIES_MAX && d->accepted_bytes + size <= UNCOMMITTED_BYTES_MAX);
}

static bool forward_has_room(const struct driver *d, size_t size)
{
	return !d->sent.count ||
	       (d->sent.count < FORWARD_ENTRIES_MAX && d->sent.bytes + size <= FORWARD_BYTES_MAX);
}

static void send_on(struct driver *d, struct proposal *p)
{
	struct message m = { .kind = MESSAGE_FORWARD, .term = d->raft.current_term };
	if (driver_leads(d)) {
		driver_submission(d, &p->request, p->entry);
	} else {
		m.forward.request = p->request;
		m.forward.entry = p->entry;
		driver_send(d, d->leader, &m);
	}
	list_remove(&d->waiting, p);
	p->sent = true;
	/* connections keep the order, so all that was sent before comes first */
	p->due_ms = d->now.ms + driver_patience_ms(d, d->sent.bytes + p->entry->size, p->times);
	p->times++;
	if (p->due_ms < d->resend_ms)
		d->resend_ms = p->due_ms;
	list_append(&d->sent, p);
}

void driver_resend(struct driver *d)
{
	resend_silent(d);
	while (d->dead == ERR_OK && d->leader && d->waiting.first) {
		size_t size = d->waiting.first->entry->size;
		if (driver_leads(d) ? !has_room(d, size) || !driver_may_submit(d) : !forward_has_room(d, size))
			break;
		send_on(d, d->waiting.first);
	}
}

/* Called on the leader. Beyond its bounds it forgets the proposal: whoever made it will ask again. */
void driver_submission(struct driver *d, const struct id *request, struct entry *entry)
{
	if (id_map_get(&d->accepted, request) || !has_room(d, entry->size))
		return;
	struct accepted *accepted = malloc(sizeof *accepted);
	if (d->submission_count == d->submission_capacity) {
		size_t capacity = d->submission_capacity ? d->submission_capacity * 2 : 64;
		struct submission *more = realloc(d->submissions, capacity * sizeof *more);
		if (more) {
			d->submissions = more;
			d->submission_capacity = capacity;
		}
	}
	if (!accepted || d->submission_count == d->submission_capacity ||
	    id_map_put(&d->accepted, request, accepted) != ERR_OK) {
		free(accepted);
		return;
	}
	accepted->bytes = entry->size;
	d->accepted_bytes += entry->size;
	d->submissions[d->submission_count++] =
		(struct submission){ .request = *request, .entry = entry_keep(entry) };
}

static void submissions_drop(struct driver *d)
{
	for (size_t i = 0; i < d->submission_count; i++)
		entry_drop(d->submissions[i].entry);
	d->submission_count = 0;
}

void driver_accepted_forget(struct driver *d)
{
	for (size_t i = 0; i < d->accepted.capacity; i++)
		free(d->accepted.slots[i].value);
	id_map_finish(&d->accepted);
	d->accepted_bytes = 0;
	submissions_drop(d);
}

/* One SUBMIT for the turn's proposals. The engine takes `batch` for what it will have to free, and never does. */
static bool submit(struct driver *d, struct entry *const *entries, size_t count)
{
	struct raft_entry *engine = calloc(count, sizeof *engine);
	struct step step = { .event.type = RAFT_SUBMIT, .entries = entries, .index = raft_last_index(&d->raft) + 1 };
	if (!engine) {
		driver_fail(d, ERR_NO_MEMORY, "no memory for proposals");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		engine[i].term = entries[i]->term;
		engine[i].type = (enum raft_entry_type)entries[i]->type;
		engine[i].buf = (struct raft_buffer){ entries[i]->data, entries[i]->size };
		engine[i].batch = entries[i]->data;
	}
	step.event.submit.entries = engine;
	step.event.submit.n = (unsigned)count;
	driver_step(d, &step);
	free(engine);
	return d->dead == ERR_OK;
}

bool driver_submit_entry(struct driver *d, struct entry *entry)
{
	return submit(d, &entry, 1);
}

static size_t seal_all(struct driver *d, struct entry **entries)
{
	size_t count = 0;
	for (; count < d->submission_count; count++) {
		const struct submission *s = &d->submissions[count];
		entries[count] = envelope_seal(d->raft.current_term, &s->request, d->now.wall_ms, s->entry->data,
		                               s->entry->size);
		if (!entries[count])
			break;
	}
	return count;
}

void driver_submit(struct driver *d)
{
	if (!d->submission_count || d->dead != ERR_OK || !driver_may_submit(d))
		return;
	struct entry **entries = calloc(d->submission_count, sizeof(struct entry *));
	size_t count = entries ? seal_all(d, entries) : 0;
	if (count == d->submission_count)
		submit(d, entries, count);
	else
		driver_fail(d, ERR_NO_MEMORY, "no memory for proposals");
	while (count)
		entry_drop(entries[--count]);
	free(entries);
	submissions_drop(d);
}
