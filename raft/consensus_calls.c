/* What others ask of consensus: each call becomes an event of the raft thread and waits, on its own stack, to be told. */
#include "raft/consensus_internal.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The driver keeps the deadlines of tickets; a caller waits a little longer for its word. */
#define TICKET_GRACE_MS 1000
#define STATUS_MS 250

/* ------------------------------------------------------------------ waiting */

static struct timespec moment_of(deadline_ms deadline)
{
	/* clock_ms() is CLOCK_MONOTONIC; for ever is a year */
	int64_t far = clock_ms() + 366ll * 24 * 3600 * 1000;
	int64_t ms = deadline < far ? deadline : far;
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

static void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

void consensus_calls_init(struct consensus *c)
{
	pthread_mutex_init(&c->waiter_lock, NULL);
	condition_init(&c->nobody_inside);
	condition_init(&c->status_changed);
	condition_init(&c->queue_changed);
}

void consensus_calls_finish(struct consensus *c)
{
	pthread_cond_destroy(&c->queue_changed);
	pthread_cond_destroy(&c->status_changed);
	pthread_cond_destroy(&c->nobody_inside);
	pthread_mutex_destroy(&c->waiter_lock);
}

static void waiter_init(struct waiter *waiter, struct complaint *complaint)
{
	*waiter = (struct waiter){ .err = ERR_TIMEOUT, .complaint = complaint };
	condition_init(&waiter->told);
	if (complaint)
		complaint->text[0] = '\0';
}

static void put_in_locked(struct waiter **list, struct waiter *waiter)
{
	waiter->next = *list;
	*list = waiter;
}

static void take_out_locked(struct waiter **list, const struct waiter *waiter)
{
	while (*list && *list != waiter)
		list = &(*list)->next;
	if (*list)
		*list = waiter->next;
}

static bool enter(struct consensus *c, struct waiter **list, struct waiter *waiter)
{
	pthread_mutex_lock(&c->waiter_lock);
	bool is_open = !c->is_closed;
	if (is_open) {
		c->inside++;
		put_in_locked(list, waiter);
	}
	pthread_mutex_unlock(&c->waiter_lock);
	if (!is_open)
		pthread_cond_destroy(&waiter->told);
	return is_open;
}

static void leave_locked(struct consensus *c)
{
	if (--c->inside == 0)
		pthread_cond_broadcast(&c->nobody_inside);
}

/* Waits to be told and takes itself off the list. */
static enum err wait_to_be_told(struct consensus *c, struct waiter **list, struct waiter *waiter, deadline_ms deadline)
{
	struct timespec until = moment_of(deadline);
	pthread_mutex_lock(&c->waiter_lock);
	while (!waiter->done && pthread_cond_timedwait(&waiter->told, &c->waiter_lock, &until) == 0)
		;
	take_out_locked(list, waiter);
	pthread_mutex_unlock(&c->waiter_lock);
	pthread_cond_destroy(&waiter->told);
	return waiter->done ? waiter->err : ERR_TIMEOUT;
}

/* After this `c` may be gone. */
static void leave(struct consensus *c)
{
	pthread_mutex_lock(&c->waiter_lock);
	leave_locked(c);
	pthread_mutex_unlock(&c->waiter_lock);
}

static void tell_locked(struct waiter *waiter, enum err err, uint64_t index)
{
	if (waiter->done)
		return;
	waiter->done = true;
	waiter->err = err;
	waiter->index = index;
	pthread_cond_signal(&waiter->told);
}

static struct waiter **bucket_of(struct consensus *c, const struct id *request)
{
	unsigned hash;
	memcpy(&hash, request->bytes, sizeof hash); /* ids are random or hashes */
	return &c->proposals[hash % PROPOSAL_BUCKETS];
}

static void tell_request_locked(struct consensus *c, const struct id *request, enum err err, uint64_t index)
{
	for (struct waiter *waiter = *bucket_of(c, request); waiter; waiter = waiter->next)
		if (id_equal(&waiter->request, request))
			tell_locked(waiter, err, index);
}

void consensus_tell_applied(struct consensus *c, uint64_t index, const struct applied_request *requests, size_t count)
{
	pthread_mutex_lock(&c->waiter_lock);
	c->applied = index;
	for (size_t i = 0; i < count; i++)
		tell_request_locked(c, &requests[i].request, ERR_OK, requests[i].index);
	for (struct waiter *waiter = c->indexes; waiter; waiter = waiter->next)
		if (waiter->least <= index)
			tell_locked(waiter, ERR_OK, index);
	pthread_mutex_unlock(&c->waiter_lock);
}

void consensus_tell_finished(struct consensus *c, uint64_t ticket, enum err err, uint64_t index,
                             const struct complaint *complaint)
{
	pthread_mutex_lock(&c->waiter_lock);
	for (struct waiter *waiter = c->tickets; waiter; waiter = waiter->next) {
		if (waiter->ticket != ticket)
			continue;
		if (!waiter->done && waiter->complaint && complaint)
			*waiter->complaint = *complaint;
		tell_locked(waiter, err, index);
	}
	pthread_mutex_unlock(&c->waiter_lock);
}

static void tell_all_locked(struct waiter *waiter, enum err err)
{
	for (; waiter; waiter = waiter->next) {
		if (!waiter->done)
			complain(waiter->complaint, err, "this node is stopping");
		tell_locked(waiter, err, 0);
	}
}

void consensus_tell_closed(struct consensus *c)
{
	pthread_mutex_lock(&c->waiter_lock);
	c->is_closed = true;
	for (size_t i = 0; i < PROPOSAL_BUCKETS; i++)
		tell_all_locked(c->proposals[i], ERR_CLOSED);
	tell_all_locked(c->tickets, ERR_CLOSED);
	tell_all_locked(c->indexes, ERR_CLOSED);
	pthread_cond_broadcast(&c->status_changed);
	pthread_mutex_unlock(&c->waiter_lock);
}

void consensus_close_calls(struct consensus *c)
{
	consensus_tell_closed(c);
	pthread_mutex_lock(&c->waiter_lock);
	while (c->inside)
		pthread_cond_wait(&c->nobody_inside, &c->waiter_lock);
	pthread_mutex_unlock(&c->waiter_lock);
}

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
		tell_request_locked(c, &proposal->request, err, 0);
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
	for (struct waiter *waiter = *bucket_of(c, &proposal->request); waiter; waiter = waiter->next)
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
	struct waiter **bucket = bucket_of(c, request);
	if (!enter(c, bucket, &waiter)) {
		free(proposal);
		return ERR_CLOSED;
	}
	consensus_post(c, &proposal->event);
	enum err err = wait_to_be_told(c, bucket, &waiter, deadline);
	if (err == ERR_TIMEOUT)
		withdraw(c, request);
	leave(c);
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
	if (!enter(c, &c->indexes, &waiter))
		return ERR_CLOSED;
	pthread_mutex_lock(&c->waiter_lock);
	if (c->applied >= index) /* since we looked */
		tell_locked(&waiter, ERR_OK, index);
	pthread_mutex_unlock(&c->waiter_lock);
	enum err err = wait_to_be_told(c, &c->indexes, &waiter, deadline);
	leave(c);
	return err;
}

