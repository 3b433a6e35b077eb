/* What this node's token can do, and mechanisms off the wire. */
#include "node/object.h"
#include <stdlib.h>

CK_RV mechanism_offered(struct question *question, const Craton__Mechanism *wire, CK_FLAGS use)
{
	if (!wire)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no mechanism");
	const Craton__MechanismInfo *info = capabilities_find(&question->node->capabilities, wire->type);
	return info && (info->flags & use) ? CKR_OK : CKR_MECHANISM_INVALID;
}

CK_RV mechanism_take(struct question *question, const Craton__Mechanism *wire, const CK_OBJECT_HANDLE *keys,
                     CK_MECHANISM **out)
{
	return mechanism_from_wire(wire, capabilities_take_bytes(&question->node->capabilities, wire->type), keys, out);
}

CK_RV mechanism_check_size(struct question *question, CK_MECHANISM_TYPE type, const struct attribute_list *wanted,
                           CK_ATTRIBUTE_TYPE bits)
{
	const Craton__MechanismInfo *info = capabilities_find(&question->node->capabilities, type);
	uint64_t size = attribute_list_ulong(wanted, bits, 0);
	bool is_said = attribute_list_get(wanted, bits) != NULL;
	bool fits = !is_said || !info || !info->key_size_max || (size >= info->key_size_min && size <= info->key_size_max);
	return fits ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
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
