#include "ha/group_inside.h"
#include "ha/multipart.h"

static bool is_last(const struct question *question, const Craton__Reply *reply)
{
	bool has_more = reply->body_case == CRATON__REPLY__BODY_CRYPT && reply->crypt->more;
	return question->request.crypt->stage == CRATON__CRYPT_STAGE__LAST && !has_more;
}

/* An error, a fault, a token's refusal: whatever it was, the node has ended the operation too. */
static bool goes_on(const struct question *question, enum err err, const Craton__Reply *reply)
{
	return err == ERR_OK && reply->fault == CRATON__FAULT__FAULT_NONE && reply->rv == CKR_OK && !is_last(question, reply);
}

static void let_go(struct multipart *multipart, struct member *member, bool is_good)
{
	if (multipart->line)
		member->ops->let_go(member, multipart->line, is_good);
	multipart->line = NULL;
	multipart->member = NULL;
}

void multipart_answered(struct question *question, struct member *member, enum err err, const Craton__Reply *reply)
{
	struct multipart *multipart = question->multipart;
	if (goes_on(question, err, reply))
		multipart->member = member;
	else
		let_go(multipart, member, err == ERR_OK);
}

enum err multipart_call(struct group *group, struct question *question, int64_t patience_ms, Craton__Reply **reply)
{
	struct multipart *multipart = question->multipart;
	struct member *member = multipart->member;
	int64_t started_us = clock_us();
	group_take(group, member);
	question->request.timeout_ms = (uint32_t)patience_ms;
	enum err err = member->ops->call_on(member, &multipart->line, &question->request, patience_ms, reply);
	group_return(group, question_kind(question->request.body_case), member, err, *reply, started_us);
	multipart_answered(question, member, err, *reply);
	return err;
}

void multipart_end(struct multipart *multipart)
{
	if (multipart->member)
		let_go(multipart, multipart->member, false);
}
