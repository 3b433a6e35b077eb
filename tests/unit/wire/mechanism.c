/* Parameters of signatures, MACs and block ciphers, vendors' byte strings, and what goes with what. */
#include "tests/unit/wire/around.h"

static void without_a_parameter_any_mechanism_travels(void)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_ECDSA, CKM_SHA256_RSA_PKCS, CKM_AES_ECB, CKM_VENDOR_DEFINED | 3, 0x7000 };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		CK_MECHANISM *back = around(types[i], NULL, 0);
		CU_ASSERT(!back->pParameter && !back->ulParameterLen);
		free(back);
	}
}

static void an_iv_arrives(void)
{
	CK_MECHANISM *back = around(CKM_AES_CBC_PAD, "0123456789abcdef", 16);
	CU_ASSERT(back->ulParameterLen == 16 && !memcmp(back->pParameter, "0123456789abcdef", 16));
	free(back);
	back = around(CKM_DES3_CBC, "01234567", 8);
	CU_ASSERT(back->ulParameterLen == 8 && !memcmp(back->pParameter, "01234567", 8));
	free(back);
	back = around(CKM_AES_KEY_WRAP, NULL, 0); /* the standard's own IV */
	CU_ASSERT(!back->pParameter && !back->ulParameterLen);
	free(back);
}

static void a_number_arrives(void)
{
	CK_ULONG size = 12;
	CK_MECHANISM *back = around(CKM_SHA256_HMAC_GENERAL, &size, sizeof size);
	CU_ASSERT(back->ulParameterLen == sizeof size && *(CK_ULONG *)back->pParameter == 12);
	free(back);
}

static void pss_arrives(void)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA384, CKG_MGF1_SHA384, 48 };
	CK_MECHANISM *back = around(CKM_RSA_PKCS_PSS, &pss, sizeof pss);
	CU_ASSERT(back->ulParameterLen == sizeof pss && !memcmp(back->pParameter, &pss, sizeof pss));
	free(back);
}

static void pss_and_oaep_name_hashes_that_are(void)
{
	CK_RSA_PKCS_PSS_PARAMS pss = { 0x7ffffff0, CKG_MGF1_SHA256, 32 };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256_HMAC, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0 };
	REFUSED(CKM_RSA_PKCS_PSS, pss);
	REFUSED(CKM_RSA_PKCS_OAEP, oaep);
	pss = (CK_RSA_PKCS_PSS_PARAMS){ CKM_SHA256, 77, 32 };
	REFUSED(CKM_RSA_PKCS_PSS, pss);
	pss.mgf = CKG_MGF1_SHA256;
	CU_ASSERT_EQUAL(judged(CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss), CKR_OK);
	REFUSED(CKM_SHA384_RSA_PKCS_PSS, pss); /* not its own */
	pss.hashAlg = CKM_VENDOR_DEFINED | 7;
	CU_ASSERT_EQUAL(judged(CKM_RSA_PKCS_PSS, &pss, sizeof pss), CKR_OK);
}

static void oaep_arrives_with_and_without_a_label(void)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, "label", 5 };
	CK_MECHANISM *back = around(CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep);
	CK_RSA_PKCS_OAEP_PARAMS *got = back->pParameter;
	CU_ASSERT(back->ulParameterLen == sizeof oaep && got->hashAlg == CKM_SHA256 && got->mgf == CKG_MGF1_SHA1);
	CU_ASSERT(got->source == CKZ_DATA_SPECIFIED && got->ulSourceDataLen == 5 && !memcmp(got->pSourceData, "label", 5));
	free(back);
	oaep.pSourceData = NULL;
	oaep.ulSourceDataLen = 0;
	back = around(CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep);
	CU_ASSERT(!memcmp(back->pParameter, &oaep, sizeof oaep));
	free(back);
	oaep.source = 0; /* as some say it */
	back = around(CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep);
	CU_ASSERT_EQUAL(((CK_RSA_PKCS_OAEP_PARAMS *)back->pParameter)->source, CKZ_DATA_SPECIFIED);
	free(back);
}

