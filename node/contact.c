#include "node/contact.h"

#define ELECTIONS_AWAITED 2 /* an ordinary change of leaders is waited for */

static deadline_ms until(const struct question *question, int64_t ms)
{
	deadline_ms deadline = deadline_in(ms);
	return deadline < question->deadline ? deadline : question->deadline;
}

static bool no_majority(struct question *question)
{
	count_one(&question->node->counters, COUNTER_CALLS_WITHOUT_MAJORITY);
	question_fault(question, CRATON__FAULT__FAULT_NO_MAJORITY, "out of contact with the majority");
	return false;
}

static bool is_in_contact(struct node *node)
{
	bool is = consensus_in_contact(node->consensus);
	if (is && atomic_load(&node->is_cut_off))
		atomic_store(&node->is_cut_off, false);
	return is;
}

bool contact_is_lost(struct node *node)
{
	return !is_in_contact(node) && atomic_load(&node->is_cut_off);
}

/* Something was waited for in vain. */
static void note_if_cut_off(struct node *node)
{
	if (!is_in_contact(node))
		atomic_store(&node->is_cut_off, true);
}

/* A majority confirms its leader, and all that it had agreed on by then is applied here. */
static bool confirm(struct question *question)
{
	struct node *node = question->node;
	uint64_t index;
	if (contact_is_lost(node))
		return no_majority(question);
	if (consensus_barrier(node->consensus, until(question, ELECTIONS_AWAITED * node->config->election_ms), &index) == ERR_OK)
		return true;
	note_if_cut_off(node);
	return no_majority(question);
}

bool contact_reach(struct question *question, uint64_t index)
{
	struct node *node = question->node;
	if (index <= consensus_applied(node->consensus))
		return true;
	if (!contact_is_lost(node)) {
		if (consensus_wait(node->consensus, index, until(question, node->config->catch_up_ms)) == ERR_OK)
			return true;
		note_if_cut_off(node);
	}
	count_one(&node->counters, COUNTER_CALLS_BEHIND);
	question_fault(question, CRATON__FAULT__FAULT_BEHIND, "has applied %llu of %llu",
	               (unsigned long long)consensus_applied(node->consensus), (unsigned long long)index);
	return false;
}

bool contact_may_answer(struct question *question)
{
	struct node *node = question->node;
	if (atomic_load(&node->settings.reads) == READS_LINEARIZABLE)
		return confirm(question);
	if (is_in_contact(node))
		return true;
	if (atomic_load(&node->settings.minority) == MINORITY_REFUSE)
		return confirm(question);
	return contact_reach(question, consensus_heard(node->consensus)); /* it may be of a key's end that it has heard */
}
