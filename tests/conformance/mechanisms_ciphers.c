/* Digests, MACs and ciphers of secret keys. */
#include "tests/conformance/mechanisms.h"

/* ---- digests */

static void digest_is_as_openssls(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, const char *name)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE want[64], got[64], *data = (CK_BYTE_PTR)(uintptr_t)known_data;
	CK_ULONG size = sizeof got, want_size = (CK_ULONG)reference_digest(name, known_data, sizeof known_data, want);
	EXPECT(P11->C_DigestInit(session, &mechanism), CKR_OK);
	EXPECT(P11->C_Digest(session, data, sizeof known_data, got, &size), CKR_OK);
	CU_ASSERT(size == want_size && memcmp(got, want, size) == 0);
	EXPECT(P11->C_DigestInit(session, &mechanism), CKR_OK);
	for (CK_ULONG done = 0; done < sizeof known_data; done += 25)
		EXPECT(P11->C_DigestUpdate(session, data + done, 25), CKR_OK);
	size = sizeof got;
	EXPECT(P11->C_DigestFinal(session, got, &size), CKR_OK);
	CU_ASSERT(size == want_size && memcmp(got, want, size) == 0);
	works(type, "digest");
}

void digests_are_those_of_openssl(void)
{
	static const struct { CK_MECHANISM_TYPE type; const char *name; } digests[] = { { CKM_MD5, "MD5" }, { CKM_SHA_1, "SHA1" },
		{ CKM_SHA224, "SHA224" }, { CKM_SHA256, "SHA256" }, { CKM_SHA384, "SHA384" }, { CKM_SHA512, "SHA512" },
		{ CKM_SHA512_224, "SHA512-224" }, { CKM_SHA512_256, "SHA512-256" },
		{ CKM_SHA3_224, "SHA3-224" }, { CKM_SHA3_256, "SHA3-256" }, { CKM_SHA3_384, "SHA3-384" }, { CKM_SHA3_512, "SHA3-512" } };
	CK_SESSION_HANDLE session = session_open(RO);
	for (size_t i = 0; i < COUNT(digests); i++)
		if (tries(digests[i].type, CKF_DIGEST))
			digest_is_as_openssls(session, digests[i].type, digests[i].name);
	session_close(session);
}

/* ---- MACs */

static void verifies_only_the_right_one(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                                        const CK_BYTE *right, CK_ULONG size)
{
	CK_BYTE mac[64], *data = (CK_BYTE_PTR)(uintptr_t)known_data;
	memcpy(mac, right, size);
	for (int parts = 0; parts < 2; parts++)
		for (int wrong = 0; wrong < 2; wrong++) {
			mac[size / 2] ^= (CK_BYTE)wrong;
			EXPECT(P11->C_VerifyInit(session, mechanism, key), CKR_OK);
			if (parts)
				EXPECT(P11->C_VerifyUpdate(session, data, sizeof known_data), CKR_OK);
			EXPECT(parts ? P11->C_VerifyFinal(session, mac, size) : P11->C_Verify(session, data, sizeof known_data, mac, size),
				wrong ? CKR_SIGNATURE_INVALID : CKR_OK);
			mac[size / 2] ^= (CK_BYTE)wrong;
		}
	EXPECT(P11->C_VerifyInit(session, mechanism, key), CKR_OK);
	EXPECT(P11->C_Verify(session, data, sizeof known_data, mac, size - 1), CKR_SIGNATURE_LEN_RANGE);
}

static void mac_is_as_openssls(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const CK_BYTE *want,
                               CK_ULONG want_size)
{
	struct piece data = PIECE(known_data, sizeof known_data);
	struct result once = at_once(signing(), session, mechanism, key, data), parts = in_parts(signing(), session, mechanism, key, data);
	CU_ASSERT(is_same(&once, PIECE(want, want_size)));
	CU_ASSERT(is_same(&parts, PIECE(want, want_size)));
	output_follows_the_convention(signing(), session, mechanism, key, data, want, want_size);
	verifies_only_the_right_one(session, mechanism, key, want, want_size);
	works(mechanism->mechanism, "sign");
	works(mechanism->mechanism, "verify");
	messages_are_signed_the_same(session, mechanism, (struct key_pair){ key, key }, data);
}

