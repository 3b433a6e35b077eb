#include "backend/identity.h"
#include "backend/offered.h"
#include "backend/token_private.h"
#include "base/buf.h"
#include <link.h>
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

/* What it says of itself. The slot is what the token is behind: a box in the network, for example, that has a firmware of its own. */
struct said {
	CK_INFO library;
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
};

static CK_RV ask(struct token *token, struct said *out)
{
	CK_FUNCTION_LIST *p11 = token_functions(token);
	token_service_begin(token, TOKEN_WORK_SHORT);
	CK_RV rv = p11->C_GetInfo(&out->library);
	if (rv == CKR_OK)
		rv = p11->C_GetSlotInfo(token_slot(token), &out->slot);
	if (rv == CKR_OK)
		rv = p11->C_GetTokenInfo(token_slot(token), &out->token);
	token_service_end(token);
	return rv;
}

static void add_said(struct buf *text, const struct said *said)
{
	CK_FLAGS flags = said->token.flags & ~(CK_FLAGS)PASSING_FLAGS;
	ADD(text, said->library.cryptokiVersion);
	ADD(text, said->library.manufacturerID);
	ADD(text, said->library.libraryDescription);
	ADD(text, said->library.libraryVersion);
	ADD(text, said->slot.hardwareVersion);
	ADD(text, said->slot.firmwareVersion);
	ADD(text, said->token.label);
	ADD(text, said->token.manufacturerID);
	ADD(text, said->token.model);
	ADD(text, said->token.serialNumber);
	ADD(text, said->token.hardwareVersion);
	ADD(text, said->token.firmwareVersion);
	ADD(text, flags);
}

static CK_RV add_mechanisms(struct token *token, struct buf *text)
{
	struct mechanism *list;
	size_t count;
	CK_RV rv = token_mechanisms(token, &list, &count);
	for (size_t i = 0; rv == CKR_OK && i < count; i++) {
		buf_add_u64(text, list[i].type);
		buf_add_u64(text, list[i].info.ulMinKeySize);
		buf_add_u64(text, list[i].info.ulMaxKeySize);
		buf_add_u64(text, list[i].info.flags);
	}
	free(list);
	return rv;
}

/* A file that was replaced, written over, or put back with its old times is told by its inode or by the time of its last change at all,
 * which nobody can set. */
void file_identify(const char *path, uint8_t out[SHA256_SIZE])
{
	struct stat found = { 0 };
	if (stat(path, &found) != 0)
		found = (struct stat){ 0 };
	struct bytes parts[] = {
		{ path, strlen(path) },
		{ &found.st_dev, sizeof found.st_dev },
		{ &found.st_ino, sizeof found.st_ino },
		{ &found.st_size, sizeof found.st_size },
		{ &found.st_mtim, sizeof found.st_mtim },
		{ &found.st_ctim, sizeof found.st_ctim },
	};
	sha256(parts, sizeof parts / sizeof *parts, out);
}

static int add_object(struct dl_phdr_info *object, size_t size, void *context)
{
	uint8_t one[SHA256_SIZE], *all = context;
	(void)size;
	if (!*object->dlpi_name || strstr(object->dlpi_name, "/libnss_")) /* the program has no name here */
		return 0;
	file_identify(object->dlpi_name, one);
	for (size_t i = 0; i < sizeof one; i++)
		all[i] ^= one[i];
	return 0;
}

void objects_identify(uint8_t out[SHA256_SIZE])
{
	memset(out, 0, SHA256_SIZE);
	dl_iterate_phdr(add_object, out);
}

enum err token_identify(struct token *token, uint8_t out[SHA256_SIZE], struct complaint *complaint)
{
	const struct module *module = token_module(token);
	struct said said = { 0 };
	struct buf text;
	buf_init(&text, TEXT_SIZE_MAX);
	buf_add(&text, module->files, sizeof module->files);
	CK_RV rv = ask(token, &said);
	add_said(&text, &said);
	if (rv == CKR_OK)
		rv = add_mechanisms(token, &text);
	if (rv == CKR_OK && text.failed)
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		sha256(&(struct bytes){ text.data, text.size }, 1, out);
	buf_finish(&text);
	return rv == CKR_OK ? ERR_OK : module_complain(module, complaint, "it does not say what it is", rv);
}
