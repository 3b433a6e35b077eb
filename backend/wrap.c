#include "backend/wrap.h"
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

/* What the mechanism makes is guarded from its first moment as a key that is about to be sealed. */
static void template_of(struct physical *physical, const Craton__Object *object)
{
	*physical = (struct physical){ .count = 0 };
	physical_identity(physical, object);
	physical_guard(physical, object, seal_kind_for(object), true);
}

/* A token may refuse to be told a length that it finds in what it unwraps; then it has to be the length we were told. */
static CK_RV unwrap_on(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
                       const struct bytes *wrapped, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	CK_BYTE *bytes = (CK_BYTE *)wrapped->data; /* PKCS#11 knows no const */
	struct physical physical;
	template_of(&physical, object);
	CK_ULONG without_length = physical.count;
	physical_from(&physical, object, CKA_VALUE_LEN);
	CK_RV rv = p11->C_UnwrapKey(session, mechanism, unwrapping, bytes, wrapped->size, physical.list, physical.count, out);
	bool is_told = physical.count > without_length;
	if (!is_told || (rv != CKR_ATTRIBUTE_READ_ONLY && rv != CKR_TEMPLATE_INCONSISTENT && rv != CKR_ATTRIBUTE_TYPE_INVALID))
		return rv;
	return p11->C_UnwrapKey(session, mechanism, unwrapping, bytes, wrapped->size, physical.list, without_length, out);
}

static CK_RV length_agrees(const Craton__Object *object, uint64_t stated)
{
	struct attribute_list list = object_list(object);
	return stated == attribute_list_ulong(&list, CKA_VALUE_LEN, stated) ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
}

CK_RV unwrap_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *unwrapping, const void *wrapped,
                 size_t size, Craton__Object *object)
{
	struct token *token = domain_token(domain);
	CK_FUNCTION_LIST *p11 = token_functions(token);
	struct attribute_list list = object_list(object);
	uint64_t stated = attribute_list_ulong(&list, CKA_VALUE_LEN, 0);
	struct bytes bytes = { wrapped, size };
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = unwrap_on(p11, session, mechanism, unwrapping->handle, &bytes, object, &key);
	if (rv == CKR_OK)
		rv = learn(p11, session, key, object);
	if (rv == CKR_OK && stated)
		rv = length_agrees(object, stated);
	return seal_made(domain, session, rv, key, object);
}

CK_RV derive_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *base, Craton__Object *object)
{
	struct token *token = domain_token(domain);
	CK_FUNCTION_LIST *p11 = token_functions(token);
	struct physical physical;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	template_of(&physical, object);
	physical_from(&physical, object, CKA_VALUE_LEN);
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_DeriveKey(session, mechanism, base->handle, physical.list, physical.count, &key);
	if (rv == CKR_OK)
		rv = learn(p11, session, key, object);
	return seal_made(domain, session, rv, key, object);
}

CK_RV generate_parameters(struct domain *domain, CK_MECHANISM *mechanism, Craton__Object *object)
{
	static const CK_ATTRIBUTE_TYPE wanted[] = { CKA_PRIME_BITS, CKA_SUB_PRIME_BITS, CKA_PRIME, CKA_SUBPRIME };
	struct token *token = domain_token(domain);
	CK_FUNCTION_LIST *p11 = token_functions(token);
	struct physical physical = { .count = 0 };
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE parameters = 0;
	physical_identity(&physical, object);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		physical_from(&physical, object, wanted[i]);
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_GenerateKey(session, mechanism, physical.list, physical.count, &parameters);
	if (rv == CKR_OK)
		rv = learn(p11, session, parameters, object);
	seal_session_return(domain, session, rv, &parameters, 1);
	return rv;
}
