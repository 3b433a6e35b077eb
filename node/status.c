/* What an operator wants to know of a node, and the few things an operator may tell it. */
#include "node/certificate.h"
#include "node/duty.h"
#include "node/members.h"
#include "node/question.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *role_name(enum consensus_role role)
{
	static const char *const names[] = {
		[ROLE_FOLLOWER] = "follower",
		[ROLE_CANDIDATE] = "candidate",
		[ROLE_LEADER] = "leader",
		[ROLE_LEARNER] = "learner",
	};
	return names[role];
}

static bool add_counter(Craton__Status *body, const char *name, uint64_t value)
{
	Craton__Counter *counter = malloc(sizeof *counter);
	if (!counter)
		return false;
	craton__counter__init(counter);
	counter->name = strdup(name);
	counter->value = value;
	body->counters[body->n_counters++] = counter;
	return counter->name;
}

static bool add_counters(struct node *node, const struct consensus_status *consensus, Craton__Status *body)
{
	struct keyring_counts keys = keyring_counts(node->keyring);
	const struct {
		const char *name;
		uint64_t value;
	} others[] = {
		{ "keys_loaded", keys.loaded },
		{ "key_hits", keys.hits },
		{ "key_misses", keys.misses },
		{ "key_evictions", keys.evictions },
		{ "signatures_begun", armory_hits(node->armory) },
		{ "raft_frames_refused", consensus->frames_refused },
		{ "snapshots_taken", consensus->snapshots_taken },
		{ "snapshots_installed", consensus->snapshots_installed },
		{ "log_syncs", consensus->log_syncs },
	};
	size_t other_count = sizeof others / sizeof *others;
	body->counters = calloc(COUNTER_COUNT + other_count, sizeof *body->counters);
	bool ok = body->counters;
	for (unsigned i = 0; ok && i < COUNTER_COUNT; i++)
		ok = add_counter(body, counter_name((enum counter)i), counter_value(&node->counters, (enum counter)i));
	for (size_t i = 0; ok && i < other_count; i++)
		ok = add_counter(body, others[i].name, others[i].value);
	return ok;
}

static bool add_peers(struct node *node, const struct consensus_status *consensus, Craton__Status *body)
{
	body->peers = calloc(consensus->peer_count + 1, sizeof *body->peers);
	for (size_t i = 0; body->peers && i < consensus->peer_count; i++) {
		const struct consensus_peer *from = &consensus->peers[i];
		Craton__PeerStatus *peer = malloc(sizeof *peer);
		if (!peer)
			return false;
		craton__peer_status__init(peer);
		peer->name = strdup(from->node.name);
		peer->voter = from->node.voter;
		peer->connected = from->connected;
		peer->match_index = from->match_index;
		peer->heard_ms_ago = from->heard_ms_ago;
		peer->duty = duty_of(node, from->node.id);
		body->peers[body->n_peers++] = peer;
		if (!peer->name)
			return false;
	}
	return body->peers;
}

/* CK_TOKEN_INFO's texts are padded with blanks and have no end. */
static char *unpadded(const CK_UTF8CHAR *text, size_t size)
{
	while (size > 0 && text[size - 1] == ' ')
		size--;
	return strndup((const char *)text, size);
}

static bool add_self(struct node *node, const struct consensus_status *consensus, Craton__Status *body)
{
	CK_TOKEN_INFO token = token_info(node->token);
	body->node = strdup(node->config->name);
	body->role = strdup(role_name(consensus->role));
	body->state = strdup(node_state_name(node_state(node)));
	body->leader = strdup(members_name(node, consensus, consensus->leader));
	body->token_label = unpadded(token.label, sizeof token.label);
	body->token_serial = unpadded(token.serialNumber, sizeof token.serialNumber);
	body->term = consensus->term;
	body->last_index = consensus->last_index;
	body->commit_index = consensus->commit_index;
	body->applied_index = consensus->applied_index;
	body->snapshot_index = consensus->snapshot_index;
	body->started_ms_ago = clock_ms() - node->started_ms;
	body->duty = (Craton__Duty)atomic_load(&node->settings.duty);
	body->in_contact = consensus_in_contact(node->consensus);
	body->certificate_seconds = certificate_seconds(node);
	body->authority_seconds = certificate_authority_seconds(node);
	return body->node && body->role && body->state && body->leader && body->token_label && body->token_serial;
}

