#include "ha/group_inside.h"
#include "ha/multipart.h"
#include "wire/cryptoki.h"
#include "wire/socket.h"

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
		member->ops->let_go(member, multipart->line, is_good ? LINE_FREE : LINE_BAD);
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

/* Waits for what the line says next; ERR_TIMEOUT if that is nothing, or all is over. */
static enum err wait_for(const struct attempt *attempt, enum said said, int64_t patience_ms, deadline_ms last)
{
	if (said == SAID_HEARTBEAT)
		return deadline_passed(last) ? ERR_TIMEOUT : ERR_OK; /* more may be there already */
	deadline_ms until = attempt->heard_ms + (attempt->is_alive && patience_ms < HEARTBEAT_MISSED_MS ? HEARTBEAT_MISSED_MS : patience_ms);
	enum err err = socket_wait(attempt->awaited.fd, attempt->awaited.events, until < last ? until : last);
	return err == ERR_IO ? ERR_CLOSED : err;
}

static enum err ask(struct group *group, struct attempt *attempt, struct question *question, int64_t patience_ms, deadline_ms last,
                    Craton__Reply **reply)
{
	enum said said = SAID_NOTHING;
	enum err err = attempt_begin(attempt, question);
	while (err == ERR_OK && said != SAID_ANSWER) {
		err = attempt_hear(group, attempt, question, &said, reply);
		if (err == ERR_OK && said != SAID_ANSWER)
			err = wait_for(attempt, said, patience_ms, last);
	}
	return err;
}

enum err multipart_call(struct group *group, struct question *question, int64_t patience_ms, deadline_ms last, Craton__Reply **reply)
{
	struct multipart *multipart = question->multipart;
	const struct question_kind *kind = question_kind(&question->request);
	struct attempt attempt = { .line = multipart->line };
	struct member *member = multipart->member;
	pthread_mutex_lock(&group->lock);
	attempt_take_locked(&attempt, member);
	pthread_mutex_unlock(&group->lock);
	enum err err = ask(group, &attempt, question, patience_ms, last, reply);
	multipart->line = NULL;
	if (err == ERR_OK) {
		multipart->line = attempt.line;
		attempt.line = NULL;
		attempt_answered(group, kind, &attempt, *reply);
	} else if (err == ERR_TIMEOUT) {
		attempt_abandon(group, kind, &attempt, true, LINE_BAD);
	} else {
		attempt_failed(group, &attempt, err);
	}
	multipart_answered(question, member, err, *reply);
	return err;
}

void multipart_end(struct multipart *multipart)
{
	if (multipart->member)
		let_go(multipart, multipart->member, false);
}
