/* Hash-then-sign: the hash is made here, in a library context of our own, and only it goes to a member. So data of any
 * size costs one short round trip, and a lost member loses nothing. */
#pragma once
#include "base/digest.h"
#include "wire/cryptoki.h"
#include "wire/mechanism_table.h"
#include <openssl/types.h>

#define PREHASH_SIZE_MAX 96 /* bytes: DigestInfo and SHA-512 */

struct prehash {
	EVP_MD_CTX *context; /* NULL: not begun */
};
/* A digest in software; NULL without memory, or if our OpenSSL lacks it. */
EVP_MD_CTX *digest_begin(const struct hash_facts *facts);

CK_RV prehash_add(struct prehash *prehash, const struct mechanism_facts *facts, struct bytes part);
/* What facts->raw signs: the digest, with DigestInfo before it where that is so. */
CK_RV prehash_finish(struct prehash *prehash, const struct mechanism_facts *facts,
                     uint8_t out[PREHASH_SIZE_MAX], size_t *size);
void prehash_drop(struct prehash *prehash);
