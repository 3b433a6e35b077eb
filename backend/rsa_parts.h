/* An RSA private key's primes, from its two exponents. The standard lets an owner import a key by modulus and private exponent alone
 * (PKCS#11 2.40 mechanisms, 2.1.3); PKCS #8, in which tokens wrap such keys, knows no key without its primes. */
#pragma once
#include "backend/physical.h"

/* Is this an RSA private key without them, that has all that they follow from? */
bool rsa_parts_missing(const Craton__Object *object, const struct attribute_list *secret);
/* A copy of `secret` with the five other parts in *out, which the caller finishes in any case.
 * CKR_ATTRIBUTE_VALUE_INVALID if the exponents do not belong to the modulus. */
CK_RV rsa_parts_add(const Craton__Object *object, const struct attribute_list *secret, struct attribute_list *out);
