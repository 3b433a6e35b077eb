#include "tests/unit/backend/house.h"
#include "wire/mechanism_table.h"

static const Craton__MechanismInfo *offered(const struct capabilities *capabilities, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < capabilities->count; i++)
		if (capabilities->list[i].type == type)
			return &capabilities->list[i];
	return NULL;
}

static void what_the_token_can_seal_and_use_is_offered(void)
{
	static const CK_MECHANISM_TYPE wanted[] = {
		CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN, CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN, CKM_DES3_KEY_GEN,
		CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_PSS, CKM_SHA1_RSA_PKCS, CKM_SHA256_RSA_PKCS,
		CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA, CKM_ECDSA_SHA1,
		CKM_ECDSA_SHA256, CKM_ECDSA_SHA384, CKM_ECDSA_SHA512, CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC,
		CKM_SHA512_HMAC, CKM_AES_CMAC, CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_GCM,
	};
	struct house house;
	struct capabilities capabilities;
	house_open(&house, 1);
	CU_ASSERT_FATAL(probe(house.domains[0], NULL, &capabilities) == ERR_OK);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const Craton__MechanismInfo *info = offered(&capabilities, wanted[i]);
		CU_ASSERT_PTR_NOT_NULL(info);
		if (!info)
			printf("\n\tmissing %s", mechanism_name(wanted[i]));
		else if (info->flags == 0)
			CU_FAIL("a mechanism without a use");
	}
	for (size_t i = 1; i < capabilities.count; i++)
		CU_ASSERT(capabilities.list[i - 1].type < capabilities.list[i].type);
	capabilities_finish(&capabilities);
	house_close(&house);
}

/* SoftHSM 2.6.1 makes Ed25519 keys, signs with them, and says CKM_EDDSA; but it can't wrap them. */
static void what_can_not_be_sealed_is_not_offered(void)
{
	struct house house;
	struct capabilities capabilities;
	house_open(&house, 1);
	CU_ASSERT_FATAL(probe(house.domains[0], NULL, &capabilities) == ERR_OK);
	CU_ASSERT_PTR_NULL(offered(&capabilities, CKM_EC_EDWARDS_KEY_PAIR_GEN));
	CU_ASSERT_PTR_NULL(offered(&capabilities, CKM_EDDSA));
	CU_ASSERT_PTR_NULL(offered(&capabilities, CKM_AES_KEY_WRAP)); /* nothing of ours wraps yet */
	CU_ASSERT_PTR_NULL(offered(&capabilities, CKM_SHA256));       /* the library's */
	capabilities_finish(&capabilities);
	house_close(&house);
}

static void sizes_and_flags_are_those_that_work(void)
{
	struct house house;
	struct capabilities capabilities;
	house_open(&house, 1);
	CU_ASSERT_FATAL(probe(house.domains[0], NULL, &capabilities) == ERR_OK);
	const Craton__MechanismInfo *ec = offered(&capabilities, CKM_EC_KEY_PAIR_GEN);
	CU_ASSERT_FATAL(ec != NULL);
	CU_ASSERT(ec->key_size_min == 256 && ec->key_size_max == 521);
	CU_ASSERT(ec->flags & CKF_GENERATE_KEY_PAIR);
	const Craton__MechanismInfo *cbc = offered(&capabilities, CKM_AES_CBC);
	CU_ASSERT_FATAL(cbc != NULL);
	CU_ASSERT((cbc->flags & (CKF_ENCRYPT | CKF_DECRYPT)) == (CKF_ENCRYPT | CKF_DECRYPT));
	CU_ASSERT(!(cbc->flags & (CKF_WRAP | CKF_UNWRAP)));
	const Craton__MechanismInfo *hashed = offered(&capabilities, CKM_ECDSA_SHA256);
	CU_ASSERT_FATAL(hashed != NULL);
	CU_ASSERT((hashed->flags & (CKF_SIGN | CKF_VERIFY)) == (CKF_SIGN | CKF_VERIFY));
	capabilities_finish(&capabilities);
	house_close(&house);
}

TESTS("backend: probe",
      SAY(what_the_token_can_seal_and_use_is_offered),
      SAY(what_can_not_be_sealed_is_not_offered),
      SAY(sizes_and_flags_are_those_that_work))
