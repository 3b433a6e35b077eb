/* What a node answers: who may ask what, what a retry gets, what a wrong PIN costs. A real token, consensus of one. */
#include "tests/unit/node/fake_consensus.h"
#include "tests/unit/node/house.h"
#include "wire/cryptoki.h"
#include <stdlib.h>
#include <string.h>

static struct node_house house;
static struct talk talk; /* a slot, with the user logged in */

static void begin(void)
{
	static unsigned number;
	char label[16];
	if (!number)
		house_open(&house, false);
	snprintf(label, sizeof label, "slot %u", ++number);
	talk_begin(&talk, &house, 0);
	talk_create_slot(&talk, label);
	CU_ASSERT_EQUAL_FATAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
}

#define REQUEST(BODY, field, body)                              \
	Craton__Request request = CRATON__REQUEST__INIT;        \
	request.body_case = CRATON__REQUEST__BODY_##BODY;       \
	request.field = &(body)

static struct template token_key(const char *label)
{
	struct template template_ = { .count = 0 };
	template_bool(&template_, CKA_TOKEN, true);
	template_bytes(&template_, CKA_LABEL, label, strlen(label));
	template_bool(&template_, CKA_SIGN, true);
	template_bool(&template_, CKA_VERIFY, true);
	template_number(&template_, CKA_VALUE_LEN, 32);
	template_number(&template_, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
	return template_;
}

static Craton__Reply *generate(struct template *template_)
{
	Craton__GenerateKey body = CRATON__GENERATE_KEY__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	for (size_t i = 0; i < template_->count; i++) { /* the struct may have been copied */
		template_->list[i] = &template_->attributes[i];
		if (template_->attributes[i].value.len == 8 || template_->attributes[i].value.len == 1)
			template_->attributes[i].value.data = template_->numbers[i];
	}
	mechanism.type = CKM_GENERIC_SECRET_KEY_GEN;
	body.mechanism = &mechanism;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(GENERATE_KEY, generate_key, body);
	return talk_ask(&talk, &request);
}

static Craton__Reply *generate_ok(struct template *template_)
{
	Craton__Reply *reply = generate(template_);
	CU_ASSERT_EQUAL_FATAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_CREATED);
	return reply;
}

static struct id generate_token_key(const char *label)
{
	struct id id;
	struct template template_ = token_key(label);
	Craton__Reply *reply = generate_ok(&template_);
	CU_ASSERT_EQUAL_FATAL(reply->created->n_list, 1);
	CU_ASSERT_TRUE_FATAL(id_from_bytes(&id, reply->created->list[0]->id.data, reply->created->list[0]->id.len));
	reply_free(reply);
	return id;
}

static Craton__Reply *mac_with(const struct id *id, Craton__Object *carried)
{
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__ObjectRef key = CRATON__OBJECT_REF__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_SHA256_HMAC;
	key.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	key.carried = carried;
	body.kind = CRATON__CRYPT_KIND__SIGN;
	body.key = &key;
	body.mechanism = &mechanism;
	body.data = (ProtobufCBinaryData){ 5, (uint8_t *)"hello" };
	REQUEST(CRYPT, crypt, body);
	return talk_ask(&talk, &request);
}

static CK_RV mac_rv(const struct id *id, Craton__Object *carried, Craton__Fault *fault)
{
	Craton__Reply *reply = mac_with(id, carried);
	CK_RV rv = reply->fault == CRATON__FAULT__FAULT_NONE ? reply->rv : CKR_FUNCTION_FAILED;
	if (rv == CKR_OK)
		CU_ASSERT_EQUAL(reply->crypt->data.len, 32);
	*fault = reply->fault;
	reply_free(reply);
	return rv;
}

static CK_RV destroy(const struct id *id, Craton__Fault *fault)
{
	Craton__DestroyObject body = CRATON__DESTROY_OBJECT__INIT;
	body.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	REQUEST(DESTROY_OBJECT, destroy_object, body);
	return talk_rv(&talk, &request, fault);
}

static size_t count_of(const char *label)
{
	Craton__Find body = CRATON__FIND__INIT;
	struct template template_ = { .count = 0 };
	template_bytes(&template_, CKA_LABEL, label, strlen(label));
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(FIND, find, body);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_FIND);
	size_t count = reply->find->n_list;
	reply_free(reply);
	return count;
}

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

