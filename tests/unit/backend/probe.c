#include "backend/held.h"
#include "tests/unit/backend/house.h"
#include "wire/mechanism_table.h"
#include <string.h>

static struct house house;
static struct capabilities plain; /* without wishes */

static void begin(void)
{
	if (house.count)
		return;
	house_open(&house, 1);
	CU_ASSERT_EQUAL_FATAL(probe(house.domains[0], NULL, &plain), ERR_OK);
}

static void what_the_token_can_seal_and_use_is_offered(void)
{
	static const CK_MECHANISM_TYPE wanted[] = {
		CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN, CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN, CKM_DES3_KEY_GEN,
		CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_PSS, CKM_SHA1_RSA_PKCS, CKM_SHA256_RSA_PKCS,
		CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA, CKM_ECDSA_SHA1,
		CKM_ECDSA_SHA256, CKM_ECDSA_SHA384, CKM_ECDSA_SHA512, CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC,
		CKM_SHA512_HMAC, CKM_AES_CMAC, CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_GCM,
		CKM_DSA_KEY_PAIR_GEN, CKM_DSA, CKM_DSA_SHA1, CKM_DSA_SHA256, CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DSA_PARAMETER_GEN,
		CKM_DH_PKCS_PARAMETER_GEN, CKM_DES2_KEY_GEN, CKM_DES3_ECB, CKM_DES3_CBC, CKM_DES3_CMAC,
	};
	begin();
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const Craton__MechanismInfo *info = capabilities_find(&plain, wanted[i]);
		CU_ASSERT_PTR_NOT_NULL(info);
		if (!info)
			printf("\n\tmissing %s", mechanism_name(wanted[i]));
		else if (info->flags == 0)
			CU_FAIL("a mechanism without a use");
	}
	for (size_t i = 1; i < plain.count; i++)
		CU_ASSERT(plain.list[i - 1].type < plain.list[i].type);
}

/* SoftHSM 2.6.1 makes Ed25519 keys, signs with them, and says CKM_EDDSA; but it can't wrap them. */
static void what_can_not_be_sealed_is_not_offered(void)
{
	begin();
	CU_ASSERT_PTR_NULL(capabilities_find(&plain, CKM_EC_EDWARDS_KEY_PAIR_GEN));
	CU_ASSERT_PTR_NULL(capabilities_find(&plain, CKM_EDDSA));
	CU_ASSERT_PTR_NULL(capabilities_find(&plain, CKM_SHA256)); /* the library's */
	bool told = false;
	for (size_t i = 0; i < plain.shortfall_count; i++)
		told = told || (strcmp(plain.shortfalls[i].key, "Ed25519") == 0 &&
		                strcmp(plain.shortfalls[i].step, "make and seal") == 0 && plain.shortfalls[i].why != CKR_OK);
	CU_ASSERT(told);
}

/* By the operator's word. Where the token does not know a declared mechanism, that changes nothing. */
static void what_the_operator_allows_is_offered(void)
{
	static const struct probe_wishes wishes = { .bytes = { 0x80000001 }, .bytes_count = 1, .node_generated = HELD_ED25519 };
	struct capabilities capabilities;
	begin();
	CU_ASSERT_FATAL(probe(house.domains[0], &wishes, &capabilities) == ERR_OK);
	const Craton__MechanismInfo *generation = capabilities_find(&capabilities, CKM_EC_EDWARDS_KEY_PAIR_GEN);
	const Craton__MechanismInfo *signing = capabilities_find(&capabilities, CKM_EDDSA);
	CU_ASSERT_FATAL(generation != NULL && signing != NULL);
	/* Not Ed448, which was not allowed. */
	CU_ASSERT(generation->key_size_min == 256 && generation->key_size_max == 256 && (generation->flags & CKF_GENERATE_KEY_PAIR));
	CU_ASSERT((signing->flags & (CKF_SIGN | CKF_VERIFY)) == (CKF_SIGN | CKF_VERIFY));
	CU_ASSERT_PTR_NULL(capabilities_find(&capabilities, 0x80000001));
	CU_ASSERT(!capabilities_take_bytes(&capabilities, 0x80000001) && !capabilities_take_bytes(&capabilities, CKM_EDDSA));
	capabilities_finish(&capabilities);
}

