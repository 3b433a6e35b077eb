/* Keys that leave under another key, and come back under one. */
#include "node/object.h"
#include <stdlib.h>

#define WRAPPED_SIZE_MAX (1u << 20) /* bytes */

/* What is wrong with the key that wraps has names of its own. */
static CK_RV of_wrapping_key(CK_RV rv)
{
	switch (rv) {
	case CKR_KEY_HANDLE_INVALID:
		return CKR_WRAPPING_KEY_HANDLE_INVALID;
	case CKR_KEY_TYPE_INCONSISTENT:
		return CKR_WRAPPING_KEY_TYPE_INCONSISTENT;
	default:
		return rv;
	}
}

static CK_RV of_unwrapping_key(CK_RV rv)
{
	switch (rv) {
	case CKR_KEY_HANDLE_INVALID:
		return CKR_UNWRAPPING_KEY_HANDLE_INVALID;
	case CKR_KEY_TYPE_INCONSISTENT:
		return CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT;
	default:
		return rv;
	}
}

/* What a token that is well can't open is an invalid wrapped key, in whatever words it says so (SoftHSM: CKR_GENERAL_ERROR). */
static CK_RV of_wrapped_key(CK_RV rv)
{
	switch (rv) {
	case CKR_GENERAL_ERROR:
	case CKR_ENCRYPTED_DATA_INVALID:
		return CKR_WRAPPED_KEY_INVALID;
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
		return CKR_WRAPPED_KEY_LEN_RANGE;
	default:
		return rv;
	}
}

static CK_RV may_wrap(struct question *question, struct loaded_key *const keys[2])
{
	struct attribute_list wrapper = rules_view(keys[0]->object), target = rules_view(keys[1]->object);
	CK_MECHANISM_TYPE mechanism = question->request->wrap_key->mechanism->type;
	CK_RV rv = of_wrapping_key(rules_use(&question->asker, &wrapper, CKF_WRAP, mechanism));
	return rv == CKR_OK ? rules_wrap(&question->asker, &wrapper, &target) : rv;
}

static CK_RV wrap(struct question *question, struct loaded_key *const keys[2])
{
	CK_MECHANISM *mechanism = NULL;
	struct buf out;
	CK_RV rv = may_wrap(question, keys);
	if (rv == CKR_OK)
		rv = mechanism_take(question, question->request->wrap_key->mechanism, NULL, &mechanism);
	if (rv != CKR_OK)
		return rv;
	buf_init(&out, WRAPPED_SIZE_MAX);
	rv = keys_used(question, keys, 2, wrap_key(question->node->token, mechanism, keys[0], keys[1], &out));
	if (rv == CKR_OK)
		rv = crypt_body(question, &out);
	buf_finish(&out);
	free(mechanism);
	return rv;
}

CK_RV answer_wrap_key(struct question *question)
{
	const Craton__WrapKey *body = question->request->wrap_key;
	struct loaded_key *keys[2] = { NULL, NULL };
	CK_RV rv = mechanism_offered(question, body->mechanism, CKF_WRAP);
	if (rv == CKR_OK)
		rv = of_wrapping_key(key_borrow(question, body->wrapping_key, &keys[0]));
	if (rv == CKR_OK)
		rv = key_borrow(question, body->key, &keys[1]);
	if (rv == CKR_OK)
		rv = wrap(question, keys);
	keys_return(question, keys, 2);
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_WRAP);
	return rv;
}

/* With the unwrapping key in hand. */
static CK_RV unwrap(struct question *question, struct loaded_key *key, const struct attribute_list *wanted,
                    struct making *making)
{
	const Craton__UnwrapKey *body = question->request->unwrap_key;
	struct attribute_list view = rules_view(key->object), attributes = { NULL, 0 };
	struct id id = making_id(question, 0, making->has_token_objects);
	CK_MECHANISM *mechanism = NULL;
	Craton__Object *object;
	CK_RV rv = of_unwrapping_key(rules_use(&question->asker, &view, CKF_UNWRAP, body->mechanism->type));
	if (rv == CKR_OK)
		rv = rules_unwrap(&question->asker, &view, wanted, &id, &attributes);
	if (rv == CKR_OK)
		rv = making_object(question, making, &id, &attributes, &object);
	if (rv == CKR_OK)
		rv = mechanism_take(question, body->mechanism, NULL, &mechanism);
	if (rv == CKR_OK)
		rv = of_wrapped_key(keys_used(question, &key, 1, unwrap_key(question->node->domain, mechanism, key,
		                                                            body->wrapped.data, body->wrapped.len, object)));
	free(mechanism);
	return rv == CKR_OK ? making_commit(question, making) : rv;
}

static CK_RV make_unwrapped(struct question *question, const struct attribute_list *wanted, struct making *making)
{
	struct loaded_key *key = NULL;
	CK_RV rv = of_unwrapping_key(key_borrow(question, question->request->unwrap_key->unwrapping_key, &key));
	if (rv == CKR_OK)
		rv = unwrap(question, key, wanted, making);
	keys_return(question, &key, 1);
	return rv;
}

CK_RV answer_unwrap_key(struct question *question)
{
	const Craton__UnwrapKey *body = question->request->unwrap_key;
	CK_RV rv = mechanism_offered(question, body->mechanism, CKF_UNWRAP);
	if (rv == CKR_OK && (body->wrapped.len == 0 || body->wrapped.len > WRAPPED_SIZE_MAX))
		rv = CKR_WRAPPED_KEY_LEN_RANGE;
	if (rv == CKR_OK)
		rv = making_answer(question, body->attributes, body->n_attributes, make_unwrapped);
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_UNWRAP);
	return rv;
}
