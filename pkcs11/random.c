/* Random number generation (PKCS#11 2.40, 5.17): from a member's token. */
#include "pkcs11/random.h"
#include <string.h>

#define PORTION_MAX (64u << 10)  /* bytes a round trip */
#define SIZE_ABSURD (256u << 20) /* bytes a call */

CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE_PTR seed, CK_ULONG size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	rv = check_bytes(seed, size);
	if (rv == CKR_OK)
		seed_add(&session->library->seed, (struct bytes){ seed, size });
	return session_leave(session, rv);
}

static CK_RV ask_portion(struct session *session, CK_BYTE_PTR out, size_t size)
{
	struct question question = QUESTION_INIT;
	Craton__Random body = CRATON__RANDOM__INIT;
	Craton__Reply *reply;
	body.size = (uint32_t)size;
	question.request.body_case = CRATON__REQUEST__BODY_RANDOM;
	question.request.random = &body;
	CK_RV rv = library_ask(session->library, &question, CRATON__REPLY__BODY_RANDOM, &reply);
	if (rv == CKR_OK && reply->random->data.len != size)
		rv = CKR_DEVICE_ERROR;
	if (rv == CKR_OK) {
		memcpy(out, reply->random->data.data, size);
		seed_mix(&session->library->seed, out, size);
	}
	reply_free(reply);
	return rv;
}

CK_RV random_ask(struct session *session, CK_BYTE_PTR out, CK_ULONG size)
{
	CK_RV rv = !out || size > SIZE_ABSURD ? CKR_ARGUMENTS_BAD : CKR_OK;
	while (rv == CKR_OK && size) {
		size_t portion = size < PORTION_MAX ? size : PORTION_MAX;
		rv = ask_portion(session, out, portion);
		out += portion;
		size -= portion;
	}
	return rv;
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE_PTR out, CK_ULONG size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, random_ask(session, out, size));
}
