/* A PKCS#11 module and the one slot of it that a URI means; not logged in. For token.c and the domain's
 * ceremonies, which need a token each in its own way. */
#pragma once
#include "backend/token.h"
#include "base/digest.h"

struct module {
	/* As it was loaded, from then on. */
	CK_FUNCTION_LIST *p11;
	const char *path; /* the caller's, for messages */
	const char *uri;
	uint8_t files[SHA256_SIZE]; /* of its code, as they were loaded; of none ever again if they changed meanwhile */
	/* As it was last started. */
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;
	bool is_started;  /* C_Initialize was ours and succeeded */
	bool is_known;    /* slot and info were found once */
};

/* Loads, initialises and chooses. ERR_CONFIG with an actionable line; ERR_NOT_FOUND: there are tokens, but not this one; ERR_CLOSED: there
 * is none at all. */
enum err module_open(const struct token_config *config, struct module *out, struct complaint *complaint);
void module_close(struct module *module);
/* The same in steps. A module that was loaded stays so whatever the others say; restarting it ends all that was open in it. */
enum err module_load(const struct token_config *config, struct module *out, struct complaint *complaint);
enum err module_restart(struct module *module, struct complaint *complaint);
/* Asks the slot that was chosen whether the same token is in it: CKR_TOKEN_NOT_RECOGNIZED if another is. `now`: what it says of itself. */
CK_RV module_recognize(const struct module *module, CK_TOKEN_INFO *now);
enum err module_choose(struct module *module, struct complaint *complaint);
/* One attempt with the PIN, none where a wrong one could lock the token. ERR_CONFIG with an actionable line, ERR_NOT_FOUND where nobody
 * has set a PIN yet, ERR_BUSY if this process is logged in otherwise. A PIN of NULL is asked for by the token's own keypad. */
enum err module_login(const struct module *module, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                      const struct secret *pin, struct complaint *complaint);
/* A read/write session; ERR_IO with a line. */
enum err module_session(const struct module *module, CK_SESSION_HANDLE *out, struct complaint *complaint);

/* "what failed (CKR_…)" about this token: for the things only a broken or strange token refuses. */
enum err module_complain(const struct module *module, struct complaint *complaint, const char *what, CK_RV rv);

/* Of an open token. */
const struct module *token_module(const struct token *token);
