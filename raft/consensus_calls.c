/* What others ask of consensus: each call becomes an event of the raft thread and waits to be told. */
#include "raft/consensus_internal.h"
#include <stdlib.h>
#include <string.h>

/* The driver keeps the deadlines of tickets; a caller waits a little longer for its word. */
#define TICKET_GRACE_MS 1000

/* ------------------------------------------------------------------ proposals */

struct proposal_event {
	struct event event;
	struct id request;
	size_t size;
	uint8_t data[];
};

static void run_proposal(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	struct proposal_event *proposal = (struct proposal_event *)event;
	enum err err = driver ? driver_propose(driver, now, &proposal->request, proposal->data, proposal->size) : ERR_CLOSED;
	if (err != ERR_OK) {
		pthread_mutex_lock(&c->waiter_lock);
		waiter_tell_request_locked(c, &proposal->request, err, 0);
		pthread_mutex_unlock(&c->waiter_lock);
	}
	free(proposal);
}

static void run_withdrawal(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	struct proposal_event *proposal = (struct proposal_event *)event;
	(void)now;
	pthread_mutex_lock(&c->waiter_lock);
	bool others_wait = false;
	for (struct waiter *waiter = *waiter_bucket(c, &proposal->request); waiter; waiter = waiter->next)
		others_wait = others_wait || id_equal(&waiter->request, &proposal->request);
	pthread_mutex_unlock(&c->waiter_lock);
	if (driver && !others_wait)
		driver_withdraw(driver, &proposal->request);
	free(proposal);
}

static struct proposal_event *proposal_event(const struct id *request, const void *data, size_t size)
{
	struct proposal_event *proposal = malloc(sizeof *proposal + size);
	if (!proposal)
		return NULL;
	*proposal = (struct proposal_event){ .event = { .run = run_proposal }, .request = *request, .size = size };
	if (size)
		memcpy(proposal->data, data, size);
	return proposal;
}

static void withdraw(struct consensus *c, const struct id *request)
{
	struct proposal_event *withdrawal = proposal_event(request, NULL, 0);
	if (!withdrawal)
		return; /* it is proposed again in vain until this node stops */
	withdrawal->event.run = run_withdrawal;
	consensus_post(c, &withdrawal->event);
}

enum err consensus_propose(struct consensus *c, const struct id *request, const void *data, size_t size,
                           deadline_ms deadline, uint64_t *index)
{
	struct waiter waiter;
	if (size > ENTRY_SIZE_MAX)
		return ERR_TOO_BIG;
	struct proposal_event *proposal = proposal_event(request, data, size);
	if (!proposal)
		return ERR_NO_MEMORY;
	waiter_init(&waiter, NULL);
	waiter.request = *request;
	struct waiter **bucket = waiter_bucket(c, request);
	if (!waiter_enter(c, bucket, &waiter)) {
		free(proposal);
		return ERR_CLOSED;
	}
	consensus_post(c, &proposal->event);
	enum err err = waiter_wait(c, bucket, &waiter, deadline);
	if (err == ERR_TIMEOUT)
		withdraw(c, request);
	waiter_leave(c);
	*index = waiter.index;
	return err;
}

/* ------------------------------------------------------------------ indexes */

enum err consensus_wait(struct consensus *c, uint64_t index, deadline_ms deadline)
{
	struct waiter waiter;
	if (c->applied >= index)
		return ERR_OK;
	waiter_init(&waiter, NULL);
	waiter.least = index;
	if (!waiter_enter(c, &c->indexes, &waiter))
		return ERR_CLOSED;
	pthread_mutex_lock(&c->waiter_lock);
	if (c->applied >= index) /* since we looked */
		waiter_tell_locked(&waiter, ERR_OK, index);
	pthread_mutex_unlock(&c->waiter_lock);
	enum err err = waiter_wait(c, &c->indexes, &waiter, deadline);
	waiter_leave(c);
	return err;
}

uint64_t consensus_heard(struct consensus *c)
{
	uint64_t applied = c->applied, heard = c->heard;
	return heard > applied ? heard : applied;
}

uint64_t consensus_applied(struct consensus *c)
{
	return c->applied;
}

/* ------------------------------------------------------------------ tickets */

enum ask { ASK_BARRIER, ASK_SETTLE, ASK_ADD, ASK_PROMOTE, ASK_REMOVE, ASK_TRANSFER, ASK_SNAPSHOT };

struct ask_event {
	struct event event;
	enum ask what;
	uint64_t ticket, id;     /* of a node; to be settled: the index */
	deadline_ms deadline;
	struct consensus_node node;
};

