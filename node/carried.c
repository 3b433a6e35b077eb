/* Session objects: made here, kept by the library, shown to whichever node needs them. */
#include "node/object.h"
#include <stdlib.h>
#include <string.h>

#define PURPOSE "carried"

/* All of the object but its seal, as bytes. */
static CK_RV packed_body(const Craton__Object *object, uint8_t **out, size_t *size)
{
	Craton__Object body = *object;
	body.sealed = NULL;
	*size = craton__object__get_packed_size(&body);
	*out = malloc(*size ? *size : 1);
	if (!*out)
		return CKR_HOST_MEMORY;
	craton__object__pack(&body, *out);
	return CKR_OK;
}

static CK_RV add_mac(Craton__Object *object, const uint8_t mac[SHA256_SIZE])
{
	Craton__Sealed *sealed = malloc(sizeof *sealed);
	uint8_t *bytes = malloc(SHA256_SIZE);
	if (!sealed || !bytes) {
		free(sealed);
		free(bytes);
		return CKR_HOST_MEMORY;
	}
	craton__sealed__init(sealed);
	sealed->kind = SEALED_NO_KEY;
	memcpy(bytes, mac, SHA256_SIZE);
	sealed->mac = (ProtobufCBinaryData){ SHA256_SIZE, bytes };
	object->sealed = sealed;
	return CKR_OK;
}

CK_RV carried_seal(struct node *node, Craton__Object *object)
{
	uint8_t mac[SHA256_SIZE], *body;
	size_t size;
	if (object->sealed)
		return CKR_OK;
	CK_RV rv = packed_body(object, &body, &size);
	if (rv != CKR_OK)
		return rv;
	rv = domain_mac(node->domain, PURPOSE, &(struct bytes){ body, size }, 1, mac);
	free(body);
	return rv == CKR_OK ? add_mac(object, mac) : rv;
}

static CK_RV check_mac(struct node *node, const Craton__Object *object)
{
	uint8_t *body;
	size_t size;
	if (object->sealed->mac.len != SHA256_SIZE || object->sealed->wrapped.len != 0)
		return CKR_SIGNATURE_INVALID;
	CK_RV rv = packed_body(object, &body, &size);
	if (rv != CKR_OK)
		return rv;
	rv = domain_mac_check(node->domain, PURPOSE, &(struct bytes){ body, size }, 1, object->sealed->mac.data);
	free(body);
	return rv;
}

static bool is_session_object_of(const Craton__Object *object, const struct question *question, const Craton__ObjectRef *ref)
{
	struct attribute_list view = rules_view(object);
	return object->slot == question->request->slot && object->sealed && object->id.len == ID_SIZE &&
	       ref->id.len == ID_SIZE && memcmp(object->id.data, ref->id.data, ID_SIZE) == 0 &&
	       !attribute_list_bool(&view, CKA_TOKEN, true);
}

/* The shapes are judged before the token is asked; what the token vouches for was made by us. */
CK_RV carried_check(struct question *question, const Craton__ObjectRef *ref)
{
	const Craton__Object *object = ref->carried;
	struct attribute_list list = { NULL, 0 };
	enum err err = attribute_list_copy(&list, object->attributes, object->n_attributes);
	attribute_list_finish(&list);
	if (err != ERR_OK || !is_session_object_of(object, question, ref))
		return err == ERR_NO_MEMORY ? CKR_HOST_MEMORY : CKR_OBJECT_HANDLE_INVALID;
	CK_RV rv = object->sealed->kind == SEALED_NO_KEY ? check_mac(question->node, object)
	                                               : seal_check(question->node->domain, object);
	if (rv == CKR_SIGNATURE_INVALID || rv == CKR_ENCRYPTED_DATA_INVALID)
		return CKR_OBJECT_HANDLE_INVALID;
	return question_token(question, rv);
}