uint64_t consensus_applied(struct consensus *c)
{
	return c->applied;
}

/* ------------------------------------------------------------------ tickets */

enum ask { ASK_BARRIER, ASK_ADD, ASK_PROMOTE, ASK_REMOVE, ASK_TRANSFER, ASK_SNAPSHOT };

struct ask_event {
	struct event event;
	enum ask what;
	uint64_t ticket, id;
	deadline_ms deadline;
	struct consensus_node node;
};

static void run_ask(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	struct ask_event *ask = (struct ask_event *)event;
	struct complaint closed = { "this node is stopping" };
	if (!driver)
		consensus_tell_finished(c, ask->ticket, ERR_CLOSED, 0, &closed);
	else if (ask->what == ASK_BARRIER)
		driver_barrier(driver, now, ask->ticket, ask->deadline);
	else if (ask->what == ASK_ADD)
		driver_add(driver, now, ask->ticket, ask->deadline, &ask->node);
	else if (ask->what == ASK_PROMOTE)
		driver_promote(driver, now, ask->ticket, ask->deadline, ask->id);
	else if (ask->what == ASK_REMOVE)
		driver_remove(driver, now, ask->ticket, ask->deadline, ask->id);
	else if (ask->what == ASK_TRANSFER)
		driver_transfer(driver, now, ask->ticket, ask->deadline, ask->id);
	else
		driver_snapshot(driver, now, ask->ticket, ask->deadline);
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
	if (!enter(c, &c->tickets, &waiter)) {
		free(event);
		return complain(complaint, ERR_CLOSED, "this node is stopping");
	}
	consensus_post(c, &event->event);
	deadline_ms last = deadline > DEADLINE_NEVER - TICKET_GRACE_MS ? deadline : deadline + TICKET_GRACE_MS;
	enum err err = wait_to_be_told(c, &c->tickets, &waiter, last);
	leave(c);
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

enum err consensus_snapshot(struct consensus *c, deadline_ms deadline, uint64_t *index)
{
	return ask(c, ASK_SNAPSHOT, 0, NULL, deadline, index, NULL);
}

/* ------------------------------------------------------------------ status */

static void add_what_the_world_knows(struct consensus *c, struct consensus_status *status)
{
	for (size_t i = 0; i < status->peer_count; i++) {
		struct peer_state state = peers_state(c->peers, status->peers[i].node.id);
		status->peers[i].connected = state.connected;
		status->peers[i].heard_ms_ago = state.heard_ms_ago;
	}
	status->frames_refused = peers_refused(c->peers);
	status->log_syncs = log_store_syncs(c->log);
}

static void run_status(struct consensus *c, struct driver *driver, struct moment now, struct event *event)
{
	(void)now;
	free(event);
	if (!driver)
		return;
	struct consensus_status *status = calloc(1, sizeof *status);
	if (!status)
		return;
	driver_status(driver, status);
	add_what_the_world_knows(c, status);
	pthread_mutex_lock(&c->waiter_lock);
	c->status = *status;
	c->status_given = c->status_wanted;
	pthread_cond_broadcast(&c->status_changed);
	pthread_mutex_unlock(&c->waiter_lock);
	free(status);
}

/* Asked of the raft thread; if that is busy for long (a snapshot is being restored), what was last known has to do. */
void consensus_status(struct consensus *c, struct consensus_status *out)
{
	struct event *event = calloc(1, sizeof *event);
	struct timespec until = moment_of(deadline_in(STATUS_MS));
	pthread_mutex_lock(&c->waiter_lock);
	uint64_t mine = ++c->status_wanted;
	bool is_open = !c->is_closed && event;
	c->inside += is_open;
	pthread_mutex_unlock(&c->waiter_lock);
	if (is_open) {
		event->run = run_status;
		consensus_post(c, event);
	} else
		free(event);
	pthread_mutex_lock(&c->waiter_lock);
	while (is_open && !c->is_closed && c->status_given < mine)
		if (pthread_cond_timedwait(&c->status_changed, &c->waiter_lock, &until) != 0)
			break;
	*out = c->status;
	if (is_open)
		leave_locked(c);
	pthread_mutex_unlock(&c->waiter_lock);
}
