/* Parameters that keys are derived with, both ways, and each of their bounds. */
#include "tests/unit/wire/around.h"

static uint8_t odd[64] = "xABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; /* odd + 1 is aligned to nothing */

static void ecdh_arrives_with_and_without_a_kdf(void)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE, CKM_X9_42_DH_DERIVE };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		CK_ECDH1_DERIVE_PARAMS ecdh = { CKD_NULL, 0, NULL, 33, odd + 1 };
		CK_MECHANISM *back = around_unaligned(types[i], &ecdh, sizeof ecdh);
		CK_ECDH1_DERIVE_PARAMS *got = back->pParameter;
		CU_ASSERT(got->kdf == CKD_NULL && !got->pSharedData && !got->ulSharedDataLen);
		CU_ASSERT(got->ulPublicDataLen == 33 && !memcmp(got->pPublicData, odd + 1, 33));
		free(back);
		ecdh = (CK_ECDH1_DERIVE_PARAMS){ CKD_SHA256_KDF, 5, odd + 3, 33, odd + 1 };
		back = around(types[i], &ecdh, sizeof ecdh);
		got = back->pParameter;
		CU_ASSERT(got->kdf == CKD_SHA256_KDF && got->ulSharedDataLen == 5 && !memcmp(got->pSharedData, odd + 3, 5));
		free(back);
	}
}

static void ecdh_has_bounds(void)
{
	static const CK_ECDH1_DERIVE_PARAMS good = { CKD_SHA256_KDF, 5, odd, 33, odd };
	CK_ECDH1_DERIVE_PARAMS bad = good;
	CU_ASSERT_EQUAL(judged(CKM_ECDH1_DERIVE, &good, sizeof good - 8), CKR_MECHANISM_PARAM_INVALID);
	bad.ulPublicDataLen = 0;
	REFUSED(CKM_ECDH1_DERIVE, bad);
	bad.ulPublicDataLen = (CK_ULONG)-1;
	REFUSED(CKM_ECDH1_DERIVE, bad);
	bad = good;
	bad.pPublicData = NULL;
	REFUSED(CKM_ECDH1_DERIVE, bad);
	bad = good;
	bad.ulSharedDataLen = 1ul << 30;
	REFUSED(CKM_ECDH1_DERIVE, bad);
	bad = good;
	bad.pSharedData = NULL;
	REFUSED(CKM_ECDH1_DERIVE, bad);
	Craton__Mechanism *wire = wire_of(CKM_ECDH1_DERIVE, &good, sizeof good);
	wire->ecdh->public_data.len = 0;
	REFUSED_WIRE(wire);
	wire->ecdh->public_data.len = 33;
	CU_ASSERT_EQUAL(judged_wire(wire), CKR_OK);
	craton__mechanism__free_unpacked(wire, NULL);
}

static void a_public_value_arrives(void)
{
	CK_MECHANISM *back = around(CKM_DH_PKCS_DERIVE, odd + 1, 50);
	CU_ASSERT(!memcmp(back->pParameter, odd + 1, 50));
	free(back);
	CU_ASSERT_EQUAL(judged(CKM_DH_PKCS_DERIVE, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_DH_PKCS_DERIVE, odd, 5000), CKR_MECHANISM_PARAM_INVALID);
}

