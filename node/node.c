#include "node/node.h"
#include "base/log.h"
#include "node/founding.h"
#include "node/ticket.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char *const state_names[] = {
	[NODE_STARTING] = "starting",
	[NODE_SERVING] = "serving",
	[NODE_STOPPING] = "stopping",
	[NODE_TOKEN_OUT] = "token out",
	[NODE_NEEDS_ENROLMENT] = "needs enrolment",
};

const char *node_state_name(enum node_state state)
{
	return state_names[state];
}

enum node_state node_state(const struct node *node)
{
	return (enum node_state)atomic_load(&node->state);
}

void node_set_state(struct node *node, enum node_state state)
{
	int before = atomic_load(&node->state);
	do {
		if (before == (int)state || before == NODE_STOPPING)
			return;
		if (before == NODE_NEEDS_ENROLMENT && state != NODE_STOPPING)
			return;
	} while (!atomic_compare_exchange_weak(&node->state, &before, (int)state));
	log_info("node", "state=\"%s\" was=\"%s\"", state_names[state], state_names[before]);
}

enum err node_check_domain(struct node *node, struct complaint *complaint)
{
	struct buf agreed;
	buf_init(&agreed, 1024);
	enum err err = directory_setting(node->directory, SETTING_DOMAIN, &agreed);
	if (err == ERR_NOT_FOUND)
		err = ERR_OK; /* a cluster that has not agreed yet */
	else if (err == ERR_OK && (agreed.size != DOMAIN_ID_SIZE ||
	                           memcmp(agreed.data, domain_id(node->domain), DOMAIN_ID_SIZE) != 0))
		err = complain(complaint, ERR_CONFIG,
		               "%s: this token belongs to another domain than the cluster; initialise it anew and enrol it: cratond -c FILE domain enroll",
		               node->config->uri);
	buf_finish(&agreed);
	return err;
}

bool node_learn_domain(struct node *node)
{
	struct complaint why = { "" };
	if (node_check_domain(node, &why) == ERR_OK)
		return true;
	node_set_state(node, NODE_NEEDS_ENROLMENT);
	log_error("node", "%s", why.text);
	return false;
}

/* What the directory tells us, on the raft thread. */
static void object_gone(void *context, const struct id *id)
{
	struct node *node = context;
	keyring_forget(node->keyring, id);
	housekeeping_due(node->housekeeping);
}

static void slot_reset(void *context, uint32_t slot)
{
	struct node *node = context;
	keyring_forget_slot(node->keyring, slot);
	housekeeping_due(node->housekeeping);
}

static void setting_changed(void *context)
{
	settings_learn(context);
}

static void everything(void *context)
{
	struct node *node = context;
	keyring_forget_all(node->keyring);
	housekeeping_due(node->housekeeping);
	settings_learn(node);
	node_learn_domain(node);
}

