/* Keys that come out of keys: wrapped, unwrapped, derived, copied, as an application asks that speaks the wire's own language. A real token,
 * consensus of one. */
#include "node/object.h"
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

/* What a template says more, or else, than aes_key's own. */
struct flag {
	CK_ATTRIBUTE_TYPE type;
	bool value;
};

static void aes_key(struct template *template_, bool is_token, const struct flag *flags, size_t count)
{
	*template_ = (struct template){ .count = 0 };
	template_bool(template_, CKA_TOKEN, is_token);
	template_number(template_, CKA_VALUE_LEN, 16);
	for (size_t i = 0; i < count; i++)
		template_bool(template_, flags[i].type, flags[i].value);
}

#define FLAGS(...) (const struct flag[]){ __VA_ARGS__ }, sizeof((const struct flag[]){ __VA_ARGS__ }) / sizeof(struct flag)

static Craton__Mechanism mechanism_of(CK_MECHANISM_TYPE type)
{
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = type;
	return mechanism;
}

static Craton__Reply *generate_by(CK_MECHANISM_TYPE type, struct template *template_)
{
	Craton__GenerateKey body = CRATON__GENERATE_KEY__INIT;
	Craton__Mechanism mechanism = mechanism_of(type);
	body.mechanism = &mechanism;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(GENERATE_KEY, generate_key, body);
	return talk_ask(&talk, &request);
}

/* The first object of an answer, wherever it is. The reply keeps what is pointed to. */
static Craton__ObjectRef made_in(const Craton__Reply *reply)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	CU_ASSERT_EQUAL_FATAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_CREATED);
	CU_ASSERT_EQUAL_FATAL(reply->created->n_list + reply->created->n_carried, 1);
	ref.carried = reply->created->n_carried ? reply->created->carried[0] : NULL;
	ref.id = ref.carried ? ref.carried->id : reply->created->list[0]->id;
	return ref;
}

/* A key made for a story, and what has to be given back at its end. */
struct key {
	Craton__Reply *reply;
	Craton__ObjectRef ref;
};

static struct key make_key(bool is_token, const struct flag *flags, size_t count)
{
	struct template template_;
	aes_key(&template_, is_token, flags, count);
	Craton__Reply *reply = generate_by(CKM_AES_KEY_GEN, &template_);
	return (struct key){ reply, made_in(reply) };
}

static struct key wrapping_key(void)
{
	return make_key(true, FLAGS({ CKA_WRAP, true }, { CKA_UNWRAP, true }));
}

static struct key loose_key(bool is_token)
{
	return make_key(is_token, FLAGS({ CKA_EXTRACTABLE, true }, { CKA_SENSITIVE, false }, { CKA_DERIVE, true }));
}

static Craton__Reply *wrap_by(CK_MECHANISM_TYPE type, Craton__ObjectRef *with, Craton__ObjectRef *key)
{
	Craton__WrapKey body = CRATON__WRAP_KEY__INIT;
	Craton__Mechanism mechanism = mechanism_of(type);
	body.mechanism = &mechanism;
	body.wrapping_key = with;
	body.key = key;
	REQUEST(WRAP_KEY, wrap_key, body);
	return talk_ask(&talk, &request);
}

static Craton__Reply *wrap(Craton__ObjectRef *with, Craton__ObjectRef *key)
{
	return wrap_by(CKM_AES_KEY_WRAP, with, key);
}

/* An answer that is a CK_RV alone. */
static CK_RV rv_of(Craton__Reply *reply)
{
	CK_RV rv = reply->rv;
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	reply_free(reply);
	return rv;
}

static Craton__Reply *unwrap(Craton__ObjectRef *with, const ProtobufCBinaryData *wrapped, const struct flag *flags, size_t count)
{
	Craton__UnwrapKey body = CRATON__UNWRAP_KEY__INIT;
	Craton__Mechanism mechanism = mechanism_of(CKM_AES_KEY_WRAP);
	struct template template_ = { .count = 0 };
	template_number(&template_, CKA_CLASS, CKO_SECRET_KEY);
	template_number(&template_, CKA_KEY_TYPE, CKK_AES);
	for (size_t i = 0; i < count; i++)
		template_bool(&template_, flags[i].type, flags[i].value);
	body.mechanism = &mechanism;
	body.unwrapping_key = with;
	body.wrapped = *wrapped;
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(UNWRAP_KEY, unwrap_key, body);
	return talk_ask(&talk, &request);
}

