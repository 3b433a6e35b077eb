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

/* The duties of all other members. */
struct others {
	char names[NODES_MAX + 1][DUTY_SETTING_SIZE];
	char *list[NODES_MAX + 1];
	size_t count;
};

static void add_other(struct others *others, uint64_t id)
{
	duty_setting(id, others->names[others->count]);
	others->list[others->count] = others->names[others->count];
	others->count++;
}

static void list_others(struct node *node, const struct consensus_status *status, uint64_t id, struct others *others)
{
	others->count = 0;
	if (id != (uint64_t)node->config->id)
		add_other(others, (uint64_t)node->config->id);
	for (size_t i = 0; i < status->peer_count; i++)
		if (status->peers[i].node.id != id)
			add_other(others, status->peers[i].node.id);
}

/* Without any member that serves every application stands still: that is not what an operator means who drains the members one by
 * one. A standby member serves where no active one is left, so it counts. Which one is the last only the log can tell: several may be drained
 * at once, through several nodes. */
static CK_RV refuse_last(struct question *question)
{
	return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "%.64s is the last member that is not draining: none would be left to serve",
	                      question->request->member_set->node);
}

static CK_RV set_duty(struct question *question, uint64_t id, const char *text, struct others *others)
{
	char name[DUTY_SETTING_SIZE];
	struct setting_event event;
	struct request_record record;
	duty_setting(id, name);
	setting_event_init(&event, name, text, strlen(text));
	event.change.unless = others->list;
	event.change.n_unless = others->count;
	CK_RV rv = change_once(question, &event.event, CKR_FUNCTION_FAILED, &record);
	return rv != CKR_OK && record.outcome == OUTCOME_CONFLICT ? refuse_last(question) : rv;
}

static CK_RV give_duty(struct question *question, const struct consensus_status *status, Craton__Duty duty)
{
	const char *node = question->request->member_set->node;
	struct others others = { .count = 0 };
	uint64_t id;
	if (!members_find(question->node, status, node, &id))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "there is no node %.64s in the cluster", node);
	if (duty == CRATON__DUTY__DUTY_DRAINING) {
		list_others(question->node, status, id, &others);
		if (!others.count)
			return refuse_last(question);
	}
	return set_duty(question, id, duty_name(duty), &others);
}

/* Who is a member is judged as of now: a node that has not applied a removal yet would count on one that is gone. */
static CK_RV see_members(struct question *question, struct consensus_status *status)
{
	uint64_t index;
	enum err err = consensus_barrier(question->node->consensus, question->deadline, &index);
	if (err == ERR_OK)
		consensus_status(question->node->consensus, status);
	return question_err(question, err, "looking who is a member");
}

CK_RV answer_member_set(struct question *question)
{
	Craton__Duty duty = question->request->member_set->duty;
	if (!duty_name(duty))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no such duty is known to this node");
	struct consensus_status *status = malloc(sizeof *status);
	if (!status)
		return CKR_HOST_MEMORY;
	CK_RV rv = see_members(question, status);
	if (rv == CKR_OK)
		rv = give_duty(question, status, duty);
	free(status);
	return rv;
}
