/* Keys that come out of other keys. */
#include "node/object.h"
#include <stdlib.h>

#define KEYS_MAX (1 + MECHANISM_KEYS_MAX)

/* The base key, and those that the mechanism's parameter names. */
struct base_keys {
	struct loaded_key *list[KEYS_MAX];
	size_t count;
};

static CK_RV borrow_one(struct question *question, const Craton__ObjectRef *ref, struct base_keys *keys)
{
	CK_RV rv = key_borrow(question, ref, &keys->list[keys->count]);
	if (rv == CKR_OK)
		keys->count++;
	return rv;
}

/* One after the other, each held while the next is loaded: the working set has room for what is in use, and loading waits for nobody
 * who holds a key. */
static CK_RV borrow_all(struct question *question, struct base_keys *keys)
{
	const Craton__DeriveKey *body = question->request->derive_key;
	if (body->mechanism->n_keys > MECHANISM_KEYS_MAX)
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "more than %d keys", MECHANISM_KEYS_MAX);
	CK_RV rv = borrow_one(question, body->base_key, keys);
	for (size_t i = 0; rv == CKR_OK && i < body->mechanism->n_keys; i++)
		rv = borrow_one(question, body->mechanism->keys[i], keys);
	return rv;
}

static CK_RV may_derive(struct question *question, const struct base_keys *keys)
{
	CK_MECHANISM_TYPE mechanism = question->request->derive_key->mechanism->type;
	CK_RV rv = CKR_OK;
	for (size_t i = 0; rv == CKR_OK && i < keys->count; i++) {
		struct attribute_list view = rules_view(keys->list[i]->object);
		rv = rules_use(&question->asker, &view, CKF_DERIVE, mechanism);
	}
	return rv;
}

static CK_RV native_mechanism(struct question *question, const struct base_keys *keys, CK_MECHANISM **out)
{
	CK_OBJECT_HANDLE handles[MECHANISM_KEYS_MAX] = { 0 };
	for (size_t i = 1; i < keys->count; i++) {
		if (keys->list[i]->generation != keys->list[0]->generation)
			return question_token(question, CKR_SESSION_CLOSED);
		handles[i - 1] = keys->list[i]->handle;
	}
	return mechanism_take(question, question->request->derive_key->mechanism, keys->count > 1 ? handles : NULL, out);
}

static CK_RV new_attributes(struct question *question, const struct base_keys *keys, const struct attribute_list *wanted,
                            const struct id *id, struct attribute_list *out)
{
	struct attribute_list views[KEYS_MAX];
	for (size_t i = 0; i < keys->count; i++)
		views[i] = rules_view(keys->list[i]->object);
	return rules_derive(&question->asker, question->request->derive_key->mechanism->type, views, keys->count, wanted, id, out);
}

/* With the keys in hand. */
static CK_RV derive(struct question *question, const struct base_keys *keys, const struct attribute_list *wanted,
                    struct making *making)
{
	struct attribute_list attributes = { NULL, 0 };
	struct id id = making_id(question, 0, making->has_token_objects);
	CK_MECHANISM *mechanism = NULL;
	Craton__Object *object;
	CK_RV rv = may_derive(question, keys);
	if (rv == CKR_OK)
		rv = new_attributes(question, keys, wanted, &id, &attributes);
	if (rv == CKR_OK)
		rv = making_object(question, making, &id, &attributes, &object);
	if (rv == CKR_OK)
		rv = native_mechanism(question, keys, &mechanism);
	if (rv == CKR_OK)
		rv = keys_used(question, keys->list, keys->count,
		               derive_key(question->node->domain, mechanism, keys->list[0], object));
	free(mechanism);
	return rv == CKR_OK ? making_commit(question, making) : rv;
}

static CK_RV make_derived(struct question *question, const struct attribute_list *wanted, struct making *making)
{
	struct base_keys keys = { .count = 0 };
	CK_RV rv = borrow_all(question, &keys);
	if (rv == CKR_OK)
		rv = derive(question, &keys, wanted, making);
	keys_return(question, keys.list, keys.count);
	return rv;
}

CK_RV answer_derive_key(struct question *question)
{
	const Craton__DeriveKey *body = question->request->derive_key;
	CK_RV rv = mechanism_offered(question, body->mechanism, CKF_DERIVE);
	if (rv == CKR_OK)
		rv = making_answer(question, body->attributes, body->n_attributes, make_derived);
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_DERIVE);
	return rv;
}