static Craton__Reply *copy(Craton__ObjectRef *object, const struct flag *flags, size_t count)
{
	Craton__CopyObject body = CRATON__COPY_OBJECT__INIT;
	struct template template_ = { .count = 0 };
	for (size_t i = 0; i < count; i++)
		template_bool(&template_, flags[i].type, flags[i].value);
	body.object = object;
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(COPY_OBJECT, copy_object, body);
	return talk_ask(&talk, &request);
}

/* One attribute's value as bytes; its rv if it may not be read. */
static CK_RV value_of(Craton__ObjectRef *ref, CK_ATTRIBUTE_TYPE type, uint8_t out[64], size_t *size)
{
	Craton__Reply *reply = read_one(ref, type);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	Craton__AttributeAnswer *answer = reply->attributes->list[0];
	CK_RV rv = answer->rv;
	*size = answer->value.len;
	CU_ASSERT_FATAL(*size <= 64);
	memcpy(out, answer->value.data ? answer->value.data : (uint8_t *)"", *size);
	reply_free(reply);
	return rv;
}

static bool says(Craton__ObjectRef *ref, CK_ATTRIBUTE_TYPE type, bool value)
{
	uint8_t bytes[64];
	size_t size;
	return value_of(ref, type, bytes, &size) == CKR_OK && size == 1 && bytes[0] == value;
}

static bool same_value(Craton__ObjectRef *a, Craton__ObjectRef *b, CK_ATTRIBUTE_TYPE type)
{
	uint8_t left[64], right[64];
	size_t left_size, right_size;
	return value_of(a, type, left, &left_size) == CKR_OK && value_of(b, type, right, &right_size) == CKR_OK &&
	       left_size > 0 && left_size == right_size && memcmp(left, right, left_size) == 0;
}

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

static struct id id_of(const Craton__ObjectRef *ref)
{
	struct id id;
	CU_ASSERT_TRUE_FATAL(id_from_bytes(&id, ref->id.data, ref->id.len));
	return id;
}

static bool same_object(const Craton__Reply *a, const Craton__Reply *b)
{
	Craton__ObjectRef left = made_in(a), right = made_in(b);
	struct id left_id = id_of(&left), right_id = id_of(&right);
	return id_equal(&left_id, &right_id);
}

/* Also when what it was made from is gone by then. */
static void the_same_request_again_is_the_same_object(void)
{
	Craton__Fault fault;
	begin();
	struct key with = wrapping_key(), key = loose_key(true);
	Craton__Reply *wrapped = wrap(&with.ref, &key.ref);
	talk.request = id_random();
	talk.keep_request = true;
	Craton__Reply *first = unwrap(&with.ref, &wrapped->crypt->data, FLAGS({ CKA_TOKEN, true }));
	unsigned proposals = fake_proposals();
	Craton__Reply *again = unwrap(&with.ref, &wrapped->crypt->data, FLAGS({ CKA_TOKEN, true }));
	CU_ASSERT_EQUAL(fake_proposals(), proposals);
	CU_ASSERT_TRUE(same_object(first, again));
	talk.request = id_random();
	Craton__Reply *copied = copy(&key.ref, NULL, 0);
	struct id gone = id_of(&key.ref), request = talk.request;
	talk.keep_request = false;
	CU_ASSERT_EQUAL_FATAL(destroy(&gone, &fault), CKR_OK);
	talk.keep_request = true;
	talk.request = request;
	Craton__Reply *copied_again = copy(&key.ref, NULL, 0);
	talk.keep_request = false;
	CU_ASSERT_TRUE(same_object(copied, copied_again));
	reply_free(copied_again);
	reply_free(copied);
	reply_free(again);
	reply_free(first);
	reply_free(wrapped);
	reply_free(key.reply);
	reply_free(with.reply);
}

static void a_copy_goes_where_it_is_told(void)
{
	begin();
	for (int i = 0; i < 4; i++) {
		struct key key = loose_key(i & 1);
		Craton__Reply *copied = copy(&key.ref, FLAGS({ CKA_TOKEN, i & 2 }));
		Craton__ObjectRef ref = made_in(copied);
		CU_ASSERT_EQUAL(copied->created->n_list, (size_t)(i & 2 ? 1 : 0));
		CU_ASSERT_TRUE(same_value(&key.ref, &ref, CKA_VALUE));
		CU_ASSERT_TRUE(says(&ref, CKA_LOCAL, true));
		struct id id = id_of(&ref), before = id_of(&key.ref);
		CU_ASSERT_FALSE(id_equal(&id, &before));
		reply_free(copied);
		reply_free(key.reply);
	}
}

