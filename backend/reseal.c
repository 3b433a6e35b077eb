/* The same key under other attributes. */
#include "backend/seal_private.h"
#include "backend/wrap.h"
#include <stdlib.h>
#include <string.h>

static CK_RV take_wrapped(const Craton__Sealed *from, Craton__Object *object)
{
	Craton__Sealed *sealed = calloc(1, sizeof *sealed);
	uint8_t *wrapped = malloc(from->wrapped.len);
	if (!sealed || !wrapped) {
		free(sealed);
		free(wrapped);
		return CKR_HOST_MEMORY;
	}
	craton__sealed__init(sealed);
	sealed->kind = from->kind;
	sealed->wrapped = (ProtobufCBinaryData){ from->wrapped.len, memcpy(wrapped, from->wrapped.data, from->wrapped.len) };
	if (object->sealed)
		craton__sealed__free_unpacked(object->sealed, NULL);
	object->sealed = sealed;
	return CKR_OK;
}

/* Out from under the open key and in under the closed one. */
static CK_RV close_key(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *before, Craton__Object *after,
                       CK_OBJECT_HANDLE *key)
{
	struct physical physical = { .count = 0 };
	physical_identity(&physical, after);
	physical_guard(&physical, after, SEAL_CLOSED, true);
	CK_RV rv = seal_open(domain, session, before, &physical, key);
	return rv == CKR_OK ? seal_key(domain, session, *key, after) : rv;
}

/* A key that no token of ours wraps stays the value it is, whatever its attributes. */
static bool can_be_closed(const Craton__Object *before)
{
	return before->sealed->kind == SEAL_OPEN || (before->sealed->kind == SEAL_VALUE && object_class(before) == CKO_SECRET_KEY);
}

CK_RV reseal_key(struct domain *domain, const Craton__Object *before, Craton__Object *after)
{
	struct token *token = domain_token(domain);
	enum seal_kind kind = seal_kind_for(after);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = seal_check_on(domain, session, before);
	if (rv == CKR_OK && before->sealed->kind == SEAL_CLOSED && kind == SEAL_OPEN)
		rv = CKR_ATTRIBUTE_READ_ONLY; /* CKA_EXTRACTABLE and CKA_SENSITIVE go one way */
	else if (rv == CKR_OK && kind == SEAL_CLOSED && can_be_closed(before))
		rv = close_key(domain, session, before, after, &key);
	else if (rv == CKR_OK && (rv = take_wrapped(before->sealed, after)) == CKR_OK)
		rv = seal_set_mac(domain, session, after);
	seal_session_return(domain, session, rv, &key, 1);
	return rv;
}
