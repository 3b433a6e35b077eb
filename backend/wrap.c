#include "backend/wrap.h"
#include "backend/domain_private.h"
#include "backend/learn.h"
#include "backend/seal_private.h"

/* More than any RSA key wrapped by any mechanism. */
#define WRAPPED_FIRST_TRY 8192

static CK_RV wrap_into(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
                       CK_OBJECT_HANDLE key, CK_ULONG *size, struct buf *out)
{
	size_t before = out->size, room = *size;
	CK_BYTE *wrapped = buf_extend(out, room);
	if (!wrapped)
		return CKR_HOST_MEMORY;
	CK_RV rv = p11->C_WrapKey(session, mechanism, wrapping, key, wrapped, size);
	if (rv == CKR_OK && *size > room)
		rv = CKR_DEVICE_ERROR;
	out->size = before + (rv == CKR_OK ? *size : 0);
	return rv;
}

CK_RV wrap_key(struct token *token, CK_MECHANISM *mechanism, const struct loaded_key *wrapping, const struct loaded_key *key,
               struct buf *out)
{
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CK_ULONG size = WRAPPED_FIRST_TRY;
	CK_SESSION_HANDLE session;
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = wrap_into(p11, session, mechanism, wrapping->handle, key->handle, &size, out);
	if (rv == CKR_BUFFER_TOO_SMALL && size > WRAPPED_FIRST_TRY)
		rv = wrap_into(p11, session, mechanism, wrapping->handle, key->handle, &size, out);
	token_return(token, session, rv);
	return rv;
}

/* How a key is made of another: by C_UnwrapKey, or by C_DeriveKey. */
struct making {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	CK_MECHANISM *mechanism;
	CK_OBJECT_HANDLE from;
	bool by_unwrapping;
	struct bytes wrapped;
	uint64_t length; /* CKA_VALUE_LEN as it was asked for; 0: not at all */
};

static CK_RV make_as(const struct making *making, struct physical *physical, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	CK_FUNCTION_LIST *p11 = making->p11;
	CK_BYTE *wrapped = (CK_BYTE *)making->wrapped.data; /* PKCS#11 knows no const */
	if (making->by_unwrapping)
		return p11->C_UnwrapKey(making->session, making->mechanism, making->from, wrapped, making->wrapped.size,
		                        physical->list, count, out);
	return p11->C_DeriveKey(making->session, making->mechanism, making->from, physical->list, count, out);
}

/* A token may refuse to be told a length that it finds in what it unwraps. */
static CK_RV make(const struct making *making, struct physical *physical, CK_OBJECT_HANDLE *out)
{
	CK_ULONG without_length = physical->count;
	if (making->length)
		physical_number(physical, CKA_VALUE_LEN, making->length);
	CK_RV rv = make_as(making, physical, physical->count, out);
	if (making->length && making->by_unwrapping &&
	    (rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_TYPE_INVALID))
		rv = make_as(making, physical, without_length, out);
	return rv;
}

/* What is made is guarded from its first moment as a key that is about to be sealed. */
static CK_RV make_guarded(const struct making *making, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	struct physical physical = { .count = 0 };
	physical_identity(&physical, object);
	physical_guard(&physical, object, seal_kind_for(object), true);
	return make(making, &physical, out);
}

/* SoftHSM 2.6.1 says 0 for the length of what it unwrapped or derived. The same made once more, readable, has the length to be
 * asked for; the value itself stays where it is, and who could do this could as well have kept a readable one. */
static CK_RV measure_twin(const struct making *making, const Craton__Object *object, CK_ULONG *size)
{
	struct physical physical = { .count = 0 };
	CK_OBJECT_HANDLE twin;
	physical_identity(&physical, object);
	physical_flag(&physical, CKA_PRIVATE, true);
	physical_flag(&physical, CKA_SENSITIVE, false);
	physical_flag(&physical, CKA_EXTRACTABLE, true);
	CK_RV rv = make(making, &physical, &twin);
	if (rv != CKR_OK)
		return rv;
	rv = value_length(making->p11, making->session, twin, size);
	CK_RV destroyed = making->p11->C_DestroyObject(making->session, twin);
	return rv == CKR_OK ? destroyed : rv;
}

static CK_RV measure(const struct making *making, CK_OBJECT_HANDLE key, const Craton__Object *object, uint64_t *out)
{
	CK_ULONG size = 0;
	CK_RV rv = value_length(making->p11, making->session, key, &size);
	if (rv == CKR_ATTRIBUTE_SENSITIVE)
		rv = measure_twin(making, object, &size);
	*out = size;
	return rv;
}

/* The length that was asked for, if this is it, give or take the zeros that a token fills up with where it wraps. */
static CK_RV settle_length(struct domain *domain, const struct making *making, uint64_t found, struct attribute_list *list)
{
	uint64_t asked = making->length ? making->length : found;
	bool grown = making->by_unwrapping && !domain_keeps_length(domain) && asked < found && found - asked < 8 && found % 8 == 0;
	if (asked != found && !grown)
		return CKR_TEMPLATE_INCONSISTENT;
	return attribute_list_set_ulong(list, CKA_VALUE_LEN, asked) == ERR_OK ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV learn_length(struct domain *domain, const struct making *making, CK_OBJECT_HANDLE key, Craton__Object *object)
{
	if (object_class(object) != CKO_SECRET_KEY || has_fixed_length(object_key_type(object)))
		return CKR_OK;
	struct attribute_list list = object_list(object);
	uint64_t found = attribute_list_ulong(&list, CKA_VALUE_LEN, 0);
	CK_RV rv = found ? CKR_OK : measure(making, key, object, &found);
	if (rv == CKR_OK)
		rv = settle_length(domain, making, found, &list);
	object_take_list(object, &list);
	return rv;
}

/* The length that stands in the template is a wish; what is learned is how it came. */
static void take_length(struct making *making, Craton__Object *object)
{
	struct attribute_list list = object_list(object);
	making->length = attribute_list_ulong(&list, CKA_VALUE_LEN, 0);
	attribute_list_remove(&list, CKA_VALUE_LEN);
	object_take_list(object, &list);
}

static CK_RV make_sealed(struct domain *domain, struct making *making, Craton__Object *object)
{
	struct token *token = domain_token(domain);
	CK_OBJECT_HANDLE key = 0;
	making->p11 = token_functions(token);
	take_length(making, object);
	CK_RV rv = token_borrow(token, &making->session);
	if (rv != CKR_OK)
		return rv;
	rv = make_guarded(making, object, &key);
	if (rv == CKR_OK)
		rv = learn(making->p11, making->session, key, object);
	if (rv == CKR_OK)
		rv = learn_length(domain, making, key, object);
	return seal_made(domain, making->session, rv, key, object);
}

CK_RV unwrap_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *unwrapping, const void *wrapped,
                 size_t size, Craton__Object *object)
{
	struct making making = {
		.mechanism = mechanism, .from = unwrapping->handle, .by_unwrapping = true, .wrapped = { wrapped, size },
	};
	return make_sealed(domain, &making, object);
}

CK_RV derive_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *base, Craton__Object *object)
{
	struct making making = { .mechanism = mechanism, .from = base->handle };
	return make_sealed(domain, &making, object);
}
