/* What the files of the toy share. The toy's lock is held throughout. */
#pragma once
#include "tests/support/toy_token.h"

typedef void toy_answering(struct toy *toy, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply);
toy_answering toy_answer_create, toy_answer_destroy, toy_answer_get, toy_answer_set, toy_answer_find;
toy_answering toy_answer_generate, toy_answer_generate_pair, toy_answer_wrap, toy_answer_unwrap, toy_answer_derive, toy_answer_copy,
	toy_answer_size, toy_answer_crypt;

void toy_answer_done(struct fake_call *call, Craton__Reply *reply);
bool toy_is_user(const struct toy *toy, const Craton__Request *request);
struct attribute_list toy_view(const Craton__Object *object);
/* Stored or carried; NULL and what the reply must say. */
Craton__Object *toy_find(struct toy *toy, const Craton__ObjectRef *ref, Craton__Reply *reply);
Craton__Object *toy_make(struct toy *toy, Craton__Attribute **items, size_t count, CK_OBJECT_CLASS class, CK_KEY_TYPE type);
Craton__ObjectBrief *toy_brief(struct fake_call *call, const Craton__Object *object);
void toy_begin_created(struct fake_call *call, Craton__Reply *reply);
/* Stored, or carried in the reply; the object is the toy's. */
void toy_add_created(struct toy *toy, struct fake_call *call, Craton__Object *object, Craton__Reply *reply);
