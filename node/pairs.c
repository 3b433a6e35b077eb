/* The walk of a new key pair. Both halves are stored, or both carried, or one of each. */
#include "node/object.h"
#include <stdlib.h>

struct pair {
	const CK_MECHANISM *mechanism;
	struct attribute_list public_wanted, private_wanted;
	bool public_is_token, private_is_token;
};

static CK_RV make_objects(struct question *question, const struct pair *pair, struct making *making)
{
	struct attribute_list public_list = { NULL, 0 }, private_list = { NULL, 0 };
	struct id public_id = making_id(question, 0, pair->public_is_token);
	struct id private_id = making_id(question, 1, pair->private_is_token);
	CK_RV rv = rules_generate_pair(&question->asker, pair->mechanism->mechanism, &pair->public_wanted, &public_id,
	                               &pair->private_wanted, &private_id, &public_list, &private_list);
	if (rv != CKR_OK)
		return rv;
	Craton__Object *public_object = object_create(question->request->slot, &public_id, &public_list);
	Craton__Object *private_object = object_create(question->request->slot, &private_id, &private_list);
	if (public_object)
		making_add(making, public_object);
	if (private_object)
		making_add(making, private_object);
	return public_object && private_object ? CKR_OK : CKR_HOST_MEMORY;
}

/* A curve that a token which is well does not know, in whatever words it says so (SoftHSM: CKR_GENERAL_ERROR). */
static CK_RV of_curve(const struct pair *pair, CK_RV rv)
{
	bool of_curve = attribute_list_get(&pair->public_wanted, CKA_EC_PARAMS) != NULL;
	return of_curve && rv == CKR_GENERAL_ERROR ? CKR_CURVE_NOT_SUPPORTED : rv;
}

static CK_RV make(struct question *question, const struct pair *pair, struct making *making)
{
	CK_RV rv = make_objects(question, pair, making);
	if (rv == CKR_OK)
		rv = mechanism_check_size(question, pair->mechanism->mechanism, &pair->public_wanted, CKA_MODULUS_BITS);
	if (rv == CKR_OK)
		rv = of_curve(pair, question_token(question, generate_key_pair(question->node->domain, pair->mechanism, making->objects[0],
		                                                               making->objects[1])));
	return rv;
}

static CK_RV answer_pair(struct question *question, const struct pair *pair)
{
	struct making making = { .count = 0 };
	bool known = false;
	CK_RV rv = making_begin(question, &making, pair->public_is_token || pair->private_is_token, &known);
	if (rv == CKR_OK && !known) {
		rv = make(question, pair, &making);
		if (making_begins_again(question, &making, rv))
			rv = make(question, pair, &making);
	}
	if (rv == CKR_OK && !known)
		rv = making_commit(question, &making);
	making_finish(&making);
	return rv;
}

static CK_RV take_pair(const Craton__GenerateKeyPair *body, struct pair *pair)
{
	CK_RV rv = object_template(&pair->public_wanted, body->public_attributes, body->n_public_attributes);
	if (rv == CKR_OK)
		rv = object_template(&pair->private_wanted, body->private_attributes, body->n_private_attributes);
	pair->public_is_token = attribute_list_bool(&pair->public_wanted, CKA_TOKEN, false);
	pair->private_is_token = attribute_list_bool(&pair->private_wanted, CKA_TOKEN, false);
	return rv;
}

CK_RV answer_generate_key_pair(struct question *question)
{
	const Craton__GenerateKeyPair *body = question->request->generate_key_pair;
	struct pair pair = { .mechanism = NULL };
	CK_MECHANISM *mechanism = NULL;
	CK_RV rv = mechanism_offered(question, body->mechanism, CKF_GENERATE_KEY_PAIR);
	if (rv == CKR_OK)
		rv = mechanism_take(question, body->mechanism, NULL, &mechanism);
	if (rv == CKR_OK)
		rv = take_pair(body, &pair);
	pair.mechanism = mechanism;
	if (rv == CKR_OK)
		rv = answer_pair(question, &pair);
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_GENERATE);
	attribute_list_finish(&pair.public_wanted);
	attribute_list_finish(&pair.private_wanted);
	free(mechanism);
	return rv;
}
