#include "backend/seal.h"
#include "backend/domain_private.h"
#include "backend/seal_private.h"
#include "base/id.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A wrapped key is a few KiB at most; a private data object's value may be as long as any attribute. */
#define WRAPPED_FIRST_TRY 4096
#define ATTRIBUTES_SIZE_MAX (32u << 20)

enum seal_kind seal_kind_for(const Craton__Object *object)
{
	if (object_class(object) == CKO_DATA)
		return SEAL_OPEN;
	bool open = object_flag(object, CKA_EXTRACTABLE, false) || !object_flag(object, CKA_SENSITIVE, true);
	return open ? SEAL_OPEN : SEAL_CLOSED;
}

/* The attributes in the order they stand, which is by type, each once: a list in another order is another list. */
static void write_attributes(const Craton__Object *object, struct buf *out)
{
	for (size_t i = 0; i < object->n_attributes; i++) {
		const Craton__Attribute *attribute = object->attributes[i];
		buf_add_u64(out, attribute->type);
		buf_add_block(out, attribute->value.data, attribute->value.len);
	}
}

static bool well_formed(const Craton__Object *object)
{
	const Craton__Sealed *sealed = object->sealed;
	return sealed && object->id.len == ID_SIZE && sealed->kind >= SEAL_CLOSED && sealed->kind <= SEAL_VALUE &&
	       sealed->wrapped.len > 0;
}

/* docs/disk-format.md describes these bytes. */
static CK_RV seal_mac(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, uint8_t out[SHA256_SIZE])
{
	struct buf who, what;
	buf_init(&who, 64);
	buf_init(&what, ATTRIBUTES_SIZE_MAX);
	buf_add_u32(&who, object->sealed->kind);
	buf_add_u32(&who, object->slot);
	buf_add(&who, object->id.data, object->id.len);
	write_attributes(object, &what);
	struct bytes parts[] = {
		{ who.data, who.size },
		{ object->sealed->wrapped.data, object->sealed->wrapped.len },
		{ what.data, what.size },
	};
	CK_RV rv = who.failed || what.failed ? CKR_HOST_MEMORY
	           : domain_mac_on(domain, session, "sealed", parts, sizeof parts / sizeof *parts, out);
	buf_finish(&who);
	buf_finish(&what);
	return rv;
}

CK_RV seal_set_mac(struct domain *domain, CK_SESSION_HANDLE session, Craton__Object *object)
{
	uint8_t mac[SHA256_SIZE];
	CK_RV rv = seal_mac(domain, session, object, mac);
	if (rv != CKR_OK)
		return rv;
	uint8_t *copy = malloc(sizeof mac);
	if (!copy)
		return CKR_HOST_MEMORY;
	memcpy(copy, mac, sizeof mac);
	free(object->sealed->mac.data);
	object->sealed->mac = (ProtobufCBinaryData){ sizeof mac, copy };
	return CKR_OK;
}

CK_RV seal_check_on(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object)
{
	uint8_t mac[SHA256_SIZE];
	if (!well_formed(object) || object->sealed->mac.len != SHA256_SIZE)
		return CKR_ENCRYPTED_DATA_INVALID;
	CK_RV rv = seal_mac(domain, session, object, mac);
	if (rv == CKR_OK && !secret_equal(mac, sizeof mac, object->sealed->mac.data, object->sealed->mac.len))
		rv = CKR_ENCRYPTED_DATA_INVALID;
	secret_wipe(mac, sizeof mac);
	return rv;
}

CK_RV seal_check(struct domain *domain, const Craton__Object *object)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow(domain_token(domain), &session);
	if (rv != CKR_OK)
		return rv;
	rv = seal_check_on(domain, session, object);
	token_return(domain_token(domain), session, rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_OK : rv);
	return rv;
}

struct wrapping {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE with, key;
};

/* Nothing, or more than there is room for, is no wrapped key, whatever the token calls it. */
static CK_RV wrap_into(const struct wrapping *wrapping, CK_ULONG room, ProtobufCBinaryData *out)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_ULONG size = room;
	uint8_t *wrapped = malloc(room);
	CK_RV rv = wrapped ? wrapping->p11->C_WrapKey(wrapping->session, &mechanism, wrapping->with, wrapping->key, wrapped, &size)
	                   : CKR_HOST_MEMORY;
	if (rv == CKR_OK && (size == 0 || size > room))
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK)
		*out = (ProtobufCBinaryData){ size, wrapped };
	else
		free(wrapped);
	return rv;
}

static CK_RV wrap(struct domain *domain, CK_SESSION_HANDLE session, enum seal_kind kind, CK_OBJECT_HANDLE key,
                  ProtobufCBinaryData *out)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	struct wrapping wrapping = { .p11 = token_functions(domain_token(domain)), .session = session, .key = key };
	CK_ULONG size = 0;
	CK_RV rv = domain_key_handle(domain, session, kind == SEAL_CLOSED ? DOMAIN_CLOSED : DOMAIN_OPEN, &wrapping.with);
	if (rv == CKR_OK)
		rv = wrap_into(&wrapping, WRAPPED_FIRST_TRY, out);
	if (rv != CKR_BUFFER_TOO_SMALL)
		return rv;
	rv = wrapping.p11->C_WrapKey(session, &mechanism, wrapping.with, key, NULL, &size);
	return rv == CKR_OK ? wrap_into(&wrapping, size, out) : rv;
}

