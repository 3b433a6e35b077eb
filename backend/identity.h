/* What decides what a token can do, as a digest: where it differs from the one of before, the token may do otherwise. */
#pragma once
#include "backend/token.h"
#include "base/digest.h"

/* Of a token that is shut and was reopened: the module's file (path, size, time of its last change) as it was loaded, what its library says
 * of itself, what the token and its slot say of themselves but for what comes and goes (sessions, memory, tries left of a PIN),
 * and every mechanism with its sizes and flags. ERR_IO with a line. */
enum err token_identify(struct token *token, uint8_t out[SHA256_SIZE], struct complaint *complaint);
/* Of a file, as it is now or as missing. */
void file_identify(const char *path, uint8_t out[SHA256_SIZE]);
