/* From a request's kind to who answers it, and what must be true before anyone does. */
#include "node/contact.h"
#include "node/credentials.h"
#include <stdlib.h>

#define PATIENCE_MS_MAX 600000

enum need {
	NEEDS_SLOT = 1,      /* names a slot that exists, for this client */
	NEEDS_SERVING = 2,   /* touches the token */
	NEEDS_ADMIN = 4,
	NEEDS_REQUEST = 8,   /* a request id: it changes something */
	TAKES_TICKET = 16,   /* a ticket, if there is one, must be good */
	CATCHES_UP = 32,     /* answered from the directory: as new as index_min, and as the cluster's settings want it */
	VOIDS_TICKET = 64,   /* when done: so its retry comes with the ticket it made void */
};
#define TOUCHES_SLOT (NEEDS_SLOT | CATCHES_UP)
#define USES_OBJECTS (TOUCHES_SLOT | TAKES_TICKET | NEEDS_SERVING)
#define CHANGES_OBJECTS (USES_OBJECTS | NEEDS_REQUEST)
#define CHANGES_SLOT (TOUCHES_SLOT | NEEDS_SERVING | NEEDS_REQUEST)
#define CHANGES_SLOTS (NEEDS_ADMIN | NEEDS_SERVING | NEEDS_REQUEST)

struct kind {
	answering *answer;
	unsigned needs;
};

#define KIND(name, answer_function, what_it_needs) \
	[CRATON__REQUEST__BODY_##name] = { answer_function, what_it_needs }

static const struct kind kinds[] = {
	KIND(SLOT_INFO, answer_slot_info, TOUCHES_SLOT),
	KIND(MECHANISM_LIST, answer_mechanism_list, TOUCHES_SLOT | NEEDS_SERVING),
	KIND(LOGIN, answer_login, TOUCHES_SLOT | NEEDS_SERVING | NEEDS_REQUEST),
	KIND(INIT_TOKEN, answer_init_token, CHANGES_SLOT),
	KIND(INIT_PIN, answer_init_pin, CHANGES_SLOT | TAKES_TICKET | VOIDS_TICKET),
	KIND(SET_PIN, answer_set_pin, CHANGES_SLOT | TAKES_TICKET | VOIDS_TICKET),
	KIND(CREATE_OBJECT, answer_create_object, CHANGES_OBJECTS),
	KIND(DESTROY_OBJECT, answer_destroy_object, CHANGES_OBJECTS),
	KIND(SET_ATTRIBUTES, answer_set_attributes, CHANGES_OBJECTS),
	KIND(GET_ATTRIBUTES, answer_get_attributes, USES_OBJECTS),
	KIND(FIND, answer_find, USES_OBJECTS),
	KIND(GENERATE_KEY, answer_generate_key, CHANGES_OBJECTS),
	KIND(GENERATE_KEY_PAIR, answer_generate_key_pair, CHANGES_OBJECTS),
	KIND(WRAP_KEY, answer_wrap_key, USES_OBJECTS),
	KIND(UNWRAP_KEY, answer_unwrap_key, CHANGES_OBJECTS),
	KIND(DERIVE_KEY, answer_derive_key, CHANGES_OBJECTS),
	KIND(COPY_OBJECT, answer_copy_object, CHANGES_OBJECTS),
	KIND(OBJECT_SIZE, answer_object_size, USES_OBJECTS),
	KIND(CRYPT, answer_crypt, USES_OBJECTS),
	KIND(RANDOM, answer_random, TOUCHES_SLOT | NEEDS_SERVING),
	KIND(STATUS, answer_status, NEEDS_ADMIN),
	KIND(SLOT_CREATE, answer_slot_create, CHANGES_SLOTS),
	KIND(SLOT_ACCESS, answer_slot_access, CHANGES_SLOTS),
	KIND(SLOT_REMOVE, answer_slot_remove, CHANGES_SLOTS),
	KIND(SLOT_LIST, answer_slot_list, CATCHES_UP),
	KIND(SNAPSHOT, answer_snapshot, NEEDS_ADMIN),
	KIND(TRANSFER, answer_transfer, NEEDS_ADMIN),
	KIND(CLUSTER_SET, answer_cluster_set, NEEDS_ADMIN | NEEDS_REQUEST),
	KIND(MEMBER_SET, answer_member_set, NEEDS_ADMIN | NEEDS_REQUEST),
};

static const struct kind *find_kind(const Craton__Request *request)
{
	size_t i = (size_t)request->body_case;
	return i < sizeof kinds / sizeof *kinds && kinds[i].answer ? &kinds[i] : NULL;
}

/* A process that has seen no index yet may have heard in another way of what was agreed on: of a key that the command before it
 * made through another node. The first question of such a connection waits for all that anyone was told of by now. Without a
 * leader there is nobody who could tell. */
static void await_all(struct question *question)
{
	struct node *node = question->node;
	deadline_ms until = deadline_in(node->config->catch_up_ms);
	uint64_t index;
	if (question->client->was_awaited)
		return;
	question->client->was_awaited = true;
	if (!contact_is_lost(node) && node_has_leader(node))
		consensus_barrier(node->consensus, until < question->deadline ? until : question->deadline, &index);
}

/* Read your writes: whoever has seen an index is never answered from before it. */
static bool catch_up(struct question *question)
{
	uint64_t index = question->request->index_min;
	if (index == 0)
		await_all(question);
	return contact_reach(question, index);
}

static bool may_ask(struct question *question, unsigned needs)
{
	struct node *node = question->node;
	enum node_state state = node_state(node);
	if ((needs & NEEDS_ADMIN) && !question->client->may_administer) {
		question_fault(question, CRATON__FAULT__FAULT_REFUSED, "%s may not administer: use an admin certificate, or root on the node's Unix socket",
		               question->client->identity.name);
		credentials_refused(question, "may not administer");
		return false;
	}
	if ((needs & NEEDS_SERVING) && state != NODE_SERVING) {
		question_fault(question, CRATON__FAULT__FAULT_NOT_SERVING, "%s", node_state_name(state));
		return false;
	}
	if ((needs & NEEDS_REQUEST) && question->request->request_id.len != ID_SIZE) {
		question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "a request id of %d bytes is needed", ID_SIZE);
		return false;
	}
	return true;
}

