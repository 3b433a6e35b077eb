/* Operations in parts. One line tells of all its calls; its pauses are not in the longest of them. */
#include "tests/fault/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_SIZE 65536u
#define SHORT_SIZE (4 * PART_SIZE)
#define BEYOND_SIZE (20 * PART_SIZE) /* [recovery] replay is 1 MiB by default */

/* One shape for all: updates without output, or with. */
struct parts {
	struct worker *worker;
	struct record record;
	CK_RV rv;
	CK_BYTE *out;
	CK_ULONG out_size, out_max;
};

static const CK_BYTE *text_of(struct worker *worker, size_t size)
{
	if (worker->work.size < size) {
		free(worker->work.text);
		worker->work.text = malloc(size);
		worker->work.size = worker->work.text ? size : 0;
		for (size_t i = 0; i < worker->work.size; i++)
			((CK_BYTE *)worker->work.text)[i] = (CK_BYTE)(i * 31 >> 4);
	}
	return worker->work.text;
}

static void begin(struct parts *parts, struct worker *worker, const char *call, const struct board_entry *entry)
{
	char name[HISTORY_OBJECT_SIZE] = "";
	*parts = (struct parts){ .worker = worker };
	if (entry)
		object_name(entry, SIDE_ONE, name);
	record_begin(&parts->record, &worker->tally, call, name);
}

#define STEP(parts, call)                                    \
	do {                                                 \
		uint64_t since_us = history_now_us();        \
		(parts)->rv = (call);                        \
		record_step(&(parts)->record, since_us);     \
	} while (0)

typedef CK_RV (*update_call)(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG size);
static void update_all(struct parts *parts, update_call update, const CK_BYTE *text, size_t size)
{
	for (size_t at = 0; parts->rv == CKR_OK && at < size; at += PART_SIZE) {
		STEP(parts, update(parts->worker->session, (CK_BYTE_PTR)(uintptr_t)(text + at), PART_SIZE));
		pause_us(parts->worker->pace_us);
	}
}

static void encrypt_all(struct parts *parts, const CK_BYTE *text, size_t size)
{
	for (size_t at = 0; parts->rv == CKR_OK && at < size; at += PART_SIZE) {
		CK_ULONG out_size = parts->out_max - parts->out_size;
		STEP(parts, module.p11->C_EncryptUpdate(parts->worker->session, (CK_BYTE_PTR)(uintptr_t)(text + at), PART_SIZE,
			parts->out + parts->out_size, &out_size));
		parts->out_size += parts->rv == CKR_OK ? out_size : 0;
		pause_us(parts->worker->pace_us);
	}
}

static void end(struct parts *parts, size_t size, bool is_good, const char *more)
{
	record_end(&parts->record, parts->rv, parts->rv != CKR_OK || is_good ? NULL : "result", "size=%zu%s", size, more);
}

static struct board_entry *standing(enum kind kind)
{
	for (uint32_t i = 0; i < board_count() && board_is_standing(board_entry(i)); i++)
		if (board_entry(i)->kind == kind)
			return board_entry(i);
	return NULL;
}

/* Hashed in the library: needs no member before its end. */
void parts_sign(struct worker *worker)
{
	struct board_entry *entry = standing(KIND_RSA);
	CK_OBJECT_HANDLE key = entry ? object_handle(worker, entry, SIDE_ONE) : CK_INVALID_HANDLE;
	const CK_BYTE *text = text_of(worker, SHORT_SIZE);
	CK_MECHANISM mechanism = { CKM_SHA256_RSA_PKCS, NULL, 0 };
	CK_BYTE signature[512];
	CK_ULONG size = sizeof signature;
	struct parts parts;
	if (!text || key == CK_INVALID_HANDLE)
		return;
	begin(&parts, worker, "C_SignFinal", entry);
	STEP(&parts, module.p11->C_SignInit(worker->session, &mechanism, key));
	update_all(&parts, module.p11->C_SignUpdate, text, SHORT_SIZE);
	if (parts.rv == CKR_OK)
		STEP(&parts, module.p11->C_SignFinal(worker->session, signature, &size));
	bool is_good = parts.rv != CKR_OK || object_verify(worker, entry, key, CKM_SHA256_RSA_PKCS, text, SHORT_SIZE, signature, size);
	end(&parts, SHORT_SIZE, is_good, "");
}