static void sealed_free(Craton__Sealed *sealed)
{
	if (sealed)
		craton__sealed__free_unpacked(sealed, NULL);
}

CK_RV seal_as(struct domain *domain, CK_SESSION_HANDLE session, enum seal_kind kind, CK_OBJECT_HANDLE key, Craton__Object *object)
{
	assert(object->id.len == ID_SIZE);
	Craton__Sealed *sealed = calloc(1, sizeof *sealed);
	if (!sealed)
		return CKR_HOST_MEMORY;
	craton__sealed__init(sealed);
	sealed->kind = kind;
	CK_RV rv = wrap(domain, session, kind, key, &sealed->wrapped);
	if (rv != CKR_OK) {
		sealed_free(sealed);
		return rv;
	}
	sealed_free(object->sealed);
	object->sealed = sealed;
	return seal_set_mac(domain, session, object);
}

/* Where wrapping leaves zeros at the end, an HMAC key no longer than the shortest block is none the worse ("if the length of K
 * is less than B: append zeros to the end of K", RFC 2104); a longer one is hashed first and would be another key. */
#define CLOSED_SIZE_ODD_MAX 64

CK_RV seal_key(struct domain *domain, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, Craton__Object *object)
{
	enum seal_kind kind = seal_kind_for(object);
	struct attribute_list list = object_list(object);
	uint64_t size = attribute_list_ulong(&list, CKA_VALUE_LEN, 0);
	bool would_grow = !domain_keeps_length(domain) && object_class(object) == CKO_SECRET_KEY && size % 8 != 0;
	if (would_grow && kind == SEAL_OPEN)
		return seal_value_of(domain, session, key, object);
	if (would_grow && size > CLOSED_SIZE_ODD_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return seal_as(domain, session, kind, key, object);
}

static bool same_bytes(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

CK_RV seal_again(struct domain *domain, const Craton__Object *before, Craton__Object *after)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow(domain_token(domain), &session);
	if (rv != CKR_OK)
		return rv;
	rv = seal_check_on(domain, session, before);
	/* The same key under other attributes; anything else would be vouched for unseen. */
	if (rv == CKR_OK && (!well_formed(after) || after->sealed->kind != before->sealed->kind ||
	                     !same_bytes(&after->sealed->wrapped, &before->sealed->wrapped)))
		rv = CKR_ENCRYPTED_DATA_INVALID;
	if (rv == CKR_OK)
		rv = seal_set_mac(domain, session, after);
	token_return(domain_token(domain), session, rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_OK : rv);
	return rv;
}

/* The wrapped bytes become a key of `physical`'s template. */
CK_RV seal_unwrap(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Sealed *sealed,
                  struct physical *physical, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_OBJECT_HANDLE wrapping;
	CK_RV rv = domain_key_handle(domain, session, sealed->kind == SEAL_CLOSED ? DOMAIN_CLOSED : DOMAIN_OPEN, &wrapping);
	if (rv != CKR_OK)
		return rv;
	return token_functions(domain_token(domain))->C_UnwrapKey(session, &mechanism, wrapping, sealed->wrapped.data,
	                                                          sealed->wrapped.len, physical->list, physical->count, out);
}

CK_RV unseal_key(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	CK_RV rv = seal_check_on(domain, session, object);
	return rv == CKR_OK ? unseal_checked(domain, session, object, out) : rv;
}

CK_RV unseal_checked(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_CLASS class = object_class(object);
	if (class != CKO_PRIVATE_KEY && class != CKO_SECRET_KEY)
		return CKR_KEY_HANDLE_INVALID;
	struct physical physical = { .count = 0 };
	physical_identity(&physical, object);
	physical_guard(&physical, object, (enum seal_kind)object->sealed->kind, false);
	return seal_open(domain, session, object, &physical, out);
}

void seal_session_return(struct domain *domain, CK_SESSION_HANDLE session, CK_RV rv, const CK_OBJECT_HANDLE *made, size_t count)
{
	struct token *token = domain_token(domain);
	for (size_t i = 0; i < count; i++)
		if (made[i] && token_functions(token)->C_DestroyObject(session, made[i]) != CKR_OK)
			rv = CKR_FUNCTION_FAILED;
	token_return(token, session, rv);
}

CK_RV seal_open(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, struct physical *physical,
                CK_OBJECT_HANDLE *out)
{
	return object->sealed->kind == SEAL_VALUE ? value_import(domain, session, object, physical, out)
	                                          : seal_unwrap(domain, session, object->sealed, physical, out);
}
