/* What the node is to others: its life, and what its token is, as one. */
#include "base/log.h"
#include "node/node.h"

static const char *const state_names[] = {
	[NODE_STARTING] = "starting",
	[NODE_SERVING] = "serving",
	[NODE_STOPPING] = "stopping",
	[NODE_TOKEN_OUT] = "token out",
	[NODE_TOKEN_HANGS] = "token hangs",
	[NODE_NEEDS_ENROLMENT] = "needs enrolment",
};

const char *node_state_name(enum node_state state)
{
	return state_names[state];
}

enum node_state node_token_state(const struct node *node)
{
	return (enum node_state)atomic_load(&node->token_state);
}

bool node_is_up(const struct node *node)
{
	return atomic_load(&node->life) == NODE_SERVING;
}

static enum node_state compose(enum node_state life, enum node_state token)
{
	if (life == NODE_STOPPING || token == NODE_SERVING)
		return life;
	return token;
}

enum node_state node_state(const struct node *node)
{
	return compose((enum node_state)atomic_load(&node->life), node_token_state(node));
}

static void say_state(enum node_state before, enum node_state now, const char *why)
{
	if (now == before)
		return;
	if (now == NODE_NEEDS_ENROLMENT)
		log_error("node", "state=\"%s\" was=\"%s\" why=\"%s\" do=\"initialise the token, stop the node, then: cratond -c FILE domain enroll\"",
		          state_names[now], state_names[before], why);
	else if (*why)
		log_warn("node", "state=\"%s\" was=\"%s\" why=\"%s\"", state_names[now], state_names[before], why);
	else
		log_info("node", "state=\"%s\" was=\"%s\"", state_names[now], state_names[before]);
}

void node_set_state(struct node *node, enum node_state state)
{
	pthread_mutex_lock(&node->state_lock);
	enum node_state before = node_state(node);
	if (atomic_load(&node->life) != NODE_STOPPING)
		atomic_store(&node->life, (int)state);
	enum node_state now = node_state(node);
	pthread_mutex_unlock(&node->state_lock);
	say_state(before, now, "");
}

void node_set_token(struct node *node, enum node_state state, const char *why)
{
	pthread_mutex_lock(&node->state_lock);
	enum node_state before = node_state(node);
	if (node_token_state(node) != NODE_TOKEN_HANGS || state == NODE_TOKEN_OUT)
		atomic_store(&node->token_state, (int)state);
	enum node_state now = node_state(node);
	pthread_mutex_unlock(&node->state_lock);
	say_state(before, now, why);
}
