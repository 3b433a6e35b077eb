#include "backend/domain_private.h"
#include "backend/held.h"
#include "backend/learn.h"
#include "backend/seal_private.h"
#include "backend/wrap.h"

/* What the token must be told to make a key of the kind: from the template, of which everything else is virtual. */
static void add_parts(struct physical *physical, const Craton__Object *object)
{
	static const CK_ATTRIBUTE_TYPE parts[] = {
		CKA_VALUE_LEN, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_PRIME, CKA_SUBPRIME, CKA_BASE,
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		physical_from(physical, object, parts[i]);
}

/* An open key may have been made extractable for sealing only, so it takes the long way. */
static CK_RV seal_and_keep(struct domain *domain, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, Craton__Object *object)
{
	CK_RV rv = seal_key(domain, session, key, object);
	if (rv == CKR_OK && object->sealed->kind == SEAL_CLOSED)
		fresh_keep(domain_fresh(domain), object, key);
	return rv;
}

CK_RV seal_made(struct domain *domain, CK_SESSION_HANDLE session, CK_RV rv, CK_OBJECT_HANDLE key, Craton__Object *object)
{
	if (rv == CKR_OK)
		rv = seal_and_keep(domain, session, key, object);
	seal_session_return(domain, session, rv, &key, 1);
	return rv;
}

CK_RV generate_key(struct domain *domain, const CK_MECHANISM *mechanism, Craton__Object *object)
{
	struct token *token = domain_token(domain);
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CK_MECHANISM own = *mechanism;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	struct physical physical = { .count = 0 };
	physical_identity(&physical, object);
	physical_guard(&physical, object, seal_kind_for(object), true);
	add_parts(&physical, object);
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .work = TOKEN_WORK_LONG }, &session);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_GenerateKey(session, &own, physical.list, physical.count, &key);
	if (rv == CKR_OK)
		rv = learn(p11, session, key, object);
	return seal_made(domain, session, rv, key, object);
}

CK_RV generate_key_pair(struct domain *domain, const CK_MECHANISM *mechanism,
                        Craton__Object *public_object, Craton__Object *private_object)
{
	struct token *token = domain_token(domain);
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CK_MECHANISM own = *mechanism;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE keys[2] = { 0 };
	struct physical public_half = { .count = 0 }, private_half = { .count = 0 };
	if (held_kind(public_object) & domain_held_made(domain))
		return held_generate(domain, public_object, private_object);
	physical_identity(&public_half, public_object);
	physical_flag(&public_half, CKA_PRIVATE, false);
	add_parts(&public_half, public_object);
	physical_identity(&private_half, private_object);
	physical_guard(&private_half, private_object, seal_kind_for(private_object), true);
	physical_from(&private_half, private_object, CKA_VALUE_BITS);
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .work = TOKEN_WORK_LONG }, &session);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_GenerateKeyPair(session, &own, public_half.list, public_half.count,
	                            private_half.list, private_half.count, &keys[0], &keys[1]);
	if (rv == CKR_OK)
		rv = learn(p11, session, keys[0], public_object);
	if (rv == CKR_OK)
		rv = learn(p11, session, keys[1], private_object);
	if (rv == CKR_OK)
		rv = learn_from_public(public_object, private_object);
	if (rv == CKR_OK)
		rv = seal_and_keep(domain, session, keys[1], private_object);
	seal_session_return(domain, session, rv, keys, 2);
	return rv;
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
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .work = TOKEN_WORK_LONG }, &session);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_GenerateKey(session, mechanism, physical.list, physical.count, &parameters);
	if (rv == CKR_OK)
		rv = learn(p11, session, parameters, object);
	seal_session_return(domain, session, rv, &parameters, 1);
	return rv;
}
