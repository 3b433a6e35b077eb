/* A small certificate authority: EC P-256 keys, identities as URI subjectAltNames (wire/tls.h). */
#pragma once
#include "base/err.h"
#include <openssl/types.h>

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
};
/* A new one; its certificate goes to `certificate_file` and its key, mode 0600, to `key_file`. */
enum err authority_create(const char *name, const char *certificate_file, const char *key_file,
                          struct authority *authority, struct complaint *complaint);
/* One that was made before. */
enum err authority_load(const char *certificate_file, const char *key_file, struct authority *authority,
                        struct complaint *complaint);
void authority_finish(struct authority *authority);
/* A new key and its certificate, good as TLS server and client, which says `uri`. */
enum err authority_issue(const struct authority *authority, const char *uri, const char *certificate_file,
                         const char *key_file, struct complaint *complaint);
