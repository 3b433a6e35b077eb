/* TLS 1.3 with certificates on both sides. Who a peer is stands in its certificate as a URI
 * subjectAltName: craton:node:NAME, craton:client:NAME or craton:admin:NAME, under the
 * cluster's authority. Nothing of the process's own OpenSSL configuration is used. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include <openssl/types.h>
#include <stdbool.h>

enum identity_kind { IDENTITY_NODE, IDENTITY_CLIENT, IDENTITY_ADMIN, IDENTITY_LOCAL_USER };

#define IDENTITY_NAME_MAX 64
struct identity {
	enum identity_kind kind;
	char name[IDENTITY_NAME_MAX + 1]; /* of the certificate; "uid:1000" for a local user */
};

/* Authority, certificate and key of this side; may be shared by threads. */
struct tls;
/* Loads and checks: files are readable, the key belongs to the certificate, is 0600, the certificate is
 * within its dates, was issued by the authority and says `expected` (its name may be empty:
 * any name of that kind). ERR_CONFIG with an actionable line otherwise. */
enum err tls_create(const char *authority_file, const char *certificate_file, const char *key_file,
                    const struct identity *expected, struct tls **out, struct complaint *complaint);
void tls_destroy(struct tls *tls);
/* Who our own certificate says we are. */
const struct identity *tls_identity(const struct tls *tls);

/* For raft/'s peers and for channels: a connected non-blocking socket becomes an SSL
 * whose peer is verified and is `*peer`. `expected` may be NULL (any certificate of the authority) or name
 * whom we mean to talk to. The socket stays the caller's until ERR_OK, then belongs to the SSL's user. */
enum err tls_handshake(struct tls *tls, bool is_server, int fd, const struct identity *expected,
                       deadline_ms deadline, SSL **out, struct identity *peer);
