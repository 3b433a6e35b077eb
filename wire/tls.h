/* TLS 1.3 with certificates on both sides. Who a peer is stands in its certificate as a URI
 * subjectAltName: craton:node:NAME, craton:client:NAME or craton:admin:NAME, under the
 * cluster's authority. Nothing of the process's own OpenSSL configuration is used. */
#pragma once
#include "base/clock.h"
#include "base/err.h"
#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

enum identity_kind { IDENTITY_NODE, IDENTITY_CLIENT, IDENTITY_ADMIN, IDENTITY_LOCAL_USER };

#define IDENTITY_NAME_MAX 64
struct identity {
	enum identity_kind kind;
	char name[IDENTITY_NAME_MAX + 1]; /* of the certificate; "uid:1000" for a local user */
};

#define IDENTITY_TEXT_SIZE (IDENTITY_NAME_MAX + 16)
/* "craton:node:a", or "uid:1000"; for messages and log lines. */
void identity_text(const struct identity *identity, char text[IDENTITY_TEXT_SIZE]);
/* From "craton:node:a" of `size` bytes; false if it is not exactly such. */
bool identity_parse(struct identity *identity, const char *text, size_t size);

/* Authority, certificate and key of this side; may be shared by threads. */
struct tls;
/* Loads and checks: files are readable, the key belongs to the certificate, is 0600, the certificate is
 * within its dates, was issued by the authority and says `expected` (NULL: anybody; its name may be empty:
 * any name of that kind). ERR_CONFIG with an actionable line otherwise. */
enum err tls_create(const char *authority_file, const char *certificate_file, const char *key_file,
                    const struct identity *expected, struct tls **out, struct complaint *complaint);
/* The same files, or others, read anew, for the same identity: connections made from now on show and check what they say; those that
 * are there go on. On an error all stays as it was. From any thread. */
enum err tls_reload(struct tls *tls, const char *authority_file, const char *certificate_file, const char *key_file,
                    struct complaint *complaint);
/* Once every SSL and channel made with it is gone; accepts NULL. */
void tls_destroy(struct tls *tls);
/* Who our own certificate says we are. */
const struct identity *tls_identity(const struct tls *tls);

/* How long our own certificate is good; 0 or less: it has expired. */
int64_t tls_seconds_left(struct tls *tls);
/* The same of those that vouch for it: the authority's, and what leads from ours to that, whichever ends first. */
int64_t tls_issuer_seconds_left(struct tls *tls);

/* For raft/'s peers and for channels: a connected non-blocking socket becomes an SSL
 * whose peer is verified and is `*peer`. `expected` may be NULL (any certificate of the authority) or name
 * whom we mean to talk to (an empty name: anybody of that kind). The SSL never closes the socket, which stays the
 * caller's. ERR_REFUSED for a stranger (or where we are the stranger), ERR_TIMEOUT, ERR_CLOSED. A server learns of a
 * client's certificate last: the client's handshake is done by then, and it hears of a refusal at its first read. */
enum err tls_handshake(struct tls *tls, bool is_server, int fd, const struct identity *expected,
                       deadline_ms deadline, SSL **out, struct identity *peer);
/* The same by steps, for a thread that has several in hand. tls_shake: ERR_OK with *events: poll for them, then go
 * on; *events 0: it is done. After an error only tls_close is left. */
enum err tls_start(struct tls *tls, bool is_server, int fd, SSL **out);
enum err tls_shake(SSL *ssl, const struct identity *expected, struct identity *peer, short *events);

/* As much as there is (or as fits) without waiting. ERR_OK with *done 0: poll the socket for *events, then
 * call again with the same data. ERR_CLOSED at the end of the stream, ERR_REFUSED if the peer said we are not welcome. A
 * read may find bytes that poll() can't see (OpenSSL reads ahead): poll only after *done was 0. No SIGPIPE; the
 * thread's OpenSSL error queue is left as it was. Calls on one SSL must exclude each other. */
enum err tls_read(SSL *ssl, void *data, size_t size, size_t *done, short *events);
enum err tls_write(SSL *ssl, const void *data, size_t size, size_t *done, short *events);
/* Says goodbye (never waits) and frees; accepts NULL. */
void tls_close(SSL *ssl);
