/* Objects come, change and go. */
#include "store/parts.h"
#include <string.h>

static bool attributes_make_sense(const Craton__Object *object)
{
	if (object->n_attributes > ATTRIBUTES_MAX)
		return false;
	for (size_t i = 0; i < object->n_attributes; i++) {
		const Craton__Attribute *attribute = object->attributes[i];
		if (attribute->value.len > ATTRIBUTE_SIZE_MAX
		    || (i && object->attributes[i - 1]->type >= attribute->type))
			return false;
	}
	return true;
}

/* The id in *id. An id of zeros is nobody's: searches start after it. */
static bool makes_sense(const Craton__Object *object, struct id *id)
{
	return object && object->slot && id_from_bytes(id, object->id.data, object->id.len)
	       && !id_is_zero(id) && attributes_make_sense(object);
}

/* Before the first row is written, all of them are known to fit. */
static enum err check_all(struct directory *directory, const Craton__ObjectCreated *event,
                          struct request_record *record)
{
	for (size_t i = 0; i < event->n_objects; i++) {
		struct id *id = &record->objects[i];
		uint64_t version;
		if (!makes_sense(event->objects[i], id) || event->objects[i]->slot != event->objects[0]->slot)
			return ERR_REFUSED;
		for (size_t k = 0; k < i; k++)
			if (id_equal(id, &record->objects[k]))
				return ERR_REFUSED;
		enum err err = table_object_find(directory, event->objects[i]->slot, id, &version);
		if (err == ERR_OK)
			record->outcome = OUTCOME_CONFLICT;
		else if (err != ERR_NOT_FOUND)
			return err;
	}
	return ERR_OK;
}

/* Is the slot there, in the life that the event speaks of? */
static enum err check_slot(struct directory *directory, uint32_t slot, uint64_t life, struct request_record *record)
{
	struct slot_record found;
	enum err err = table_slot_read(directory, slot, &found);
	if (err == ERR_OK && life && life != found.life)
		record->outcome = OUTCOME_STALE;
	if (err == ERR_NOT_FOUND)
		record->outcome = OUTCOME_NOT_FOUND;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err add_all(struct directory *directory, uint64_t index, const Craton__ObjectCreated *event)
{
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < event->n_objects; i++)
		err = table_object_add(directory, event->objects[i], index);
	return err;
}

static bool carried_makes_sense(const Craton__ObjectCreated *event)
{
	struct id id;
	const Craton__Object *carried = event->carried;
	return !carried || (makes_sense(carried, &id) && carried->slot == event->objects[0]->slot &&
	                    craton__object__get_packed_size(carried) <= CARRIED_SIZE_MAX);
}

static enum err keep_carried(struct directory *directory, const Craton__Object *carried)
{
	uint8_t *to = buf_extend(&directory->carried, craton__object__get_packed_size(carried));
	if (!to)
		return ERR_NO_MEMORY;
	craton__object__pack(carried, to);
	return ERR_OK;
}

enum err apply_object_created(struct directory *directory, uint64_t index,
                              const Craton__ObjectCreated *event, struct request_record *record)
{
	if (event->n_objects == 0 || event->n_objects > OBJECTS_PER_EVENT_MAX || !carried_makes_sense(event))
		return ERR_OK;
	record->outcome = OUTCOME_DONE;
	enum err err = check_all(directory, event, record);
	if (err == ERR_REFUSED)
		record->outcome = OUTCOME_MALFORMED;
	else if (err == ERR_OK && record->outcome == OUTCOME_DONE)
		err = check_slot(directory, event->objects[0]->slot, event->life, record);
	if (err == ERR_OK && record->outcome == OUTCOME_DONE) {
		record->object_count = event->n_objects;
		if (event->carried)
			record->slot = event->carried->slot; /* whose beginning anew ends it */
		err = event->carried ? keep_carried(directory, event->carried) : ERR_OK;
		return err == ERR_OK ? add_all(directory, index, event) : err;
	}
	memset(record->objects, 0, sizeof record->objects);
	return err == ERR_REFUSED ? ERR_OK : err;
}

enum err apply_object_updated(struct directory *directory, uint64_t index,
                              const Craton__ObjectUpdated *event, struct request_record *record)
{
	struct id id;
	uint64_t version;
	if (!makes_sense(event->object, &id))
		return ERR_OK;
	enum err err = table_object_find(directory, event->object->slot, &id, &version);
	if (err == ERR_NOT_FOUND || (err == ERR_OK && version != event->version)) {
		record->outcome = err == ERR_OK ? OUTCOME_CONFLICT : OUTCOME_NOT_FOUND;
		return ERR_OK;
	}
	record->outcome = OUTCOME_DONE;
	if (err == ERR_OK)
		err = table_object_change(directory, event->object, index);
	return err == ERR_OK ? news_gone(&directory->news, &id) : err;
}

enum err apply_object_destroyed(struct directory *directory, uint64_t index,
                                const Craton__ObjectDestroyed *event, struct request_record *record)
{
	(void)index;
	struct id id;
	if (!id_from_bytes(&id, event->id.data, event->id.len))
		return ERR_OK;
	enum err err = table_object_remove(directory, event->slot, &id);
	record->outcome = err == ERR_NOT_FOUND ? OUTCOME_NOT_FOUND : OUTCOME_DONE;
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	return err == ERR_OK ? news_gone(&directory->news, &id) : err;
}
