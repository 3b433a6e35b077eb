/* New objects: prepared on this node's token, agreed on by the cluster, handed out. */
#include "backend/keyring.h"
#include "node/object.h"
#include <stdlib.h>
#include <string.h>

static CK_RV created_body(struct question *question, Craton__Created **out)
{
	Craton__Created *created = malloc(sizeof *created);
	if (!created)
		return CKR_HOST_MEMORY;
	craton__created__init(created);
	question->reply->body_case = CRATON__REPLY__BODY_CREATED;
	question->reply->created = created;
	*out = created;
	return CKR_OK;
}

/* The id alone, for an object that was destroyed between its making and this (late) answer. */
static CK_RV bare_brief(const struct id *id, Craton__ObjectBrief **out)
{
	Craton__ObjectBrief *brief = malloc(sizeof *brief);
	uint8_t *bytes = malloc(ID_SIZE);
	if (!brief || !bytes) {
		free(brief);
		free(bytes);
		return CKR_HOST_MEMORY;
	}
	craton__object_brief__init(brief);
	memcpy(bytes, id->bytes, ID_SIZE);
	brief->id = (ProtobufCBinaryData){ ID_SIZE, bytes };
	*out = brief;
	return CKR_OK;
}

static CK_RV stored_brief(struct question *question, const struct id *id, Craton__ObjectBrief **out)
{
	Craton__Object *object;
	uint64_t version;
	enum err err = directory_object(question->node->directory, question->request->slot, id, &object, &version);
	if (err == ERR_NOT_FOUND)
		return bare_brief(id, out);
	if (err != ERR_OK)
		return question_err(question, err, "reading an object");
	object_brief(object, out);
	object_destroy(object);
	return *out ? CKR_OK : CKR_HOST_MEMORY;
}

/* Of a pair of which one half is stored the other went into the log with it: whoever answers, it is that of the same pair. */
static CK_RV add_carried(struct question *question, const struct id *key, Craton__Created *created)
{
	Craton__Object *object;
	enum err err = directory_carried(question->node->directory, key, &object);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? CKR_OK : question_err(question, err, "reading what is carried");
	created->carried = calloc(1, sizeof *created->carried);
	if (!created->carried) {
		object_destroy(object);
		return CKR_HOST_MEMORY;
	}
	created->carried[created->n_carried++] = object;
	return CKR_OK;
}

/* What the directory recorded, ours or an earlier try's. */
static CK_RV answer_stored(struct question *question, Craton__Created *created, const struct id *key, const struct request_record *record)
{
	CK_RV rv = change_rv(record, CKR_SLOT_ID_INVALID);
	if (rv != CKR_OK || record->object_count == 0)
		return rv;
	created->list = calloc(record->object_count, sizeof *created->list);
	if (!created->list)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < record->object_count && rv == CKR_OK; i++) {
		rv = stored_brief(question, &record->objects[i], &created->list[i]);
		if (rv == CKR_OK)
			created->n_list = i + 1;
	}
	return rv == CKR_OK ? add_carried(question, key, created) : rv;
}

CK_RV making_begin(struct question *question, struct making *making, bool has_token_objects, bool *known)
{
	struct request_record record;
	struct slot_record slot;
	Craton__Created *created;
	uint32_t slot_id = question->request->slot;

	*making = (struct making){ .key = change_key(slot_id, &question->request->request_id, 0),
	                           .has_token_objects = has_token_objects };
	*known = has_token_objects && change_is_known(question, &making->key, &record);
	if (*known) {
		CK_RV rv = created_body(question, &created);
		return rv == CKR_OK ? answer_stored(question, created, &making->key, &record) : rv;
	}
	enum err err = directory_slot(question->node->directory, slot_id, &slot);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? CKR_SLOT_ID_INVALID : question_err(question, err, "reading the slot");
	making->life = slot.life;
	return CKR_OK;
}

