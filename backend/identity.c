#include "backend/identity.h"
#include "backend/token_private.h"
#include "base/buf.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_SIZE_MAX (64u << 10)

/* What may be otherwise tomorrow, of a token that can do the same. */
#define ERROR_STATE 0x01000000u /* CKF_ERROR_STATE, which the header lacks */
#define PASSING_FLAGS                                                                                                          \
	(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED | CKF_USER_PIN_TO_BE_CHANGED | CKF_SO_PIN_COUNT_LOW | \
	 CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED | CKF_SO_PIN_TO_BE_CHANGED | ERROR_STATE)

#define ADD(text, field) buf_add(text, &(field), sizeof(field))

static void add_library(struct buf *text, const CK_INFO *info)
{
	ADD(text, info->cryptokiVersion);
	ADD(text, info->manufacturerID);
	ADD(text, info->libraryDescription);
	ADD(text, info->libraryVersion);
}

static void add_token(struct buf *text, const CK_TOKEN_INFO *info)
{
	CK_FLAGS flags = info->flags & ~(CK_FLAGS)PASSING_FLAGS;
	ADD(text, info->label);
	ADD(text, info->manufacturerID);
	ADD(text, info->model);
	ADD(text, info->serialNumber);
	ADD(text, info->hardwareVersion);
	ADD(text, info->firmwareVersion);
	ADD(text, flags);
}

/* The slot is what the token is behind: a box in the network, for example, that has a firmware of its own. */
static CK_RV add_who(const struct module *module, struct buf *text)
{
	CK_INFO library = { 0 };
	CK_SLOT_INFO slot = { 0 };
	CK_TOKEN_INFO token = { 0 };
	CK_RV rv = module->p11->C_GetInfo(&library);
	if (rv == CKR_OK)
		rv = module->p11->C_GetSlotInfo(module->slot, &slot);
	if (rv == CKR_OK)
		rv = module->p11->C_GetTokenInfo(module->slot, &token);
	add_library(text, &library);
	ADD(text, slot.hardwareVersion);
	ADD(text, slot.firmwareVersion);
	add_token(text, &token);
	return rv;
}

static CK_RV add_mechanisms(const struct module *module, struct buf *text)
{
	struct mechanism *list;
	size_t count;
	CK_RV rv = module_mechanisms(module, &list, &count);
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		buf_add_u64(text, list[i].type);
		buf_add_u64(text, list[i].info.ulMinKeySize);
		buf_add_u64(text, list[i].info.ulMaxKeySize);
		buf_add_u64(text, list[i].info.flags);
	}
	free(list);
	return rv;
}

void file_identify(const char *path, uint8_t out[SHA256_SIZE])
{
	struct stat found = { 0 };
	if (stat(path, &found) != 0)
		found = (struct stat){ 0 };
	struct bytes parts[] = {
		{ path, strlen(path) },
		{ &found.st_size, sizeof found.st_size },
		{ &found.st_mtim, sizeof found.st_mtim },
	};
	sha256(parts, sizeof parts / sizeof *parts, out);
}

enum err token_identify(struct token *token, uint8_t out[SHA256_SIZE], struct complaint *complaint)
{
	const struct module *module = token_module(token);
	struct buf text;
	buf_init(&text, TEXT_SIZE_MAX);
	buf_add(&text, module->file, sizeof module->file);
	token_service_begin(token, TOKEN_WORK_SHORT);
	CK_RV rv = add_who(module, &text);
	if (rv == CKR_OK)
		rv = add_mechanisms(module, &text);
	token_service_end(token);
	if (rv == CKR_OK && text.failed)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		sha256(&(struct bytes){ text.data, text.size }, 1, out);
	buf_finish(&text);
	return rv == CKR_OK ? ERR_OK : module_complain(module, complaint, "it does not say what it is", rv);
}