static enum err open_token(struct node *node, struct complaint *complaint)
{
	struct token_config config = {
		.module = node->config->module,
		.uri = node->config->uri,
		.pin = node->token_pin,
		.sessions_max = (size_t)node->config->sessions,
	};
	enum err err = token_open(&config, &node->token, complaint);
	if (err == ERR_OK)
		err = domain_open(node->token, &node->domain, complaint);
	if (err == ERR_OK && !(node->keyring = keyring_create(node->domain, (size_t)node->config->keys)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->housekeeping = housekeeping_start(node->keyring)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->armory = armory_create(node->keyring, (size_t)node->config->sessions)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->multiparts = multiparts_create(node->keyring, (size_t)node->config->sessions / 2, MULTIPART_SILENCE_MS)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	return err;
}

static enum err open_directory(struct node *node, struct complaint *complaint)
{
	const struct node_config *config = node->config;
	struct directory_watch watch = { object_gone, slot_reset, setting_changed, everything, node };
	bool fresh;
	enum err err = state_folder_is_fresh(node->folder, config->id, config->name, &fresh, complaint);
	if (err == ERR_OK)
		err = directory_open(config->state_folder, node->cluster_secret, fresh, &node->directory, complaint);
	if (err == ERR_OK && fresh)
		err = state_folder_claim(node->folder, config->id, config->name, complaint);
	if (err == ERR_OK)
		err = node_check_domain(node, complaint);
	if (err == ERR_OK) {
		settings_learn(node);
		directory_set_watch(node->directory, &watch);
	}
	return err;
}

static enum err open_parts(struct node *node, struct complaint *complaint)
{
	const struct node_config *config = node->config;
	enum err err = node_load_cluster_secret(config, &node->cluster_secret, complaint);
	if (err == ERR_OK)
		err = node_load_token_pin(config, &node->token_pin, complaint);
	if (err == ERR_OK)
		err = node_load_tls(config, &node->tls, complaint);
	if (err == ERR_OK)
		err = state_folder_lock(config->state_folder, &node->folder, complaint);
	if (err != ERR_OK)
		return err;
	node->ticket_key = ticket_key(node->cluster_secret);
	node->attempts = attempts_create();
	if (!node->ticket_key || !node->attempts)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	err = open_token(node, complaint);
	return err == ERR_OK ? open_directory(node, complaint) : err;
}

enum err node_open(const struct node_config *config, struct node **out, struct complaint *complaint)
{
	struct node *node = calloc(1, sizeof *node);
	*out = NULL;
	if (!node)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	node->config = config;
	node->started_ms = clock_ms();
	enum err err = open_parts(node, complaint);
	if (err != ERR_OK) {
		node_close(node);
		return err;
	}
	*out = node;
	return ERR_OK;
}

/* Consensus has said why. What others may count on is on disk; anything more would be guessing. */
static void consensus_failed(void *context)
{
	(void)context;
	log_error("node", "consensus cannot go on; the process ends");
	_exit(EX_SOFTWARE);
}

static void list_founders(const struct node_config *config, struct consensus_node founders[FOUNDERS_MAX])
{
	for (size_t i = 0; i < config->founder_count; i++) {
		const struct node_founder *from = &config->founders[i];
		founders[i] = (struct consensus_node){
			.id = (uint64_t)from->id, .address = from->address, .voter = true
		};
		memcpy(founders[i].name, from->name, strlen(from->name) + 1); /* judged by config_check.c */
	}
}

bool node_has_leader(struct node *node)
{
	struct consensus_status status;
	consensus_status(node->consensus, &status);
	return status.leader != 0;
}

#define ELECTIONS_AWAITED 2
#define CATCHING_UP_MS 60000

/* What the others agreed on while we were away must not be unknown to our first answer. Without a majority there is nobody who
 * could tell, and what we have is served as it is. */
static void catch_up(struct node *node)
{
	uint64_t index;
	deadline_ms last = deadline_in(CATCHING_UP_MS);
	enum err err;
	do
		err = consensus_barrier(node->consensus, deadline_in(ELECTIONS_AWAITED * node->config->election_ms), &index);
	while (err == ERR_TIMEOUT && node_has_leader(node) && !deadline_passed(last));
	if (err != ERR_OK)
		log_warn("node", "serving without having heard from a majority err=%s applied=%llu", err_name(err),
		         (unsigned long long)consensus_applied(node->consensus));
}

enum err node_start(struct node *node, struct complaint *complaint)
{
	const struct node_config *config = node->config;
	struct consensus_node founders[FOUNDERS_MAX];
	list_founders(config, founders);
	struct consensus_config consensus = {
		.folder = config->state_folder,
		.self = (uint64_t)config->id,
		.listen = config->raft_listen,
		.founders = founders,
		.founder_count = config->founder_count,
		.tls = node->tls,
		.secret = node->cluster_secret,
		.election_ms = config->election_ms,
		.heartbeat_ms = config->heartbeat_ms,
		.message_age_ms_max = config->message_age_ms_max,
		.snapshot_entries = (uint64_t)config->snapshot_entries,
		.trailing_entries = (uint64_t)config->trailing_entries,
		.machine_ops = &directory_machine,
		.machine = node->directory,
		.fatal = consensus_failed,
		.context = node,
	};
	enum err err = consensus_start(&consensus, &node->consensus, complaint);
	if (err != ERR_OK)
		return err;
	if (!(node->founding = founding_start(node)))
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	if ((err = probe(node->domain, &config->wishes, &node->capabilities)) != ERR_OK)
		return complain(complaint, err, "%s: the token can't make, seal and use keys (%s); see the lines above, and the module's own messages",
		                config->uri, err_name(err));
	catch_up(node);
	node_set_state(node, NODE_SERVING);
	return ERR_OK;
}

void node_stop(struct node *node, deadline_ms deadline)
{
	node_set_state(node, NODE_STOPPING);
	founding_stop(node->founding);
	node->founding = NULL;
	if (node->consensus)
		consensus_stop(node->consensus, deadline);
	node->consensus = NULL;
}

void node_hand_over(struct node *node, deadline_ms deadline)
{
	struct complaint why = { "" };
	enum err err = consensus_transfer(node->consensus, 0, deadline, &why);
	if (err != ERR_OK && err != ERR_NOT_LEADER)
		log_warn("node", "leadership not handed over err=%s: %s", err_name(err), why.text);
}

void node_close(struct node *node)
{
	if (!node)
		return;
	if (node->consensus)
		node_stop(node, deadline_in(0));
	if (node->directory)
		directory_close(node->directory);
	housekeeping_stop(node->housekeeping);
	armory_destroy(node->armory);
	multiparts_destroy(node->multiparts);
	keyring_destroy(node->keyring);
	capabilities_finish(&node->capabilities);
	if (node->domain)
		domain_close(node->domain);
	if (node->token)
		token_close(node->token);
	attempts_destroy(node->attempts);
	state_folder_unlock(node->folder);
	if (node->tls)
		tls_destroy(node->tls);
	secret_destroy(node->ticket_key);
	secret_destroy(node->token_pin);
	secret_destroy(node->cluster_secret);
	free(node);
}
