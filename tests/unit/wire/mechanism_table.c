/* The table of mechanisms agrees with itself and with OpenSSL. */
#include "base/digest.h"
#include "tests/check.h"
#include "wire/mechanism_table.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

static const CK_MECHANISM_TYPE hash_types[] = { CKM_MD5, CKM_SHA_1, CKM_SHA224, CKM_SHA256, CKM_SHA384, CKM_SHA512,
	CKM_SHA512_224, CKM_SHA512_256, CKM_SHA3_224, CKM_SHA3_256, CKM_SHA3_384, CKM_SHA3_512 };
#define HASHES (sizeof hash_types / sizeof *hash_types)

static void every_mechanism_stands_once(void)
{
	size_t count;
	const struct mechanism_facts *all = mechanism_facts_all(&count);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT_PTR_EQUAL(mechanism_facts(all[i].type), &all[i]);
		CU_ASSERT_STRING_EQUAL(mechanism_name(all[i].type), all[i].name);
		CU_ASSERT(!strncmp(all[i].name, "CKM_", 4));
		CU_ASSERT(all[i].uses != 0);
	}
	CU_ASSERT_PTR_NULL(mechanism_facts(CKM_VENDOR_DEFINED | 1));
	CU_ASSERT_PTR_NULL(mechanism_name(CKM_VENDOR_DEFINED | 1));
}

static void what_is_split_has_a_hash_and_something_that_signs_it(void)
{
	size_t count, split = 0;
	const struct mechanism_facts *all = mechanism_facts_all(&count);
	for (size_t i = 0; i < count; i++) {
		if (!all[i].is_split)
			continue;
		const struct mechanism_facts *raw = mechanism_facts(all[i].raw);
		CU_ASSERT_PTR_NOT_NULL(hash_facts(all[i].hash));
		CU_ASSERT(raw && !raw->is_split && raw->key_type == all[i].key_type && raw->result == all[i].result);
		CU_ASSERT(raw && (raw->uses & all[i].uses) == all[i].uses);
		split++;
	}
	CU_ASSERT(split >= 16);
}

static void a_digest_is_as_long_as_openssl_says(void)
{
	for (size_t i = 0; i < HASHES; i++) {
		const struct hash_facts *hash = hash_facts(hash_types[i]);
		const struct mechanism_facts *facts = mechanism_facts(hash_types[i]);
		CU_ASSERT_FATAL(hash && facts);
		const EVP_MD *md = digest_algorithm(hash->name);
		CU_ASSERT_PTR_NOT_NULL_FATAL(md);
		CU_ASSERT_EQUAL((size_t)EVP_MD_get_size(md), hash->size);
		CU_ASSERT_EQUAL((size_t)EVP_MD_get_block_size(md), hash->block_size);
		CU_ASSERT_EQUAL(facts->result_size, hash->size);
		CU_ASSERT_EQUAL(hash->info[hash->info_size - 1], hash->size);
	}
}

/* The prefix, as OpenSSL's own encoder of DigestInfo makes it. */
static void the_digest_infos_are_openssls(void)
{
	for (size_t i = 0; i < HASHES; i++) {
		const struct hash_facts *hash = hash_facts(hash_types[i]);
		uint8_t digest[64] = { 0 }, *der = NULL;
		X509_SIG *info = X509_SIG_new();
		X509_ALGOR *algorithm;
		ASN1_OCTET_STRING *octets;
		X509_SIG_getm(info, &algorithm, &octets);
		X509_ALGOR_set0(algorithm, OBJ_nid2obj(EVP_MD_get_type(digest_algorithm(hash->name))), V_ASN1_NULL, NULL);
		ASN1_OCTET_STRING_set(octets, digest, (int)hash->size);
		int size = i2d_X509_SIG(info, &der);
		CU_ASSERT_EQUAL((size_t)size, hash->info_size + hash->size);
		CU_ASSERT(size > 0 && !memcmp(der, hash->info, hash->info_size));
		OPENSSL_free(der);
		X509_SIG_free(info);
	}
}

/* A token whose PSS does not know SHA-3 would be offered something it cannot do. */
static void sha_3_is_hashed_here_only_where_the_token_need_not_know_it(void)
{
	CU_ASSERT(mechanism_facts(CKM_ECDSA_SHA3_256)->is_split && mechanism_facts(CKM_SHA3_256_RSA_PKCS)->is_split);
	CU_ASSERT(!mechanism_facts(CKM_SHA3_256_RSA_PKCS_PSS)->is_split);
}

static void a_mechanism_takes_the_keys_it_is_for(void)
{
	CU_ASSERT(mechanism_takes_key_type(CKM_SHA256_RSA_PKCS, CKK_RSA));
	CU_ASSERT(!mechanism_takes_key_type(CKM_SHA256_RSA_PKCS, CKK_EC));
	CU_ASSERT(mechanism_takes_key_type(CKM_SHA256_HMAC, CKK_GENERIC_SECRET));
	CU_ASSERT(mechanism_takes_key_type(CKM_SHA256_HMAC, CKK_SHA256_HMAC));
	CU_ASSERT(!mechanism_takes_key_type(CKM_SHA256_HMAC, CKK_SHA512_HMAC));
	CU_ASSERT(mechanism_takes_key_type(CKM_ECDH1_DERIVE, CKK_EC) && mechanism_takes_key_type(CKM_ECDH1_DERIVE, CKK_EC_MONTGOMERY));
	CU_ASSERT(mechanism_takes_key_type(CKM_ECDH1_DERIVE, CKK_EC_EDWARDS)); /* where X25519 has Edwards' type */
	CU_ASSERT(!mechanism_takes_key_type(CKM_ECDH1_DERIVE, CKK_RSA) && !mechanism_takes_key_type(CKM_ECDH1_DERIVE, KEY_TYPE_NONE));
	CU_ASSERT(!mechanism_takes_key_type(CKM_ECDSA, CKK_EC_EDWARDS));
	CU_ASSERT(mechanism_takes_key_type(CKM_HKDF_DERIVE, CKK_GENERIC_SECRET));
	CU_ASSERT(mechanism_takes_key_type(CKM_CONCATENATE_BASE_AND_KEY, CKK_AES));
	CU_ASSERT(mechanism_takes_key_type(CKM_VENDOR_DEFINED | 1, CKK_AES));
}

TESTS("wire: mechanism table",
	SAY(every_mechanism_stands_once),
	SAY(what_is_split_has_a_hash_and_something_that_signs_it),
	SAY(a_digest_is_as_long_as_openssl_says),
	SAY(the_digest_infos_are_openssls),
	SAY(sha_3_is_hashed_here_only_where_the_token_need_not_know_it),
	SAY(a_mechanism_takes_the_keys_it_is_for))