/* A declared mechanism is taken at the token's word, flags and all: here one that SoftHSM has plays the vendor's. */
static void a_declared_mechanism_is_offered_as_the_token_says(void)
{
	static const struct probe_wishes wishes = { .bytes = { CKM_AES_CTR }, .bytes_count = 1 };
	struct capabilities capabilities;
	CK_MECHANISM_INFO says = { 0 };
	begin();
	CU_ASSERT_FATAL(probe(house.domains[0], &wishes, &capabilities) == ERR_OK);
	CU_ASSERT(token_functions(house.tokens[0])->C_GetMechanismInfo(token_slot(house.tokens[0]), CKM_AES_CTR, &says) == CKR_OK);
	const Craton__MechanismInfo *info = capabilities_find(&capabilities, CKM_AES_CTR);
	CU_ASSERT_FATAL(info != NULL);
	CU_ASSERT(info->takes_bytes && capabilities_take_bytes(&capabilities, CKM_AES_CTR));
	CU_ASSERT_EQUAL(info->flags, CKF_ENCRYPT | CKF_DECRYPT);
	CU_ASSERT(info->key_size_min == says.ulMinKeySize && info->key_size_max == says.ulMaxKeySize);
	capabilities_finish(&capabilities);
}

static void keys_come_out_of_keys_where_the_token_does_it(void)
{
	static const struct { CK_MECHANISM_TYPE type; CK_FLAGS flags; } wanted[] = {
		{ CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP }, { CKM_AES_KEY_WRAP_PAD, CKF_WRAP | CKF_UNWRAP },
		{ CKM_RSA_PKCS, CKF_WRAP | CKF_UNWRAP }, { CKM_RSA_PKCS_OAEP, CKF_WRAP | CKF_UNWRAP },
		{ CKM_ECDH1_DERIVE, CKF_DERIVE }, { CKM_DH_PKCS_DERIVE, CKF_DERIVE }, { CKM_AES_ECB_ENCRYPT_DATA, CKF_DERIVE },
		{ CKM_AES_CBC_ENCRYPT_DATA, CKF_DERIVE }, { CKM_DES3_ECB_ENCRYPT_DATA, CKF_DERIVE }, { CKM_DES3_CBC_ENCRYPT_DATA, CKF_DERIVE },
		{ CKM_DSA_PARAMETER_GEN, CKF_GENERATE }, { CKM_DH_PKCS_PARAMETER_GEN, CKF_GENERATE },
	};
	begin();
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		const Craton__MechanismInfo *info = capabilities_find(&plain, wanted[i].type);
		CU_ASSERT(info && (info->flags & wanted[i].flags) == wanted[i].flags);
	}
	/* It says CKF_SIGN_RECOVER of none, and of CKM_AES_CBC CKF_WRAP but not CKF_UNWRAP. */
	const Craton__MechanismInfo *rsa = capabilities_find(&plain, CKM_RSA_PKCS), *cbc = capabilities_find(&plain, CKM_AES_CBC);
	CU_ASSERT(rsa && !(rsa->flags & (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)));
	CU_ASSERT(cbc && (cbc->flags & CKF_WRAP) && !(cbc->flags & CKF_UNWRAP));
}

/* Last: ends the house. */
static void sizes_and_flags_are_those_that_work(void)
{
	begin();
	const Craton__MechanismInfo *ec = capabilities_find(&plain, CKM_EC_KEY_PAIR_GEN);
	CU_ASSERT_FATAL(ec != NULL);
	CU_ASSERT(ec->key_size_min == 256 && ec->key_size_max == 521);
	CU_ASSERT(ec->flags & CKF_GENERATE_KEY_PAIR);
	const Craton__MechanismInfo *cbc = capabilities_find(&plain, CKM_AES_CBC);
	CU_ASSERT_FATAL(cbc != NULL);
	CU_ASSERT((cbc->flags & (CKF_ENCRYPT | CKF_DECRYPT)) == (CKF_ENCRYPT | CKF_DECRYPT));
	const Craton__MechanismInfo *hashed = capabilities_find(&plain, CKM_ECDSA_SHA256);
	CU_ASSERT_FATAL(hashed != NULL);
	CU_ASSERT((hashed->flags & (CKF_SIGN | CKF_VERIFY)) == (CKF_SIGN | CKF_VERIFY));
	capabilities_finish(&plain);
	house_close(&house);
}

TESTS("backend: probe",
      SAY(what_the_token_can_seal_and_use_is_offered),
      SAY(what_can_not_be_sealed_is_not_offered),
      SAY(what_the_operator_allows_is_offered),
      SAY(a_declared_mechanism_is_offered_as_the_token_says),
      SAY(keys_come_out_of_keys_where_the_token_does_it),
      SAY(sizes_and_flags_are_those_that_work))
