/* C_SetAttributeValue: the whole object anew, in place of the version we read. */
#include "node/object.h"
#include <stdlib.h>
#include <string.h>

CK_RV object_seal_anew(struct question *question, const Craton__Object *before, const struct attribute_list *secret,
                       Craton__Object *after)
{
	struct domain *domain = question->node->domain;
	struct attribute_list view = rules_view(after);
	if (!rules_is_sealed(&view))
		return CKR_OK;
	return question_token(question, secret->count ? seal_import(domain, secret, after) : reseal_key(domain, before, after));
}

CK_RV object_check_key_info(const struct attribute_list *before, const struct attribute_list *changes, struct attribute_list *after)
{
	const Craton__Attribute *was = attribute_list_get(before, CKA_PUBLIC_KEY_INFO);
	const Craton__Attribute *said = attribute_list_get(changes, CKA_PUBLIC_KEY_INFO);
	if (!said || said->value.len == 0)
		return CKR_OK;
	if (was && was->value.len == said->value.len && memcmp(was->value.data, said->value.data, said->value.len) == 0)
		return CKR_OK;
	return was && was->value.len ? CKR_ATTRIBUTE_VALUE_INVALID : key_info_set(after);
}

static CK_RV changed_object(struct question *question, const struct found_object *found, const struct id *id,
                            const struct attribute_list *changes, Craton__Object **out)
{
	struct attribute_list view = rules_view(found->object), attributes = { NULL, 0 }, secret = { NULL, 0 };
	CK_RV rv = rules_change(&question->asker, &view, changes, &attributes);
	if (rv == CKR_OK)
		rv = object_check_key_info(&view, changes, &attributes);
	if (rv == CKR_OK)
		rv = rules_take_secret(&attributes, &secret);
	if (rv != CKR_OK) {
		rules_wipe(&attributes);
		return rv;
	}
	*out = object_create(question->request->slot, id, &attributes);
	rv = *out ? object_seal_anew(question, found->object, &secret, *out) : CKR_HOST_MEMORY;
	rules_wipe(&secret);
	return rv;
}

static CK_RV answer_brief(struct question *question, const Craton__Object *object)
{
	Craton__Created *body = malloc(sizeof *body);
	if (!body)
		return CKR_HOST_MEMORY;
	craton__created__init(body);
	question->reply->body_case = CRATON__REPLY__BODY_CREATED;
	question->reply->created = body;
	body->list = calloc(1, sizeof *body->list);
	if (body->list)
		object_brief(object, &body->list[0]);
	if (!body->list || !body->list[0])
		return CKR_HOST_MEMORY;
	body->n_list = 1;
	return CKR_OK;
}

static CK_RV store_change(struct question *question, const struct id *key, Craton__Object *object, uint64_t version,
                          struct request_record *record)
{
	Craton__ObjectUpdated change = CRATON__OBJECT_UPDATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	change.object = object;
	change.version = version;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_UPDATED;
	event.object_updated = &change;
	return change_commit(question, key, &event, question->deadline, record);
}

/* A session object's new state is another object: whichever node has the old one loaded must not take it for this. */
static CK_RV carry_change(struct question *question, const struct found_object *found,
                          const struct attribute_list *changes)
{
	struct making making = { .count = 0 };
	struct id id = id_random();
	Craton__Object *after = NULL;
	CK_RV rv = changed_object(question, found, &id, changes, &after);
	if (after)
		making_add(&making, after);
	if (rv == CKR_OK)
		rv = making_commit(question, &making);
	making_finish(&making);
	return rv;
}

static CK_RV change_found(struct question *question, const struct attribute_list *changes, const struct id *key,
                          struct request_record *record)
{
	struct found_object found;
	struct id id;
	Craton__Object *after = NULL;
	CK_RV rv = object_find(question, question->request->set_attributes->object, &found);
	if (rv != CKR_OK)
		return rv;
	id_from_bytes(&id, found.object->id.data, found.object->id.len);
	rv = changed_object(question, &found, &id, changes, &after);
	if (rv == CKR_OK)
		rv = store_change(question, key, after, found.version, record);
	object_destroy(found.object);
	object_destroy(after);
	return rv;
}

/* What may be set but not taken back is no obstacle where this very request has set it. */
static CK_RV change_stored(struct question *question, const struct attribute_list *changes, unsigned attempt,
                           struct request_record *record)
{
	struct id key = change_key(question->request->slot, &question->request->request_id, attempt);
	if (change_is_known(question, &key, record))
		return CKR_OK;
	return change_after_all(question, &key, change_found(question, changes, &key, record), record);
}

static CK_RV answer_now(struct question *question)
{
	struct found_object found;
	CK_RV rv = object_find(question, question->request->set_attributes->object, &found);
	if (rv == CKR_OK)
		rv = answer_brief(question, found.object);
	object_destroy(found.object);
	return rv;
}

/* Whoever loses has lost to somebody whose change was made, so all come to their turn, however many they are. */
static CK_RV change_until_it_fits(struct question *question, const struct attribute_list *changes)
{
	struct request_record record = { .outcome = OUTCOME_CONFLICT };
	CK_RV rv = CKR_OK;
	for (unsigned i = 0; rv == CKR_OK && record.outcome == OUTCOME_CONFLICT; i++) {
		if (i && deadline_passed(question->deadline))
			return question_fault(question, CRATON__FAULT__FAULT_BUSY, "others change this object all the time");
		rv = change_stored(question, changes, i, &record);
	}
	if (rv == CKR_OK)
		rv = change_rv(&record, CKR_OBJECT_HANDLE_INVALID);
	if (rv == CKR_OK)
		rv = change_settle(question, &record); /* it may have forbidden a use */
	return rv == CKR_OK ? answer_now(question) : rv;
}

CK_RV answer_set_attributes(struct question *question)
{
	const Craton__SetAttributes *asked = question->request->set_attributes;
	struct attribute_list changes = { NULL, 0 };
	struct found_object found = { .object = NULL };
	CK_RV rv = object_template(&changes, asked->attributes, asked->n_attributes);
	if (rv == CKR_OK && asked->object && asked->object->carried) {
		rv = object_find(question, asked->object, &found);
		if (rv == CKR_OK)
			rv = carry_change(question, &found, &changes);
		object_destroy(found.object);
	} else if (rv == CKR_OK) {
		rv = change_until_it_fits(question, &changes);
	}
	if (rv == CKR_OK)
		count_one(&question->node->counters, COUNTER_CHANGE);
	rules_wipe(&changes);
	return rv;
}
