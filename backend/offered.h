/* What a token has by its own word. */
#pragma once
#include "backend/token.h"

#define MECHANISMS_MAX 1024
struct mechanism {
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_INFO info; /* all zero where the token lists the mechanism, and then knows nothing of it */
};
/* By type, at most MECHANISMS_MAX; free(*out). For the thread that sees to the token; each question is a call of its own to whoever looks
 * how long one lasts. */
CK_RV token_mechanisms(struct token *token, struct mechanism **out, size_t *count);
