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

enum node_state { NODE_STARTING, NODE_SERVING, NODE_STOPPING, NODE_TOKEN_OUT, NODE_NEEDS_ENROLMENT };

struct founding;

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
	_Atomic bool is_cut_off; /* contact was waited for in vain, and is not back; contact.c */
	_Atomic int state;       /* an enum node_state */
	int64_t started_ms;
};

/* Everything that can be refused before a peer or an application hears of us: secrets, certificate, token, domain,
 * directory. On an error nothing is left behind. `config` must outlive the node. */
enum err node_open(const struct node_config *config, struct node **out, struct complaint *complaint);
/* Joins its peers, sees what the token can do, and is then ready to serve. */
enum err node_start(struct node *node, struct complaint *complaint);
/* Hands leadership over (until the deadline) and leaves its peers. No call may be in progress. */
void node_stop(struct node *node, deadline_ms deadline);
/* Leadership alone, while calls that can't be waited for still run: the process ends right after. */
void node_hand_over(struct node *node, deadline_ms deadline);
void node_close(struct node *node); /* accepts NULL; stops first if need be */

/* Does it know of a leader (which may be itself)? */
bool node_has_leader(struct node *node);

enum node_state node_state(const struct node *node);
/* NODE_STOPPING is final, and a node that needs enrolment does not serve again. Logs the change. */
void node_set_state(struct node *node, enum node_state state);
const char *node_state_name(enum node_state state);

/* Ours, from the settings alone: for the daemon and for the domain commands. */
enum err node_load_cluster_secret(const struct node_config *config, struct secret **out, struct complaint *complaint);
enum err node_load_token_pin(const struct node_config *config, struct secret **out, struct complaint *complaint);
enum err node_load_tls(const struct node_config *config, struct tls **out, struct complaint *complaint);

/* Compares the domain the cluster has agreed on, if it has, with our token's. */
enum err node_check_domain(struct node *node, struct complaint *complaint);
/* The same while running: a token of another domain stops serving, with one line. */
bool node_learn_domain(struct node *node);
