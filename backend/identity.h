/* What decides what a token can do, as a digest: where it differs from the one of before, the token may do otherwise. */
#pragma once
#include "backend/token.h"
#include "base/digest.h"

/* Of a token that is shut and was reopened: the files of its code as they were loaded (module.files), what its library says
 * of itself, what the token and its slot say of themselves but for what comes and goes (sessions, memory, tries left of a PIN),
 * and every mechanism with its sizes and flags. ERR_IO with a line. */
enum err token_identify(struct token *token, uint8_t out[SHA256_SIZE], struct complaint *complaint);
/* Of a file, as it is now or as missing: path, device, inode, size, and the times of its last change, of its contents and at all. */
void file_identify(const char *path, uint8_t out[SHA256_SIZE]);
/* Of the files of all shared objects that this process has in memory, in whatever order they came there; but for those that the C library
 * fetches by itself when it looks for names. */
void objects_identify(uint8_t out[SHA256_SIZE]);
