/* Whoever waits for consensus: on their own stack, in a list, until the raft thread tells them. */
#include "raft/consensus_internal.h"
#include "base/wait.h"
#include <string.h>

void consensus_calls_init(struct consensus *c)
{
	pthread_mutex_init(&c->waiter_lock, NULL);
	pthread_cond_init(&c->nobody_inside, NULL);
	pthread_cond_init(&c->status_changed, NULL);
	pthread_cond_init(&c->queue_changed, NULL);
}

void consensus_calls_finish(struct consensus *c)
{
	pthread_cond_destroy(&c->queue_changed);
	pthread_cond_destroy(&c->status_changed);
	pthread_cond_destroy(&c->nobody_inside);
	pthread_mutex_destroy(&c->waiter_lock);
}

void waiter_init(struct waiter *waiter, struct complaint *complaint)
{
	*waiter = (struct waiter){ .err = ERR_TIMEOUT, .complaint = complaint };
	pthread_cond_init(&waiter->told, NULL);
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

bool waiter_enter(struct consensus *c, struct waiter **list, struct waiter *waiter)
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

void waiter_leave_locked(struct consensus *c)
{
	if (--c->inside == 0)
		pthread_cond_broadcast(&c->nobody_inside);
}

/* Waits to be told and takes itself off the list. */
enum err waiter_wait(struct consensus *c, struct waiter **list, struct waiter *waiter, deadline_ms deadline)
{
	pthread_mutex_lock(&c->waiter_lock);
	while (!waiter->done && wait_until(&waiter->told, &c->waiter_lock, deadline))
		;
	take_out_locked(list, waiter);
	pthread_mutex_unlock(&c->waiter_lock);
	pthread_cond_destroy(&waiter->told);
	return waiter->done ? waiter->err : ERR_TIMEOUT;
}

/* After this `c` may be gone. */
void waiter_leave(struct consensus *c)
{
	pthread_mutex_lock(&c->waiter_lock);
	waiter_leave_locked(c);
	pthread_mutex_unlock(&c->waiter_lock);
}

void waiter_tell_locked(struct waiter *waiter, enum err err, uint64_t index)
{
	if (waiter->done)
		return;
	waiter->done = true;
	waiter->err = err;
	waiter->index = index;
	pthread_cond_signal(&waiter->told);
}

struct waiter **waiter_bucket(struct consensus *c, const struct id *request)
{
	unsigned hash;
	memcpy(&hash, request->bytes, sizeof hash); /* ids are random or hashes */
	return &c->proposals[hash % PROPOSAL_BUCKETS];
}

void waiter_tell_request_locked(struct consensus *c, const struct id *request, enum err err, uint64_t index)
{
	for (struct waiter *waiter = *waiter_bucket(c, request); waiter; waiter = waiter->next)
		if (id_equal(&waiter->request, request))
			waiter_tell_locked(waiter, err, index);
}

void consensus_tell_applied(struct consensus *c, uint64_t index, const struct applied_request *requests, size_t count)
{
	pthread_mutex_lock(&c->waiter_lock);
	c->applied = index;
	for (size_t i = 0; i < count; i++)
		waiter_tell_request_locked(c, &requests[i].request, ERR_OK, requests[i].index);
	for (struct waiter *waiter = c->indexes; waiter; waiter = waiter->next)
		if (waiter->least <= index)
			waiter_tell_locked(waiter, ERR_OK, index);
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
		waiter_tell_locked(waiter, err, index);
	}
	pthread_mutex_unlock(&c->waiter_lock);
}

static void tell_all_locked(struct waiter *waiter, enum err err)
{
	for (; waiter; waiter = waiter->next) {
		if (!waiter->done)
			complain(waiter->complaint, err, "this node is stopping");
		waiter_tell_locked(waiter, err, 0);
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
