/* New keys: once, wherever their halves are, and nothing of them forged. A real token, consensus of one. */
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

static void a_key_is_made_found_used_and_destroyed(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("one");
	CU_ASSERT_EQUAL(count_of("one"), 1);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(count_of("one"), 0);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_FUNCTION_FAILED);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_UNKNOWN_OBJECT);
}

/* A token without memory for another key, until one is taken out; by whoever makes one, not by who tidies up beside. */
static CK_C_GenerateKey generate_really;
static CK_C_DestroyObject destroy_really;
static _Thread_local bool is_full;

static CK_RV generate_if_there_is_room(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *attributes, CK_ULONG count,
                                       CK_OBJECT_HANDLE *out)
{
	return is_full ? CKR_DEVICE_MEMORY : generate_really(session, mechanism, attributes, count, out);
}

static CK_RV destroy_and_make_room(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	is_full = false;
	return destroy_really(session, object);
}

/* Who removes keys has the keeper's session. */
static void change_doors(CK_C_GenerateKey generates, CK_C_DestroyObject destroys)
{
	struct token *token = house.node->token;
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CK_SESSION_HANDLE keeper;
	CU_ASSERT_EQUAL_FATAL(token_keeper_enter(token, &keeper), CKR_OK);
	generate_really = p11->C_GenerateKey;
	destroy_really = p11->C_DestroyObject;
	p11->C_GenerateKey = generates;
	p11->C_DestroyObject = destroys;
	token_keeper_leave(token);
}

/* Of how many keys there are the disk decides, not the token. */
static void where_the_token_is_full_keys_that_nobody_has_in_hand_make_room(void)
{
	struct template template_ = token_key("too many");
	Craton__Fault fault;
	begin();
	struct id first = generate_token_key("first");
	keyring_forget_all(house.node->keyring);
	change_doors(generate_if_there_is_room, destroy_and_make_room);
	is_full = true;
	Craton__Reply *reply = generate(&template_);
	CU_ASSERT_EQUAL(reply->rv, CKR_DEVICE_MEMORY); /* there is nothing of ours that could go */
	reply_free(reply);
	is_full = false;
	CU_ASSERT_EQUAL(mac_rv(&first, NULL, &fault), CKR_OK);
	is_full = true;
	struct id second = generate_token_key("second");
	CU_ASSERT_FALSE(is_full);
	change_doors(generate_really, destroy_really);
	CU_ASSERT_EQUAL(mac_rv(&first, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(mac_rv(&second, NULL, &fault), CKR_OK);
}

static void the_same_request_again_is_the_same_key(void)
{
	begin();
	talk.keep_request = true;
	struct id first = generate_token_key("once"), second = generate_token_key("once");
	CU_ASSERT_TRUE(id_equal(&first, &second));
	talk.keep_request = false;
	CU_ASSERT_EQUAL(count_of("once"), 1);
	struct id third = generate_token_key("once");
	CU_ASSERT_FALSE(id_equal(&first, &third));
}

static void generate_the_same(void *context)
{
	struct id *id = context;
	*id = generate_token_key("race");
}

/* Two nodes prepare the same request; the other's proposal is first. */
static void a_request_that_another_node_finished_first_answers_what_it_made(void)
{
	struct id others;
	begin();
	talk.request = id_random();
	talk.keep_request = true;
	fake_before_next(generate_the_same, &others);
	struct id ours = generate_token_key("race");
	talk.keep_request = false;
	CU_ASSERT_TRUE(id_equal(&ours, &others));
	CU_ASSERT_EQUAL(count_of("race"), 1);
}

static void one_slots_request_id_is_another_thing_in_another(void)
{
	begin();
	talk.request = id_random();
	talk.keep_request = true;
	struct id here = generate_token_key("same id");
	struct talk before = talk;
	begin();
	talk.request = before.request;
	talk.keep_request = true;
	struct id there = generate_token_key("same id");
	CU_ASSERT_FALSE(id_equal(&here, &there));
}

static void without_a_majority_nothing_is_made_and_it_is_said(void)
{
	begin();
	struct template template_ = token_key("lost");
	talk.request = id_random();
	talk.keep_request = true;
	fake_majority(false);
	Craton__Reply *reply = generate(&template_);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NO_MAJORITY);
	reply_free(reply);
	CU_ASSERT_EQUAL(count_of("lost"), 0);
	fake_majority(true);
	fake_commit_what_was_lost();
	struct id id = generate_token_key("lost"); /* the retry finds what was committed after all */
	CU_ASSERT_EQUAL(count_of("lost"), 1);
	CU_ASSERT_FALSE(id_is_zero(&id));
	talk.keep_request = false;
}

static void a_session_key_is_carried_and_costs_no_agreement(void)
{
	Craton__Fault fault;
	Craton__Reply *reply;
	struct id id;
	begin();
	unsigned before = fake_proposals();
	Craton__Object *object = session_key(&reply);
	CU_ASSERT_EQUAL(fake_proposals(), before);
	id_from_bytes(&id, object->id.data, ID_SIZE);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_FUNCTION_FAILED);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_UNKNOWN_OBJECT);
	CU_ASSERT_EQUAL(mac_rv(&id, object, &fault), CKR_OK);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK); /* loaded by now */
	CU_ASSERT_EQUAL(count_of("session"), 0);
	reply_free(reply);
}

