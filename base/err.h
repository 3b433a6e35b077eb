/* Bad news of the machine's kind. The token's kind is CK_RV, which travels home
 * untouched; the two meet only at a door (node/ and pkcs11/). */
#pragma once
#include <stddef.h>

enum err {
	ERR_OK = 0,
	ERR_CLOSED,      /* the other side went away, or was never there */
	ERR_TIMEOUT,     /* the deadline passed */
	ERR_MALFORMED,   /* bytes that do not parse, or lengths that lie */
	ERR_REFUSED,     /* not who they say they are, or not allowed */
	ERR_TOO_BIG,     /* beyond a documented limit */
	ERR_NO_MEMORY,
	ERR_NOT_FOUND,
	ERR_NOT_LEADER,  /* ask another node */
	ERR_BEHIND,      /* has not applied the index asked for */
	ERR_BUSY,        /* held by somebody else; a limit is reached */
	ERR_DAMAGED,     /* stored bytes are not what was stored */
	ERR_IO,          /* the operating system said no; errno at the time is in the complaint or log */
	ERR_CONFIG,      /* a setting or file of the operator's is wrong */
};

/* Constant, lower case, one word: for log lines (`err=timeout`). */
const char *err_name(enum err err);

/* One actionable line for the operator: what is wrong, where, and what to do. */
struct complaint {
	char text[768];
};

/* Writes the line and returns `err`, so that a failing function ends in
 * `return complain(c, ERR_CONFIG, ...)`. `c` may be NULL. */
enum err complain(struct complaint *c, enum err err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
