#include "node/node.h"
#include "base/log.h"
#include "node/founding.h"
#include "node/health.h"
#include "node/ticket.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

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
	if (!domain_is_known(node->domain) || node_check_domain(node, &why) == ERR_OK)
		return true;
	node_set_token(node, NODE_NEEDS_ENROLMENT, why.text);
	if (node->health)
		health_tell(node->health);
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

/* What uses the token is there before the token is opened: it may be opened later, and again. */
static enum err load_token(struct node *node, struct complaint *complaint)
{
	struct token_config config = {
		.module = node->config->module,
		.uri = node->config->uri,
		.pin = node->token_pin,
		.sessions_max = (size_t)node->config->sessions,
	};
	enum err err = token_load(&config, &node->token, complaint);
	if (err == ERR_OK && !(node->domain = domain_new(node->token)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->keyring = keyring_create(node->domain, (size_t)node->config->keys)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->housekeeping = housekeeping_start(node->keyring)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->armory = armory_create(node->keyring, (size_t)node->config->sessions)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->multiparts = multiparts_create(node->keyring, (size_t)node->config->sessions / 2, MULTIPART_SILENCE_MS)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	if (err == ERR_OK && !(node->health = health_start(node)))
		err = complain(complaint, ERR_NO_MEMORY, "out of memory");
	return err;
}

/* A mistake of whoever set the node up ends its start. So does any trouble of a token that was never a member's; a member's may come
 * back. */
static enum err open_token(struct node *node, bool is_fresh, struct complaint *complaint)
{
	enum err err = load_token(node, complaint);
	if (err != ERR_OK)
		return err;
	err = health_opened(node->health, is_fresh, complaint);
	if (err == ERR_OK || is_fresh || err == ERR_CONFIG || err == ERR_NO_MEMORY || node_state(node) == NODE_STOPPING)
		return err;
	if (node_token_state(node) != NODE_TOKEN_HANGS)
		node_set_token(node, health_state_of(err), complaint->text);
	return ERR_OK;
}

static enum err open_directory(struct node *node, bool is_fresh, struct complaint *complaint)
{
	const struct node_config *config = node->config;
	struct directory_watch watch = { object_gone, slot_reset, setting_changed, everything, node };
	enum err err = directory_open(config->state_folder, node->cluster_secret, is_fresh, &node->directory, complaint);
	if (err == ERR_OK && is_fresh)
		err = state_folder_claim(node->folder, config->id, config->name, complaint);
	if (err != ERR_OK)
		return err;
	node_learn_domain(node);
	settings_learn(node);
	directory_set_watch(node->directory, &watch);
	return ERR_OK;
}

static enum err open_parts(struct node *node, struct complaint *complaint)
{
	const struct node_config *config = node->config;
	bool is_fresh;
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
	err = state_folder_is_fresh(node->folder, config->id, config->name, &is_fresh, complaint);
	if (err == ERR_OK)
		err = open_token(node, is_fresh, complaint);
	if (err == ERR_OK)
		err = open_directory(node, is_fresh, complaint);
	if (err == ERR_OK)
		health_go_on(node->health);
	return err;
}

enum err node_open(const struct node_config *config, struct node **out, struct complaint *complaint)
{
	struct node *node = calloc(1, sizeof *node);
	*out = NULL;
	if (!node)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	node->config = config;
	node->started_ms = clock_ms();
	pthread_mutex_init(&node->state_lock, NULL);
	*out = node;
	return open_parts(node, complaint);
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

bool node_leads(struct node *node)
{
	struct consensus_status status;
	consensus_status(node->consensus, &status);
	return status.role == ROLE_LEADER;
}

#define ELECTIONS_AWAITED 2
#define LEAVING_MS 1000 /* for calls in the token, when nobody waits for them any more */
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
	while (err == ERR_TIMEOUT && node_has_leader(node) && !deadline_passed(last) && node_state(node) != NODE_STOPPING);
	if (err != ERR_OK && node_state(node) != NODE_STOPPING)
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
		.contact_ms = config->contact_ms,
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
	catch_up(node); /* while the token is being tried */
	health_await(node->health);
	node_set_state(node, NODE_SERVING);
	return node_is_up(node) ? ERR_OK : complain(complaint, ERR_CLOSED, "told to stop before it served");
}

void node_stop(struct node *node, deadline_ms deadline)
{
	node_set_state(node, NODE_STOPPING);
	health_stop(node->health, deadline_in(0)); /* the watch, which uses consensus; whoever is in the token keeps nobody from leading in our place */
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

/* Nobody gets into the token any more; false if somebody does not come out. */
static bool leave_token(struct node *node)
{
	deadline_ms deadline = deadline_in(node->config->stop_ms + LEAVING_MS);
	bool has_left = health_stop(node->health, deadline);
	if (node->token)
		token_shut(node->token);
	return has_left && (!node->token || token_is_left(node->token, deadline));
}

static void close_token(struct node *node)
{
	housekeeping_stop(node->housekeeping);
	armory_destroy(node->armory);
	multiparts_destroy(node->multiparts);
	keyring_destroy(node->keyring);
	capabilities_finish(&node->capabilities);
	domain_close(node->domain);
	token_close(node->token);
	health_destroy(node->health);
}

bool node_close(struct node *node)
{
	if (!node)
		return true;
	if (node->consensus)
		node_stop(node, deadline_in(0));
	if (!leave_token(node)) {
		log_warn("node", "a call is lost in the token; what it holds is left to the end of the process");
		return false;
	}
	if (node->directory)
		directory_close(node->directory);
	close_token(node);
	attempts_destroy(node->attempts);
	state_folder_unlock(node->folder);
	if (node->tls)
		tls_destroy(node->tls);
	secret_destroy(node->ticket_key);
	secret_destroy(node->token_pin);
	secret_destroy(node->cluster_secret);
	pthread_mutex_destroy(&node->state_lock);
	free(node);
	return true;
}
