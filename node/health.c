#include "node/health_private.h"
#include "base/log.h"
#include "base/wait.h"
#include "node/restart.h"
#include "node/signals.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS_MIN 10
#define LOOK_MS_MAX 250
#define BETWEEN_TRANSFERS_MS 1000
#define RARELY 10

bool health_rest(struct health *health, const bool *flag, int64_t ms)
{
	deadline_ms deadline = deadline_in(ms);
	pthread_mutex_lock(&health->lock);
	while (!health->is_stopping && !(flag && *flag) && !deadline_passed(deadline))
		wait_until(&health->changed, &health->lock, deadline);
	bool go_on = !health->is_stopping;
	pthread_mutex_unlock(&health->lock);
	return go_on;
}

/* Those that wait for a state of the node's look again. */
static void wake(struct health *health)
{
	pthread_mutex_lock(&health->lock);
	pthread_cond_broadcast(&health->changed);
	pthread_mutex_unlock(&health->lock);
}

void health_say(struct health *health, enum node_state state, const char *why)
{
	node_set_token(health->node, state, why);
	wake(health);
}

void health_take_out(struct health *health, enum node_state state, const char *why)
{
	token_shut(health->node->token);
	keyring_wake(health->node->keyring);
	health_say(health, state, why);
}

void health_tell(struct health *health)
{
	pthread_mutex_lock(&health->lock);
	health->is_told = true;
	pthread_cond_broadcast(&health->changed);
	pthread_mutex_unlock(&health->lock);
}

/* ---- the watch */

static void say_hanging(struct health *health, const struct token_call *call)
{
	char why[160];
	snprintf(why, sizeof why, "a call is in it for %lld ms, longer than [token] %s", (long long)call->age_ms,
	         call->work == TOKEN_WORK_LONG ? "generate_limit" : "answer_limit");
	health->hangs_since_ms = clock_ms();
	health_take_out(health, NODE_TOKEN_HANGS, why);
}

/* A thread of ours is lost, and with it whatever the module keeps locked; only a new process gets rid of both. One in which the token
 * has hung from the start is not helped by a next one soon, and its vote is missed meanwhile. */
static void restart_if_due(struct health *health)
{
	int64_t after_ms = health->node->config->restart_after_ms * (health->is_probed ? 1 : RARELY);
	int64_t hangs_ms = clock_ms() - health->hangs_since_ms;
	if (!after_ms || hangs_ms < after_ms)
		return;
	log_error("node", "the token has not come back, the process restarts itself hangs_ms=%lld restart_after_ms=%lld", (long long)hangs_ms,
	          (long long)after_ms);
	health->hangs_since_ms = clock_ms();
	restart_process();
}

/* Again and again: it may be elected again as long as its log is as good as the others'. */
static void lead_no_more(struct health *health)
{
	struct node *node = health->node;
	struct complaint why = { "" };
	int64_t now_ms = clock_ms();
	if (now_ms < health->next_transfer_ms || !node_leads(node))
		return;
	health->next_transfer_ms = now_ms + BETWEEN_TRANSFERS_MS;
	if (consensus_transfer(node->consensus, 0, deadline_in(node->config->election_ms), &why) == ERR_OK)
		log_info("node", "leadership handed over, the token is not at work");
}

static void say_who_should_lead(struct health *health, bool is_at_work)
{
	consensus_decline(health->node->consensus, !is_at_work);
	if (!is_at_work)
		lead_no_more(health);
}

static bool is_told_to_stop(const struct health *health)
{
	return node_state(health->node) == NODE_STOPPING;
}

/* While the node begins, the main thread has no time for signals: it may be waiting for a token that does not come back. */
static void heed_signals(struct health *health)
{
	if (node_is_up(health->node) || is_told_to_stop(health) || !signals_end_waits())
		return;
	node_set_state(health->node, NODE_STOPPING);
	wake(health);
}

static void look(struct health *health)
{
	struct node *node = health->node;
	const int64_t limits_ms[TOKEN_WORK_COUNT] = {
		[TOKEN_WORK_SHORT] = node->config->answer_limit_ms, [TOKEN_WORK_LONG] = node->config->generate_limit_ms
	};
	struct token_call call;
	heed_signals(health);
	if (is_told_to_stop(health))
		return;
	bool hangs = token_overdue(node->token, limits_ms, &call), did_hang = node_token_state(node) == NODE_TOKEN_HANGS;
	if (hangs && !did_hang)
		say_hanging(health, &call);
	else if (hangs)
		restart_if_due(health);
	else if (did_hang)
		health_say(health, NODE_TOKEN_OUT, "the call has come back; it is started afresh");
	if (node_is_up(node))
		say_who_should_lead(health, node_token_state(node) == NODE_SERVING);
}

