/* What tests ask: the simplest of each kind. */
#pragma once
#include "ha/group.h"
#include "wire/call.h"
#include "wire/cryptoki.h"

static inline struct question a_read(void)
{
	static Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	struct question question = QUESTION_INIT;
	question.request.body_case = CRATON__REQUEST__BODY_SLOT_INFO;
	question.request.slot_info = &body;
	return question;
}

/* It may be long work. */
static inline struct question a_deed(void)
{
	static Craton__CreateObject body = CRATON__CREATE_OBJECT__INIT;
	struct question question = QUESTION_INIT;
	question.request.body_case = CRATON__REQUEST__BODY_CREATE_OBJECT;
	question.request.create_object = &body;
	return question;
}

static inline struct question a_light_deed(void)
{
	static Craton__Login body = CRATON__LOGIN__INIT;
	struct question question = QUESTION_INIT;
	question.request.body_case = CRATON__REQUEST__BODY_LOGIN;
	question.request.login = &body;
	return question;
}

/* With a key that it uses up. */
static inline struct question a_stateful_signature(void)
{
	static Craton__Mechanism mechanism;
	static Craton__Crypt body = CRATON__CRYPT__INIT;
	struct question question = QUESTION_INIT;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_HSS;
	body.mechanism = &mechanism;
	question.request.body_case = CRATON__REQUEST__BODY_CRYPT;
	question.request.crypt = &body;
	return question;
}

/* What comes of it: ERR_BUSY: a fault is the answer; ERR_IO: an error of the token's. */
static inline enum err ask_once(struct group *group, struct question question)
{
	Craton__Reply *reply = NULL;
	enum err err = group_call(group, &question, &reply);
	if (err == ERR_OK && reply->fault != CRATON__FAULT__FAULT_NONE)
		err = ERR_BUSY;
	if (err == ERR_OK && reply->rv != CKR_OK)
		err = ERR_IO;
	reply_free(reply);
	return err;
}

static inline enum err read_once(struct group *group)
{
	return ask_once(group, a_read());
}

static inline enum err deed_once(struct group *group)
{
	return ask_once(group, a_deed());
}
