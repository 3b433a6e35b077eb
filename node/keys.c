/* The walk of a new secret key: rules, this node's token, the cluster's agreement. */
#include "node/object.h"
#include <stdlib.h>
#include <string.h>

/* Only what the probe has seen generated, sealed, unsealed and used. */
static bool is_offered(const struct node *node, CK_MECHANISM_TYPE type)
{
	size_t low = 0, high = node->capabilities.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (node->capabilities.list[middle].type == type)
			return true;
		if (node->capabilities.list[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

CK_RV take_mechanism(struct question *question, const Craton__Mechanism *wire, CK_MECHANISM **out)
{
	if (!wire)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "no mechanism");
	if (!is_offered(question->node, wire->type))
		return CKR_MECHANISM_INVALID;
	return mechanism_from_wire(wire, false, NULL, out);
}

#define SECRET_SIZE_MAX (64u << 10) /* bytes; tokens that name no limit would be busy for minutes */

static bool is_size_decent(const struct attribute_list *wanted)
{
	return attribute_list_ulong(wanted, CKA_VALUE_LEN, 0) <= SECRET_SIZE_MAX;
}

static CK_RV make_key(struct question *question, const CK_MECHANISM *mechanism, const struct attribute_list *wanted,
                      struct making *making)
{
	struct attribute_list attributes = { NULL, 0 };
	struct id id = making_id(question, 0, making->has_token_objects);
	CK_RV rv = rules_generate(&question->asker, mechanism->mechanism, wanted, &id, &attributes);
	if (rv != CKR_OK)
		return rv;
	Craton__Object *object = object_create(question->request->slot, &id, &attributes);
	if (!object)
		return CKR_HOST_MEMORY;
	making_add(making, object);
	rv = question_token(question, generate_key(question->node->domain, mechanism, object));
	return rv == CKR_OK ? making_commit(question, making) : rv;
}

CK_RV answer_generate_key(struct question *question)
{
	const Craton__GenerateKey *body = question->request->generate_key;
	struct attribute_list wanted = { NULL, 0 };
	struct making making = { .count = 0 };
	CK_MECHANISM *mechanism = NULL;
	bool known = false;
	CK_RV rv = take_mechanism(question, body->mechanism, &mechanism);
	if (rv == CKR_OK)
		rv = object_template(&wanted, body->attributes, body->n_attributes);
	if (rv == CKR_OK && !is_size_decent(&wanted))
		rv = CKR_KEY_SIZE_RANGE;
	if (rv == CKR_OK)
		rv = making_begin(question, &making, attribute_list_bool(&wanted, CKA_TOKEN, false), 0, &known);
	if (rv == CKR_OK && !known)
		rv = make_key(question, mechanism, &wanted, &making);
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_GENERATE);
	making_finish(&making);
	attribute_list_finish(&wanted);
	free(mechanism);
	return rv;
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
