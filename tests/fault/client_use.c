/* A key used, a value read, and what OpenSSL says about it. */
#include "tests/fault/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct public_key {
	CK_ULONG size;
	uint8_t spki[600];
};
static struct public_key *_Atomic public_keys[BOARD_ENTRIES_MAX];

/* From the private key itself: the public one may have been destroyed. */
static bool ask_public_key(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle, struct public_key *key)
{
	CK_ATTRIBUTE attribute = { CKA_PUBLIC_KEY_INFO, key->spki, sizeof key->spki };
	struct record record;
	char name[HISTORY_OBJECT_SIZE];
	object_name(entry, SIDE_ONE, name);
	record_begin(&record, &worker->tally, "C_GetAttributeValue", name);
	CK_RV rv = module.p11->C_GetAttributeValue(worker->session, handle, &attribute, 1);
	key->size = rv == CKR_OK && attribute.ulValueLen <= sizeof key->spki ? attribute.ulValueLen : 0;
	record_end(&record, rv, rv == CKR_OK && !key->size ? "no-public-key" : NULL, NULL);
	return key->size != 0;
}

static bool public_key(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle, struct public_key *key)
{
	struct public_key *copy, *none = NULL;
	if (board_holds(entry) && (copy = public_keys[board_number(entry)])) {
		*key = *copy;
		return true;
	}
	if (!ask_public_key(worker, entry, handle, key))
		return false;
	if (board_holds(entry) && (copy = malloc(sizeof *copy))) {
		*copy = *key;
		if (!atomic_compare_exchange_strong(&public_keys[board_number(entry)], &none, copy))
			free(copy); /* another thread was first */
	}
	return true;
}

bool object_verify(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle, CK_MECHANISM_TYPE mechanism,
                   const void *text, size_t size, const uint8_t *signature, size_t signature_size)
{
	struct public_key key;
	return !public_key(worker, entry, handle, &key)
		|| reference_verify(key.spki, key.size, entry->kind, mechanism, text, size, signature, signature_size);
}

static void sign(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle)
{
	static CK_RSA_PKCS_PSS_PARAMS pss = { CKM_SHA256, CKG_MGF1_SHA256, 32 };
	bool is_odd = draw(worker, 2);
	CK_MECHANISM mechanism = { entry->kind == KIND_P256 ? CKM_ECDSA : entry->kind == KIND_P384 ? CKM_ECDSA_SHA384
		: is_odd ? CKM_SHA256_RSA_PKCS_PSS : CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE text[32], signature[512];
	CK_ULONG size = sizeof signature;
	struct public_key key;
	struct record record;
	char name[HISTORY_OBJECT_SIZE];
	if (mechanism.mechanism == CKM_SHA256_RSA_PKCS_PSS)
		mechanism = (CK_MECHANISM){ CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss };
	if (!public_key(worker, entry, handle, &key))
		return;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)draw(worker, 256);
	object_name(entry, SIDE_ONE, name);
	record_begin(&record, &worker->tally, "C_Sign", name);
	CK_RV rv = module.p11->C_SignInit(worker->session, &mechanism, handle);
	if (rv == CKR_OK)
		rv = module.p11->C_Sign(worker->session, text, sizeof text, signature, &size);
	record_return(&record);
	bool is_good = rv != CKR_OK || reference_verify(key.spki, key.size, entry->kind, mechanism.mechanism, text, sizeof text, signature, size);
	record_end(&record, rv, is_good ? NULL : "signature", "mechanism=0x%lx", mechanism.mechanism);
}

static CK_RV decrypt(struct worker *worker, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE handle, CK_BYTE *cipher, CK_ULONG cipher_size,
                     CK_BYTE *text, CK_ULONG *size)
{
	CK_RV rv = module.p11->C_DecryptInit(worker->session, mechanism, handle);
	return rv == CKR_OK ? module.p11->C_Decrypt(worker->session, cipher, cipher_size, text, size) : rv;
}

/* A key that nobody knows is compared with itself. */
static void decrypt_noted(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle, CK_MECHANISM *mechanism,
                          CK_BYTE *cipher, CK_ULONG cipher_size, const CK_BYTE *text, CK_ULONG text_size)
{
	CK_BYTE again[64];
	CK_ULONG size = sizeof again;
	struct record record;
	char name[HISTORY_OBJECT_SIZE];
	object_name(entry, SIDE_ONE, name);
	record_begin(&record, &worker->tally, "C_Decrypt", name);
	CK_RV rv = decrypt(worker, mechanism, handle, cipher, cipher_size, again, &size);
	bool is_same = rv != CKR_OK || (size == text_size && memcmp(again, text, size) == 0);
	record_end(&record, rv, is_same ? NULL : "text", NULL);
}

static void encrypt(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle)
{
	CK_BYTE iv[16] = { 0 }, text[40], cipher[64];
	CK_MECHANISM mechanism = { CKM_AES_CBC_PAD, iv, sizeof iv };
	CK_ULONG size = sizeof cipher;
	uint8_t value[KEY_SIZE];
	struct record record;
	char name[HISTORY_OBJECT_SIZE];
	memset(text, (int)draw(worker, 256), sizeof text);
	reference_value(entry->label, value);
	object_name(entry, SIDE_ONE, name);
	record_begin(&record, &worker->tally, "C_Encrypt", name);
	CK_RV rv = module.p11->C_EncryptInit(worker->session, &mechanism, handle);
	if (rv == CKR_OK)
		rv = module.p11->C_Encrypt(worker->session, text, sizeof text, cipher, &size);
	record_return(&record);
	bool is_good = rv != CKR_OK || entry->kind == KIND_AES_MADE || reference_cbc_pad(value, text, sizeof text, cipher, size);
	record_end(&record, rv, is_good ? NULL : "cipher-text", NULL);
	if (rv == CKR_OK && entry->kind == KIND_AES_MADE)
		decrypt_noted(worker, entry, handle, &mechanism, cipher, size, text, sizeof text);
}

void object_use(struct worker *worker, const struct board_entry *entry, CK_OBJECT_HANDLE handle)
{
	switch ((enum kind)entry->kind) {
	case KIND_RSA: case KIND_P256: case KIND_P384: sign(worker, entry, handle); break;
	case KIND_AES: case KIND_AES_MADE: encrypt(worker, entry, handle); break;
	case KIND_DATA: object_read(worker, entry, SIDE_ONE, handle); break;
	case KIND_NONE: break;
	}
}