void macs_are_those_of_openssl(void)
{
	static const struct { CK_MECHANISM_TYPE type, general; const char *name; CK_KEY_TYPE key_type; CK_ULONG key_size; } macs[] = {
		{ CKM_MD5_HMAC, CKM_MD5_HMAC_GENERAL, "MD5", CKK_GENERIC_SECRET, 64 },
		{ CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, "SHA1", CKK_GENERIC_SECRET, 64 },
		{ CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, "SHA224", CKK_GENERIC_SECRET, 64 },
		{ CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, "SHA256", CKK_GENERIC_SECRET, 64 },
		{ CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, "SHA384", CKK_GENERIC_SECRET, 64 },
		{ CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, "SHA512", CKK_GENERIC_SECRET, 64 },
		{ CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, "AES-128-CBC", CKK_AES, 16 },
		{ CKM_DES3_CMAC, CKM_DES3_CMAC_GENERAL, "DES-EDE3-CBC", CKK_DES3, 24 },
	};
	CK_SESSION_HANDLE session = session_open(RO);
	for (size_t i = 0; i < COUNT(macs); i++) {
		CK_BYTE want[64];
		CK_ULONG want_size, short_size = 5;
		CK_MECHANISM whole = { macs[i].type, NULL, 0 }, general = { macs[i].general, &short_size, sizeof short_size };
		bool is_whole = tries(macs[i].type, CKF_SIGN) && tries(macs[i].type, CKF_VERIFY);
		bool is_general = tries(macs[i].general, CKF_SIGN) && tries(macs[i].general, CKF_VERIFY);
		if (!is_whole && !is_general)
			continue;
		CK_OBJECT_HANDLE key = import_secret(session, macs[i].key_type, known_key, macs[i].key_size);
		want_size = (CK_ULONG)(macs[i].key_type == CKK_GENERIC_SECRET ? reference_hmac : reference_cmac)(macs[i].name, known_key,
			macs[i].key_size, known_data, sizeof known_data, want);
		if (is_whole)
			mac_is_as_openssls(session, &whole, key, want, want_size);
		if (is_general)
			mac_is_as_openssls(session, &general, key, want, short_size);
	}
	session_close(session);
}

/* ---- ciphers */

static CK_BYTE iv[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static CK_AES_CTR_PARAMS counter = { 128, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };
static CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .pAAD = iv, .ulAADLen = 7, .ulTagBits = 128 };

static const struct cipher_sample {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE key_type;
	CK_ULONG key_size, iv_size;
	const char *name;
	CK_ULONG size;       /* of the data: whole blocks, where that is asked */
	bool pads, takes_nothing;
	void *parameter;     /* NULL: the IV */
	CK_ULONG parameter_size;
} ciphers[] = {
	{ CKM_AES_ECB, CKK_AES, 16, 0, "AES-128-ECB", 96, false, false, NULL, 0 },
	{ CKM_AES_CBC, CKK_AES, 24, 16, "AES-192-CBC", 96, false, false, NULL, 0 },
	{ CKM_AES_CBC_PAD, CKK_AES, 32, 16, "AES-256-CBC", 99, true, true, NULL, 0 },
	{ CKM_AES_CBC_PAD, CKK_AES, 16, 16, "AES-128-CBC", 96, true, true, NULL, 0 },
	{ CKM_AES_CTR, CKK_AES, 16, 16, "AES-128-CTR", 99, false, true, &counter, sizeof counter },
	{ CKM_DES_ECB, CKK_DES, 8, 0, "DES-EDE3-ECB", 96, false, false, NULL, 0 },
	{ CKM_DES_CBC, CKK_DES, 8, 8, "DES-EDE3-CBC", 96, false, false, NULL, 0 },
	{ CKM_DES_CBC_PAD, CKK_DES, 8, 8, "DES-EDE3-CBC", 99, true, true, NULL, 0 },
	{ CKM_DES3_ECB, CKK_DES3, 24, 0, "DES-EDE3-ECB", 96, false, false, NULL, 0 },
	{ CKM_DES3_CBC, CKK_DES3, 24, 8, "DES-EDE3-CBC", 96, false, false, NULL, 0 },
	{ CKM_DES3_CBC_PAD, CKK_DES3, 24, 8, "DES-EDE3-CBC", 99, true, true, NULL, 0 },
};

static CK_MECHANISM mechanism_of(const struct cipher_sample *sample)
{
	if (sample->parameter)
		return (CK_MECHANISM){ sample->type, sample->parameter, sample->parameter_size };
	return (CK_MECHANISM){ sample->type, sample->iv_size ? iv : NULL, sample->iv_size };
}

/* Single DES is triple DES with one key thrice: OpenSSL has it without its legacy provider. */
static const CK_BYTE *reference_key(const struct cipher_sample *sample)
{
	static CK_BYTE thrice[24];
	for (size_t i = 0; i < sizeof thrice; i++)
		thrice[i] = known_key[i % 8];
	return sample->key_type == CKK_DES ? thrice : known_key;
}

