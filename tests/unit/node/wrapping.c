/* Keys that leave under another key and come back under one, as an application asks that speaks the wire's own language. A real token,
 * consensus of one. */
#include "tests/unit/node/key_asks.h"
#include <string.h>

static void a_wrapped_key_comes_back_the_same_wherever_the_two_are(void)
{
	begin();
	struct key with = wrapping_key();
	for (int i = 0; i < 4; i++) {
		struct key key = loose_key(i & 1);
		Craton__Reply *wrapped = wrap(&with.ref, &key.ref);
		CU_ASSERT_EQUAL_FATAL(wrapped->body_case, CRATON__REPLY__BODY_CRYPT);
		CU_ASSERT_EQUAL(wrapped->crypt->data.len, 24);
		Craton__Reply *back = unwrap(&with.ref, &wrapped->crypt->data, FLAGS({ CKA_TOKEN, i & 2 }, { CKA_SENSITIVE, false }));
		Craton__ObjectRef ref = made_in(back);
		CU_ASSERT_EQUAL(back->created->n_list, (size_t)(i & 2 ? 1 : 0));
		CU_ASSERT_TRUE(same_value(&key.ref, &ref, CKA_VALUE));
		CU_ASSERT_TRUE(same_value(&key.ref, &ref, CKA_VALUE_LEN));
		CU_ASSERT_TRUE(says(&ref, CKA_LOCAL, false));
		CU_ASSERT_TRUE(says(&ref, CKA_ALWAYS_SENSITIVE, false));
		CU_ASSERT_TRUE(says(&ref, CKA_NEVER_EXTRACTABLE, false));
		reply_free(back);
		reply_free(wrapped);
		reply_free(key.reply);
	}
	reply_free(with.reply);
}

static void a_key_that_is_not_to_leave_does_not(void)
{
	begin();
	struct key with = wrapping_key(), key = make_key(true, FLAGS({ CKA_EXTRACTABLE, false }));
	CU_ASSERT_EQUAL(rv_of(wrap(&with.ref, &key.ref)), CKR_KEY_UNEXTRACTABLE);
	struct key trusting = make_key(true, FLAGS({ CKA_EXTRACTABLE, true }, { CKA_WRAP_WITH_TRUSTED, true }));
	CU_ASSERT_EQUAL(rv_of(wrap(&with.ref, &trusting.ref)), CKR_KEY_NOT_WRAPPABLE);
	reply_free(trusting.reply);
	reply_free(key.reply);
	reply_free(with.reply);
}