static void a_private_key_needs_the_user(void)
{
	Craton__Fault fault;
	struct template template_;
	begin();
	template_ = token_key("private");
	template_bool(&template_, CKA_PRIVATE, true);
	Craton__Reply *reply = generate_ok(&template_);
	struct id id;
	id_from_bytes(&id, reply->created->list[0]->id.data, ID_SIZE);
	reply_free(reply);
	talk.ticket_size = 0;
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(count_of("private"), 0);
	CU_ASSERT_NOT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_SO, SO_PIN), CKR_OK);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void one_slots_key_is_nothing_in_another(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("mine");
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK); /* loaded by now */
	begin();
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_KEY_HANDLE_INVALID);
	CU_ASSERT_NOT_EQUAL(destroy(&id, &fault), CKR_OK);
	CU_ASSERT_EQUAL(count_of("mine"), 0);
}

static Craton__Object *session_key(Craton__Reply **reply)
{
	struct template template_ = token_key("session");
	template_.numbers[0][0] = false;
	*reply = generate_ok(&template_);
	CU_ASSERT_EQUAL_FATAL((*reply)->created->n_carried, 1);
	CU_ASSERT_EQUAL((*reply)->created->n_list, 0);
	return (*reply)->created->carried[0];
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

static CK_RV create(struct template *template_, Craton__Reply **out)
{
	Craton__CreateObject body = CRATON__CREATE_OBJECT__INIT;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(CREATE_OBJECT, create_object, body);
	*out = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL((*out)->fault, CRATON__FAULT__FAULT_NONE);
	return (*out)->rv;
}

static Craton__Reply *read_one(Craton__ObjectRef *ref, uint64_t type)
{
	Craton__GetAttributes body = CRATON__GET_ATTRIBUTES__INIT;
	body.object = ref;
	body.types = &type;
	body.n_types = 1;
	REQUEST(GET_ATTRIBUTES, get_attributes, body);
	return talk_ask(&talk, &request);
}

/* Nothing secret is in SQLite, a log, a snapshot or a backup in the clear. */
static void private_data_is_not_stored_in_the_clear(void)
{
	Craton__Reply *reply, *answer;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	Craton__Object *stored;
	uint64_t version;
	struct id id;
	struct template template_ = { .count = 0 };
	begin();
	template_bool(&template_, CKA_TOKEN, true);
	template_bool(&template_, CKA_PRIVATE, true);
	template_number(&template_, CKA_CLASS, CKO_DATA);
	template_bytes(&template_, CKA_VALUE, "a well kept secret", 18);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &reply), CKR_OK);
	id_from_bytes(&id, reply->created->list[0]->id.data, ID_SIZE);
	reply_free(reply);

	CU_ASSERT_EQUAL_FATAL(directory_object(house.node->directory, talk.slot, &id, &stored, &version), ERR_OK);
	size_t size = craton__object__get_packed_size(stored);
	uint8_t *packed = malloc(size);
	craton__object__pack(stored, packed);
	CU_ASSERT_PTR_NULL(memmem(packed, size, "well kept", 9));
	free(packed);
	craton__object__free_unpacked(stored, NULL);

	ref.id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	answer = read_one(&ref, CKA_VALUE);
	CU_ASSERT_EQUAL_FATAL(answer->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(answer->attributes->list[0]->value.len, 18);
	CU_ASSERT_EQUAL(memcmp(answer->attributes->list[0]->value.data, "a well kept secret", 18), 0);
	reply_free(answer);
	talk.ticket_size = 0;
	answer = read_one(&ref, CKA_VALUE);
	CU_ASSERT_EQUAL(answer->rv, CKR_OBJECT_HANDLE_INVALID);
	reply_free(answer);
}

static void a_sensitive_value_is_never_read(void)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	begin();
	struct template template_ = token_key("sensitive");
	template_bool(&template_, CKA_SENSITIVE, true);
	Craton__Reply *reply = generate_ok(&template_);
	ref.id = reply->created->list[0]->id;
	Craton__Reply *answer = read_one(&ref, CKA_VALUE);
	CU_ASSERT_EQUAL_FATAL(answer->rv, CKR_OK);
	CU_ASSERT_EQUAL(answer->attributes->list[0]->rv, CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_EQUAL(answer->attributes->list[0]->value.len, 0);
	reply_free(answer);
	reply_free(reply);
}

