/* How things stand, as the raft thread sees them. */
#include "raft/consensus_internal.h"
#include "base/wait.h"
#include <stdlib.h>

#define STATUS_MS 250 /* patience with a raft thread that is busy */

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
	deadline_ms until = deadline_in(STATUS_MS);
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
	while (is_open && !c->is_closed && c->status_given < mine && wait_until(&c->status_changed, &c->waiter_lock, until))
		;
	*out = c->status;
	if (is_open)
		waiter_leave_locked(c);
	pthread_mutex_unlock(&c->waiter_lock);
}
