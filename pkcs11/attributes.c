/* Reading and changing attributes (PKCS#11 2.40, 5.7): each in one round trip, whatever their number. */
#include "pkcs11/attributes.h"
#include "pkcs11/asked.h"

CK_RV attributes_ask(struct session *session, struct object *object, uint64_t *types, size_t count, Craton__Reply **reply)
{
	struct question question = QUESTION_INIT;
	Craton__GetAttributes body = CRATON__GET_ATTRIBUTES__INIT;
	Craton__ObjectRef ref;
	question_about(&question, object, &ref);
	body.object = &ref;
	body.types = types;
	body.n_types = count;
	question.request.body_case = CRATON__REQUEST__BODY_GET_ATTRIBUTES;
	question.request.get_attributes = &body;
	return library_ask(session->library, &question, CRATON__REPLY__BODY_ATTRIBUTES, reply);
}

static CK_RV ask_values(struct session *session, struct object *object, const CK_ATTRIBUTE *template_, CK_ULONG count,
                        Craton__Reply **reply)
{
	uint64_t types[ATTRIBUTES_MAX];
	for (CK_ULONG i = 0; i < count; i++)
		types[i] = template_[i].type;
	return attributes_ask(session, object, types, count, reply);
}

static const Craton__AttributeAnswer *find_answer(const Craton__Reply *reply, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < reply->attributes->n_list; i++)
		if (reply->attributes->list[i]->type == type)
			return reply->attributes->list[i];
	return NULL;
}

static bool answers_all(const Craton__Reply *reply, const CK_ATTRIBUTE *template_, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (!find_answer(reply, template_[i].type))
			return false;
	return true;
}

/* "the ulValueLen field in that triple is modified to hold the value CK_UNAVAILABLE_INFORMATION" where the
 * attribute cannot be revealed or is not there. */
static CK_RV give_value(const Craton__AttributeAnswer *answer, CK_ATTRIBUTE *out)
{
	Craton__Attribute attribute = CRATON__ATTRIBUTE__INIT;
	CK_RV rv = answer ? (CK_RV)answer->rv : CKR_ATTRIBUTE_TYPE_INVALID;
	if (rv != CKR_OK) {
		out->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	attribute.type = answer->type;
	attribute.value = answer->value;
	return attribute_to_application(&attribute, out);
}

static CK_RV give_values(const Craton__Reply *reply, CK_ATTRIBUTE *template_, CK_ULONG count)
{
	CK_RV rv = CKR_OK;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_RV one = give_value(find_answer(reply, template_[i].type), &template_[i]);
		if (rv == CKR_OK)
			rv = one;
	}
	return rv;
}

/* Most applications ask twice: for the lengths, then for the values. The second time needs no member. */
static bool asks_lengths(const CK_ATTRIBUTE *template_, CK_ULONG count)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (!template_[i].pValue)
			return true;
	return false;
}

/* Whatever this process has heard of the object since, it is another view of it now. */
static Craton__Reply *take_remembered(struct session *session, const struct object *object, const CK_ATTRIBUTE *template_, CK_ULONG count)
{
	const Craton__Reply *answer = session->answer;
	bool is_good = session_answer_is_fresh(session) && answer->body_case == CRATON__REPLY__BODY_ATTRIBUTES &&
	               session->answer_about == object && answers_all(answer, template_, count);
	return session_take_answer(session, is_good);
}

static CK_RV get_values(struct session *session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *template_, CK_ULONG count)
{
	if (!template_ || count > ATTRIBUTES_MAX)
		return CKR_ARGUMENTS_BAD;
	struct object *object = session_object(session, handle);
	if (!object)
		return CKR_OBJECT_HANDLE_INVALID;
	bool is_first = asks_lengths(template_, count);
	Craton__Reply *reply = take_remembered(session, object, template_, count);
	CK_RV rv = reply ? CKR_OK : ask_values(session, object, template_, count, &reply);
	if (rv == CKR_OK)
		rv = give_values(reply, template_, count);
	if (reply && is_first)
		session_remember(session, object, reply);
	else
		reply_free(reply);
	object_release(object);
	return rv;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template_, CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter_remembering(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, get_values(session, object, template_, count));
}

/* The object as it is now: a brief of what is stored, or the session object's new form; ERR_BUSY if that was made of an older one. */
static enum err take_changed(struct session *session, struct object *object, Craton__Reply *reply)
{
	struct objects *objects = session->library->objects;
	Craton__Created *created = reply->body_case == CRATON__REPLY__BODY_CREATED ? reply->created : NULL;
	if (created && object->carried && created->n_carried == 1) {
		Craton__Object *carried = created->carried[0];
		created->carried[0] = NULL;
		return objects_carry_changed(objects, object, carried, reply->index);
	}
	if (created && !object->carried && created->n_list == 1)
		objects_learn(objects, created->list[0], reply->index);
	return ERR_OK;
}

static CK_RV ask_change(struct session *session, struct object *object, const struct attribute_list *changes, bool *is_done)
{
	struct question question = QUESTION_INIT;
	Craton__SetAttributes body = CRATON__SET_ATTRIBUTES__INIT;
	Craton__ObjectRef ref;
	Craton__Reply *reply;
	question_about(&question, object, &ref);
	body.object = &ref;
	body.attributes = changes->items;
	body.n_attributes = changes->count;
	question.request.body_case = CRATON__REQUEST__BODY_SET_ATTRIBUTES;
	question.request.set_attributes = &body;
	CK_RV rv = library_ask(session->library, &question, ANY_BODY, &reply);
	enum err err = rv == CKR_OK ? take_changed(session, object, reply) : ERR_OK;
	*is_done = err != ERR_BUSY;
	reply_free(reply);
	return err == ERR_NO_MEMORY ? CKR_HOST_MEMORY : rv;
}

static CK_RV change(struct session *session, CK_OBJECT_HANDLE handle, const struct attribute_list *changes, bool *is_done)
{
	struct object *object = session_object(session, handle);
	if (!object)
		return CKR_OBJECT_HANDLE_INVALID;
	CK_RV rv = session_may_write(session, object);
	if (rv == CKR_OK)
		rv = ask_change(session, object, changes, is_done);
	object_release(object);
	return rv;
}

/* A session object that another thread has changed meanwhile is changed as it is by now. */
static CK_RV set_values(struct session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *template_, CK_ULONG count)
{
	struct attribute_list changes = { NULL, 0 };
	bool is_done = false;
	if (!template_)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = attributes_from_template(template_, count, &changes);
	while (rv == CKR_OK && !is_done)
		rv = change(session, handle, &changes, &is_done);
	template_finish(&changes);
	return rv;
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template_, CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);
	if (rv != CKR_OK)
		return rv;
	return session_leave(session, set_values(session, object, template_, count));
}
