/* Sealing on a session that is already in hand. Inside backend/ only. */
#pragma once
#include "backend/physical.h"
#include "base/secret.h"

CK_RV seal_check_on(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object);
/* The second half of unseal_key: `object` was checked. */
CK_RV unseal_checked(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, CK_OBJECT_HANDLE *out);
/* Wraps `key` as the kind asks and sets object->sealed. */
CK_RV seal_as(struct domain *domain, CK_SESSION_HANDLE session, enum seal_kind kind, CK_OBJECT_HANDLE key, Craton__Object *object);
CK_RV seal_set_mac(struct domain *domain, CK_SESSION_HANDLE session, Craton__Object *object);
/* What was sealed becomes a key of this template; the caller has checked it. */
CK_RV seal_open(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, struct physical *physical,
                CK_OBJECT_HANDLE *out);
/* The same for what was wrapped as a key. */
CK_RV seal_unwrap(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Sealed *sealed,
                  struct physical *physical, CK_OBJECT_HANDLE *out);
/* Returns a session on which keys were made: they are destroyed, or the session is closed, which destroys them. */
void seal_session_return(struct domain *domain, CK_SESSION_HANDLE session, CK_RV rv, const CK_OBJECT_HANDLE *made, size_t count);
/* What was made and learned on this session (unless `rv` says it failed) is sealed and, where that is worth it, kept for its first use;
 * then it is gone and the session returned. */
CK_RV seal_made(struct domain *domain, CK_SESSION_HANDLE session, CK_RV rv, CK_OBJECT_HANDLE key, Craton__Object *object);

/* value.c: what is sealed as a value by itself (SEAL_VALUE, and private data under SEAL_OPEN). */
CK_RV seal_value(struct domain *domain, CK_SESSION_HANDLE session, enum seal_kind kind, const struct bytes *value,
                 Craton__Object *object);
/* Of an open secret key in the token: its first CKA_VALUE_LEN bytes. */
CK_RV seal_value_of(struct domain *domain, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, Craton__Object *object);
/* The caller has checked the seal, and destroys the secret. */
CK_RV unseal_bare(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Sealed *sealed, struct secret **out);
/* The value becomes a key of this template. */
CK_RV value_import(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, struct physical *physical,
                   CK_OBJECT_HANDLE *out);
/* Of a key that can be read. */
CK_RV value_length(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ULONG *size);