static bool add_settings(const struct node *node, Craton__Status *body)
{
	size_t count = 0;
	while (settings_name(count))
		count++;
	body->settings = calloc(count, sizeof *body->settings);
	for (size_t i = 0; body->settings && i < count; i++) {
		Craton__ClusterSetting *setting = malloc(sizeof *setting);
		if (!setting)
			return false;
		craton__cluster_setting__init(setting);
		setting->name = strdup(settings_name(i));
		setting->value = strdup(settings_value(&node->settings, i));
		body->settings[body->n_settings++] = setting;
		if (!setting->name || !setting->value)
			return false;
	}
	return body->settings;
}

/* The digest is of one moment: applied_index says which, so that two nodes' answers can be compared. */
static bool add_digest(struct node *node, Craton__Status *body)
{
	uint64_t index, objects;
	body->digest.data = malloc(DIRECTORY_DIGEST_SIZE);
	if (!body->digest.data)
		return false;
	body->digest.len = DIRECTORY_DIGEST_SIZE;
	if (directory_digest(node->directory, body->digest.data, &index, &objects) != ERR_OK)
		return false;
	body->applied_index = index;
	body->objects = objects;
	return true;
}

CK_RV answer_status(struct question *question)
{
	struct node *node = question->node;
	struct consensus_status *consensus = malloc(sizeof *consensus);
	Craton__Status *body = malloc(sizeof *body);
	bool ok = consensus && body;
	if (body) {
		craton__status__init(body);
		question->reply->body_case = CRATON__REPLY__BODY_STATUS;
		question->reply->status = body;
	}
	if (ok) {
		consensus_status(node->consensus, consensus);
		ok = add_self(node, consensus, body) && add_peers(node, consensus, body) && add_digest(node, body) &&
		     add_settings(node, body) && add_counters(node, consensus, body);
	}
	free(consensus);
	return ok ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV answer_snapshot(struct question *question)
{
	uint64_t index = 0;
	enum err err = consensus_snapshot(question->node->consensus, question->deadline, &index);
	if (err != ERR_OK)
		return question_err(question, err, "taking a snapshot");
	Craton__SnapshotReply *body = malloc(sizeof *body);
	if (!body)
		return CKR_HOST_MEMORY;
	craton__snapshot_reply__init(body);
	body->index = index;
	question->reply->body_case = CRATON__REPLY__BODY_SNAPSHOT;
	question->reply->snapshot = body;
	return CKR_OK;
}

CK_RV answer_transfer(struct question *question)
{
	struct node *node = question->node;
	const char *name = question->request->transfer->node;
	struct complaint why = { "" };
	uint64_t id = 0; /* whoever is furthest */
	struct consensus_status *status = malloc(sizeof *status);
	if (!status)
		return CKR_HOST_MEMORY;
	consensus_status(node->consensus, status);
	bool found = !*name || members_find(node, status, name, &id);
	enum err err = found ? consensus_transfer(node->consensus, id, question->deadline, &why) : ERR_NOT_FOUND;
	if (!found)
		question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "there is no node %s", name);
	else if (err == ERR_NOT_LEADER)
		question_fault(question, CRATON__FAULT__FAULT_NOT_SERVING, "this node does not lead; ask %s",
		               *members_name(node, status, status->leader) ? members_name(node, status, status->leader) : "again when one does");
	else if (err != ERR_OK)
		question_fault(question, CRATON__FAULT__FAULT_NO_MAJORITY, "%s", *why.text ? why.text : err_name(err));
	free(status);
	return err == ERR_OK ? question_done(question) : CKR_FUNCTION_FAILED;
}