static void data_to_encrypt_arrives_with_its_iv(void)
{
	static const CK_MECHANISM_TYPE eight[] = { CKM_DES_CBC_ENCRYPT_DATA, CKM_DES3_CBC_ENCRYPT_DATA };
	static const CK_MECHANISM_TYPE sixteen[] = { CKM_AES_CBC_ENCRYPT_DATA, CKM_CAMELLIA_CBC_ENCRYPT_DATA, CKM_ARIA_CBC_ENCRYPT_DATA,
		CKM_SEED_CBC_ENCRYPT_DATA };
	for (size_t i = 0; i < sizeof eight / sizeof *eight; i++) {
		CK_DES_CBC_ENCRYPT_DATA_PARAMS des = { "iviviv8", odd + 1, 24 };
		CK_MECHANISM *back = around_unaligned(eight[i], &des, sizeof des);
		CK_DES_CBC_ENCRYPT_DATA_PARAMS *got = back->pParameter;
		CU_ASSERT(!memcmp(got->iv, "iviviv8", 8) && got->length == 24 && !memcmp(got->pData, odd + 1, 24));
		free(back);
	}
	for (size_t i = 0; i < sizeof sixteen / sizeof *sixteen; i++) {
		CK_AES_CBC_ENCRYPT_DATA_PARAMS aes = { "0123456789abcde", odd + 1, 32 };
		CK_MECHANISM *back = around_unaligned(sixteen[i], &aes, sizeof aes);
		CK_AES_CBC_ENCRYPT_DATA_PARAMS *got = back->pParameter;
		CU_ASSERT(!memcmp(got->iv, "0123456789abcde", 16) && got->length == 32 && !memcmp(got->pData, odd + 1, 32));
		free(back);
	}
	CK_AES_CBC_ENCRYPT_DATA_PARAMS bad = { "", NULL, 16 };
	REFUSED(CKM_AES_CBC_ENCRYPT_DATA, bad);
	bad = (CK_AES_CBC_ENCRYPT_DATA_PARAMS){ "", odd, (CK_ULONG)-16 };
	REFUSED(CKM_AES_CBC_ENCRYPT_DATA, bad);
	REFUSED(CKM_DES3_CBC_ENCRYPT_DATA, bad); /* the other's structure */
	bad = (CK_AES_CBC_ENCRYPT_DATA_PARAMS){ "", odd, 16 };
	Craton__Mechanism *wire = wire_of(CKM_AES_CBC_ENCRYPT_DATA, &bad, sizeof bad);
	wire->encrypt_data->iv.len = 8;
	REFUSED_WIRE(wire);
	wire->type = CKM_DES3_CBC_ENCRYPT_DATA;
	CU_ASSERT_EQUAL(judged_wire(wire), CKR_OK);
	craton__mechanism__free_unpacked(wire, NULL);
}

static void a_string_arrives(void)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE, CKM_XOR_BASE_AND_DATA,
		CKM_AES_ECB_ENCRYPT_DATA, CKM_DES3_ECB_ENCRYPT_DATA };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		CK_KEY_DERIVATION_STRING_DATA string = { odd + 1, 40 };
		CK_MECHANISM *back = around_unaligned(types[i], &string, sizeof string);
		CK_KEY_DERIVATION_STRING_DATA *got = back->pParameter;
		CU_ASSERT(got->ulLen == 40 && !memcmp(got->pData, odd + 1, 40));
		free(back);
		string = (CK_KEY_DERIVATION_STRING_DATA){ NULL, 0 };
		back = around(types[i], &string, sizeof string);
		got = back->pParameter;
		CU_ASSERT(!got->ulLen && !got->pData);
		free(back);
		string.ulLen = 1;
		REFUSED(types[i], string);
		string = (CK_KEY_DERIVATION_STRING_DATA){ odd, (1u << 20) + 1 };
		REFUSED(types[i], string);
	}
}

static void a_bit_position_arrives(void)
{
	CK_ULONG bit = 2100;
	CK_MECHANISM *back = around_unaligned(CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof bit);
	CU_ASSERT_EQUAL(*(CK_ULONG *)back->pParameter, 2100);
	free(back);
	bit = 1ul << 31;
	REFUSED(CKM_EXTRACT_KEY_FROM_KEY, bit);
}