static void answer_kind(struct question *question)
{
	const struct kind *kind = find_kind(question->request);
	if (!kind) {
		question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no such request is known to this node");
		return;
	}
	if (!may_ask(question, kind->needs))
		return;
	if ((kind->needs & CATCHES_UP) && !(contact_may_answer(question) && catch_up(question)))
		return;
	if ((kind->needs & NEEDS_SLOT) && !credentials_slot(question))
		return;
	if ((kind->needs & TAKES_TICKET) && !credentials_ticket(question, kind->needs & VOIDS_TICKET))
		return;
	question->since = consensus_applied(question->node->consensus);
	question->reply->rv = kind->answer(question);
}

/* A little less than the asker waits, so that what we have to say still arrives. */
int64_t question_patience(const struct node *node, const Craton__Request *request)
{
	int64_t ms = request->timeout_ms ? request->timeout_ms : node->config->command_ms;
	if (ms > PATIENCE_MS_MAX)
		ms = PATIENCE_MS_MAX;
	return ms - ms / 10;
}

/* The index is read last: whatever the answer shows was applied at or before it. */
Craton__Reply *question_answer(struct node *node, struct client *client, const Craton__Request *request)
{
	Craton__Reply *reply = malloc(sizeof *reply);
	if (!reply)
		return NULL;
	craton__reply__init(reply);
	struct question question = {
		.node = node,
		.client = client,
		.request = request,
		.reply = reply,
		.patience_ms = question_patience(node, request),
	};
	question.deadline = deadline_in(question.patience_ms);
	count_one(&node->counters, COUNTER_CALLS);
	answer_kind(&question);
	if (reply->fault == CRATON__FAULT__FAULT_MALFORMED)
		credentials_refused(&question, reply->complaint);
	if (reply->fault != CRATON__FAULT__FAULT_NONE)
		reply->rv = CKR_OK;
	reply->index = consensus_applied(node->consensus);
	reply->duty = (Craton__Duty)atomic_load(&node->settings.duty);
	return reply;
}
