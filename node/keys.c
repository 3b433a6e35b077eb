/* The walk of a new secret key: rules, this node's token, the cluster's agreement. */
#include "node/object.h"
#include <stdlib.h>

static CK_RV generate(struct question *question, CK_MECHANISM *mechanism, Craton__Object *object)
{
	struct domain *domain = question->node->domain;
	if (rules_makes_parameters(mechanism->mechanism))
		return question_token(question, generate_parameters(domain, mechanism, object));
	return question_token(question, generate_key(domain, mechanism, object));
}

static CK_RV make_key(struct question *question, const struct attribute_list *wanted, struct making *making)
{
	const Craton__Mechanism *wire = question->request->generate_key->mechanism;
	struct attribute_list attributes = { NULL, 0 };
	struct id id = making_id(question, 0, making->has_token_objects);
	CK_MECHANISM *mechanism = NULL;
	Craton__Object *object;
	CK_RV rv = mechanism_check_size(question, wire->type, wanted, CKA_PRIME_BITS);
	if (rv == CKR_OK)
		rv = mechanism_take(question, wire, NULL, &mechanism);
	if (rv == CKR_OK)
		rv = rules_generate(&question->asker, mechanism->mechanism, wanted, &id, &attributes);
	if (rv == CKR_OK)
		rv = making_object(question, making, &id, &attributes, &object);
	if (rv == CKR_OK)
		rv = generate(question, mechanism, object);
	free(mechanism);
	return rv == CKR_OK ? making_commit(question, making) : rv;
}

CK_RV answer_generate_key(struct question *question)
{
	const Craton__GenerateKey *body = question->request->generate_key;
	CK_RV rv = mechanism_offered(question, body->mechanism, CKF_GENERATE);
	if (rv == CKR_OK)
		rv = making_answer(question, body->attributes, body->n_attributes, make_key);
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_GENERATE);
	return rv;
}