static void gcm_arrives_in_both_layouts(void)
{
	CK_GCM_PARAMS gcm = { (void *)"iv_iv_iv_iv_", 12, 96, (void *)"header", 6, 128 };
	struct { void *iv; CK_ULONG iv_len; void *aad; CK_ULONG aad_len, tag_bits; } old = { gcm.pIv, 12, gcm.pAAD, 6, 128 };
	for (int i = 0; i < 2; i++) {
		CK_MECHANISM *back = NULL;
		Craton__Mechanism *wire = i ? wire_of(CKM_AES_GCM, &old, sizeof old) : wire_of(CKM_AES_GCM, &gcm, sizeof gcm);
		CU_ASSERT_EQUAL_FATAL(mechanism_from_wire(wire, false, NULL, &back), CKR_OK);
		craton__mechanism__free_unpacked(wire, NULL);
		CK_GCM_PARAMS *got = back->pParameter;
		CU_ASSERT_EQUAL_FATAL(back->ulParameterLen, sizeof gcm);
		CU_ASSERT(got->ulIvLen == 12 && got->ulIvBits == 96 && !memcmp(got->pIv, "iv_iv_iv_iv_", 12));
		CU_ASSERT(got->ulAADLen == 6 && !memcmp(got->pAAD, "header", 6) && got->ulTagBits == 128);
		free(back);
	}
}

/* ulIvBits is often left to chance; a token that goes by it reads no more than there is. */
static void gcm_has_no_more_bits_than_bytes(void)
{
	static const CK_ULONG said[] = { 0, 96, 97, 1024, (CK_ULONG)-1 }, arrive[] = { 0, 96, 96, 96, 96 };
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		CK_GCM_PARAMS gcm = { (void *)"iv_iv_iv_iv_", 12, said[i], NULL, 0, 128 };
		CK_MECHANISM *back = around(CKM_AES_GCM, &gcm, sizeof gcm);
		CU_ASSERT_EQUAL(((CK_GCM_PARAMS *)back->pParameter)->ulIvBits, arrive[i]);
		free(back);
	}
}

/* The token writes into the parameter; what it has written, if anything, is told. */
static void an_iv_that_the_token_changed_is_told(void)
{
	uint8_t zeros[12] = { 0 };
	CK_GCM_PARAMS gcm = { zeros, 12, 96, NULL, 0, 128 };
	CK_MECHANISM *used = NULL;
	struct bytes iv;
	Craton__Mechanism *asked = wire_of(CKM_AES_GCM, &gcm, sizeof gcm);
	CU_ASSERT_EQUAL_FATAL(mechanism_from_wire(asked, false, NULL, &used), CKR_OK);
	CU_ASSERT(!mechanism_new_iv(asked, used, &iv));
	memcpy(((CK_GCM_PARAMS *)used->pParameter)->pIv, "made by hsm!", 12);
	CU_ASSERT(mechanism_new_iv(asked, used, &iv));
	CU_ASSERT(iv.size == 12 && !memcmp(iv.data, "made by hsm!", 12));
	((CK_GCM_PARAMS *)used->pParameter)->ulIvLen = 1000; /* more than there is room for */
	CU_ASSERT(mechanism_new_iv(asked, used, &iv) && iv.size == 12);
	((CK_GCM_PARAMS *)used->pParameter)->ulIvLen = 0;
	CU_ASSERT(!mechanism_new_iv(asked, used, &iv));
	free(used);
	craton__mechanism__free_unpacked(asked, NULL);
}

/* An IV asked for and not made would be the same each time, if the room for it were: GCM breaks at once then. */
static void an_iv_that_nobody_makes_is_random(void)
{
	CK_GCM_PARAMS gcm = { NULL, 12, 96, NULL, 0, 128 };
	CK_MECHANISM *used[2] = { NULL };
	struct bytes iv[2];
	Craton__Mechanism *asked = wire_of(CKM_AES_GCM, &gcm, sizeof gcm);
	CU_ASSERT(asked->gcm->iv.len == 0 && asked->gcm->iv_size == 12);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL_FATAL(mechanism_from_wire(asked, false, NULL, &used[i]), CKR_OK);
		CU_ASSERT_EQUAL(((CK_GCM_PARAMS *)used[i]->pParameter)->ulIvLen, 12);
		CU_ASSERT(mechanism_new_iv(asked, used[i], &iv[i]));
		CU_ASSERT_EQUAL_FATAL(iv[i].size, 12);
	}
	CU_ASSERT(memcmp(iv[0].data, iv[1].data, 12) != 0);
	free(used[0]);
	free(used[1]);
	asked->gcm->iv_size = 1u << 20;
	REFUSED_WIRE(asked);
	asked->gcm->iv_size = 12;
	asked->gcm->iv = (ProtobufCBinaryData){ 2, (uint8_t *)strdup("iv") }; /* both given and to be made */
	REFUSED_WIRE(asked);
	craton__mechanism__free_unpacked(asked, NULL);
}

