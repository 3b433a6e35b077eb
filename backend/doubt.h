/* Which answers of a token are about the moment, and not about what it can do. PKCS#11 2.40, 5.1; what the node makes of a token that gives
 * them while it serves is another matter (node/trouble.h). */
#pragma once
#include "wire/cryptoki.h"
#include <stdbool.h>

/* The device, its memory, or something of ours that it has lost. */
bool is_of_the_moment(CK_RV rv);
/* "Can't, and does not say why": some tokens say so for good (SoftHSM of keys that it can't wrap), others of a moment's trouble. What is said
 * a second time is meant. */
bool is_unclear(CK_RV rv);
/* Nothing that lasts may be concluded from it: of the moment, or in words of the vendor's own, which are mostly about their devices. */
bool is_doubtful(CK_RV rv);
