#include "pkcs11/asked.h"
#include "base/secret.h"
#include "wire/unpack.h"

void ref_in_full(const struct object *object, Craton__ObjectRef *ref)
{
	craton__object_ref__init(ref);
	ref->id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)object->id.bytes }; /* read only */
	ref->carried = object->carried;
}

void question_about(struct question *question, struct object *object, Craton__ObjectRef *ref)
{
	ref_in_full(object, ref);
	ref->carried = NULL;
	question->object = ref;
	question->about = object;
}

/* The named keys are lent to the message, which does not free them. */
static CK_RV find_named(struct session *session, const CK_MECHANISM *mechanism, struct asked_mechanism *asked)
{
	CK_OBJECT_HANDLE handles[MECHANISM_KEYS_MAX];
	size_t count = mechanism_keys(mechanism, handles);
	for (; asked->count < count; asked->count++) {
		struct object *key = session_object(session, handles[asked->count]);
		if (!key)
			return CKR_KEY_HANDLE_INVALID;
		asked->keys[asked->count] = key;
		ref_in_full(key, &asked->refs[asked->count]);
		asked->list[asked->count] = &asked->refs[asked->count];
	}
	asked->wire->keys = count ? asked->list : NULL;
	asked->wire->n_keys = count;
	return CKR_OK;
}

CK_RV asked_read(struct session *session, const CK_MECHANISM *mechanism, CK_FLAGS use, struct asked_mechanism *asked)
{
	struct offered offered;
	*asked = (struct asked_mechanism){ .wire = NULL };
	if (!mechanism)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = offer_find(session->library, mechanism->mechanism, &offered);
	if (rv == CKR_OK && !(offered.info.flags & use))
		rv = CKR_MECHANISM_INVALID;
	if (rv == CKR_OK)
		rv = mechanism_to_wire(mechanism, offered.takes_bytes, &asked->wire);
	return rv == CKR_OK ? find_named(session, mechanism, asked) : rv;
}

void asked_finish(struct asked_mechanism *asked)
{
	if (asked->wire) {
		asked->wire->keys = NULL;
		asked->wire->n_keys = 0;
		mechanism_free(asked->wire);
	}
	for (size_t i = 0; i < asked->count; i++)
		object_release(asked->keys[i]);
	*asked = (struct asked_mechanism){ .wire = NULL };
}

CK_RV template_read(const struct session *session, const CK_ATTRIBUTE *template_, CK_ULONG count, struct attribute_list *list)
{
	*list = (struct attribute_list){ NULL, 0 };
	CK_RV rv = attributes_from_template(template_, count, list);
	if (rv == CKR_OK && !session->is_writable && attribute_list_bool(list, CKA_TOKEN, false))
		rv = CKR_SESSION_READ_ONLY;
	return rv;
}

void template_finish(struct attribute_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i]->value.len)
			secret_wipe(list->items[i]->value.data, list->items[i]->value.len);
	attribute_list_finish(list);
}

Craton__Mechanism *mechanism_copy(const Craton__Mechanism *mechanism)
{
	struct buf packed;
	size_t size = craton__mechanism__get_packed_size(mechanism);
	buf_init(&packed, size + 1);
	uint8_t *at = buf_extend(&packed, size + 1); /* also of none */
	Craton__Mechanism *copy = NULL;
	if (at) {
		craton__mechanism__pack(mechanism, at);
		copy = craton__mechanism__unpack(NULL, size, at);
	}
	buf_finish(&packed);
	return copy;
}

void mechanism_free(Craton__Mechanism *mechanism)
{
	if (mechanism)
		craton__mechanism__free_unpacked(mechanism, &unpack_wiping);
}