static CK_RV changed(Craton__ObjectRef *ref, const struct flag *flags, size_t count, Craton__Reply **reply)
{
	struct template template_ = { .count = 0 };
	for (size_t i = 0; i < count; i++)
		template_bool(&template_, flags[i].type, flags[i].value);
	return change(ref, &template_, reply);
}

/* The token's own second line of defence: what may not leave any more is sealed so that it can't. */
static void a_key_that_becomes_closed_is_sealed_closed(void)
{
	Craton__Reply *reply;
	begin();
	struct key key = loose_key(false);
	CU_ASSERT_EQUAL(key.ref.carried->sealed->kind, SEAL_OPEN);
	Craton__Reply *copied = copy(&key.ref, FLAGS({ CKA_SENSITIVE, true }, { CKA_EXTRACTABLE, false }));
	Craton__ObjectRef closed = made_in(copied);
	CU_ASSERT_EQUAL(closed.carried->sealed->kind, SEAL_CLOSED);
	CU_ASSERT_TRUE(same_value(&key.ref, &closed, CKA_CHECK_VALUE));
	CU_ASSERT_EQUAL_FATAL(changed(&key.ref, FLAGS({ CKA_SENSITIVE, true }, { CKA_EXTRACTABLE, false }), &reply), CKR_OK);
	Craton__ObjectRef after = made_in(reply);
	CU_ASSERT_EQUAL(after.carried->sealed->kind, SEAL_CLOSED);
	CU_ASSERT_TRUE(same_value(&after, &closed, CKA_CHECK_VALUE));
	CU_ASSERT_EQUAL(rv_of(copy(&closed, FLAGS({ CKA_EXTRACTABLE, true }))), CKR_ATTRIBUTE_READ_ONLY);
	reply_free(reply);
	reply_free(copied);
	reply_free(key.reply);
}

static Craton__Reply *create_data(bool is_token, bool is_private)
{
	struct template template_ = { .count = 0 };
	Craton__Reply *reply;
	template_bool(&template_, CKA_TOKEN, is_token);
	template_bool(&template_, CKA_PRIVATE, is_private);
	template_number(&template_, CKA_CLASS, CKO_DATA);
	template_bytes(&template_, CKA_VALUE, "what is in it", 13);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &reply), CKR_OK);
	return reply;
}

/* From public to private too, which is then sealed. */
static void data_is_copied_with_its_value(void)
{
	begin();
	for (int i = 0; i < 8; i++) {
		bool was_private = i & 1, is_private = was_private || (i & 4);
		Craton__Reply *made = create_data(i & 2, was_private);
		Craton__ObjectRef from = made_in(made);
		Craton__Reply *copied = copy(&from, FLAGS({ CKA_TOKEN, !(i & 2) }, { CKA_PRIVATE, is_private }));
		Craton__ObjectRef to = made_in(copied);
		CU_ASSERT_TRUE(same_value(&from, &to, CKA_VALUE));
		CU_ASSERT_TRUE(says(&to, CKA_PRIVATE, is_private));
		if (to.carried)
			CU_ASSERT_EQUAL(to.carried->sealed->kind, (uint32_t)(is_private ? SEAL_OPEN : SEALED_NO_KEY));
		reply_free(copied);
		reply_free(made);
	}
}

static Craton__Reply *derive(Craton__Mechanism *mechanism, Craton__ObjectRef *base, struct template *template_)
{
	Craton__DeriveKey body = CRATON__DERIVE_KEY__INIT;
	body.mechanism = mechanism;
	body.base_key = base;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(DERIVE_KEY, derive_key, body);
	return talk_ask(&talk, &request);
}

static Craton__Reply *derive_by_encryption(Craton__ObjectRef *base, bool is_token)
{
	Craton__Mechanism mechanism = mechanism_of(CKM_AES_ECB_ENCRYPT_DATA);
	struct template template_;
	aes_key(&template_, is_token, FLAGS({ CKA_SENSITIVE, false }, { CKA_EXTRACTABLE, true }));
	template_number(&template_, CKA_KEY_TYPE, CKK_AES);
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
	mechanism.raw = (ProtobufCBinaryData){ 16, (uint8_t *)"sixteen bytes of" };
	return derive(&mechanism, base, &template_);
}

