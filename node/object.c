#include "node/object.h"
#include <stdlib.h>
#include <string.h>

Craton__Object *object_create(uint32_t slot, const struct id *id, struct attribute_list *attributes)
{
	Craton__Object *object = malloc(sizeof *object);
	uint8_t *bytes = malloc(ID_SIZE);
	if (!object || !bytes) {
		free(object);
		free(bytes);
		attribute_list_finish(attributes);
		return NULL;
	}
	memcpy(bytes, id->bytes, ID_SIZE);
	craton__object__init(object);
	object->id = (ProtobufCBinaryData){ ID_SIZE, bytes };
	object->slot = slot;
	object->attributes = attributes->items;
	object->n_attributes = attributes->count;
	*attributes = (struct attribute_list){ NULL, 0 };
	return object;
}

void object_destroy(Craton__Object *object)
{
	if (object)
		craton__object__free_unpacked(object, NULL);
}

CK_RV object_template(struct attribute_list *out, Craton__Attribute *const *items, size_t count)
{
	switch (attribute_list_copy(out, items, count)) {
	case ERR_OK:
		return CKR_OK;
	case ERR_NO_MEMORY:
		return CKR_HOST_MEMORY;
	case ERR_BUSY:
		return CKR_TEMPLATE_INCONSISTENT;
	default:
		return CKR_ATTRIBUTE_VALUE_INVALID;
	}
}

static Craton__Object *object_copy(const Craton__Object *object)
{
	size_t size = craton__object__get_packed_size(object);
	uint8_t *packed = malloc(size ? size : 1);
	if (!packed)
		return NULL;
	craton__object__pack(object, packed);
	Craton__Object *copy = craton__object__unpack(NULL, size, packed);
	free(packed);
	return copy;
}

static CK_RV find_carried(struct question *question, const Craton__ObjectRef *ref, struct found_object *out)
{
	CK_RV rv = carried_check(question, ref);
	if (rv != CKR_OK)
		return rv;
	out->is_carried = true;
	out->object = object_copy(ref->carried);
	return out->object ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV find_stored(struct question *question, const struct id *id, struct found_object *out)
{
	enum err err = directory_object(question->node->directory, question->request->slot, id, &out->object, &out->version);
	if (err == ERR_NOT_FOUND)
		return question_fault(question, CRATON__FAULT__FAULT_UNKNOWN_OBJECT, "no such object here");
	return question_err(question, err, "reading an object");
}

CK_RV object_find(struct question *question, const Craton__ObjectRef *ref, struct found_object *out)
{
	struct id id;
	*out = (struct found_object){ .object = NULL };
	if (!ref || !id_from_bytes(&id, ref->id.data, ref->id.len))
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "an object's id has %d bytes", ID_SIZE);
	CK_RV rv = ref->carried ? find_carried(question, ref, out) : find_stored(question, &id, out);
	if (rv != CKR_OK)
		return rv;
	struct attribute_list view = rules_view(out->object);
	if (rules_visible(&question->asker, &view))
		return CKR_OK;
	object_destroy(out->object);
	out->object = NULL;
	return CKR_OBJECT_HANDLE_INVALID;
}
