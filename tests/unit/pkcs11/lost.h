/* Every kind of operation in parts, as one that may lose its member. */
#pragma once
#include "tests/unit/pkcs11/module.h"

#define PARTS 3
#define WITHIN 32 /* bytes a part: less than is kept, in all */
#define BEYOND 208
#define KEPT "100" /* bytes: [recovery] replay */
#define STEPS (PARTS + 2) /* …Init, each part, …Final */
#define NEVER STEPS

/* One operation from its beginning to its end. */
struct trial {
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE aes, secret, ec, ec_public, rsa;
	CK_ULONG part;                   /* bytes */
	int lost_at;                     /* before which step the victim dies */
	size_t victim;
	CK_BYTE out[8 * BEYOND];         /* all that came */
	CK_ULONG made;
};

struct kind {
	const char *name;
	CK_RV (*run)(struct trial *trial, CK_MECHANISM *mechanism);
	CK_MECHANISM *mechanism;
	bool is_away;                  /* beyond what is kept in the library, one member has it */
};
extern const struct kind kinds[];
extern const size_t kinds_count;

extern CK_BYTE lost_text[PARTS * BEYOND]; /* what goes in */