static void only_gcm_has_an_iv_to_tell(void)
{
	struct bytes iv;
	CK_MECHANISM *used = NULL;
	Craton__Mechanism *asked = wire_of(CKM_AES_CBC, "0123456789abcdef", 16);
	CU_ASSERT_EQUAL_FATAL(mechanism_from_wire(asked, false, NULL, &used), CKR_OK);
	memset(used->pParameter, 0, 16);
	CU_ASSERT(!mechanism_new_iv(asked, used, &iv));
	free(used);
	craton__mechanism__free_unpacked(asked, NULL);
}

static void a_vendors_bytes_arrive_if_they_are_declared(void)
{
	CK_MECHANISM vendors = { CKM_VENDOR_DEFINED | 3, "bytes", 5 }, *back = NULL;
	Craton__Mechanism *wire = NULL;
	CU_ASSERT_EQUAL(mechanism_to_wire(&vendors, false, &wire), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL_FATAL(mechanism_to_wire(&vendors, true, &wire), CKR_OK);
	CU_ASSERT_EQUAL(mechanism_from_wire(wire, false, NULL, &back), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL_FATAL(mechanism_from_wire(wire, true, NULL, &back), CKR_OK);
	CU_ASSERT(back->ulParameterLen == 5 && !memcmp(back->pParameter, "bytes", 5));
	free(back);
	craton__mechanism__free_unpacked(wire, NULL);
	vendors.ulParameterLen = (64u << 10) + 1;
	CU_ASSERT_EQUAL(mechanism_to_wire(&vendors, true, &wire), CKR_MECHANISM_PARAM_INVALID);
	vendors = (CK_MECHANISM){ CKM_ECDSA, "bytes", 5 }; /* no declaration changes the standard's */
	CU_ASSERT_EQUAL(mechanism_to_wire(&vendors, true, &wire), CKR_MECHANISM_PARAM_INVALID);
}

/* Every *_GENERAL has a number; what a token makes of it is the token's. */
static void every_general_mac_has_its_number(void)
{
	static const CK_MECHANISM_TYPE types[] = { CKM_SHA512_224_HMAC_GENERAL, CKM_SHA512_256_HMAC_GENERAL, CKM_SHA3_224_HMAC_GENERAL,
		CKM_SHA3_256_HMAC_GENERAL, CKM_SHA3_384_HMAC_GENERAL, CKM_SHA3_512_HMAC_GENERAL, CKM_AES_CMAC_GENERAL, CKM_DES3_CMAC_GENERAL };
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		CK_ULONG size = 8;
		CK_MECHANISM *back = around_unaligned(types[i], &size, sizeof size);
		CU_ASSERT_EQUAL(*(CK_ULONG *)back->pParameter, 8);
		free(back);
		CU_ASSERT_EQUAL(judged(types[i], NULL, 0), CKR_MECHANISM_PARAM_INVALID);
	}
}

static void ctr_arrives(void)
{
	CK_AES_CTR_PARAMS ctr = { 128, "0123456789abcde" };
	CK_MECHANISM *back = around(CKM_AES_CTR, &ctr, sizeof ctr);
	CU_ASSERT(back->ulParameterLen == sizeof ctr && !memcmp(back->pParameter, &ctr, sizeof ctr));
	free(back);
}

static void a_wrong_parameter_is_invalid(void)
{
	CK_ULONG number = 5, absurd = 1ul << 40;
	CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 1ul << 40 };
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA256, CKG_MGF1_SHA256, 7, NULL, 0 };
	CK_GCM_PARAMS gcm;
	CK_AES_CTR_PARAMS ctr = { 129, "" };
	CU_ASSERT_EQUAL(judged(CKM_AES_CBC, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_AES_CBC, NULL, 16), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_AES_CBC, "012345678", 8), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_AES_CBC, "x", (CK_ULONG)-1), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_ECDSA, &number, sizeof number), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_SHA256_HMAC_GENERAL, &number, 4), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_SHA256_HMAC_GENERAL, &absurd, sizeof absurd), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_RSA_PKCS_PSS, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_RSA_PKCS_PSS, &pss, sizeof pss), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep), CKR_MECHANISM_PARAM_INVALID);
	oaep = (CK_RSA_PKCS_OAEP_PARAMS){ CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 5 };
	CU_ASSERT_EQUAL(judged(CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep), CKR_MECHANISM_PARAM_INVALID);
	gcm = (CK_GCM_PARAMS){ NULL, (CK_ULONG)-1, 96, NULL, 0, 128 };
	CU_ASSERT_EQUAL(judged(CKM_AES_GCM, &gcm, sizeof gcm), CKR_MECHANISM_PARAM_INVALID);
	gcm = (CK_GCM_PARAMS){ (void *)"iv", (CK_ULONG)-1, 96, NULL, 0, 128 };
	CU_ASSERT_EQUAL(judged(CKM_AES_GCM, &gcm, sizeof gcm), CKR_MECHANISM_PARAM_INVALID);
	gcm = (CK_GCM_PARAMS){ (void *)"iv", 2, 16, (void *)"x", (CK_ULONG)-1, 128 };
	CU_ASSERT_EQUAL(judged(CKM_AES_GCM, &gcm, sizeof gcm), CKR_MECHANISM_PARAM_INVALID);
	gcm = (CK_GCM_PARAMS){ (void *)"iv", 2, 16, NULL, 0, 129 };
	CU_ASSERT_EQUAL(judged(CKM_AES_GCM, &gcm, sizeof gcm), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_AES_CTR, &ctr, sizeof ctr), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_AES_CTR, &ctr, sizeof ctr - 1), CKR_MECHANISM_PARAM_INVALID);
}

