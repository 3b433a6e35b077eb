#include "tests/unit/pkcs11/lost.h"

CK_BYTE lost_text[PARTS * BEYOND];
static CK_BYTE iv[16] = { 3, 1, 4 };
static CK_GCM_PARAMS gcm_parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
static CK_AES_CTR_PARAMS ctr_parameter = { .ulCounterBits = 32 };
static CK_MECHANISM gcm = { CKM_AES_GCM, &gcm_parameter, sizeof gcm_parameter }, cts = { CKM_AES_CTS, iv, 16 },
	cbc = { CKM_AES_CBC, iv, 16 }, cbc_pad = { CKM_AES_CBC_PAD, iv, 16 }, ctr = { CKM_AES_CTR, &ctr_parameter, sizeof ctr_parameter },
	hmac = { CKM_SHA256_HMAC, NULL, 0 }, ecdsa = { CKM_ECDSA_SHA256, NULL, 0 }, rsa = { CKM_SHA256_RSA_PKCS, NULL, 0 },
	sha256 = { CKM_SHA256, NULL, 0 }, plain_gcm = { CKM_AES_GCM, NULL, 0 };

static void step(const struct trial *trial, int now)
{
	if (now == trial->lost_at)
		node_stop(trial->victim);
}

static CK_BYTE *part_of(const struct trial *trial, CK_BYTE *data, int i)
{
	return data + (CK_ULONG)i * trial->part;
}

static CK_RV cipher_in_parts(struct trial *t, CK_C_EncryptUpdate update, CK_C_EncryptFinal final, CK_BYTE *in)
{
	CK_ULONG size;
	CK_RV rv = CKR_OK;
	for (int i = 0; rv == CKR_OK && i < PARTS; i++, t->made += size) {
		step(t, 1 + i);
		size = sizeof t->out - t->made;
		rv = update(t->session, part_of(t, in, i), t->part, t->out + t->made, &size);
	}
	if (rv != CKR_OK)
		return rv;
	step(t, 1 + PARTS);
	size = sizeof t->out - t->made;
	rv = final(t->session, t->out + t->made, &size);
	t->made += size;
	return rv;
}

static CK_RV encrypt(struct trial *t, CK_MECHANISM *mechanism)
{
	step(t, 0);
	CK_RV rv = C_EncryptInit(t->session, mechanism, t->aes);
	return rv == CKR_OK ? cipher_in_parts(t, C_EncryptUpdate, C_EncryptFinal, lost_text) : rv;
}