static void each_key_of_a_wrapping_has_its_own_errors(void)
{
	Craton__ObjectRef data = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	Craton__Reply *made;
	begin();
	template_bool(&template_, CKA_TOKEN, true);
	template_number(&template_, CKA_CLASS, CKO_DATA);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &made), CKR_OK);
	data.id = made->created->list[0]->id;
	struct key with = wrapping_key(), key = loose_key(true), idle = make_key(true, FLAGS({ CKA_WRAP, false }, { CKA_UNWRAP, false }));
	struct template hmac = token_key("not for AES");
	Craton__Reply *generic = generate_ok(&hmac);
	Craton__ObjectRef generic_ref = made_in(generic);
	ProtobufCBinaryData wrapped = { 24, (uint8_t *)"a wrapped key, says he.." }, none = { 0, NULL };
	CU_ASSERT_EQUAL(rv_of(wrap(&data, &key.ref)), CKR_WRAPPING_KEY_HANDLE_INVALID);
	CU_ASSERT_EQUAL(rv_of(wrap(&with.ref, &data)), CKR_KEY_HANDLE_INVALID);
	CU_ASSERT_EQUAL(rv_of(wrap(&idle.ref, &key.ref)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_EQUAL(rv_of(wrap(&generic_ref, &key.ref)), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	CU_ASSERT_EQUAL(rv_of(wrap_by(CKM_SHA256_HMAC, &with.ref, &key.ref)), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(rv_of(unwrap(&data, &wrapped, NULL, 0)), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	CU_ASSERT_EQUAL(rv_of(unwrap(&idle.ref, &wrapped, NULL, 0)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_EQUAL(rv_of(unwrap(&generic_ref, &wrapped, NULL, 0)), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
	CU_ASSERT_EQUAL(rv_of(unwrap(&with.ref, &none, NULL, 0)), CKR_WRAPPED_KEY_LEN_RANGE);
	CU_ASSERT_EQUAL(rv_of(unwrap(&with.ref, &wrapped, NULL, 0)), CKR_WRAPPED_KEY_INVALID);
	reply_free(generic);
	reply_free(idle.reply);
	reply_free(key.reply);
	reply_free(with.reply);
	reply_free(made);
}

static void nobody_wraps_or_unwraps_without_a_ticket(void)
{
	begin();
	struct key with = wrapping_key(), key = loose_key(true);
	Craton__Reply *wrapped = wrap(&with.ref, &key.ref);
	size_t ticket_size = talk.ticket_size;
	talk.ticket_size = 0;
	CU_ASSERT_EQUAL(rv_of(wrap(&with.ref, &key.ref)), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(rv_of(unwrap(&with.ref, &wrapped->crypt->data, NULL, 0)), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(rv_of(copy(&key.ref, NULL, 0)), CKR_OBJECT_HANDLE_INVALID);
	talk.ticket_size = ticket_size;
	reply_free(wrapped);
	reply_free(key.reply);
	reply_free(with.reply);
}

/* {type: value}, packed as the wire has it. */
static size_t inner_template(CK_ATTRIBUTE_TYPE type, uint8_t value, uint8_t packed[32])
{
	Craton__Attribute attribute = CRATON__ATTRIBUTE__INIT, *list = &attribute;
	Craton__Attributes inner = CRATON__ATTRIBUTES__INIT;
	attribute.type = type;
	attribute.value = (ProtobufCBinaryData){ 1, &value };
	inner.n_list = 1;
	inner.list = &list;
	return craton__attributes__pack(&inner, packed);
}

/* The templates within keys are obeyed here, whatever the library was made to believe. */
static void a_wrapping_keys_templates_are_obeyed(void)
{
	uint8_t wraps[32], unwraps[32];
	struct template template_;
	begin();
	aes_key(&template_, true, FLAGS({ CKA_WRAP, true }, { CKA_UNWRAP, true }));
	template_bytes(&template_, CKA_WRAP_TEMPLATE, wraps, inner_template(CKA_DERIVE, true, wraps));
	template_bytes(&template_, CKA_UNWRAP_TEMPLATE, unwraps, inner_template(CKA_EXTRACTABLE, false, unwraps));
	Craton__Reply *made = generate_by(CKM_AES_KEY_GEN, &template_);
	Craton__ObjectRef with = made_in(made);
	struct key key = loose_key(true), other = make_key(true, FLAGS({ CKA_EXTRACTABLE, true }));
	CU_ASSERT_EQUAL(rv_of(wrap(&with, &other.ref)), CKR_KEY_HANDLE_INVALID);
	Craton__Reply *wrapped = wrap(&with, &key.ref);
	CU_ASSERT_EQUAL_FATAL(wrapped->rv, CKR_OK);
	CU_ASSERT_EQUAL(rv_of(unwrap(&with, &wrapped->crypt->data, FLAGS({ CKA_EXTRACTABLE, true }))), CKR_TEMPLATE_INCONSISTENT);
	Craton__Reply *back = unwrap(&with, &wrapped->crypt->data, NULL, 0);
	Craton__ObjectRef ref = made_in(back);
	CU_ASSERT_TRUE(says(&ref, CKA_EXTRACTABLE, false));
	CU_ASSERT_EQUAL(ref.carried->sealed->kind, SEAL_CLOSED);
	reply_free(back);
	reply_free(wrapped);
	reply_free(other.reply);
	reply_free(key.reply);
	reply_free(made);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node wrapping", SAY(a_wrapped_key_comes_back_the_same_wherever_the_two_are), SAY(a_key_that_is_not_to_leave_does_not),
      SAY(each_key_of_a_wrapping_has_its_own_errors), SAY(nobody_wraps_or_unwraps_without_a_ticket),
      SAY(a_wrapping_keys_templates_are_obeyed), SAY(the_end))
