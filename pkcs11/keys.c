/* Key management (PKCS#11 2.40, 5.14): keys and key pairs are made on a member and become everyone's in one round trip. */
#include "pkcs11/asked.h"
#include "pkcs11/created.h"

static CK_RV ask_key(struct session *session, Craton__Mechanism *mechanism, const struct attribute_list *wanted, CK_OBJECT_HANDLE *key)
{
	struct question question = QUESTION_INIT;
	Craton__GenerateKey body = CRATON__GENERATE_KEY__INIT;
	Craton__Reply *reply;
	body.mechanism = mechanism;
	body.attributes = wanted->items;
	body.n_attributes = wanted->count;
	question.request.body_case = CRATON__REQUEST__BODY_GENERATE_KEY;
	question.request.generate_key = &body;
	CK_RV rv = created_ask(session, &question, &reply);
	if (rv == CKR_OK)
		rv = created_take(session, reply, ANY_CLASS, key);
	reply_free(reply);
	return rv;
}

static CK_RV generate_key(struct session *session, const CK_MECHANISM *mechanism, const CK_ATTRIBUTE *template_, CK_ULONG count,
                          CK_OBJECT_HANDLE *key)
{
	struct asked_mechanism asked = { .wire = NULL };
	struct attribute_list wanted = { NULL, 0 };
	if (!key || (!template_ && count))
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = asked_read(session, mechanism, CKF_GENERATE, &asked);
	if (rv == CKR_OK)
		rv = template_read(session, template_, count, &wanted);
	if (rv == CKR_OK)
		rv = ask_key(session, asked.wire, &wanted, key);
	template_finish(&wanted);
	asked_finish(&asked);
	return rv;
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR template_, CK_ULONG count,
                    CK_OBJECT_HANDLE_PTR key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, generate_key(session, mechanism, template_, count, key));
}

/* Both halves of a pair, as asked for and as given. */
struct pair {
	struct attribute_list public_wanted, private_wanted;
	CK_OBJECT_HANDLE *public_key, *private_key;
};

static CK_RV ask_pair(struct session *session, Craton__Mechanism *mechanism, const struct pair *pair)
{
	struct question question = QUESTION_INIT;
	Craton__GenerateKeyPair body = CRATON__GENERATE_KEY_PAIR__INIT;
	Craton__Reply *reply;
	body.mechanism = mechanism;
	body.public_attributes = pair->public_wanted.items;
	body.n_public_attributes = pair->public_wanted.count;
	body.private_attributes = pair->private_wanted.items;
	body.n_private_attributes = pair->private_wanted.count;
	question.request.body_case = CRATON__REQUEST__BODY_GENERATE_KEY_PAIR;
	question.request.generate_key_pair = &body;
	CK_RV rv = created_ask(session, &question, &reply);
	if (rv == CKR_OK)
		rv = created_take(session, reply, CKO_PUBLIC_KEY, pair->public_key);
	if (rv == CKR_OK)
		rv = created_take(session, reply, CKO_PRIVATE_KEY, pair->private_key);
	reply_free(reply);
	return rv;
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public_template, CK_ULONG public_count,
                        CK_ATTRIBUTE_PTR private_template, CK_ULONG private_count, CK_OBJECT_HANDLE_PTR public_key,
                        CK_OBJECT_HANDLE_PTR private_key)
{
	struct session *session;
	struct pair pair = { .public_key = public_key, .private_key = private_key };
	struct asked_mechanism asked = { .wire = NULL };
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	if (!public_key || !private_key || (!public_template && public_count) || (!private_template && private_count))
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = asked_read(session, mechanism, CKF_GENERATE_KEY_PAIR, &asked);
	if (rv == CKR_OK)
		rv = template_read(session, public_template, public_count, &pair.public_wanted);
	if (rv == CKR_OK)
		rv = template_read(session, private_template, private_count, &pair.private_wanted);
	if (rv == CKR_OK)
		rv = ask_pair(session, asked.wire, &pair);
	template_finish(&pair.public_wanted);
	template_finish(&pair.private_wanted);
	asked_finish(&asked);
	return session_leave(session, rv);
}