static void the_second_key_arrives_as_a_handle_of_the_tokens(void)
{
	CK_OBJECT_HANDLE mine = 77, named[MECHANISM_KEYS_MAX];
	CK_MECHANISM asked = { CKM_CONCATENATE_BASE_AND_KEY, &mine, sizeof mine };
	CU_ASSERT_EQUAL(mechanism_keys(&asked, named), 1);
	CU_ASSERT_EQUAL(named[0], 77);
	CK_MECHANISM *back = around_unaligned(CKM_CONCATENATE_BASE_AND_KEY, &mine, sizeof mine);
	CU_ASSERT_EQUAL(*(CK_OBJECT_HANDLE *)back->pParameter, SECOND_KEY);
	free(back);
	CU_ASSERT_EQUAL(judged(CKM_CONCATENATE_BASE_AND_KEY, &mine, 4), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_CONCATENATE_BASE_AND_KEY, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
}

/* A message names as many keys as its parameter does, and no handle is made up. */
static void keys_and_parameter_must_agree(void)
{
	CK_OBJECT_HANDLE mine = 77;
	CK_MECHANISM *native = NULL;
	Craton__Mechanism *wire = wire_of(CKM_CONCATENATE_BASE_AND_KEY, &mine, sizeof mine);
	CU_ASSERT_EQUAL(mechanism_from_wire(wire, false, NULL, &native), CKR_MECHANISM_PARAM_INVALID);
	wire->type = CKM_ECDSA;
	REFUSED_WIRE(wire);
	wire->type = CKM_CONCATENATE_BASE_AND_KEY;
	free(wire->keys[0]);
	wire->n_keys = 0;
	REFUSED_WIRE(wire);
	craton__mechanism__free_unpacked(wire, NULL);
}

static void hkdf_arrives_with_each_kind_of_salt(void)
{
	CK_OBJECT_HANDLE named[MECHANISM_KEYS_MAX];
	CK_HKDF_PARAMS hkdf = { CK_TRUE, CK_FALSE, CKM_SHA256, CKF_HKDF_SALT_DATA, odd + 1, 10, 5, odd + 3, 4 };
	CK_MECHANISM asked = { CKM_HKDF_DERIVE, &hkdf, sizeof hkdf };
	CK_MECHANISM *back = around_unaligned(CKM_HKDF_DERIVE, &hkdf, sizeof hkdf);
	CK_HKDF_PARAMS *got = back->pParameter;
	CU_ASSERT(got->bExtract == CK_TRUE && got->bExpand == CK_FALSE && got->prfHashMechanism == CKM_SHA256);
	CU_ASSERT(got->ulSaltType == CKF_HKDF_SALT_DATA && got->ulSaltLen == 10 && !memcmp(got->pSalt, odd + 1, 10));
	CU_ASSERT(got->hSaltKey == CK_INVALID_HANDLE && got->ulInfoLen == 4 && !memcmp(got->pInfo, odd + 3, 4));
	CU_ASSERT_EQUAL(mechanism_keys(&asked, named), 0);
	free(back);
	hkdf.ulSaltType = CKF_HKDF_SALT_KEY;
	CU_ASSERT_EQUAL(mechanism_keys(&asked, named), 1);
	CU_ASSERT_EQUAL(named[0], 5);
	back = around(CKM_HKDF_DERIVE, &hkdf, sizeof hkdf);
	got = back->pParameter;
	CU_ASSERT(got->ulSaltType == CKF_HKDF_SALT_KEY && got->hSaltKey == SECOND_KEY && !got->pSalt && !got->ulSaltLen);
	free(back);
	hkdf.ulSaltType = CKF_HKDF_SALT_NULL;
	hkdf.pSalt = (void *)1; /* what stands there means nothing */
	hkdf.ulSaltLen = (CK_ULONG)-1;
	back = around(CKM_HKDF_DATA, &hkdf, sizeof hkdf);
	got = back->pParameter;
	CU_ASSERT(!got->pSalt && !got->ulSaltLen && got->hSaltKey == CK_INVALID_HANDLE);
	free(back);
}

static void hkdf_has_bounds(void)
{
	static const CK_HKDF_PARAMS good = { CK_TRUE, CK_TRUE, CKM_SHA256, CKF_HKDF_SALT_DATA, odd, 10, 0, odd, 4 };
	CK_HKDF_PARAMS bad = good;
	CU_ASSERT_EQUAL(judged(CKM_HKDF_DERIVE, &good, sizeof good + 1), CKR_MECHANISM_PARAM_INVALID);
	bad.ulSaltLen = 1ul << 40;
	REFUSED(CKM_HKDF_DERIVE, bad);
	bad = good;
	bad.pSalt = NULL;
	REFUSED(CKM_HKDF_DERIVE, bad);
	bad = good;
	bad.ulInfoLen = (CK_ULONG)-1;
	REFUSED(CKM_HKDF_DERIVE, bad);
	bad = good;
	bad.pInfo = NULL;
	REFUSED(CKM_HKDF_DERIVE, bad);
	bad = good;
	bad.ulSaltType = 5;
	REFUSED(CKM_HKDF_DERIVE, bad);
}

static void sp800_108_arrives_part_by_part(void)
{
	uint8_t place[1 + 4 * sizeof(CK_PRF_DATA_PARAM)];
	CK_SP800_108_COUNTER_FORMAT counter = { CK_TRUE, 24 };
	CK_SP800_108_DKM_LENGTH_FORMAT length = { CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS, CK_FALSE, 32 };
	CK_PRF_DATA_PARAM parts[] = { { CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter },
		{ CK_SP800_108_BYTE_ARRAY, odd + 1, 11 }, { CK_SP800_108_BYTE_ARRAY, NULL, 0 },
		{ CK_SP800_108_DKM_LENGTH, &length, sizeof length } };
	memcpy(place + 1, parts, sizeof parts);
	CK_SP800_108_KDF_PARAMS kdf = { CKM_SHA256_HMAC, 4, (void *)(place + 1), 0, NULL };
	CK_MECHANISM *back = around_unaligned(CKM_SP800_108_COUNTER_KDF, &kdf, sizeof kdf);
	CK_SP800_108_KDF_PARAMS *got = back->pParameter;
	CU_ASSERT(got->prfType == CKM_SHA256_HMAC && !got->ulAdditionalDerivedKeys && !got->pAdditionalDerivedKeys);
	CU_ASSERT_EQUAL_FATAL(got->ulNumberOfDataParams, 4);
	CK_SP800_108_COUNTER_FORMAT *got_counter = got->pDataParams[0].pValue;
	CK_SP800_108_DKM_LENGTH_FORMAT *got_length = got->pDataParams[3].pValue;
	CU_ASSERT(got->pDataParams[0].type == CK_SP800_108_ITERATION_VARIABLE && got->pDataParams[0].ulValueLen == sizeof counter);
	CU_ASSERT(got_counter->bLittleEndian == CK_TRUE && got_counter->ulWidthInBits == 24);
	CU_ASSERT(got->pDataParams[1].ulValueLen == 11 && !memcmp(got->pDataParams[1].pValue, odd + 1, 11));
	CU_ASSERT(got->pDataParams[2].ulValueLen == 0 && !got->pDataParams[2].pValue);
	CU_ASSERT(got_length->dkmLengthMethod == CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS && got_length->bLittleEndian == CK_FALSE);
	CU_ASSERT(got->pDataParams[3].ulValueLen == sizeof length && got_length->ulWidthInBits == 32);
	free(back);
}

/* "Iteration Variable ... for feedback ... pValue must be NULL_PTR": it is K(i-1). */
static void feedback_has_an_iv_and_a_variable_without_a_form(void)
{
	CK_SP800_108_COUNTER_FORMAT counter = { CK_FALSE, 8 };
	CK_PRF_DATA_PARAM parts[] = { { CK_SP800_108_ITERATION_VARIABLE, NULL, 0 }, { CK_SP800_108_COUNTER, &counter, sizeof counter } };
	CK_SP800_108_FEEDBACK_KDF_PARAMS kdf = { CKM_AES_CMAC, 2, parts, 16, odd + 1, 0, NULL };
	CK_MECHANISM *back = around_unaligned(CKM_SP800_108_FEEDBACK_KDF, &kdf, sizeof kdf);
	CK_SP800_108_FEEDBACK_KDF_PARAMS *got = back->pParameter;
	CU_ASSERT(got->ulIVLen == 16 && !memcmp(got->pIV, odd + 1, 16));
	CU_ASSERT(got->ulNumberOfDataParams == 2 && !got->pDataParams[0].pValue && !got->pDataParams[0].ulValueLen);
	CU_ASSERT_EQUAL(((CK_SP800_108_COUNTER_FORMAT *)got->pDataParams[1].pValue)->ulWidthInBits, 8);
	free(back);
	kdf.pIV = NULL;
	REFUSED(CKM_SP800_108_FEEDBACK_KDF, kdf);
}

static void sp800_108_has_bounds(void)
{
	CK_DERIVED_KEY further = { NULL, 0, NULL };
	CK_SP800_108_COUNTER_FORMAT counter = { CK_FALSE, 16 };
	CK_PRF_DATA_PARAM part = { CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter };
	CK_SP800_108_KDF_PARAMS kdf = { CKM_SHA256_HMAC, 1, &part, 1, &further };
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	kdf.ulAdditionalDerivedKeys = 0;
	CU_ASSERT_EQUAL(judged(CKM_SP800_108_COUNTER_KDF, &kdf, sizeof kdf), CKR_OK);
	CU_ASSERT_EQUAL(judged(CKM_SP800_108_DOUBLE_PIPELINE_KDF, &kdf, sizeof kdf), CKR_OK);
	counter.ulWidthInBits = 65;
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	counter.ulWidthInBits = 0;
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	counter.ulWidthInBits = 16;
	part.ulValueLen--;
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	part = (CK_PRF_DATA_PARAM){ CK_SP800_108_DKM_LENGTH, NULL, sizeof(CK_SP800_108_DKM_LENGTH_FORMAT) };
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	part = (CK_PRF_DATA_PARAM){ CK_SP800_108_BYTE_ARRAY, odd, (CK_ULONG)-1 };
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	part = (CK_PRF_DATA_PARAM){ CK_SP800_108_BYTE_ARRAY, NULL, 4 };
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	part = (CK_PRF_DATA_PARAM){ 99, NULL, 0 };
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	kdf.ulNumberOfDataParams = (CK_ULONG)-1;
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
	kdf.ulNumberOfDataParams = 1;
	kdf.pDataParams = NULL;
	REFUSED(CKM_SP800_108_COUNTER_KDF, kdf);
}

static void a_strangers_part_is_judged_too(void)
{
	CK_SP800_108_COUNTER_FORMAT counter = { CK_FALSE, 16 };
	CK_PRF_DATA_PARAM part = { CK_SP800_108_COUNTER, &counter, sizeof counter };
	CK_SP800_108_KDF_PARAMS kdf = { CKM_SHA256_HMAC, 1, &part, 0, NULL };
	Craton__Mechanism *wire = wire_of(CKM_SP800_108_COUNTER_KDF, &kdf, sizeof kdf);
	wire->kdf->parts[0]->bits = 1000;
	REFUSED_WIRE(wire);
	wire->kdf->parts[0]->bits = 0;
	REFUSED_WIRE(wire);
	wire->kdf->parts[0]->bits = 16;
	wire->kdf->parts[0]->type = 77;
	REFUSED_WIRE(wire);
	wire->kdf->parts[0]->type = CK_SP800_108_COUNTER;
	CU_ASSERT_EQUAL(judged_wire(wire), CKR_OK);
	craton__mechanism__free_unpacked(wire, NULL);
}

TESTS("wire/mechanism_derive", SAY(ecdh_arrives_with_and_without_a_kdf), SAY(ecdh_has_bounds), SAY(a_public_value_arrives),
      SAY(data_to_encrypt_arrives_with_its_iv), SAY(a_string_arrives), SAY(a_bit_position_arrives),
      SAY(the_second_key_arrives_as_a_handle_of_the_tokens), SAY(keys_and_parameter_must_agree), SAY(hkdf_arrives_with_each_kind_of_salt),
      SAY(hkdf_has_bounds), SAY(sp800_108_arrives_part_by_part), SAY(feedback_has_an_iv_and_a_variable_without_a_form),
      SAY(sp800_108_has_bounds), SAY(a_strangers_part_is_judged_too))