void parts_digest(struct worker *worker)
{
	const CK_BYTE *text = text_of(worker, SHORT_SIZE);
	CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
	CK_BYTE digest[64];
	CK_ULONG size = sizeof digest;
	struct parts parts;
	if (!text)
		return;
	begin(&parts, worker, "C_DigestFinal", NULL);
	STEP(&parts, module.p11->C_DigestInit(worker->session, &mechanism));
	update_all(&parts, module.p11->C_DigestUpdate, text, SHORT_SIZE);
	if (parts.rv == CKR_OK)
		STEP(&parts, module.p11->C_DigestFinal(worker->session, digest, &size));
	end(&parts, SHORT_SIZE, reference_digest(text, SHORT_SIZE, digest, size), "");
}

void parts_encrypt(struct worker *worker)
{
	struct board_entry *entry = standing(KIND_AES);
	CK_OBJECT_HANDLE key = entry ? object_handle(worker, entry, SIDE_ONE) : CK_INVALID_HANDLE;
	const CK_BYTE *text = text_of(worker, SHORT_SIZE);
	CK_BYTE iv[16] = { 0 };
	CK_MECHANISM mechanism = { CKM_AES_CBC_PAD, iv, sizeof iv };
	struct parts parts;
	uint8_t value[KEY_SIZE];
	if (!text || key == CK_INVALID_HANDLE)
		return;
	begin(&parts, worker, "C_EncryptFinal", entry);
	parts.out_max = SHORT_SIZE + 32;
	parts.out = malloc(parts.out_max);
	if (!parts.out)
		return;
	STEP(&parts, module.p11->C_EncryptInit(worker->session, &mechanism, key));
	encrypt_all(&parts, text, SHORT_SIZE);
	CK_ULONG last = parts.out_max - parts.out_size;
	if (parts.rv == CKR_OK)
		STEP(&parts, module.p11->C_EncryptFinal(worker->session, parts.out + parts.out_size, &last));
	reference_value(entry->label, value);
	end(&parts, SHORT_SIZE, reference_cbc_pad(value, text, SHORT_SIZE, parts.out, parts.out_size + last), "");
	free(parts.out);
}

static void mac(struct worker *worker, size_t size, const char *more)
{
	struct board_entry *entry = standing(KIND_AES);
	CK_OBJECT_HANDLE key = entry ? object_handle(worker, entry, SIDE_ONE) : CK_INVALID_HANDLE;
	const CK_BYTE *text = text_of(worker, size);
	CK_MECHANISM mechanism = { CKM_AES_CMAC, NULL, 0 };
	CK_BYTE out[16];
	CK_ULONG out_size = sizeof out;
	struct parts parts;
	uint8_t value[KEY_SIZE];
	if (!text || key == CK_INVALID_HANDLE)
		return;
	begin(&parts, worker, "C_SignFinal", entry);
	STEP(&parts, module.p11->C_SignInit(worker->session, &mechanism, key));
	update_all(&parts, module.p11->C_SignUpdate, text, size);
	if (parts.rv == CKR_OK)
		STEP(&parts, module.p11->C_SignFinal(worker->session, out, &out_size));
	reference_value(entry->label, value);
	end(&parts, size, reference_cmac(value, text, size, out, out_size), more);
}

void parts_mac(struct worker *worker)
{
	mac(worker, SHORT_SIZE, "");
}

void parts_mac_beyond(struct worker *worker)
{
	mac(worker, BEYOND_SIZE, " beyond=yes");
}
