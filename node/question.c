#include "node/question.h"
#include "node/health.h"
#include "node/trouble.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CK_RV question_fault(struct question *question, Craton__Fault fault, const char *format, ...)
{
	char text[512];
	va_list args;
	if (question->reply->fault != CRATON__FAULT__FAULT_NONE)
		return CKR_FUNCTION_FAILED;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	question->reply->fault = fault;
	char *complaint = strdup(text);
	if (complaint)
		question->reply->complaint = complaint;
	return CKR_FUNCTION_FAILED;
}

void question_take_back(struct question *question)
{
	Craton__Reply *reply = question->reply;
	if (reply->complaint != protobuf_c_empty_string)
		free(reply->complaint);
	reply->complaint = (char *)(uintptr_t)protobuf_c_empty_string;
	reply->fault = CRATON__FAULT__FAULT_NONE;
}

CK_RV question_err(struct question *question, enum err err, const char *doing)
{
	switch (err) {
	case ERR_OK:
		return CKR_OK;
	case ERR_NO_MEMORY:
		return CKR_HOST_MEMORY;
	case ERR_TOO_BIG:
		return CKR_DEVICE_MEMORY;
	case ERR_TIMEOUT:
		return question_fault(question, CRATON__FAULT__FAULT_NO_MAJORITY, "%s: no majority of the nodes in time", doing);
	case ERR_MALFORMED:
		return question_fault(question, CRATON__FAULT__FAULT_MALFORMED, "%s: the request makes no sense", doing);
	case ERR_REFUSED:
		return question_fault(question, CRATON__FAULT__FAULT_REFUSED, "%s: not allowed", doing);
	case ERR_BEHIND:
		return question_fault(question, CRATON__FAULT__FAULT_BEHIND, "%s: not caught up yet", doing);
	case ERR_BUSY:
		return question_fault(question, CRATON__FAULT__FAULT_BUSY, "%s: a limit is reached", doing);
	default:
		return question_fault(question, CRATON__FAULT__FAULT_NOT_SERVING, "%s: %s", doing, err_name(err));
	}
}

/* Where the answer may have been about the call, the token is asked how it is. */
CK_RV question_token(struct question *question, CK_RV rv)
{
	struct node *node = question->node;
	enum trouble trouble = trouble_of(rv);
	if (trouble == TROUBLE_NONE || question->reply->fault != CRATON__FAULT__FAULT_NONE)
		return rv;
	if (trouble == TROUBLE_DOUBT && domain_probe(node->domain) == CKR_OK)
		return rv;
	count_one(&node->counters, COUNTER_TOKEN_ERRORS);
	health_tell(node->health);
	return question_fault(question, CRATON__FAULT__FAULT_NOT_SERVING, "the node's token answered 0x%lx: %s", rv, trouble_why(rv));
}

bool question_is(const struct question *question, Craton__Role role)
{
	return question->asker.role == role;
}

CK_RV question_done(struct question *question)
{
	Craton__Done *done = malloc(sizeof *done);
	if (!done)
		return CKR_HOST_MEMORY;
	craton__done__init(done);
	question->reply->body_case = CRATON__REPLY__BODY_DONE;
	question->reply->done = done;
	return CKR_OK;
}