static void an_unknown_mechanism_with_a_parameter_is_refused(void)
{
	CU_ASSERT_EQUAL(judged(CKM_VENDOR_DEFINED | 3, "x", 1), CKR_MECHANISM_INVALID);
	Craton__Mechanism wire;
	CK_MECHANISM *back;
	craton__mechanism__init(&wire);
	wire.type = CKM_VENDOR_DEFINED | 3;
	wire.parameter_case = CRATON__MECHANISM__PARAMETER_NUMBER;
	CU_ASSERT_EQUAL(mechanism_from_wire(&wire, false, NULL, &back), CKR_MECHANISM_INVALID);
}

/* A stranger's bytes may put any parameter with any mechanism. */
static void a_parameter_of_another_mechanism_is_refused(void)
{
	Craton__Mechanism wire;
	Craton__CtrParameter ctr = CRATON__CTR_PARAMETER__INIT;
	CK_MECHANISM *back;
	craton__mechanism__init(&wire);
	wire.type = CKM_AES_GCM;
	CU_ASSERT_EQUAL(mechanism_from_wire(&wire, false, NULL, &back), CKR_MECHANISM_PARAM_INVALID);
	wire.parameter_case = CRATON__MECHANISM__PARAMETER_CTR;
	wire.ctr = &ctr;
	CU_ASSERT_EQUAL(mechanism_from_wire(&wire, false, NULL, &back), CKR_MECHANISM_PARAM_INVALID);
	wire.type = CKM_AES_CTR; /* with a block of no bytes */
	ctr.counter_bits = 128;
	CU_ASSERT_EQUAL(mechanism_from_wire(&wire, false, NULL, &back), CKR_MECHANISM_PARAM_INVALID);
	wire.type = CKM_ECDSA;
	CU_ASSERT_EQUAL(mechanism_from_wire(&wire, false, NULL, &back), CKR_MECHANISM_PARAM_INVALID);
	wire.type = CKM_AES_CBC;
	wire.parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
	wire.raw = (ProtobufCBinaryData){ 15, (uint8_t *)(uintptr_t)"012345678901234" };
	CU_ASSERT_EQUAL(mechanism_from_wire(&wire, false, NULL, &back), CKR_MECHANISM_PARAM_INVALID);
}

TESTS("wire/mechanism", SAY(without_a_parameter_any_mechanism_travels), SAY(an_iv_arrives), SAY(a_number_arrives),
      SAY(pss_arrives), SAY(pss_and_oaep_name_hashes_that_are), SAY(oaep_arrives_with_and_without_a_label),
      SAY(gcm_arrives_in_both_layouts), SAY(gcm_has_no_more_bits_than_bytes), SAY(an_iv_that_the_token_changed_is_told), SAY(an_iv_that_nobody_makes_is_random),
      SAY(only_gcm_has_an_iv_to_tell),
      SAY(a_vendors_bytes_arrive_if_they_are_declared), SAY(every_general_mac_has_its_number), SAY(ctr_arrives),
      SAY(a_wrong_parameter_is_invalid), SAY(an_unknown_mechanism_with_a_parameter_is_refused),
      SAY(a_parameter_of_another_mechanism_is_refused))