static CK_RV change(Craton__ObjectRef *ref, struct template *template_, Craton__Reply **out)
{
	Craton__SetAttributes body = CRATON__SET_ATTRIBUTES__INIT;
	body.object = ref;
	body.attributes = template_->list;
	body.n_attributes = template_->count;
	REQUEST(SET_ATTRIBUTES, set_attributes, body);
	*out = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL((*out)->fault, CRATON__FAULT__FAULT_NONE);
	return (*out)->rv;
}

static CK_RV relabel(const struct id *id, const char *label)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	Craton__Reply *reply;
	ref.id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id->bytes };
	template_bytes(&template_, CKA_LABEL, label, strlen(label));
	CK_RV rv = change(&ref, &template_, &reply);
	reply_free(reply);
	return rv;
}

static void a_changed_key_is_found_and_used_under_its_new_attributes(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("before");
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(relabel(&id, "after"), CKR_OK);
	CU_ASSERT_EQUAL(count_of("before"), 0);
	CU_ASSERT_EQUAL(count_of("after"), 1);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void relabel_meanwhile(void *context)
{
	struct id request = talk.request;
	talk.request = id_random();
	CU_ASSERT_EQUAL(relabel(context, "theirs"), CKR_OK);
	talk.request = request;
}

static void a_change_that_another_overtook_is_made_anew(void)
{
	begin();
	struct id id = generate_token_key("contested");
	talk.request = id_random();
	talk.keep_request = true;
	fake_before_next(relabel_meanwhile, &id);
	CU_ASSERT_EQUAL(relabel(&id, "ours"), CKR_OK);
	CU_ASSERT_EQUAL(count_of("ours"), 1);
	CU_ASSERT_EQUAL(relabel(&id, "ours"), CKR_OK); /* a retry of the same */
	talk.keep_request = false;
	CU_ASSERT_EQUAL(count_of("theirs"), 0);
}

static void a_changed_session_key_is_another_object(void)
{
	Craton__Fault fault;
	Craton__Reply *made, *changed;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	struct template template_ = { .count = 0 };
	struct id before, after;
	begin();
	Craton__Object *object = session_key(&made);
	id_from_bytes(&before, object->id.data, ID_SIZE);
	ref.id = object->id;
	ref.carried = object;
	template_bytes(&template_, CKA_LABEL, "new", 3);
	CU_ASSERT_EQUAL_FATAL(change(&ref, &template_, &changed), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(changed->created->n_carried, 1);
	id_from_bytes(&after, changed->created->carried[0]->id.data, ID_SIZE);
	CU_ASSERT_FALSE(id_equal(&before, &after));
	CU_ASSERT_EQUAL(mac_rv(&after, changed->created->carried[0], &fault), CKR_OK);
	reply_free(changed);
	reply_free(made);
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

/* The stored half of the lost answer is not left behind, nor mixed with the other half of the next. */
static void a_retried_pair_of_one_half_each_is_one_pair(void)
{
	for (int i = 1; i <= 2; i++) {
		begin();
		talk.request = id_random();
		talk.keep_request = true;
		reply_free(generate_pair(i == 1, i == 2));
		Craton__Reply *reply = generate_pair(i == 1, i == 2);
		CU_ASSERT_EQUAL(count_of("pair"), 1);
		belong_together(reply, i == 1, i == 2);
		reply_free(reply);
		talk.keep_request = false;
	}
}

static void generate_the_same_pair(void *context)
{
	(void)context;
	reply_free(generate_pair(true, false));
}

static void so_is_one_that_two_nodes_made_at_once(void)
{
	begin();
	talk.request = id_random();
	talk.keep_request = true;
	fake_before_next(generate_the_same_pair, NULL);
	Craton__Reply *reply = generate_pair(true, false);
	CU_ASSERT_EQUAL(count_of("pair"), 1);
	belong_together(reply, true, false);
	reply_free(reply);
	talk.keep_request = false;
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

static void a_member_that_is_behind_says_so(void)
{
	begin();
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	REQUEST(SLOT_INFO, slot_info, body);
	request.index_min = consensus_applied(house.node->consensus) + 1;
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_BEHIND);
	CU_ASSERT_EQUAL(reply->index, consensus_applied(house.node->consensus));
	reply_free(reply);
}

static void only_an_administrator_makes_slots(void)
{
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Fault fault;
	begin();
	REQUEST(SLOT_CREATE, slot_create, body);
	talk.client.may_administer = false;
	CU_ASSERT_NOT_EQUAL(talk_rv(&talk, &request, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_REFUSED);
}

static void a_request_that_changes_something_needs_an_id(void)
{
	Craton__Fault fault;
	Craton__DestroyObject body = CRATON__DESTROY_OBJECT__INIT;
	begin();
	REQUEST(DESTROY_OBJECT, destroy_object, body);
	request.slot = talk.slot;
	Craton__Reply *reply = question_answer(house.node, &talk.client, &request);
	fault = reply->fault;
	reply_free(reply);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
}

static void a_request_without_a_body_is_malformed(void)
{
	Craton__Fault fault;
	Craton__Request request = CRATON__REQUEST__INIT;
	begin();
	talk_rv(&talk, &request, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_MALFORMED);
}

static void a_node_that_is_not_serving_says_so(void)
{
	Craton__Fault fault;
	begin();
	struct id id = generate_token_key("held");
	node_set_state(house.node, NODE_TOKEN_OUT);
	CU_ASSERT_NOT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	node_set_state(house.node, NODE_SERVING);
	CU_ASSERT_EQUAL(mac_rv(&id, NULL, &fault), CKR_OK);
}

static void status_and_lists_are_answered(void)
{
	Craton__StatusRequest status = CRATON__STATUS_REQUEST__INIT;
	Craton__SlotListRequest list = CRATON__SLOT_LIST_REQUEST__INIT;
	Craton__MechanismListRequest mechanisms = CRATON__MECHANISM_LIST_REQUEST__INIT;
	Craton__Random random = CRATON__RANDOM__INIT;
	begin();
	{
		REQUEST(STATUS, status, status);
		Craton__Reply *reply = talk_ask(&talk, &request);
		CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_STATUS);
		CU_ASSERT_STRING_EQUAL(reply->status->node, "a");
		CU_ASSERT_STRING_EQUAL(reply->status->role, "leader");
		CU_ASSERT_STRING_EQUAL(reply->status->state, "serving");
		CU_ASSERT_STRING_EQUAL(reply->status->token_label, "a");
		CU_ASSERT_EQUAL(reply->status->digest.len, 32);
		CU_ASSERT_TRUE(reply->status->n_counters >= COUNTER_COUNT);
		reply_free(reply);
	}
	{
		REQUEST(SLOT_LIST, slot_list, list);
		Craton__Reply *reply = talk_ask(&talk, &request);
		CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_SLOT_LIST);
		CU_ASSERT_EQUAL(reply->slot_list->n_list, talk.slot);
		reply_free(reply);
	}
	{
		REQUEST(MECHANISM_LIST, mechanism_list, mechanisms);
		Craton__Reply *reply = talk_ask(&talk, &request);
		CU_ASSERT_TRUE(reply->mechanism_list->n_list > 10);
		reply_free(reply);
	}
	random.size = 32;
	REQUEST(RANDOM, random, random);
	Craton__Reply *reply = talk_ask(&talk, &request);
	CU_ASSERT_EQUAL(reply->random->data.len, 32);
	reply_free(reply);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node dispatch", SAY(a_key_is_made_found_used_and_destroyed), SAY(the_same_request_again_is_the_same_key),
      SAY(a_request_that_another_node_finished_first_answers_what_it_made),
      SAY(one_slots_request_id_is_another_thing_in_another), SAY(without_a_majority_nothing_is_made_and_it_is_said),
      SAY(a_private_key_needs_the_user), SAY(one_slots_key_is_nothing_in_another),
      SAY(a_session_key_is_carried_and_costs_no_agreement), SAY(a_carried_key_that_was_changed_is_refused),
      SAY(private_data_is_not_stored_in_the_clear), SAY(a_sensitive_value_is_never_read),
      SAY(a_changed_key_is_found_and_used_under_its_new_attributes), SAY(a_change_that_another_overtook_is_made_anew),
      SAY(a_changed_session_key_is_another_object), SAY(a_pair_belongs_together_wherever_its_halves_are),
      SAY(a_retried_pair_of_one_half_each_is_one_pair), SAY(so_is_one_that_two_nodes_made_at_once),
      SAY(a_carried_public_key_cannot_be_forged), SAY(a_member_that_is_behind_says_so),
      SAY(only_an_administrator_makes_slots), SAY(a_request_that_changes_something_needs_an_id),
      SAY(a_request_without_a_body_is_malformed), SAY(a_node_that_is_not_serving_says_so),
      SAY(status_and_lists_are_answered), SAY(the_end))
