#include "pkcs11/prehash.h"
#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

EVP_MD_CTX *digest_begin(const struct hash_facts *facts)
{
	const EVP_MD *algorithm = digest_algorithm(facts->name);
	EVP_MD_CTX *context = algorithm ? EVP_MD_CTX_new() : NULL;
	if (context && EVP_DigestInit_ex(context, algorithm, NULL) != 1) {
		EVP_MD_CTX_free(context);
		context = NULL;
	}
	return context;
}

CK_RV prehash_add(struct prehash *prehash, const struct mechanism_facts *facts, struct bytes part)
{
	if (!prehash->context)
		prehash->context = digest_begin(hash_facts(facts->hash));
	if (!prehash->context || EVP_DigestUpdate(prehash->context, part.data, part.size) != 1)
		return CKR_HOST_MEMORY;
	return CKR_OK;
}

CK_RV prehash_finish(struct prehash *prehash, const struct mechanism_facts *facts,
                     uint8_t out[PREHASH_SIZE_MAX], size_t *size)
{
	const struct hash_facts *hash = hash_facts(facts->hash);
	size_t info_size = facts->info ? hash->info_size : 0;
	unsigned digest_size = 0;
	CK_RV rv = prehash_add(prehash, facts, (struct bytes){ "", 0 });
	assert(info_size + hash->size <= PREHASH_SIZE_MAX);
	if (rv != CKR_OK)
		return rv;
	memcpy(out, hash->info, info_size);
	if (EVP_DigestFinal_ex(prehash->context, out + info_size, &digest_size) != 1)
		return CKR_HOST_MEMORY;
	*size = info_size + digest_size;
	return CKR_OK;
}

void prehash_drop(struct prehash *prehash)
{
	EVP_MD_CTX_free(prehash->context);
	prehash->context = NULL;
}
