/* The thread that calls the token on the node's own behalf: opens it, asks how it is, starts it afresh. */
#include "node/health_private.h"
#include "backend/probe_memory.h"
#include "base/file.h"
#include "base/log.h"
#include "node/restart.h"
#include "node/trouble.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_FILE "probe"     /* in the state folder */
#define CHECK_MS 5000          /* between two looks at a token that nobody complains of */
#define BETWEEN_CHECKS_MS 100  /* however many complain */
#define LEAVING_MS 100         /* for calls that are in it, before one looks again */
#define BACKOFF_MS_MIN 200
#define BACKOFF_MS_MAX 5000

enum node_state health_state_of(enum err err)
{
	switch (err) {
	case ERR_OK:
		return NODE_SERVING;
	case ERR_NOT_FOUND: /* there is a token, but not ours any more: another, or one without our keys */
	case ERR_REFUSED:
	case ERR_CONFIG:
		return NODE_NEEDS_ENROLMENT;
	default:
		return NODE_TOKEN_OUT;
	}
}

/* Is it the token that was tried, and as it was? Another of our domain would do as well, and so would new firmware, but what it can do is
 * not known. A node that is told to stop does not begin again. */
static void greet_stranger(struct health *health)
{
	CK_TOKEN_INFO now = token_info(health->node->token);
	if (memcmp(health->probed, health->identity, sizeof health->probed) == 0 || node_state(health->node) == NODE_STOPPING)
		return;
	log_warn("node", "the token was changed, or another of the domain has taken its place: the process restarts itself serial=\"%.*s\" firmware=%u.%u",
	         (int)sizeof now.serialNumber, (const char *)now.serialNumber, now.firmwareVersion.major, now.firmwareVersion.minor);
	restart_process();
}

static enum err open_once(struct health *health, bool anew, struct complaint *why)
{
	struct node *node = health->node;
	*why = (struct complaint){ "" };
	enum err err = token_reopen(node->token, anew, why);
	if (err == ERR_OK)
		err = domain_find(node->domain, why);
	return err == ERR_OK ? token_identify(node->token, health->identity, why) : err;
}

/* The module anew only where its sessions alone are not enough, but nothing is said of the token before that was tried. */
static enum err open_token(struct health *health, struct complaint *why)
{
	bool was_open = *token_info(health->node->token).serialNumber;
	enum err err = was_open ? open_once(health, false, why) : ERR_CLOSED;
	if (err != ERR_OK)
		err = open_once(health, true, why);
	if (err == ERR_OK && health->is_probed)
		greet_stranger(health);
	return err;
}

/* A token that fails while it is being tried would look like one that can do little: such a finding is not kept. */
static enum err try_token(struct node *node, const struct probe_subject *subject, const char *memory, struct complaint *why)
{
	enum err err = probe_recall(subject, memory, &node->capabilities);
	bool is_recalled = err == ERR_OK;
	if (err == ERR_NOT_FOUND)
		err = probe(node->domain, subject->wishes, &node->capabilities);
	CK_RV rv = err == ERR_OK ? domain_probe(node->domain) : CKR_OK;
	if (err != ERR_OK)
		return complain(why, ERR_IO, "the token can't make, seal and use keys (%s); see the module's own messages", err_name(err));
	if (rv != CKR_OK)
		return complain(why, ERR_IO, "%s (0x%lx)", trouble_why(rv), rv);
	if (!is_recalled)
		probe_remember(subject, memory, &node->capabilities);
	return ERR_OK;
}

/* Once a process, and tried only where nothing is remembered of just this token. */
static enum err see_what_it_can(struct health *health, struct complaint *why)
{
	struct node *node = health->node;
	struct probe_subject subject = { node->domain, health->identity, &node->config->wishes };
	if (health->is_probed)
		return ERR_OK;
	char *memory = file_path(node->config->state_folder, PROBE_FILE);
	enum err err = memory ? try_token(node, &subject, memory, why) : complain(why, ERR_NO_MEMORY, "out of memory");
	free(memory);
	if (err != ERR_OK)
		capabilities_finish(&node->capabilities);
	memcpy(health->probed, health->identity, sizeof health->probed);
	health->is_probed = err == ERR_OK;
	return err;
}

