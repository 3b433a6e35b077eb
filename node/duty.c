#include "node/duty.h"
#include "node/change.h"
#include "node/members.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUTY_SETTING_SIZE 32

static void duty_setting(uint64_t id, char name[DUTY_SETTING_SIZE])
{
	snprintf(name, DUTY_SETTING_SIZE, "duty.%" PRIu64, id);
}

Craton__Duty duty_of(struct node *node, uint64_t id)
{
	char name[DUTY_SETTING_SIZE], text[SETTING_TEXT_SIZE];
	Craton__Duty duty;
	duty_setting(id, name);
	return setting_text(node, name, text) == ERR_OK && duty_named(text, &duty) ? duty : CRATON__DUTY__DUTY_ACTIVE;
}

/* Without any member that serves, every application stands still: that is not what an operator means who drains the members one by
 * one. A standby member serves where no active one is left, so it counts. */
static bool is_last(struct node *node, const struct consensus_status *status, uint64_t id)
{
	for (size_t i = 0; i < status->peer_count; i++)
		if (status->peers[i].node.id != id && duty_of(node, status->peers[i].node.id) != CRATON__DUTY__DUTY_DRAINING)
			return false;
	return id == (uint64_t)node->config->id || duty_of(node, (uint64_t)node->config->id) == CRATON__DUTY__DUTY_DRAINING;
}

static CK_RV set_duty(struct question *question, const struct consensus_status *status, Craton__Duty duty)
{
	const char *name = question->request->member_set->node, *text = duty_name(duty);
	char setting[DUTY_SETTING_SIZE];
	struct setting_event event;
	uint64_t id;
	if (!members_find(question->node, status, name, &id))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "there is no node %.64s in the cluster", name);
	if (duty == CRATON__DUTY__DUTY_DRAINING && is_last(question->node, status, id))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED,
		                      "%.64s is the last member that is not draining: none would be left to serve", name);
	duty_setting(id, setting);
	setting_event_init(&event, setting, text, strlen(text));
	return change_once(question, &event.event, CKR_FUNCTION_FAILED);
}

CK_RV answer_member_set(struct question *question)
{
	Craton__Duty duty = question->request->member_set->duty;
	if (!duty_name(duty))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no such duty is known to this node");
	struct consensus_status *status = malloc(sizeof *status);
	if (!status)
		return CKR_HOST_MEMORY;
	consensus_status(question->node->consensus, status);
	CK_RV rv = set_duty(question, status, duty);
	free(status);
	return rv;
}