static CK_ULONG wanted(const struct cipher_sample *sample, CK_ULONG size, CK_BYTE *out)
{
	struct reference_cipher cipher = { .name = sample->name, .key = reference_key(sample), .iv = iv, .pads = sample->pads };
	return (CK_ULONG)reference_encrypt(&cipher, known_data, size, out);
}

static void goes_and_comes_back(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece plain,
                                struct piece cipher)
{
	struct result once = at_once(encrypting(), session, mechanism, key, plain), parts = in_parts(encrypting(), session, mechanism, key, plain);
	CU_ASSERT(is_same(&once, cipher));
	CU_ASSERT(is_same(&parts, cipher));
	output_follows_the_convention(encrypting(), session, mechanism, key, plain, cipher.bytes, cipher.size);
	works(mechanism->mechanism, "encrypt");
	once = at_once(decrypting(), session, mechanism, key, cipher);
	parts = in_parts(decrypting(), session, mechanism, key, cipher);
	CU_ASSERT(is_same(&once, plain));
	CU_ASSERT(is_same(&parts, plain));
	output_follows_the_convention(decrypting(), session, mechanism, key, cipher, plain.bytes, plain.size);
	works(mechanism->mechanism, "decrypt");
}

void ciphers_are_those_of_openssl(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	for (size_t i = 0; i < COUNT(ciphers); i++) {
		CK_BYTE want[256];
		CK_MECHANISM mechanism = mechanism_of(&ciphers[i]);
		if (!tries(ciphers[i].type, CKF_ENCRYPT) || !tries(ciphers[i].type, CKF_DECRYPT))
			continue;
		CK_ULONG want_size = wanted(&ciphers[i], ciphers[i].size, want);
		CK_OBJECT_HANDLE key = import_secret(session, ciphers[i].key_type, known_key, ciphers[i].key_size);
		goes_and_comes_back(session, &mechanism, key, PIECE(known_data, ciphers[i].size), PIECE(want, want_size));
	}
	session_close(session);
}

void ciphers_with_tags_are_those_of_openssl(void)
{
	CK_SESSION_HANDLE session = session_open(RO);
	CK_BYTE want[256];
	CK_MECHANISM mechanism = { CKM_AES_GCM, &gcm, sizeof gcm };
	struct reference_cipher cipher = { .name = "AES-256-GCM", .key = known_key, .iv = iv, .iv_size = 12, .aad = iv, .aad_size = 7,
		.tag_size = 16 };
	if (tries(CKM_AES_GCM, CKF_ENCRYPT) && tries(CKM_AES_GCM, CKF_DECRYPT)) {
		CK_OBJECT_HANDLE key = import_secret(session, CKK_AES, known_key, 32);
		CK_ULONG want_size = (CK_ULONG)reference_encrypt(&cipher, known_data, 99, want);
		goes_and_comes_back(session, &mechanism, key, PIECE(known_data, 99), PIECE(want, want_size));
	}
	session_close(session);
}

/* "Nothing" with a pointer and without. */
static void takes_nothing(CK_SESSION_HANDLE session, const struct cipher_sample *sample)
{
	CK_BYTE want[64], none = 0;
	CK_ULONG want_size = wanted(sample, 0, want);
	CK_MECHANISM mechanism = mechanism_of(sample);
	CK_OBJECT_HANDLE key = import_secret(session, sample->key_type, known_key, sample->key_size);
	struct result got = at_once(encrypting(), session, &mechanism, key, PIECE(&none, 0));
	CU_ASSERT(is_same(&got, PIECE(want, want_size)));
	got = in_parts(encrypting(), session, &mechanism, key, PIECE(&none, 0));
	CU_ASSERT(is_same(&got, PIECE(want, want_size)));
	got = at_once(encrypting(), session, &mechanism, key, PIECE(NULL, 0));
	EXPECT_SOFTHSM_DEVIATES(got.rv, CKR_OK, "it wants a pointer even to nothing");
	CU_ASSERT(token.is_softhsm || is_same(&got, PIECE(want, want_size)));
}

void nothing_is_data_too(void)
{
	for (size_t i = 0; i < COUNT(ciphers); i++)
		if (ciphers[i].takes_nothing && tries(ciphers[i].type, CKF_ENCRYPT)) {
			CK_SESSION_HANDLE session = session_open(RO); /* SoftHSM's refusal may leave an operation behind */
			takes_nothing(session, &ciphers[i]);
			session_close(session);
		}
}