/* From an open token to one that serves. */
static enum err take_in(struct health *health, struct complaint *why)
{
	struct node *node = health->node;
	enum err err = node_check_domain(node, why);
	if (err != ERR_OK)
		return err;
	token_admit(node->token);
	err = see_what_it_can(health, why);
	if (err != ERR_OK)
		return err;
	health_say(health, NODE_SERVING, "");
	node_learn_domain(node); /* in case the cluster agreed on one right now */
	return ERR_OK;
}

/* A call that is in it still is waited for, and watched. */
static bool is_left(struct health *health)
{
	token_shut(health->node->token);
	keyring_wake(health->node->keyring);
	return token_is_left(health->node->token, deadline_in(LEAVING_MS));
}

/* One attempt; true if the token serves. */
static bool mend(struct health *health)
{
	struct complaint why = { "" };
	enum err err = open_token(health, &why);
	if (err == ERR_OK)
		err = take_in(health, &why);
	if (err == ERR_OK)
		return true;
	health_take_out(health, health_state_of(err), why.text);
	return false;
}

static void check(struct health *health)
{
	char why[160];
	struct node *node = health->node;
	CK_RV rv = domain_probe(node->domain);
	if (rv == CKR_OK || token_is_shut(node->token))
		return;
	snprintf(why, sizeof why, "%s (0x%lx)", trouble_why(rv), rv);
	health_take_out(health, NODE_TOKEN_OUT, why);
}

/* Until somebody has trouble, or it is time. */
static bool wait_for_trouble(struct health *health)
{
	if (!health_rest(health, NULL, BETWEEN_CHECKS_MS) || !health_rest(health, &health->is_told, CHECK_MS))
		return false;
	pthread_mutex_lock(&health->lock);
	health->is_told = false;
	pthread_mutex_unlock(&health->lock);
	return true;
}

static void care(struct health *health)
{
	int64_t backoff_ms = BACKOFF_MS_MIN;
	bool go_on = true;
	while (go_on) {
		enum node_state state = node_token_state(health->node);
		if (state == NODE_SERVING) {
			backoff_ms = BACKOFF_MS_MIN;
			go_on = wait_for_trouble(health);
			if (go_on && node_token_state(health->node) == NODE_SERVING)
				check(health);
		} else if (state == NODE_TOKEN_HANGS) { /* the watch says when not any more */
			go_on = health_rest(health, NULL, LEAVING_MS);
		} else if (!is_left(health)) {
			go_on = health_rest(health, NULL, 0);
		} else if (!mend(health)) {
			go_on = health_rest(health, NULL, backoff_ms);
			backoff_ms = backoff_ms * 2 < BACKOFF_MS_MAX ? backoff_ms * 2 : BACKOFF_MS_MAX;
		}
	}
}

/* The first attempt, of which the node's opener hears before anybody else. */
static bool try_first(struct health *health)
{
	struct complaint why = { "" };
	enum err err = open_token(health, &why);
	pthread_mutex_lock(&health->lock);
	health->first = err;
	health->first_why = why;
	health->is_tried = true;
	pthread_cond_broadcast(&health->changed);
	while (!health->may_go_on && !health->is_stopping)
		pthread_cond_wait(&health->changed, &health->lock);
	bool go_on = !health->is_stopping;
	pthread_mutex_unlock(&health->lock);
	return go_on;
}

static void take_in_first(struct health *health)
{
	struct complaint why = { "" };
	enum err err = take_in(health, &why);
	if (err == ERR_OK)
		return;
	health_take_out(health, health_state_of(err), why.text);
}

void *health_care(void *context)
{
	struct health *health = context;
	if (try_first(health)) {
		if (health->first == ERR_OK)
			take_in_first(health);
		care(health);
	}
	pthread_mutex_lock(&health->lock);
	health->has_ended = true;
	pthread_cond_broadcast(&health->changed);
	pthread_mutex_unlock(&health->lock);
	return NULL;
}