static void a_derived_key_is_the_same_from_a_copy_of_its_base(void)
{
	begin();
	struct key base = loose_key(true);
	Craton__Reply *copied = copy(&base.ref, FLAGS({ CKA_TOKEN, false }));
	Craton__ObjectRef copied_ref = made_in(copied);
	Craton__Reply *first = derive_by_encryption(&base.ref, true), *second = derive_by_encryption(&copied_ref, false);
	Craton__ObjectRef first_ref = made_in(first), second_ref = made_in(second);
	CU_ASSERT_TRUE(same_value(&first_ref, &second_ref, CKA_VALUE));
	CU_ASSERT_FALSE(same_value(&base.ref, &first_ref, CKA_VALUE));
	CU_ASSERT_TRUE(says(&first_ref, CKA_LOCAL, false));
	CU_ASSERT_TRUE(says(&first_ref, CKA_ALWAYS_SENSITIVE, false));
	reply_free(second);
	reply_free(first);
	reply_free(copied);
	reply_free(base.reply);
}

static void nothing_is_derived_from_a_key_that_is_not_for_it(void)
{
	begin();
	struct key base = make_key(true, FLAGS({ CKA_DERIVE, false })), also = loose_key(true);
	CU_ASSERT_EQUAL(rv_of(derive_by_encryption(&base.ref, true)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	talk.ticket_size = 0;
	CU_ASSERT_EQUAL(rv_of(derive_by_encryption(&also.ref, true)), CKR_USER_NOT_LOGGED_IN);
	reply_free(also.reply);
	reply_free(base.reply);
}

static uint64_t size_of(Craton__ObjectRef *ref)
{
	Craton__ObjectSize body = CRATON__OBJECT_SIZE__INIT;
	body.object = ref;
	REQUEST(OBJECT_SIZE, object_size, body);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_OBJECT_SIZE);
	uint64_t size = reply->object_size->size;
	reply_free(reply);
	return size;
}

static void an_objects_size_is_what_is_kept_of_it(void)
{
	Craton__Object *stored;
	uint64_t version;
	begin();
	struct key key = loose_key(true), carried = loose_key(false);
	struct id id = id_of(&key.ref);
	CU_ASSERT_EQUAL_FATAL(directory_object(house.node->directory, talk.slot, &id, &stored, &version), ERR_OK);
	CU_ASSERT_EQUAL(size_of(&key.ref), craton__object__get_packed_size(stored));
	CU_ASSERT_EQUAL(size_of(&carried.ref), craton__object__get_packed_size(carried.ref.carried));
	craton__object__free_unpacked(stored, NULL);
	reply_free(carried.reply);
	reply_free(key.reply);
}

static void domain_parameters_are_made_for_keys(void)
{
	uint8_t prime[64];
	size_t size;
	struct template template_ = { .count = 0 };
	begin();
	template_number(&template_, CKA_PRIME_BITS, 512);
	template_bool(&template_, CKA_TOKEN, true);
	Craton__Reply *reply = generate_by(CKM_DH_PKCS_PARAMETER_GEN, &template_);
	Craton__ObjectRef ref = made_in(reply);
	CU_ASSERT_EQUAL(value_of(&ref, CKA_PRIME, prime, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 64);
	CU_ASSERT_TRUE(says(&ref, CKA_LOCAL, true));
	reply_free(reply);
	template_.attributes[0].value.data[3] = 1; /* sixteen million bits */
	CU_ASSERT_EQUAL(rv_of(generate_by(CKM_DH_PKCS_PARAMETER_GEN, &template_)), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node wrapping", SAY(a_wrapped_key_comes_back_the_same_wherever_the_two_are),
      SAY(a_key_that_is_not_to_leave_does_not), SAY(each_key_of_a_wrapping_has_its_own_errors),
      SAY(nobody_wraps_or_unwraps_without_a_ticket), SAY(a_wrapping_keys_templates_are_obeyed),
      SAY(the_same_request_again_is_the_same_object), SAY(a_copy_goes_where_it_is_told),
      SAY(a_key_that_becomes_closed_is_sealed_closed), SAY(data_is_copied_with_its_value),
      SAY(a_derived_key_is_the_same_from_a_copy_of_its_base), SAY(nothing_is_derived_from_a_key_that_is_not_for_it),
      SAY(an_objects_size_is_what_is_kept_of_it), SAY(domain_parameters_are_made_for_keys), SAY(the_end))