static void a_carried_key_that_was_changed_is_refused(void)
{
	Craton__Fault fault;
	Craton__Reply *reply;
	struct id id;
	begin();
	Craton__Object *object = session_key(&reply);
	id_from_bytes(&id, object->id.data, ID_SIZE);
	for (size_t i = 0; i < object->n_attributes; i++) {
		if (object->attributes[i]->value.len == 0)
			continue;
		object->attributes[i]->value.data[0] ^= 1;
		CU_ASSERT_NOT_EQUAL(mac_rv(&id, object, &fault), CKR_OK);
		object->attributes[i]->value.data[0] ^= 1;
	}
	object->sealed->mac.data[0] ^= 1;
	CU_ASSERT_NOT_EQUAL(mac_rv(&id, object, &fault), CKR_OK);
	object->sealed->mac.data[0] ^= 1;
	CU_ASSERT_EQUAL(mac_rv(&id, object, &fault), CKR_OK);
	reply_free(reply);
}

static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

static Craton__Reply *generate_pair(bool public_is_token, bool private_is_token)
{
	Craton__GenerateKeyPair body = CRATON__GENERATE_KEY_PAIR__INIT;
	Craton__Mechanism mechanism;
	struct template public_ = { .count = 0 }, private_ = { .count = 0 };
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_EC_KEY_PAIR_GEN;
	template_bool(&public_, CKA_TOKEN, public_is_token);
	template_bytes(&public_, CKA_EC_PARAMS, p256, sizeof p256);
	template_bool(&public_, CKA_VERIFY, true);
	template_bytes(&public_, CKA_LABEL, "pair", 4);
	template_bool(&private_, CKA_TOKEN, private_is_token);
	template_bool(&private_, CKA_SIGN, true);
	template_bytes(&private_, CKA_LABEL, "pair", 4);
	body.mechanism = &mechanism;
	body.public_attributes = public_.list;
	body.n_public_attributes = public_.count;
	body.private_attributes = private_.list;
	body.n_private_attributes = private_.count;
	REQUEST(GENERATE_KEY_PAIR, generate_key_pair, body);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL(reply->created->n_list, (size_t)public_is_token + private_is_token);
	CU_ASSERT_EQUAL(reply->created->n_carried, (size_t)!public_is_token + !private_is_token);
	return reply;
}

