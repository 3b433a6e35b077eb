/* The domain: the tokens that share two AES-256 wrapping keys (closed, open) and an HMAC-SHA256 key,
 * which never leave a token in the clear. DESIGN "Keys: sealing and the domain". */
#pragma once
#include "backend/token.h"
#include "base/buf.h"
#include "base/digest.h"

#define DOMAIN_ID_SIZE 32

struct domain;

/* Makes the domain keys in a token that has none. Takes SO and user PIN in turn, so the token must not be
 * in use by a token_open of this process. ERR_BUSY if the token is in a domain already. */
enum err domain_create(const struct token_config *config, const struct secret *so_pin,
                       struct complaint *complaint);
/* The enrolment of a further token, in three steps, each on its own side. The first and the last are one
 * process (`struct enrolment` holds the transport key's life): */
struct enrolment;
enum err enrolment_begin(const struct token_config *config, const struct secret *so_pin,
                         struct enrolment **out, struct buf *transport_public_der,
                         struct complaint *complaint); /* RSA-4096 in the new token; SubjectPublicKeyInfo */
enum err domain_admit(const struct token_config *config, const struct secret *so_pin,
                      const void *transport_public_der, size_t size, struct buf *wrapped,
                      struct complaint *complaint);    /* on a token of the domain */
enum err enrolment_finish(struct enrolment *enrolment, const void *wrapped, size_t size,
                          struct complaint *complaint);
void enrolment_destroy(struct enrolment *enrolment);

/* Finds and checks the domain keys of an open token: attributes as they must be (trusted, private, sensitive,
 * the unwrap template). ERR_NOT_FOUND with a line that names the command to enrol it. */
enum err domain_open(struct token *token, struct domain **out, struct complaint *complaint);
/* The same in two steps, for a token that may be opened, or started afresh, later: */
struct domain *domain_new(struct token *token); /* NULL without memory */
/* The token's keys, while it is shut and was reopened. Besides: ERR_REFUSED if they are another domain's than the last time, or are not
 * as they must be; ERR_IO if the token fails. */
enum err domain_find(struct domain *domain, struct complaint *complaint);
bool domain_is_known(const struct domain *domain); /* domain_find has found it once */
/* Is the token well? A fresh session sees the same token, logged in, with the domain's keys at work, and the keeper lives. One
 * session's trouble is none of the token's. CKR_OK, or what is wrong. */
CK_RV domain_probe(struct domain *domain);
void domain_close(struct domain *domain); /* accepts NULL */
struct token *domain_token(struct domain *domain);
/* HMAC of a constant under the domain's HMAC key: the same on all its tokens, and only there. Zeros while it is not known. */
const uint8_t *domain_id(const struct domain *domain);
/* HMAC-SHA256 under the domain key, in the token. `purpose` separates uses ("pin", "sealed", …). */
CK_RV domain_mac(struct domain *domain, const char *purpose, const struct bytes *parts, size_t count,
                 uint8_t out[SHA256_SIZE]);
/* The same, compared in constant time: CKR_OK or CKR_SIGNATURE_INVALID. */
CK_RV domain_mac_check(struct domain *domain, const char *purpose, const struct bytes *parts, size_t count,
                       const uint8_t mac[SHA256_SIZE]);