/* A caller's deadline is of clock_ms(). */
static int64_t by_drivers_clock(deadline_ms deadline)
{
	int64_t slept_ms = consensus_slept_ms();
	if (deadline == DEADLINE_NEVER || (slept_ms > 0 && deadline > DEADLINE_NEVER - slept_ms))
		return DEADLINE_NEVER;
	return deadline + slept_ms;
}

static void run_ask(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	struct ask_event *ask = (struct ask_event *)event;
	struct complaint closed = { "this node is stopping" };
	int64_t deadline = by_drivers_clock(ask->deadline);
	if (!driver)
		consensus_tell_finished(c, ask->ticket, ERR_CLOSED, 0, &closed);
	else if (ask->what == ASK_BARRIER)
		driver_barrier(driver, now, ask->ticket, deadline);
	else if (ask->what == ASK_SETTLE)
		driver_settle_index(driver, now, ask->ticket, deadline, ask->id);
	else if (ask->what == ASK_ADD)
		driver_add(driver, now, ask->ticket, deadline, &ask->node);
	else if (ask->what == ASK_PROMOTE)
		driver_promote(driver, now, ask->ticket, deadline, ask->id);
	else if (ask->what == ASK_REMOVE)
		driver_remove(driver, now, ask->ticket, deadline, ask->id);
	else if (ask->what == ASK_TRANSFER)
		driver_transfer(driver, now, ask->ticket, deadline, ask->id);
	else
		driver_snapshot(driver, now, ask->ticket, deadline);
	free(ask);
}

static enum err ask(struct consensus *c, enum ask what, uint64_t id, const struct consensus_node *node,
                    deadline_ms deadline, uint64_t *index, struct complaint *complaint)
{
	struct waiter waiter;
	struct ask_event *event = calloc(1, sizeof *event);
	if (!event)
		return complain(complaint, ERR_NO_MEMORY, "no memory");
	*event = (struct ask_event){ .event = { .run = run_ask }, .what = what, .id = id, .deadline = deadline };
	if (node)
		event->node = *node;
	waiter_init(&waiter, complaint);
	pthread_mutex_lock(&c->waiter_lock);
	event->ticket = waiter.ticket = ++c->last_ticket;
	pthread_mutex_unlock(&c->waiter_lock);
	if (!waiter_enter(c, &c->tickets, &waiter)) {
		free(event);
		return complain(complaint, ERR_CLOSED, "this node is stopping");
	}
	consensus_post(c, &event->event);
	deadline_ms last = deadline > DEADLINE_NEVER - TICKET_GRACE_MS ? deadline : deadline + TICKET_GRACE_MS;
	enum err err = waiter_wait(c, &c->tickets, &waiter, last);
	waiter_leave(c);
	if (err == ERR_TIMEOUT && complaint && !complaint->text[0])
		complain(complaint, err, "it did not come about in time; it may yet");
	if (index)
		*index = waiter.index;
	return err;
}

enum err consensus_barrier(struct consensus *c, deadline_ms deadline, uint64_t *index)
{
	return ask(c, ASK_BARRIER, 0, NULL, deadline, index, NULL);
}

enum err consensus_settle(struct consensus *c, uint64_t index, deadline_ms deadline)
{
	return ask(c, ASK_SETTLE, index, NULL, deadline, NULL, NULL);
}

/* The lease first, the clock after it: who is held up between the two finds it over rather than a later one. */
bool consensus_in_contact(struct consensus *c)
{
	int64_t until = c->contact_until;
	return !c->has_failed && clock_boot_ms() < until;
}

enum err consensus_add(struct consensus *c, const struct consensus_node *node, deadline_ms deadline,
                       struct complaint *complaint)
{
	return ask(c, ASK_ADD, 0, node, deadline, NULL, complaint);
}

enum err consensus_promote(struct consensus *c, uint64_t id, deadline_ms deadline, struct complaint *complaint)
{
	return ask(c, ASK_PROMOTE, id, NULL, deadline, NULL, complaint);
}

enum err consensus_remove(struct consensus *c, uint64_t id, deadline_ms deadline, struct complaint *complaint)
{
	return ask(c, ASK_REMOVE, id, NULL, deadline, NULL, complaint);
}

enum err consensus_transfer(struct consensus *c, uint64_t to, deadline_ms deadline, struct complaint *complaint)
{
	return ask(c, ASK_TRANSFER, to, NULL, deadline, NULL, complaint);
}

void consensus_decline(struct consensus *c, bool declines)
{
	c->declines = declines;
}

enum err consensus_snapshot(struct consensus *c, deadline_ms deadline, uint64_t *index)
{
	return ask(c, ASK_SNAPSHOT, 0, NULL, deadline, index, NULL);
}