struct id making_id(const struct question *question, uint8_t ordinal, bool is_token)
{
	return is_token ? change_object_id(question->request->slot, &question->request->request_id, ordinal) : id_random();
}

void making_add(struct making *making, Craton__Object *object)
{
	making->objects[making->count++] = object;
}

CK_RV making_object(struct question *question, struct making *making, const struct id *id,
                    struct attribute_list *attributes, Craton__Object **out)
{
	*out = object_create(question->request->slot, id, attributes);
	if (!*out)
		return CKR_HOST_MEMORY;
	making_add(making, *out);
	return CKR_OK;
}

static bool is_stored(const Craton__Object *object)
{
	struct attribute_list view = rules_view(object);
	return attribute_list_bool(&view, CKA_TOKEN, false);
}

static CK_RV store(struct question *question, struct making *making, Craton__Created *created)
{
	Craton__Object *stored[2];
	Craton__ObjectCreated change = CRATON__OBJECT_CREATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	struct request_record record;

	change.objects = stored;
	for (size_t i = 0; i < making->count; i++) {
		if (is_stored(making->objects[i]))
			stored[change.n_objects++] = making->objects[i];
		else
			change.carried = making->objects[i];
	}
	if (change.carried && craton__object__get_packed_size(change.carried) > CARRIED_SIZE_MAX)
		return CKR_DEVICE_MEMORY;
	change.life = making->life;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_CREATED;
	event.object_created = &change;
	/* The token may have taken long, with heartbeats: the cluster has its own time. */
	CK_RV rv = change_commit(question, &making->key, &event, deadline_in(question->patience_ms), &record);
	return rv == CKR_OK ? answer_stored(question, created, &making->key, &record) : rv;
}

static CK_RV seal_carried(struct question *question, struct making *making)
{
	CK_RV rv = CKR_OK;
	for (size_t i = 0; i < making->count && rv == CKR_OK; i++)
		if (!is_stored(making->objects[i]))
			rv = question_token(question, carried_seal(question->node, making->objects[i]));
	return rv;
}

/* Nothing is stored: the library gets all there is. */
static CK_RV carry(struct making *making, Craton__Created *created)
{
	created->carried = calloc(making->count, sizeof *created->carried);
	if (!created->carried)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < making->count; i++)
		created->carried[created->n_carried++] = making->objects[i];
	making->count = 0;
	return CKR_OK;
}

CK_RV making_commit(struct question *question, struct making *making)
{
	Craton__Created *created;
	CK_RV rv = created_body(question, &created);
	if (rv == CKR_OK)
		rv = seal_carried(question, making);
	if (rv != CKR_OK)
		return rv;
	return making->has_token_objects ? store(question, making, created) : carry(making, created);
}

void making_finish(struct making *making)
{
	for (size_t i = 0; i < making->count; i++)
		object_destroy(making->objects[i]);
	making->count = 0;
}

bool making_begins_again(struct question *question, struct making *making, CK_RV rv)
{
	bool is_of_token = rv == CKR_DEVICE_MEMORY && question->reply->body_case == CRATON__REPLY__BODY__NOT_SET; /* not of what is agreed on */
	if (!is_of_token || !keyring_make_room(question->node->keyring))
		return false;
	making_finish(making);
	return true;
}

CK_RV making_answer(struct question *question, Craton__Attribute *const *template_, size_t count, making_step *make)
{
	struct attribute_list wanted = { NULL, 0 };
	struct making making = { .count = 0 };
	bool known = false;
	CK_RV rv = object_template(&wanted, template_, count);
	if (rv == CKR_OK)
		rv = making_begin(question, &making, attribute_list_bool(&wanted, CKA_TOKEN, false), &known);
	if (rv == CKR_OK && !known) {
		rv = make(question, &wanted, &making);
		if (making_begins_again(question, &making, rv))
			rv = make(question, &wanted, &making);
	}
	making_finish(&making);
	rules_wipe(&wanted);
	return rv;
}
