/* What comes of other objects: copies, changed ones, derived keys, and what all of them take. A real token, consensus of one. */
#include "node/object.h"
#include "tests/unit/node/key_asks.h"
#include <stdlib.h>
#include <string.h>

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

TESTS("node copying", SAY(the_same_request_again_is_the_same_object), SAY(a_copy_goes_where_it_is_told),
      SAY(a_key_that_becomes_closed_is_sealed_closed), SAY(data_is_copied_with_its_value),
      SAY(a_derived_key_is_the_same_from_a_copy_of_its_base), SAY(nothing_is_derived_from_a_key_that_is_not_for_it),
      SAY(an_objects_size_is_what_is_kept_of_it), SAY(domain_parameters_are_made_for_keys), SAY(the_end))
