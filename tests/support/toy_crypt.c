/* The toy's cryptography: ciphers are real, signatures are hashes, RSA does nothing but cut. */
#include "tests/support/toy_inside.h"
#include "base/digest.h"
#include "wire/mechanism_table.h"
#include <openssl/evp.h>
#include <string.h>

static const char *cipher_name(uint64_t type)
{
	switch (type) {
	case CKM_AES_ECB: return "AES-128-ECB";
	case CKM_AES_CBC: case CKM_AES_CBC_PAD: return "AES-128-CBC";
	case CKM_AES_CTR: return "AES-128-CTR";
	case CKM_AES_OFB: return "AES-128-OFB";
	case CKM_AES_CFB128: return "AES-128-CFB";
	case CKM_AES_CFB8: return "AES-128-CFB8";
	default: return NULL;
	}
}

static void encipher(struct fake_call *call, const Craton__Crypt *asked, Craton__Reply *reply)
{
	bool encrypts = asked->kind == CRATON__CRYPT_KIND__ENCRYPT;
	const ProtobufCBinaryData *iv = asked->mechanism->parameter_case == CRATON__MECHANISM__PARAMETER_CTR ?
		&asked->mechanism->ctr->block : &asked->mechanism->raw;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(digest_context(), cipher_name(asked->mechanism->type), NULL);
	uint8_t *out = fake_alloc(call, asked->data.len + 32);
	int size = 0, rest = 0;
	EVP_CipherInit_ex(context, cipher, NULL, asked->key->id.data, asked->mechanism->type == CKM_AES_ECB ? NULL : iv->data, encrypts);
	EVP_CIPHER_CTX_set_padding(context, asked->mechanism->type == CKM_AES_CBC_PAD);
	EVP_CipherUpdate(context, out, &size, asked->data.data, (int)asked->data.len);
	if (EVP_CipherFinal_ex(context, out + size, &rest) != 1)
		reply->rv = encrypts ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_INVALID;
	reply->crypt->data = (ProtobufCBinaryData){ (size_t)(size + rest), out };
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
}

/* GCM with the tag at the end, as PKCS#11 has it. */
static void encipher_gcm(struct fake_call *call, const Craton__Crypt *asked, Craton__Reply *reply)
{
	const Craton__GcmParameter *gcm = asked->mechanism->gcm;
	bool encrypts = asked->kind == CRATON__CRYPT_KIND__ENCRYPT;
	size_t tag_size = (size_t)gcm->tag_bits / 8, in_size = encrypts ? asked->data.len : asked->data.len - tag_size;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(digest_context(), "AES-128-GCM", NULL);
	uint8_t *out = fake_alloc(call, asked->data.len + 32);
	int size = 0, rest = 0;
	EVP_CipherInit_ex(context, cipher, NULL, NULL, NULL, encrypts);
	EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)gcm->iv.len, NULL);
	EVP_CipherInit_ex(context, NULL, NULL, asked->key->id.data, gcm->iv.data, encrypts);
	if (!encrypts)
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)tag_size, asked->data.data + in_size);
	EVP_CipherUpdate(context, NULL, &size, gcm->aad.data, (int)gcm->aad.len);
	EVP_CipherUpdate(context, out, &size, asked->data.data, (int)in_size);
	if (EVP_CipherFinal_ex(context, out + size, &rest) != 1)
		reply->rv = CKR_ENCRYPTED_DATA_INVALID;
	if (encrypts)
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, (int)tag_size, out + size);
	reply->crypt->data = (ProtobufCBinaryData){ (size_t)size + (encrypts ? tag_size : 0), out };
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
}

/* Not a cipher, but as long as its input. */
static ProtobufCBinaryData scramble(struct fake_call *call, ProtobufCBinaryData data)
{
	ProtobufCBinaryData out = fake_bytes(call, data.data, data.len);
	for (size_t i = 0; i < out.len; i++)
		out.data[i] ^= 0x5a;
	return out;
}

/* Which leaf of a stateful key signs now, or is said to have signed; counted from 1. 0: another key. */
static uint8_t leaf_of(struct toy *toy, const Craton__Crypt *asked)
{
	if (asked->mechanism->type != CKM_HSS)
		return 0;
	if (asked->kind == CRATON__CRYPT_KIND__SIGN)
		return (uint8_t)(1 + atomic_fetch_add(&toy->leaves, 1));
	return asked->signature.len ? asked->signature.data[0] : 0;
}

/* A hash of mechanism and data, as long as the real thing would be; one by a leaf begins with that. */
static ProtobufCBinaryData signature_of(struct fake_call *call, const Craton__Crypt *asked, const Craton__Object *key, uint8_t leaf)
{
	struct attribute_list view = toy_view(key);
	struct bytes parts[] = { { &asked->mechanism->type, 8 }, { asked->data.data, asked->data.len } };
	uint8_t hash[SHA256_SIZE], out[1024];
	bool exact;
	size_t size = mechanism_result_size(asked->mechanism, CKF_SIGN, &view, asked->data.len, &exact);
	if (size > sizeof out)
		size = 64;
	sha256(parts, 2, hash);
	for (size_t i = 0; i < size; i++)
		out[i] = hash[i % SHA256_SIZE];
	if (leaf)
		out[0] = leaf;
	return fake_bytes(call, out, size);
}

void toy_answer_crypt(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	const Craton__Crypt *asked = request->crypt;
	Craton__Object *key = toy_find(toy, asked->key, reply);
	if (!key)
		return;
	atomic_fetch_add(&toy->crypts, 1);
	reply->crypt = fake_alloc(call, sizeof *reply->crypt);
	craton__crypt_reply__init(reply->crypt);
	reply->body_case = CRATON__REPLY__BODY_CRYPT;
	memset(toy->operation_pin, 0, sizeof toy->operation_pin);
	if (asked->pin.len)
		memcpy(toy->operation_pin, asked->pin.data, asked->pin.len);
	if (asked->mechanism->type == CKM_AES_CTS) {
		reply->crypt->data = scramble(call, asked->data);
	} else if (cipher_name(asked->mechanism->type)) {
		encipher(call, asked, reply);
	} else if (asked->kind == CRATON__CRYPT_KIND__VERIFY) {
		ProtobufCBinaryData want = signature_of(call, asked, key, leaf_of(toy, asked));
		bool good = want.len == asked->signature.len && memcmp(want.data, asked->signature.data, want.len) == 0;
		reply->rv = good ? CKR_OK : CKR_SIGNATURE_INVALID;
	} else if (asked->kind == CRATON__CRYPT_KIND__SIGN) {
		reply->crypt->data = signature_of(call, asked, key, leaf_of(toy, asked));
	} else if (asked->mechanism->type == CKM_AES_GCM) {
		if (toy->new_iv)
			reply->crypt->iv = fake_bytes(call, toy->new_iv, 12);
		encipher_gcm(call, asked, reply);
	} else if (asked->kind == CRATON__CRYPT_KIND__SIGN_RECOVER || asked->kind == CRATON__CRYPT_KIND__VERIFY_RECOVER) {
		reply->crypt->data = scramble(call, asked->data);
	} else { /* RSA here does nothing but cut */
		reply->crypt->data = fake_bytes(call, asked->data.data, asked->data.len < 10 ? asked->data.len : 10);
	}
}
