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

/* A majority confirms its leader, and all that it had agreed on by then is applied here. Who has waited for that in vain spares the next
 * ones the wait, for as long as this node stays out of contact. */
static bool confirm(struct question *question)
{
	struct node *node = question->node;
	uint64_t index;
	if (!is_in_contact(node) && atomic_load(&node->is_cut_off))
		return no_majority(question);
	if (consensus_barrier(node->consensus, until(question, ELECTIONS_AWAITED * node->config->election_ms), &index) == ERR_OK)
		return true;
	if (!is_in_contact(node))
		atomic_store(&node->is_cut_off, true);
	return no_majority(question);
}

bool contact_may_answer(struct question *question)
{
	struct node *node = question->node;
	if (atomic_load(&node->settings.reads) == READS_LINEARIZABLE)
		return confirm(question);
	if (is_in_contact(node))
		return true;
	return atomic_load(&node->settings.minority) == MINORITY_REFUSE ? confirm(question) : true;
}
