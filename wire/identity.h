/* Who a certificate says somebody is. */
#pragma once
#include "wire/tls.h"

/* false unless there is exactly one craton: URI among its subjectAltNames, and it is well-formed. */
bool identity_of_certificate(struct identity *identity, const X509 *certificate);
/* `expected` NULL: anybody; its name empty: anybody of that kind. */
bool identity_is(const struct identity *identity, const struct identity *expected);