static Craton__Reply *crypt_with(Craton__CryptKind kind, Craton__ObjectRef *key, const ProtobufCBinaryData *signature)
{
	static const uint8_t digest[32] = "a digest of what is to be signed";
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_ECDSA;
	body.kind = kind;
	body.key = key;
	body.mechanism = &mechanism;
	body.data = (ProtobufCBinaryData){ sizeof digest, (uint8_t *)(uintptr_t)digest };
	if (signature)
		body.signature = *signature;
	REQUEST(CRYPT, crypt, body);
	return talk_ask(&talk, &request);
}

static Craton__ObjectRef ref_of(const Craton__Created *created, bool is_token, size_t i)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	ref.id = is_token ? created->list[i]->id : created->carried[i]->id;
	ref.carried = is_token ? NULL : created->carried[i];
	return ref;
}

/* What the private half signs, the public half verifies. */
static void belong_together(const Craton__Reply *pair, bool public_is_token, bool private_is_token)
{
	Craton__ObjectRef public_ = ref_of(pair->created, public_is_token, 0);
	Craton__ObjectRef private_ = ref_of(pair->created, private_is_token, public_is_token == private_is_token ? 1 : 0);
	Craton__Reply *made = crypt_with(CRATON__CRYPT_KIND__SIGN, &private_, NULL);
	CU_ASSERT_EQUAL_FATAL(made->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(made->body_case, CRATON__REPLY__BODY_CRYPT);
	Craton__Reply *verified = crypt_with(CRATON__CRYPT_KIND__VERIFY, &public_, &made->crypt->data);
	CU_ASSERT_EQUAL(verified->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL(verified->rv, CKR_OK);
	made->crypt->data.data[0] ^= 1;
	reply_free(verified);
	verified = crypt_with(CRATON__CRYPT_KIND__VERIFY, &public_, &made->crypt->data);
	CU_ASSERT_EQUAL(verified->rv, CKR_SIGNATURE_INVALID);
	reply_free(verified);
	reply_free(made);
}

static void a_pair_belongs_together_wherever_its_halves_are(void)
{
	begin();
	for (int i = 0; i < 4; i++) {
		Craton__Reply *reply = generate_pair(i & 1, i & 2);
		belong_together(reply, i & 1, i & 2);
		reply_free(reply);
	}
	CU_ASSERT_EQUAL(count_of("pair"), 4);
}

/* An answer that was lost, or only thought to be, and the next are the same pair. */
static void a_retried_pair_of_one_half_each_is_one_pair(void)
{
	for (int i = 1; i <= 2; i++) {
		begin();
		talk.request = id_random();
		talk.keep_request = true;
		Craton__Reply *first = generate_pair(i == 1, i == 2), *second = generate_pair(i == 1, i == 2);
		CU_ASSERT_EQUAL(count_of("pair"), 1);
		belong_together(first, i == 1, i == 2);
		belong_together(second, i == 1, i == 2);
		reply_free(first);
		reply_free(second);
		talk.keep_request = false;
	}
}

static void generate_the_same_pair(void *context)
{
	Craton__Reply **reply = context;
	*reply = generate_pair(true, false);
}

/* Whichever of the two is heard. */
static void so_is_one_that_two_nodes_made_at_once(void)
{
	Craton__Reply *first, *second;
	begin();
	talk.request = id_random();
	talk.keep_request = true;
	fake_before_next(generate_the_same_pair, &first);
	second = generate_pair(true, false);
	CU_ASSERT_EQUAL(count_of("pair"), 1);
	belong_together(first, true, false);
	belong_together(second, true, false);
	reply_free(first);
	reply_free(second);
	talk.keep_request = false;
}

static void a_key_of_a_hundred_megabytes_is_refused_at_once(void)
{
	begin();
	struct template template_ = token_key("huge");
	template_.numbers[4][3] = 6; /* CKA_VALUE_LEN */
	Craton__Reply *reply = generate(&template_);
	CU_ASSERT_EQUAL(reply->rv, CKR_ATTRIBUTE_VALUE_INVALID);
	reply_free(reply);
}

static void a_carried_public_key_cannot_be_forged(void)
{
	begin();
	Craton__Reply *pair = generate_pair(false, true);
	Craton__ObjectRef private_ = ref_of(pair->created, true, 0), public_ = ref_of(pair->created, false, 0);
	Craton__Reply *made = crypt_with(CRATON__CRYPT_KIND__SIGN, &private_, NULL);
	Craton__Object *object = pair->created->carried[0];
	for (size_t i = 0; i < object->n_attributes; i++)
		if (object->attributes[i]->type == CKA_EC_POINT)
			object->attributes[i]->value.data[10] ^= 1;
	Craton__Reply *verified = crypt_with(CRATON__CRYPT_KIND__VERIFY, &public_, &made->crypt->data);
	CU_ASSERT_EQUAL(verified->rv, CKR_KEY_HANDLE_INVALID);
	reply_free(verified);
	/* nor shown under another object's id */
	public_.id = pair->created->list[0]->id;
	object->id.data[0] ^= 1;
	verified = crypt_with(CRATON__CRYPT_KIND__VERIFY, &public_, &made->crypt->data);
	CU_ASSERT_NOT_EQUAL(verified->rv, CKR_OK);
	reply_free(verified);
	reply_free(made);
	reply_free(pair);
}

static CK_RV pair_rv(CK_MECHANISM_TYPE type, struct template *public_)
{
	Craton__GenerateKeyPair body = CRATON__GENERATE_KEY_PAIR__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = type;
	body.mechanism = &mechanism;
	body.public_attributes = public_->list;
	body.n_public_attributes = public_->count;
	REQUEST(GENERATE_KEY_PAIR, generate_key_pair, body);
	return talk_rv(&talk, &request, NULL);
}

static CK_RV curve_rv(const char *params, size_t size)
{
	struct template public_ = { .count = 0 };
	template_bytes(&public_, CKA_EC_PARAMS, params, size);
	return pair_rv(CKM_EC_KEY_PAIR_GEN, &public_);
}

/* Whatever the token would call it (SoftHSM: CKR_GENERAL_ERROR). */
static void a_pair_that_cannot_be_made_is_refused_by_its_right_name(void)
{
	static const uint64_t bits[] = { 7, 1u << 20, UINT64_MAX };
	begin();
	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
		struct template public_ = { .count = 0 };
		template_number(&public_, CKA_MODULUS_BITS, bits[i]);
		CU_ASSERT_EQUAL(pair_rv(CKM_RSA_PKCS_KEY_PAIR_GEN, &public_), CKR_ATTRIBUTE_VALUE_INVALID);
	}
	CU_ASSERT_EQUAL(curve_rv("\x06\x03\x2a\x03\x04", 5), CKR_CURVE_NOT_SUPPORTED);
	CU_ASSERT_EQUAL(curve_rv("no DER", 6), CKR_DOMAIN_PARAMS_INVALID);
	CU_ASSERT_EQUAL(curve_rv("\x06\x08\x2a\x86", 4), CKR_DOMAIN_PARAMS_INVALID);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node keys", SAY(a_key_is_made_found_used_and_destroyed),
      SAY(where_the_token_is_full_keys_that_nobody_has_in_hand_make_room),
      SAY(the_same_request_again_is_the_same_key),
      SAY(a_request_that_another_node_finished_first_answers_what_it_made),
      SAY(one_slots_request_id_is_another_thing_in_another),
      SAY(without_a_majority_nothing_is_made_and_it_is_said),
      SAY(a_session_key_is_carried_and_costs_no_agreement),
      SAY(a_carried_key_that_was_changed_is_refused),
      SAY(a_pair_belongs_together_wherever_its_halves_are),
      SAY(a_retried_pair_of_one_half_each_is_one_pair),
      SAY(so_is_one_that_two_nodes_made_at_once),
      SAY(a_carried_public_key_cannot_be_forged),
      SAY(a_key_of_a_hundred_megabytes_is_refused_at_once),
      SAY(a_pair_that_cannot_be_made_is_refused_by_its_right_name),
      SAY(the_end))