/* What is to be deciphered is as long as what is enciphered elsewhere. */
static void make_cipher_text(const struct trial *t, CK_MECHANISM *mechanism, CK_BYTE *out)
{
	CK_ULONG all = PARTS * t->part, size = all, added = mechanism == &gcm ? 16 : 0;
	EXPECT(C_EncryptInit(t->session, mechanism, t->aes), CKR_OK);
	EXPECT(C_Encrypt(t->session, lost_text, all - added, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, all);
}

static CK_RV decrypt(struct trial *t, CK_MECHANISM *mechanism)
{
	CK_BYTE in[sizeof lost_text];
	make_cipher_text(t, mechanism, in);
	step(t, 0);
	CK_RV rv = C_DecryptInit(t->session, mechanism, t->aes);
	return rv == CKR_OK ? cipher_in_parts(t, C_DecryptUpdate, C_DecryptFinal, in) : rv;
}

static CK_OBJECT_HANDLE signs_with(const struct trial *t, const CK_MECHANISM *mechanism)
{
	return mechanism == &hmac ? t->secret : mechanism == &rsa ? t->rsa : t->ec;
}

static CK_RV add_parts(struct trial *t, CK_C_SignUpdate update)
{
	CK_RV rv = CKR_OK;
	for (int i = 0; rv == CKR_OK && i < PARTS; i++) {
		step(t, 1 + i);
		rv = update(t->session, part_of(t, lost_text, i), t->part);
	}
	step(t, 1 + PARTS);
	return rv;
}

static CK_RV finish(struct trial *t, CK_C_SignFinal final)
{
	CK_ULONG size = sizeof t->out - t->made;
	CK_RV rv = final(t->session, t->out + t->made, &size);
	t->made += size;
	return rv;
}

static CK_RV sign(struct trial *t, CK_MECHANISM *mechanism)
{
	step(t, 0);
	CK_RV rv = C_SignInit(t->session, mechanism, signs_with(t, mechanism));
	if (rv == CKR_OK)
		rv = add_parts(t, C_SignUpdate);
	return rv == CKR_OK ? finish(t, C_SignFinal) : rv;
}

static CK_ULONG make_signature(const struct trial *t, CK_MECHANISM *mechanism, CK_BYTE *out)
{
	CK_ULONG size = 256;
	EXPECT(C_SignInit(t->session, mechanism, signs_with(t, mechanism)), CKR_OK);
	EXPECT(C_Sign(t->session, lost_text, PARTS * t->part, out, &size), CKR_OK);
	return size;
}

static CK_RV verify(struct trial *t, CK_MECHANISM *mechanism)
{
	CK_BYTE signature[256];
	CK_ULONG size = make_signature(t, mechanism, signature);
	step(t, 0);
	CK_RV rv = C_VerifyInit(t->session, mechanism, mechanism == &ecdsa ? t->ec_public : t->secret);
	if (rv == CKR_OK)
		rv = add_parts(t, C_VerifyUpdate);
	return rv == CKR_OK ? C_VerifyFinal(t->session, signature, size) : rv;
}

static CK_RV digest(struct trial *t, CK_MECHANISM *mechanism)
{
	step(t, 0);
	CK_RV rv = C_DigestInit(t->session, mechanism);
	if (rv == CKR_OK)
		rv = add_parts(t, C_DigestUpdate);
	return rv == CKR_OK ? finish(t, C_DigestFinal) : rv;
}

static CK_RV digest_encrypt(struct trial *t, CK_MECHANISM *mechanism)
{
	step(t, 0);
	EXPECT(C_DigestInit(t->session, &sha256), CKR_OK);
	EXPECT(C_EncryptInit(t->session, mechanism, t->aes), CKR_OK);
	CK_RV rv = cipher_in_parts(t, C_DigestEncryptUpdate, C_EncryptFinal, lost_text);
	return rv == CKR_OK ? finish(t, C_DigestFinal) : rv;
}

static CK_RV decrypt_digest(struct trial *t, CK_MECHANISM *mechanism)
{
	CK_BYTE in[sizeof lost_text];
	make_cipher_text(t, mechanism, in);
	step(t, 0);
	EXPECT(C_DigestInit(t->session, &sha256), CKR_OK);
	EXPECT(C_DecryptInit(t->session, mechanism, t->aes), CKR_OK);
	CK_RV rv = cipher_in_parts(t, C_DecryptDigestUpdate, C_DecryptFinal, in);
	return rv == CKR_OK ? finish(t, C_DigestFinal) : rv;
}

static CK_RV sign_encrypt(struct trial *t, CK_MECHANISM *mechanism)
{
	step(t, 0);
	EXPECT(C_SignInit(t->session, &hmac, t->secret), CKR_OK);
	EXPECT(C_EncryptInit(t->session, mechanism, t->aes), CKR_OK);
	CK_RV rv = cipher_in_parts(t, C_SignEncryptUpdate, C_EncryptFinal, lost_text);
	return rv == CKR_OK ? finish(t, C_SignFinal) : rv;
}

static CK_RV decrypt_verify(struct trial *t, CK_MECHANISM *mechanism)
{
	CK_BYTE in[sizeof lost_text], signature[256];
	CK_ULONG size = make_signature(t, &hmac, signature);
	make_cipher_text(t, mechanism, in);
	step(t, 0);
	EXPECT(C_VerifyInit(t->session, &hmac, t->secret), CKR_OK);
	EXPECT(C_DecryptInit(t->session, mechanism, t->aes), CKR_OK);
	CK_RV rv = cipher_in_parts(t, C_DecryptVerifyUpdate, C_DecryptFinal, in);
	return rv == CKR_OK ? C_VerifyFinal(t->session, signature, size) : rv;
}

/* Messages: …Init, …Begin, parts, the last of which ends it; the tag comes after the text here. */
static CK_RV cipher_message(struct trial *t, CK_C_MessageEncryptInit init, CK_C_EncryptMessageBegin begin,
                            CK_C_EncryptMessageNext next, CK_BYTE *in, CK_BYTE tag[16])
{
	CK_GCM_MESSAGE_PARAMS parameter = { iv, 12, 0, CKG_NO_GENERATE, tag, 128 };
	CK_MECHANISM mechanism = plain_gcm;
	step(t, 0);
	EXPECT(init(t->session, &mechanism, t->aes), CKR_OK);
	step(t, 1);
	CK_RV rv = begin(t->session, &parameter, sizeof parameter, lost_text, 5);
	for (int i = 0; rv == CKR_OK && i < PARTS; i++) {
		CK_ULONG size = sizeof t->out - t->made;
		step(t, 2 + i);
		rv = next(t->session, &parameter, sizeof parameter, part_of(t, in, i), t->part, t->out + t->made, &size,
		          i == PARTS - 1 ? CKF_END_OF_MESSAGE : 0);
		t->made += size;
	}
	return rv;
}

static CK_RV message_encrypt(struct trial *t, CK_MECHANISM *unused)
{
	CK_BYTE tag[16] = { 0 };
	(void)unused;
	CK_RV rv = cipher_message(t, C_MessageEncryptInit, C_EncryptMessageBegin, C_EncryptMessageNext, lost_text, tag);
	memcpy(t->out + t->made, tag, sizeof tag);
	t->made += sizeof tag;
	C_MessageEncryptFinal(t->session);
	return rv;
}

static CK_RV message_decrypt(struct trial *t, CK_MECHANISM *unused)
{
	struct trial quiet = *t;
	quiet.lost_at = NEVER;
	quiet.made = 0;
	EXPECT(message_encrypt(&quiet, unused), CKR_OK);
	CK_RV rv = cipher_message(t, C_MessageDecryptInit, C_DecryptMessageBegin, C_DecryptMessageNext, quiet.out,
	                          quiet.out + quiet.made - 16);
	C_MessageDecryptFinal(t->session);
	return rv;
}

static CK_RV message_sign(struct trial *t, CK_MECHANISM *mechanism)
{
	step(t, 0);
	EXPECT(C_MessageSignInit(t->session, mechanism, signs_with(t, mechanism)), CKR_OK);
	step(t, 1);
	CK_RV rv = C_SignMessageBegin(t->session, NULL, 0);
	for (int i = 0; rv == CKR_OK && i < PARTS; i++) {
		CK_ULONG size = sizeof t->out - t->made;
		bool is_last = i == PARTS - 1;
		step(t, 2 + i);
		rv = C_SignMessageNext(t->session, NULL, 0, part_of(t, lost_text, i), t->part, is_last ? t->out + t->made : NULL, is_last ? &size : NULL);
		t->made += is_last ? size : 0;
	}
	C_MessageSignFinal(t->session);
	return rv;
}

static CK_RV message_verify(struct trial *t, CK_MECHANISM *mechanism)
{
	CK_BYTE signature[256];
	CK_ULONG size = make_signature(t, mechanism, signature);
	step(t, 0);
	EXPECT(C_MessageVerifyInit(t->session, mechanism, t->secret), CKR_OK);
	step(t, 1);
	CK_RV rv = C_VerifyMessageBegin(t->session, NULL, 0);
	for (int i = 0; rv == CKR_OK && i < PARTS; i++) {
		step(t, 2 + i);
		rv = C_VerifyMessageNext(t->session, NULL, 0, part_of(t, lost_text, i), t->part, i == PARTS - 1 ? signature : NULL,
		                         i == PARTS - 1 ? size : 0);
	}
	C_MessageVerifyFinal(t->session);
	return rv;
}

const struct kind kinds[] = {
	{ "GCM encryption", encrypt, &gcm, true }, { "CTS encryption", encrypt, &cts, true },
	{ "CBC encryption", encrypt, &cbc, false }, { "CBC-PAD encryption", encrypt, &cbc_pad, false },
	{ "CTR encryption", encrypt, &ctr, false }, { "GCM decryption", decrypt, &gcm, true },
	{ "CTS decryption", decrypt, &cts, true }, { "CBC decryption", decrypt, &cbc, false },
	{ "HMAC", sign, &hmac, true }, { "RSA signature", sign, &rsa, false }, { "ECDSA signature", sign, &ecdsa, false },
	{ "HMAC verified", verify, &hmac, true }, { "ECDSA verified", verify, &ecdsa, false }, { "digest", digest, &sha256, false },
	{ "digest and encryption", digest_encrypt, &cbc, false }, { "digest and GCM encryption", digest_encrypt, &gcm, true },
	{ "decryption and digest", decrypt_digest, &cbc, false }, { "HMAC and encryption", sign_encrypt, &cbc, true },
	{ "decryption and HMAC", decrypt_verify, &cbc, true }, { "message encryption", message_encrypt, NULL, false },
	{ "message decryption", message_decrypt, NULL, false }, { "message HMAC", message_sign, &hmac, true },
	{ "message HMAC verified", message_verify, &hmac, true }, { "message ECDSA", message_sign, &ecdsa, false },
};
const size_t kinds_count = COUNT(kinds);
