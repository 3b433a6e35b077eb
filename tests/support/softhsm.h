/* SoftHSM tokens in a folder of their own, for a test. SoftHSM is one instance per process, so a test has
 * one folder at a time, with as many tokens as it likes; they are told apart by label. */
#pragma once
#include "backend/token.h"

#define SOFTHSM_SO_PIN "so-12345678"
#define SOFTHSM_PIN "user-1234"

struct softhsm {
	char folder[64];
	char uris[8][48];      /* "pkcs11:token=a" */
	struct secret *so_pin, *pin;
};

/* The path of the module: $SOFTHSM_MODULE, else what the build found. */
const char *softhsm_module(void);
/* Makes the folder, points SOFTHSM2_CONF to it and initialises a token for each label (one letter or a few). What goes
 * wrong ends the test with a line: nothing can be tested without. */
void softhsm_start(struct softhsm *softhsm, const char *const *labels, size_t count);
/* One token more, while others may be in use. */
void softhsm_add(const char *label);
/* Removes everything. All tokens are closed by now. */
void softhsm_stop(struct softhsm *softhsm);
/* How to open the `i`th token. */
struct token_config softhsm_config(const struct softhsm *softhsm, size_t i);
