/* Parameters of ciphers and of key wrapping, both ways, and each of their bounds. */
#include "tests/unit/wire/around.h"

static uint8_t odd[64] = "xABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; /* odd + 1 is aligned to nothing */

static void ccm_arrives(void)
{
	CK_CCM_PARAMS ccm = { 1000, odd + 1, 12, odd + 3, 20, 16 };
	CK_MECHANISM *back = around_unaligned(CKM_AES_CCM, &ccm, sizeof ccm);
	CK_CCM_PARAMS *got = back->pParameter;
	CU_ASSERT(got->ulDataLen == 1000 && got->ulNonceLen == 12 && !memcmp(got->pNonce, odd + 1, 12));
	CU_ASSERT(got->ulAADLen == 20 && !memcmp(got->pAAD, odd + 3, 20) && got->ulMACLen == 16);
	free(back);
	ccm.pAAD = NULL;
	ccm.ulAADLen = 0;
	back = around(CKM_AES_CCM, &ccm, sizeof ccm);
	got = back->pParameter;
	CU_ASSERT(!got->pAAD && !got->ulAADLen);
	free(back);
}

static void ccm_has_bounds(void)
{
	static const CK_CCM_PARAMS good = { 1000, odd, 12, odd, 20, 16 };
	CK_CCM_PARAMS bad = good;
	CU_ASSERT_EQUAL(judged(CKM_AES_CCM, &good, sizeof good), CKR_OK);
	CU_ASSERT_EQUAL(judged(CKM_AES_CCM, &good, sizeof good - 1), CKR_MECHANISM_PARAM_INVALID);
	bad.ulNonceLen = 14;
	REFUSED(CKM_AES_CCM, bad);
	bad.ulNonceLen = 6;
	REFUSED(CKM_AES_CCM, bad);
	bad = good;
	bad.pNonce = NULL;
	REFUSED(CKM_AES_CCM, bad);
	bad = good;
	bad.ulAADLen = (CK_ULONG)-1;
	REFUSED(CKM_AES_CCM, bad);
	bad = good;
	bad.pAAD = NULL;
	REFUSED(CKM_AES_CCM, bad);
	bad = good;
	bad.ulMACLen = 17;
	REFUSED(CKM_AES_CCM, bad);
	bad = good;
	bad.ulDataLen = (CK_ULONG)-1;
	REFUSED(CKM_AES_CCM, bad);
	Craton__Mechanism *wire = wire_of(CKM_AES_CCM, &good, sizeof good);
	wire->ccm->nonce.len = 3;
	REFUSED_WIRE(wire);
	wire->ccm->nonce.len = 12;
	wire->ccm->mac_size = 3;
	REFUSED_WIRE(wire);
	wire->ccm->mac_size = 16;
	CU_ASSERT_EQUAL(judged_wire(wire), CKR_OK);
	craton__mechanism__free_unpacked(wire, NULL);
}

static void chacha_counts_in_bits(void)
{
	CK_CHACHA20_PARAMS chacha = { odd + 1, 32, odd + 5, 96 };
	CK_MECHANISM *back = around_unaligned(CKM_CHACHA20, &chacha, sizeof chacha);
	CK_CHACHA20_PARAMS *got = back->pParameter;
	CU_ASSERT(got->blockCounterBits == 32 && !memcmp(got->pBlockCounter, odd + 1, 4));
	CU_ASSERT(got->ulNonceBits == 96 && !memcmp(got->pNonce, odd + 5, 12));
	free(back);
	chacha.blockCounterBits = 33;
	REFUSED(CKM_CHACHA20, chacha);
	chacha.blockCounterBits = 128;
	REFUSED(CKM_CHACHA20, chacha);
	chacha.blockCounterBits = 64;
	chacha.ulNonceBits = (CK_ULONG)-8;
	REFUSED(CKM_CHACHA20, chacha);
	chacha.ulNonceBits = 64;
	chacha.pNonce = NULL;
	REFUSED(CKM_CHACHA20, chacha);
}

