/* What the rest of backend/ needs of a domain: its keys, and MACs on a session that is already in hand (a thread never
 * borrows a second session while it holds one). */
#pragma once
#include "backend/domain.h"
#include "backend/domain_keys.h"
#include "backend/fresh.h"

struct fresh *domain_fresh(struct domain *domain);
/* As domain_keys_keep_length found. */
bool domain_keeps_length(const struct domain *domain);

/* Kinds of keys (enum held) that the node may hold, and those that it therefore makes, the token being unable to seal them. */
void domain_set_held(struct domain *domain, unsigned allowed, unsigned made);
unsigned domain_held_allowed(const struct domain *domain);
unsigned domain_held_made(const struct domain *domain);

/* CKR_DEVICE_ERROR if the token, reopened, has lost them. */
CK_RV domain_key_handle(struct domain *domain, CK_SESSION_HANDLE session, enum domain_key which, CK_OBJECT_HANDLE *out);
CK_RV domain_mac_on(struct domain *domain, CK_SESSION_HANDLE session, const char *purpose,
                    const struct bytes *parts, size_t count, uint8_t out[SHA256_SIZE]);
CK_RV domain_mac_check_on(struct domain *domain, CK_SESSION_HANDLE session, const char *purpose,
                          const struct bytes *parts, size_t count, const uint8_t mac[SHA256_SIZE]);
