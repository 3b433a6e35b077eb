/* Which of a token's answers are about the token, or our sessions and keys on it, and not about the call. */
#pragma once
#include "wire/cryptoki.h"
#include <stdbool.h>

enum trouble {
	TROUBLE_NONE,   /* an answer to the call: it travels home untouched */
	TROUBLE_TOKEN,  /* the token, or the way to it */
	TROUBLE_OURS,   /* a session or login of ours; another may do */
	TROUBLE_KEY,    /* a key that we had loaded is not there any more */
	TROUBLE_DOUBT,  /* may be either: a token that is well otherwise meant the call */
};

enum trouble trouble_of(CK_RV rv);
/* Why we take it for that, in words for the log; "" for TROUBLE_NONE. */
const char *trouble_why(CK_RV rv);
