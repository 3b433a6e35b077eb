#include "pkcs11/search.h"
#include "pkcs11/asked.h"
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE 1000 /* objects a round trip */

void search_destroy(struct search *search)
{
	if (!search)
		return;
	template_finish(&search->wanted);
	free(search->handles);
	free(search);
}

static CK_RV take_page(struct session *session, struct search *search, const Craton__Reply *reply)
{
	const Craton__FindReply *page = reply->find;
	size_t size = (search->count + page->n_list + 1) * sizeof *search->handles;
	CK_OBJECT_HANDLE *handles = realloc(search->handles, size);
	if (!handles)
		return CKR_HOST_MEMORY;
	search->handles = handles;
	for (size_t i = 0; i < page->n_list; i++) {
		CK_OBJECT_HANDLE handle = objects_learn(session->library->objects, page->list[i], reply->index);
		if (handle != CK_INVALID_HANDLE)
			handles[search->count++] = handle;
	}
	const Craton__ObjectBrief *last = page->n_list ? page->list[page->n_list - 1] : NULL;
	search->has_more = page->more && last && id_from_bytes(&search->after, last->id.data, last->id.len);
	return CKR_OK;
}

static CK_RV ask_page(struct session *session, struct search *search)
{
	struct question question = QUESTION_INIT;
	Craton__Find body = CRATON__FIND__INIT;
	Craton__Reply *reply;
	body.attributes = search->wanted.items;
	body.n_attributes = search->wanted.count;
	body.count_max = PAGE_SIZE;
	if (!id_is_zero(&search->after))
		body.after = (ProtobufCBinaryData){ ID_SIZE, search->after.bytes };
	question.request.body_case = CRATON__REQUEST__BODY_FIND;
	question.request.find = &body;
	CK_RV rv = library_ask(session->library, &question, CRATON__REPLY__BODY_FIND, &reply);
	if (rv == CKR_OK)
		rv = take_page(session, search, reply);
	reply_free(reply);
	return rv;
}

/* Session objects are found here, token objects by a member, and CKA_TOKEN says which are wanted at all. */
static CK_RV begin(struct session *session, struct search *search)
{
	bool is_user = login_role(&session->library->login) == CRATON__ROLE__ROLE_USER;
	bool wants_token = attribute_list_bool(&search->wanted, CKA_TOKEN, true);
	if (objects_find_carried(session->library->objects, &search->wanted, is_user, &search->handles, &search->count) != ERR_OK)
		return CKR_HOST_MEMORY;
	return wants_token ? ask_page(session, search) : CKR_OK;
}

CK_RV search_create(struct session *session, const CK_ATTRIBUTE *template_, CK_ULONG count, struct search **out)
{
	struct search *search = calloc(1, sizeof *search);
	if (!search)
		return CKR_HOST_MEMORY;
	CK_RV rv = attributes_from_template(template_, count, &search->wanted);
	if (rv == CKR_OK)
		rv = begin(session, search);
	if (rv == CKR_OK)
		*out = search;
	else
		search_destroy(search);
	return rv;
}

/* What was given out already makes room for more. */
static void drop_given(struct search *search)
{
	search->count -= search->next;
	if (search->count)
		memmove(search->handles, search->handles + search->next, search->count * sizeof *search->handles);
	search->next = 0;
}

/* All that a call gives is here before any of it is given: one that fails has taken nothing out of the search. */
CK_RV search_next(struct session *session, struct search *search, CK_OBJECT_HANDLE *out, CK_ULONG count_max, CK_ULONG *count)
{
	*count = 0;
	while (search->has_more && search->count - search->next < count_max) {
		drop_given(search);
		CK_RV rv = ask_page(session, search);
		if (rv != CKR_OK)
			return rv;
	}
	CK_ULONG left = search->count - search->next;
	*count = left < count_max ? left : count_max;
	if (*count)
		memcpy(out, search->handles + search->next, *count * sizeof *out);
	search->next += *count;
	return CKR_OK;
}
