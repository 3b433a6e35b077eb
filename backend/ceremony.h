/* A token in the hands of its SO and its user in turn, in one session: how domain keys are made and moved. Inside backend/ only. */
#pragma once
#include "backend/domain_keys.h"
#include "base/digest.h"

struct ceremony {
	struct module module;
	CK_SESSION_HANDLE session;
	struct secret *so_pin, *pin; /* copies */
	char *path, *uri;
};

/* Opens the token and a session; nobody is logged in. */
enum err ceremony_begin(const struct token_config *config, const struct secret *so_pin, struct ceremony *out,
                        struct complaint *complaint);
/* Whoever was logged in is logged out first; the session's public objects stay. */
enum err ceremony_be_so(struct ceremony *ceremony, struct complaint *complaint);
enum err ceremony_be_user(struct ceremony *ceremony, struct complaint *complaint);
/* Leaves nothing but what was kept. */
void ceremony_end(struct ceremony *ceremony);

/* As the user: ERR_BUSY if the token has domain keys, ERR_OK if it has none, else what is wrong. */
enum err ceremony_expect_no_domain(struct ceremony *ceremony, struct complaint *complaint);
/* As the user, for two tokens that must agree: the id of the domain of these keys. */
CK_RV domain_keys_id(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys,
                     uint8_t out[SHA256_SIZE]);
