#include "node/trouble.h"
#include <stddef.h>

/* The node itself opens sessions, logs in, loads keys and begins operations; an application's mistake can't be the reason for any
 * of these. PKCS#11 2.40, 5.1. */
static const struct {
	CK_RV rv;
	enum trouble trouble;
	const char *why;
} table[] = {
	{ CKR_DEVICE_ERROR, TROUBLE_TOKEN, "the token, or the way to it, failed" },
	{ CKR_DEVICE_REMOVED, TROUBLE_TOKEN, "the token was removed while at work" },
	{ CKR_TOKEN_NOT_PRESENT, TROUBLE_TOKEN, "the token is away" },
	{ CKR_TOKEN_NOT_RECOGNIZED, TROUBLE_TOKEN, "the token is not the one it was" },
	{ CKR_SLOT_ID_INVALID, TROUBLE_TOKEN, "its slot is gone" },
	{ CKR_CRYPTOKI_NOT_INITIALIZED, TROUBLE_TOKEN, "its module was ended, or has restarted itself" },
	{ CKR_SESSION_HANDLE_INVALID, TROUBLE_OURS, "a session of ours is gone" },
	{ CKR_SESSION_CLOSED, TROUBLE_OURS, "a session of ours was closed while at work" },
	{ CKR_SESSION_COUNT, TROUBLE_OURS, "it gives no session any more" },
	{ CKR_USER_NOT_LOGGED_IN, TROUBLE_OURS, "it has forgotten our login" },
	{ CKR_OPERATION_NOT_INITIALIZED, TROUBLE_OURS, "it has forgotten what we had begun" },
	{ CKR_OPERATION_ACTIVE, TROUBLE_OURS, "it remembers what we had ended" },
	{ CKR_KEY_HANDLE_INVALID, TROUBLE_KEY, "a key that we had loaded is gone" },
	{ CKR_WRAPPING_KEY_HANDLE_INVALID, TROUBLE_KEY, "a key that we had loaded is gone" },
	{ CKR_UNWRAPPING_KEY_HANDLE_INVALID, TROUBLE_KEY, "a key that we had loaded is gone" },
	{ CKR_OBJECT_HANDLE_INVALID, TROUBLE_KEY, "a key that we had loaded is gone" },
	/* "Some horrible, unrecoverable error has occurred", but some tokens say so of odd arguments, too. */
	{ CKR_GENERAL_ERROR, TROUBLE_DOUBT, "it can't go on and does not say why" },
	{ CKR_FUNCTION_FAILED, TROUBLE_DOUBT, "it can't go on and does not say why" },
};

static size_t find(CK_RV rv)
{
	size_t i = 0;
	while (i < sizeof table / sizeof *table && table[i].rv != rv)
		i++;
	return i;
}

/* What vendors have added is mostly about their devices. */
enum trouble trouble_of(CK_RV rv)
{
	size_t i = find(rv);
	if (i < sizeof table / sizeof *table)
		return table[i].trouble;
	return rv & CKR_VENDOR_DEFINED ? TROUBLE_DOUBT : TROUBLE_NONE;
}

const char *trouble_why(CK_RV rv)
{
	size_t i = find(rv);
	if (i < sizeof table / sizeof *table)
		return table[i].why;
	return rv & CKR_VENDOR_DEFINED ? "it gave an error of its vendor's own" : "";
}
