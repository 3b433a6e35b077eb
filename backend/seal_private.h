/* Sealing on a session that is already in hand. Inside backend/ only. */
#pragma once
#include "backend/physical.h"

CK_RV seal_check_on(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object);
/* The second half of unseal_key: `object` was checked. */
CK_RV unseal_checked(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Object *object, CK_OBJECT_HANDLE *out);
/* What was sealed becomes a key of this template; the caller has checked it. */
CK_RV seal_unwrap(struct domain *domain, CK_SESSION_HANDLE session, const Craton__Sealed *sealed,
                  struct physical *physical, CK_OBJECT_HANDLE *out);
/* Returns a session on which keys were made: they are destroyed, or the session is closed, which destroys them. */
void seal_session_return(struct domain *domain, CK_SESSION_HANDLE session, CK_RV rv, const CK_OBJECT_HANDLE *made, size_t count);
/* What was made and learned on this session (unless `rv` says it failed) is sealed and, where that is worth it, kept for its first use;
 * then it is gone and the session returned. */
CK_RV seal_made(struct domain *domain, CK_SESSION_HANDLE session, CK_RV rv, CK_OBJECT_HANDLE key, Craton__Object *object);