static int64_t time_between_looks(const struct node_config *config)
{
	int64_t shortest_ms = config->answer_limit_ms < config->generate_limit_ms ? config->answer_limit_ms : config->generate_limit_ms;
	int64_t ms = shortest_ms / 4;
	return ms < LOOK_MS_MIN ? LOOK_MS_MIN : ms > LOOK_MS_MAX ? LOOK_MS_MAX : ms;
}

static void *watch(void *context)
{
	struct health *health = context;
	int64_t between_ms = time_between_looks(health->node->config);
	while (health_rest(health, NULL, between_ms))
		look(health);
	return NULL;
}

/* ---- beginning and end */

enum err health_opened(struct health *health, bool is_patient, struct complaint *complaint)
{
	struct node *node = health->node;
	deadline_ms deadline = is_patient ? DEADLINE_NEVER : deadline_in(node->config->answer_limit_ms + 2 * LOOK_MS_MAX);
	pthread_mutex_lock(&health->lock);
	while (!health->is_tried && !is_told_to_stop(health) && !deadline_passed(deadline) &&
	       (is_patient || node_token_state(node) != NODE_TOKEN_HANGS))
		wait_until(&health->changed, &health->lock, deadline);
	enum err err = is_told_to_stop(health) ? ERR_CLOSED : health->is_tried ? health->first : ERR_TIMEOUT;
	if (health->is_tried)
		*complaint = health->first_why;
	else
		complain(complaint, err, "it is still being opened");
	pthread_mutex_unlock(&health->lock);
	return err;
}

void health_go_on(struct health *health)
{
	pthread_mutex_lock(&health->lock);
	health->may_go_on = true;
	pthread_cond_broadcast(&health->changed);
	pthread_mutex_unlock(&health->lock);
}

void health_await(struct health *health)
{
	pthread_mutex_lock(&health->lock);
	while (node_token_state(health->node) == NODE_STARTING && !is_told_to_stop(health))
		pthread_cond_wait(&health->changed, &health->lock);
	pthread_mutex_unlock(&health->lock);
}

/* Signals are for the main thread. */
static bool start_thread(pthread_t *thread, void *(*run)(void *), struct health *health)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool ok = pthread_create(thread, NULL, run, health) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

struct health *health_start(struct node *node)
{
	struct health *health = calloc(1, sizeof *health);
	if (!health)
		return NULL;
	health->node = node;
	pthread_mutex_init(&health->lock, NULL);
	pthread_cond_init(&health->changed, NULL);
	health->is_watched = start_thread(&health->watch_thread, watch, health);
	health->is_cared_for = health->is_watched && start_thread(&health->care_thread, health_care, health);
	if (health->is_cared_for)
		return health;
	health_stop(health, DEADLINE_NEVER);
	health_destroy(health);
	return NULL;
}

static bool await_end(struct health *health, deadline_ms deadline)
{
	pthread_mutex_lock(&health->lock);
	health->is_stopping = true;
	pthread_cond_broadcast(&health->changed);
	while (health->is_cared_for && !health->has_ended && !deadline_passed(deadline))
		wait_until(&health->changed, &health->lock, deadline);
	bool has_ended = health->has_ended || !health->is_cared_for;
	pthread_mutex_unlock(&health->lock);
	return has_ended;
}

bool health_stop(struct health *health, deadline_ms deadline)
{
	if (!health)
		return true;
	bool has_ended = await_end(health, deadline);
	if (health->is_watched)
		pthread_join(health->watch_thread, NULL);
	health->is_watched = false;
	if (has_ended && health->is_cared_for) {
		pthread_join(health->care_thread, NULL);
		health->is_cared_for = false;
	}
	return has_ended;
}

void health_destroy(struct health *health)
{
	if (!health)
		return;
	pthread_cond_destroy(&health->changed);
	pthread_mutex_destroy(&health->lock);
	free(health);
}