static void salsas_counter_is_always_as_long(void)
{
	CK_SALSA20_PARAMS salsa = { odd + 1, odd + 9, 64 };
	CK_MECHANISM *back = around(CKM_SALSA20, &salsa, sizeof salsa);
	CK_SALSA20_PARAMS *got = back->pParameter;
	CU_ASSERT(!memcmp(got->pBlockCounter, odd + 1, 8) && got->ulNonceBits == 64 && !memcmp(got->pNonce, odd + 9, 8));
	free(back);
	salsa.pBlockCounter = NULL;
	REFUSED(CKM_SALSA20, salsa);
	salsa.pBlockCounter = odd;
	Craton__Mechanism *wire = wire_of(CKM_SALSA20, &salsa, sizeof salsa);
	wire->chacha->counter.len = 7;
	REFUSED_WIRE(wire);
	craton__mechanism__free_unpacked(wire, NULL);
}

/* The token is told the nonce's length the way the application told us. */
static void a_poly1305_nonce_is_counted_in_bytes_or_in_bits(void)
{
	static const CK_ULONG lengths[][2] = { { 12, 12 }, { 96, 12 }, { 8, 8 }, { 64, 8 }, { 24, 24 }, { 192, 24 } };
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		CK_SALSA20_CHACHA20_POLY1305_PARAMS poly = { odd + 1, lengths[i][0], odd + 7, 5 };
		Craton__Mechanism *wire = wire_of(CKM_CHACHA20_POLY1305, &poly, sizeof poly);
		CU_ASSERT_EQUAL(wire->chacha_poly->nonce.len, lengths[i][1]);
		craton__mechanism__free_unpacked(wire, NULL);
		CK_MECHANISM *back = around_unaligned(CKM_CHACHA20_POLY1305, &poly, sizeof poly);
		CK_SALSA20_CHACHA20_POLY1305_PARAMS *got = back->pParameter;
		CU_ASSERT(got->ulNonceBits == lengths[i][0] && !memcmp(got->pNonce, odd + 1, lengths[i][1]));
		CU_ASSERT(got->ulAADLen == 5 && !memcmp(got->pAAD, odd + 7, 5));
		free(back);
	}
	CK_SALSA20_CHACHA20_POLY1305_PARAMS bad = { odd, 7, NULL, 0 };
	REFUSED(CKM_CHACHA20_POLY1305, bad);
	bad.ulNonceBits = 25;
	REFUSED(CKM_CHACHA20_POLY1305, bad);
	bad.ulNonceBits = 200;
	REFUSED(CKM_CHACHA20_POLY1305, bad);
	bad.ulNonceBits = 12;
	bad.ulAADLen = 1;
	REFUSED(CKM_CHACHA20_POLY1305, bad);
}

static void camellias_counter_is_aess(void)
{
	CK_AES_CTR_PARAMS ctr = { 64, "0123456789abcde" };
	CK_MECHANISM *back = around_unaligned(CKM_CAMELLIA_CTR, &ctr, sizeof ctr);
	CU_ASSERT(!memcmp(back->pParameter, &ctr, sizeof ctr));
	free(back);
}

