/* One node: its token, its directory, its part in consensus, put together in the order in which they must be sound. */
#pragma once
#include "backend/armory.h"
#include "backend/probe.h"
#include "node/attempts.h"
#include "node/config.h"
#include "node/counters.h"
#include "node/housekeeping.h"
#include "node/multipart.h"
#include "node/settings.h"
#include "node/state_folder.h"
#include "raft/consensus.h"
#include "store/directory.h"

enum node_state { NODE_STARTING, NODE_SERVING, NODE_STOPPING, NODE_TOKEN_OUT, NODE_TOKEN_HANGS, NODE_NEEDS_ENROLMENT };

struct founding;
struct health;

/* What a call may touch. All of it outlives every connection. */
struct node {
	const struct node_config *config;
	struct state_folder *folder;
	struct secret *cluster_secret, *token_pin, *ticket_key;
	struct tls *tls;
	struct token *token;
	struct domain *domain;
	struct keyring *keyring;
	struct housekeeping *housekeeping;
	struct armory *armory;
	struct multiparts *multiparts;
	struct capabilities capabilities;
	struct directory *directory;
	struct consensus *consensus;
	struct attempts *attempts;
	struct founding *founding;
	struct counters counters;
	struct settings settings;
	int certificate, authority; /* each an enum certificate, as it was last said of ours and of its authority's; the main thread's */
	_Atomic bool is_cut_off; /* contact was waited for in vain, and is not back; contact.c */
	struct health *health;
	pthread_mutex_t state_lock;
	_Atomic int life;        /* an enum node_state: starting, serving, stopping */
	_Atomic int token_state; /* another: starting (not tried yet), serving (well), or what is wrong */
	int64_t started_ms;
};

/* Everything that can be refused before a peer or an application hears of us: secrets, certificate, token, domain,
 * directory. A node that has been a member before begins also without a token that is at work: its vote counts, and the token may come
 * back. *out is to be closed on an error, too (NULL if there is nothing). `config` must outlive the node. */
enum err node_open(const struct node_config *config, struct node **out, struct complaint *complaint);
/* Joins its peers, sees what the token can do, and is then ready to serve as far as its token is. Both give ERR_CLOSED, and the life is
 * NODE_STOPPING, where the process is told to end before that. */
enum err node_start(struct node *node, struct complaint *complaint);
/* Hands leadership over (until the deadline) and leaves its peers. No call of a client's may be in progress. */
void node_stop(struct node *node, deadline_ms deadline);
/* Leadership alone, while calls that can't be waited for still run: the process ends right after. */
void node_hand_over(struct node *node, deadline_ms deadline);
/* Accepts NULL; stops first if need be. False where a call does not come back from the token: what it may touch is left as it is, and the
 * process is to end by _exit, for the module's own deeds at exit may wait for that call. */
bool node_close(struct node *node);

/* Does it know of a leader (which may be itself)? */
bool node_has_leader(struct node *node);
bool node_leads(struct node *node);

/* What the node is to others: stopping; else what is wrong with its token; else starting or serving. */
enum node_state node_state(const struct node *node);
/* Its life: NODE_STARTING, NODE_SERVING, NODE_STOPPING, in this order and never back. Logs a change of node_state. */
void node_set_state(struct node *node, enum node_state state);
/* Its token: NODE_SERVING (well), NODE_TOKEN_OUT, NODE_TOKEN_HANGS, NODE_NEEDS_ENROLMENT; `why` in words for the log. One that hangs
 * can only be out next: whoever else has found something was not there when it began to. */
void node_set_token(struct node *node, enum node_state state, const char *why);
enum node_state node_token_state(const struct node *node);
bool node_is_up(const struct node *node); /* it has joined its peers, and is not stopping */
const char *node_state_name(enum node_state state);

/* Ours, from the settings alone: for the daemon and for the domain commands. */
enum err node_load_cluster_secret(const struct node_config *config, struct secret **out, struct complaint *complaint);
enum err node_load_token_pin(const struct node_config *config, struct secret **out, struct complaint *complaint);
enum err node_load_tls(const struct node_config *config, struct tls **out, struct complaint *complaint);

/* Compares the domain the cluster has agreed on, if it has, with our token's. */
enum err node_check_domain(struct node *node, struct complaint *complaint);
/* The same while running: a token of another domain stops serving, with one line. From any thread. */
bool node_learn_domain(struct node *node);
