#include "pkcs11/library.h"
#include "pkcs11/message_parameter.h"
#include "wire/mechanism_table.h"
#include <stdlib.h>
#include <string.h>

#define FRESH_MS 5000 /* "not offered" is not said on older knowledge */

/* What the functions we have can use. */
#define USES_REMOTE (CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_SIGN_RECOVER | CKF_VERIFY | CKF_VERIFY_RECOVER | \
	CKF_GENERATE | CKF_GENERATE_KEY_PAIR | CKF_WRAP | CKF_UNWRAP | CKF_DERIVE)
#define USES_MESSAGES (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)
#define USES_KNOWN (USES_MESSAGES | CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN | CKF_SIGN_RECOVER | CKF_VERIFY | \
	CKF_VERIFY_RECOVER | CKF_GENERATE | CKF_GENERATE_KEY_PAIR | CKF_WRAP | CKF_UNWRAP | CKF_DERIVE)

void offer_init(struct offer *offer)
{
	*offer = (struct offer){ .list = NULL };
	pthread_mutex_init(&offer->lock, NULL);
}

void offer_finish(struct offer *offer)
{
	free(offer->list);
	pthread_mutex_destroy(&offer->lock);
}

static struct offered *find_in(struct offered *list, size_t count, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].type == type)
			return &list[i];
	return NULL;
}

static size_t add_remote(struct offered *list, size_t count, const Craton__MechanismInfo *item)
{
	CK_FLAGS uses = (CK_FLAGS)item->flags & USES_REMOTE;
	if (!uses || find_in(list, count, (CK_MECHANISM_TYPE)item->type))
		return count;
	list[count] = (struct offered){ .type = (CK_MECHANISM_TYPE)item->type, .remote = uses, .takes_bytes = item->takes_bytes, .info = {
		.ulMinKeySize = (CK_ULONG)item->key_size_min, .ulMaxKeySize = (CK_ULONG)item->key_size_max,
		.flags = ((CK_FLAGS)item->flags & ~USES_KNOWN) | uses } };
	return count + 1;
}

/* Digests need no member; a hash-then-sign mechanism only one that signs the hash. */
static size_t add_own(struct offered *list, size_t count, const struct mechanism_facts *facts)
{
	struct offered *raw = facts->is_split ? find_in(list, count, facts->raw) : NULL;
	struct offered *known = find_in(list, count, facts->type);
	CK_FLAGS uses = facts->uses & CKF_DIGEST && hash_facts(facts->type) ? CKF_DIGEST : 0;
	if (raw)
		uses |= facts->uses & raw->remote & (CKF_SIGN | CKF_VERIFY);
	if (!uses)
		return count;
	if (!known) {
		known = &list[count++];
		*known = (struct offered){ .type = facts->type };
		if (raw)
			known->info = raw->info;
		known->info.flags &= ~USES_KNOWN;
	}
	known->info.flags |= uses;
	return count;
}

/* A message is an operation of its own, so what does the one does the other; a cipher must be one that has IVs and tags. */
static void add_messages(struct offered *offered)
{
	bool is_cipher = mechanism_is_for_messages(offered->type);
	CK_FLAGS uses = offered->info.flags, messages = 0;
	messages |= is_cipher && uses & CKF_ENCRYPT ? CKF_MESSAGE_ENCRYPT : 0;
	messages |= is_cipher && uses & CKF_DECRYPT ? CKF_MESSAGE_DECRYPT : 0;
	messages |= uses & CKF_SIGN ? CKF_MESSAGE_SIGN : 0;
	messages |= uses & CKF_VERIFY ? CKF_MESSAGE_VERIFY : 0;
	offered->info.flags |= messages ? messages | CKF_MULTI_MESSAGE : 0;
}

static int by_type(const void *a, const void *b)
{
	CK_MECHANISM_TYPE x = ((const struct offered *)a)->type, y = ((const struct offered *)b)->type;
	return x < y ? -1 : x > y;
}

static CK_RV make_list(const Craton__MechanismListReply *reply, struct offered **out, size_t *count)
{
	size_t facts_count;
	const struct mechanism_facts *facts = mechanism_facts_all(&facts_count);
	struct offered *list = calloc(reply->n_list + facts_count + 1, sizeof *list);
	*count = 0;
	if (!list)
		return CKR_HOST_MEMORY;
	for (size_t i = 0; i < reply->n_list; i++)
		*count = add_remote(list, *count, reply->list[i]);
	for (size_t i = 0; i < facts_count; i++)
		*count = add_own(list, *count, &facts[i]);
	for (size_t i = 0; i < *count; i++)
		add_messages(&list[i]);
	qsort(list, *count, sizeof *list, by_type);
	*out = list;
	return CKR_OK;
}

static CK_RV refresh(struct library *library)
{
	struct question question = QUESTION_INIT;
	Craton__MechanismListRequest body = CRATON__MECHANISM_LIST_REQUEST__INIT;
	Craton__Reply *reply;
	struct offered *list = NULL;
	size_t count = 0;
	question.request.body_case = CRATON__REQUEST__BODY_MECHANISM_LIST;
	question.request.mechanism_list = &body;
	CK_RV rv = library_ask(library, &question, CRATON__REPLY__BODY_MECHANISM_LIST, &reply);
	if (rv == CKR_OK)
		rv = make_list(reply->mechanism_list, &list, &count);
	reply_free(reply);
	if (rv != CKR_OK)
		return rv;
	struct offer *offer = &library->offer;
	pthread_mutex_lock(&offer->lock);
	struct offered *before = offer->list;
	offer->list = list;
	offer->count = count;
	offer->asked_at_ms = clock_ms();
	pthread_mutex_unlock(&offer->lock);
	free(before);
	return CKR_OK;
}

static bool look_up(struct offer *offer, CK_MECHANISM_TYPE type, struct offered *out, bool *is_fresh)
{
	struct offered key = { .type = type };
	pthread_mutex_lock(&offer->lock);
	const struct offered *found = offer->count ? bsearch(&key, offer->list, offer->count, sizeof key, by_type) : NULL;
	*is_fresh = offer->list && clock_ms() - offer->asked_at_ms < FRESH_MS;
	if (found)
		*out = *found;
	pthread_mutex_unlock(&offer->lock);
	return found != NULL;
}

CK_RV offer_find(struct library *library, CK_MECHANISM_TYPE type, struct offered *out)
{
	bool is_fresh;
	if (look_up(&library->offer, type, out, &is_fresh))
		return CKR_OK;
	CK_RV rv = is_fresh ? CKR_OK : refresh(library);
	if (rv != CKR_OK)
		return rv;
	return look_up(&library->offer, type, out, &is_fresh) ? CKR_OK : CKR_MECHANISM_INVALID;
}

CK_RV offer_types(struct library *library, CK_MECHANISM_TYPE **types, CK_ULONG *count)
{
	struct offer *offer = &library->offer;
	struct offered ignored;
	bool is_fresh;
	look_up(offer, 0, &ignored, &is_fresh);
	CK_RV rv = is_fresh ? CKR_OK : refresh(library);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&offer->lock);
	*count = offer->count;
	*types = calloc(offer->count + 1, sizeof **types);
	for (size_t i = 0; *types && i < offer->count; i++)
		(*types)[i] = offer->list[i].type;
	pthread_mutex_unlock(&offer->lock);
	return *types ? CKR_OK : CKR_HOST_MEMORY;
}