static void rsa_aes_key_wrap_brings_its_oaep(void)
{
	uint8_t place[1 + sizeof(CK_RSA_PKCS_OAEP_PARAMS)];
	CK_RSA_PKCS_OAEP_PARAMS oaep = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, odd + 1, 9 };
	CK_RSA_AES_KEY_WRAP_PARAMS wrap = { 256, (void *)(place + 1) };
	memcpy(place + 1, &oaep, sizeof oaep);
	CK_MECHANISM *back = around_unaligned(CKM_RSA_AES_KEY_WRAP, &wrap, sizeof wrap);
	CK_RSA_AES_KEY_WRAP_PARAMS *got = back->pParameter;
	CU_ASSERT(got->ulAESKeyBits == 256 && got->pOAEPParams->hashAlg == CKM_SHA_1 && got->pOAEPParams->source == CKZ_DATA_SPECIFIED);
	CU_ASSERT(got->pOAEPParams->ulSourceDataLen == 9 && !memcmp(got->pOAEPParams->pSourceData, odd + 1, 9));
	free(back);
	oaep.ulSourceDataLen = (CK_ULONG)-1;
	memcpy(place + 1, &oaep, sizeof oaep);
	REFUSED(CKM_RSA_AES_KEY_WRAP, wrap);
	wrap.pOAEPParams = NULL;
	REFUSED(CKM_RSA_AES_KEY_WRAP, wrap);
	Craton__RsaAesParameter without = CRATON__RSA_AES_PARAMETER__INIT; /* as a stranger may send it */
	Craton__Mechanism wire;
	craton__mechanism__init(&wire);
	wire.type = CKM_RSA_AES_KEY_WRAP;
	wire.parameter_case = CRATON__MECHANISM__PARAMETER_RSA_AES;
	wire.rsa_aes = &without;
	REFUSED_WIRE(&wire);
}

static void ecdh_aes_key_wrap_arrives(void)
{
	CK_ECDH_AES_KEY_WRAP_PARAMS wrap = { 192, CKD_SHA256_KDF, 5, odd + 1 };
	CK_MECHANISM *back = around_unaligned(CKM_ECDH_AES_KEY_WRAP, &wrap, sizeof wrap);
	CK_ECDH_AES_KEY_WRAP_PARAMS *got = back->pParameter;
	CU_ASSERT(got->ulAESKeyBits == 192 && got->kdf == CKD_SHA256_KDF);
	CU_ASSERT(got->ulSharedDataLen == 5 && !memcmp(got->pSharedData, odd + 1, 5));
	free(back);
	wrap.ulAESKeyBits = 4097;
	REFUSED(CKM_ECDH_AES_KEY_WRAP, wrap);
	wrap.ulAESKeyBits = 128;
	wrap.pSharedData = NULL;
	REFUSED(CKM_ECDH_AES_KEY_WRAP, wrap);
}

static void eddsa_may_do_without(void)
{
	CK_EDDSA_PARAMS eddsa = { CK_TRUE, 7, odd + 1 };
	CK_MECHANISM *back = around(CKM_EDDSA, NULL, 0);
	CU_ASSERT(!back->pParameter && !back->ulParameterLen);
	free(back);
	back = around_unaligned(CKM_EDDSA, &eddsa, sizeof eddsa);
	CK_EDDSA_PARAMS *got = back->pParameter;
	CU_ASSERT(got->phFlag == CK_TRUE && got->ulContextDataLen == 7 && !memcmp(got->pContextData, odd + 1, 7));
	free(back);
	eddsa.ulContextDataLen = 256;
	REFUSED(CKM_EDDSA, eddsa);
}

/* GMAC's is the IV itself. */
static void gmacs_parameter_is_its_iv(void)
{
	CK_MECHANISM *back = around(CKM_AES_GMAC, odd + 1, 12);
	CU_ASSERT(!memcmp(back->pParameter, odd + 1, 12));
	free(back);
	CU_ASSERT_EQUAL(judged(CKM_AES_GMAC, odd, 257), CKR_MECHANISM_PARAM_INVALID);
	CU_ASSERT_EQUAL(judged(CKM_AES_GMAC, NULL, 0), CKR_MECHANISM_PARAM_INVALID);
}

TESTS("wire/mechanism_cipher", SAY(ccm_arrives), SAY(ccm_has_bounds), SAY(chacha_counts_in_bits), SAY(salsas_counter_is_always_as_long),
      SAY(a_poly1305_nonce_is_counted_in_bytes_or_in_bits), SAY(camellias_counter_is_aess), SAY(rsa_aes_key_wrap_brings_its_oaep),
      SAY(ecdh_aes_key_wrap_arrives), SAY(eddsa_may_do_without), SAY(gmacs_parameter_is_its_iv))
