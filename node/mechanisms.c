/* What this node's token can do, and mechanisms off the wire. */
#include "node/object.h"
#include <stdlib.h>

/* Only what the probe has seen work. */
static const Craton__MechanismInfo *find_offered(const struct node *node, CK_MECHANISM_TYPE type)
{
	size_t low = 0, high = node->capabilities.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const Craton__MechanismInfo *info = &node->capabilities.list[middle];
		if (info->type == type)
			return info;
		if (info->type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

CK_RV mechanism_offered(struct question *question, const Craton__Mechanism *wire, CK_FLAGS use)
{
	if (!wire)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no mechanism");
	const Craton__MechanismInfo *info = find_offered(question->node, wire->type);
	return info && (info->flags & use) ? CKR_OK : CKR_MECHANISM_INVALID;
}

CK_RV mechanism_take(struct question *question, const Craton__Mechanism *wire, const CK_OBJECT_HANDLE *keys,
                     CK_MECHANISM **out)
{
	const Craton__MechanismInfo *info = find_offered(question->node, wire->type);
	return mechanism_from_wire(wire, info && info->takes_bytes, keys, out);
}

CK_RV answer_mechanism_list(struct question *question)
{
	const struct capabilities *from = &question->node->capabilities;
	Craton__MechanismListReply *body = malloc(sizeof *body);
	if (!body)
		return CKR_HOST_MEMORY;
	craton__mechanism_list_reply__init(body);
	question->reply->body_case = CRATON__REPLY__BODY_MECHANISM_LIST;
	question->reply->mechanism_list = body;
	body->list = calloc(from->count + 1, sizeof *body->list);
	for (size_t i = 0; body->list && i < from->count; i++) {
		Craton__MechanismInfo *info = malloc(sizeof *info);
		if (!info)
			return CKR_HOST_MEMORY;
		*info = from->list[i];
		body->list[body->n_list++] = info;
	}
	return body->list ? CKR_OK : CKR_HOST_MEMORY;
}
