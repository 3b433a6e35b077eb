/* What the rules forbid is refused here, whatever the application's library was made to say: each with its code. */
#include "node/object.h"
#include "tests/unit/node/asks.h"
#include <stdlib.h>
#include <string.h>

static Craton__ObjectRef first_of(const Craton__Reply *reply)
{
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	CU_ASSERT_EQUAL_FATAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(reply->body_case, CRATON__REPLY__BODY_CREATED);
	ref.carried = reply->created->n_carried ? reply->created->carried[0] : NULL;
	ref.id = ref.carried ? ref.carried->id : reply->created->list[0]->id;
	return ref;
}

static CK_RV rv_of(Craton__Reply *reply)
{
	CK_RV rv = reply->rv;
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	reply_free(reply);
	return rv;
}

static void aes(struct template *template_, bool is_token)
{
	*template_ = (struct template){ .count = 0 };
	template_bool(template_, CKA_TOKEN, is_token);
	template_number(template_, CKA_CLASS, CKO_SECRET_KEY);
	template_number(template_, CKA_KEY_TYPE, CKK_AES);
	template_bytes(template_, CKA_VALUE, "sixteen bytes of", 16);
}

static CK_RV creating(struct template *template_)
{
	Craton__Reply *reply;
	CK_RV rv = create(template_, &reply);
	reply_free(reply);
	return rv;
}

static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };

/* A session key pair whose private half has this too. */
static Craton__Reply *ask_pair(struct template *private_)
{
	Craton__GenerateKeyPair body = CRATON__GENERATE_KEY_PAIR__INIT;
	Craton__Mechanism mechanism;
	struct template public_ = { .count = 0 };
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_EC_KEY_PAIR_GEN;
	template_bytes(&public_, CKA_EC_PARAMS, p256, sizeof p256);
	body.mechanism = &mechanism;
	body.public_attributes = public_.list;
	body.n_public_attributes = public_.count;
	body.private_attributes = private_->list;
	body.n_private_attributes = private_->count;
	REQUEST(GENERATE_KEY_PAIR, generate_key_pair, body);
	return talk_ask(&talk, &request);
}

static Craton__Reply *private_pair(struct template *private_)
{
	Craton__Reply *reply = ask_pair(private_);
	CU_ASSERT_EQUAL_FATAL(reply->rv, CKR_OK);
	CU_ASSERT_EQUAL_FATAL(reply->created->n_carried, 2);
	return reply;
}

static void nothing_private_is_made_without_a_ticket(void)
{
	struct template template_;
	begin();
	talk.ticket_size = 0;
	for (int is_token = 0; is_token < 2; is_token++) {
		aes(&template_, is_token);
		CU_ASSERT_EQUAL(creating(&template_), CKR_USER_NOT_LOGGED_IN);
		struct template key = token_key("nobody's");
		key.numbers[0][0] = (uint8_t)is_token;
		CU_ASSERT_EQUAL(rv_of(generate(&key)), CKR_USER_NOT_LOGGED_IN);
		CU_ASSERT_EQUAL(rv_of(ask_pair(&(struct template){ .count = 0 })), CKR_USER_NOT_LOGGED_IN);
		aes(&template_, is_token);
		template_bool(&template_, CKA_PRIVATE, false);
		CU_ASSERT_EQUAL(creating(&template_), CKR_OK);
	}
}

/* The security officer's ticket is not the user's. */
static void the_officer_sees_no_private_object_and_makes_none(void)
{
	struct template template_;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	begin();
	struct id id = generate_token_key("private");
	CU_ASSERT_EQUAL_FATAL(talk_login(&talk, CRATON__ROLE__ROLE_SO, SO_PIN), CKR_OK);
	CU_ASSERT_EQUAL(count_of("private"), 0);
	ref.id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	CU_ASSERT_EQUAL(rv_of(read_one(&ref, CKA_LABEL)), CKR_OBJECT_HANDLE_INVALID);
	aes(&template_, true);
	CU_ASSERT_EQUAL(creating(&template_), CKR_USER_NOT_LOGGED_IN);
}

static Craton__Reply *certificate(void)
{
	struct template template_ = { .count = 0 };
	Craton__Reply *reply;
	template_bool(&template_, CKA_TOKEN, true);
	template_number(&template_, CKA_CLASS, CKO_CERTIFICATE);
	template_number(&template_, CKA_CERTIFICATE_TYPE, CKC_X_509);
	template_bytes(&template_, CKA_SUBJECT, "subject", 7);
	template_bytes(&template_, CKA_VALUE, "value", 5);
	create(&template_, &reply);
	return reply;
}

static CK_RV setting(Craton__ObjectRef *ref, CK_ATTRIBUTE_TYPE type, bool value)
{
	struct template changes = { .count = 0 };
	Craton__Reply *reply;
	template_bool(&changes, type, value);
	CK_RV rv = change(ref, &changes, &reply);
	reply_free(reply);
	return rv;
}

static void only_the_officer_trusts(void)
{
	begin();
	Craton__Reply *made = certificate();
	Craton__ObjectRef ref = first_of(made);
	CU_ASSERT_EQUAL(setting(&ref, CKA_TRUSTED, true), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL_FATAL(talk_login(&talk, CRATON__ROLE__ROLE_SO, SO_PIN), CKR_OK);
	CU_ASSERT_EQUAL(setting(&ref, CKA_TRUSTED, true), CKR_OK);
	CU_ASSERT_EQUAL(setting(&ref, CKA_TRUSTED, false), CKR_ATTRIBUTE_READ_ONLY); /* "Trusted certificates cannot be modified." */
	reply_free(made);
}

static void what_is_fixed_stays_as_it_is(void)
{
	static const CK_ATTRIBUTE_TYPE fixed[] = { CKA_TOKEN, CKA_PRIVATE, CKA_LOCAL, CKA_MODIFIABLE, CKA_ALWAYS_SENSITIVE,
		                                   CKA_NEVER_EXTRACTABLE, CKA_EXTRACTABLE, CKA_SENSITIVE, CKA_TRUSTED };
	Craton__Reply *made;
	struct template template_;
	begin();
	for (int is_token = 0; is_token < 2; is_token++) {
		aes(&template_, is_token);
		CU_ASSERT_EQUAL_FATAL(create(&template_, &made), CKR_OK);
		Craton__ObjectRef ref = first_of(made);
		for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
			CU_ASSERT_EQUAL(setting(&ref, fixed[i], true), CKR_ATTRIBUTE_READ_ONLY);
		reply_free(made);
	}
}

static CK_RV mac_by(struct template *template_, CK_MECHANISM_TYPE type, Craton__CryptKind kind)
{
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__Mechanism mechanism;
	Craton__Reply *made;
	CU_ASSERT_EQUAL_FATAL(create(template_, &made), CKR_OK);
	Craton__ObjectRef ref = first_of(made);
	craton__mechanism__init(&mechanism);
	mechanism.type = type;
	body.kind = kind;
	body.key = &ref;
	body.mechanism = &mechanism;
	body.data = (ProtobufCBinaryData){ 16, (uint8_t *)"data of a block." };
	REQUEST(CRYPT, crypt, body);
	CK_RV rv = talk_rv(&talk, &request, NULL);
	reply_free(made);
	return rv;
}

static void a_key_does_what_it_is_for_by_the_mechanisms_it_is_for(void)
{
	static const uint8_t cmac[] = { 0x8a, 0x10, 0, 0, 0, 0, 0, 0 }; /* CKM_AES_CMAC */
	struct template template_;
	begin();
	aes(&template_, false);
	template_bool(&template_, CKA_SIGN, false);
	CU_ASSERT_EQUAL(mac_by(&template_, CKM_AES_CMAC, CRATON__CRYPT_KIND__SIGN), CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_EQUAL(mac_by(&template_, CKM_AES_ECB, CRATON__CRYPT_KIND__ENCRYPT), CKR_OK);
	aes(&template_, false);
	template_bytes(&template_, CKA_ALLOWED_MECHANISMS, cmac, sizeof cmac);
	CU_ASSERT_EQUAL(mac_by(&template_, CKM_AES_CMAC, CRATON__CRYPT_KIND__SIGN), CKR_OK);
	CU_ASSERT_EQUAL(mac_by(&template_, CKM_AES_ECB, CRATON__CRYPT_KIND__ENCRYPT), CKR_MECHANISM_INVALID);
}

static CK_RV sign_with(Craton__Object *private_key, const char *pin, struct bytes digest, Craton__CryptStage stage)
{
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__ObjectRef ref = CRATON__OBJECT_REF__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_ECDSA;
	ref.id = private_key->id;
	ref.carried = private_key;
	body.kind = CRATON__CRYPT_KIND__SIGN;
	body.key = &ref;
	body.mechanism = &mechanism;
	body.data = (ProtobufCBinaryData){ digest.size, (uint8_t *)(uintptr_t)digest.data };
	body.stage = stage;
	body.pin = (ProtobufCBinaryData){ strlen(pin), (uint8_t *)(uintptr_t)pin };
	REQUEST(CRYPT, crypt, body);
	return talk_rv(&talk, &request, NULL);
}

/* Not even if its digest comes in parts. */
static void a_key_for_one_hash_signs_nothing_else(void)
{
	static const uint8_t only_sha256[] = { 0x44, 0x10, 0, 0, 0, 0, 0, 0 }; /* CKM_ECDSA_SHA256 */
	static const size_t sizes[] = { 32, 20, 48 };
	static uint8_t data[48];
	struct template more = { .count = 0 };
	begin();
	template_bytes(&more, CKA_ALLOWED_MECHANISMS, only_sha256, sizeof only_sha256);
	Craton__Reply *pair = private_pair(&more);
	for (size_t i = 0; i < 3; i++) {
		struct bytes digest = { data, sizes[i] };
		CU_ASSERT_EQUAL(sign_with(pair->created->carried[1], "", digest, CRATON__CRYPT_STAGE__WHOLE), i ? CKR_MECHANISM_INVALID : CKR_OK);
		CU_ASSERT_EQUAL(sign_with(pair->created->carried[1], "", digest, CRATON__CRYPT_STAGE__FIRST), CKR_MECHANISM_INVALID);
	}
	reply_free(pair);
}

static Craton__Reply *ask_copy(Craton__ObjectRef *ref)
{
	Craton__CopyObject body = CRATON__COPY_OBJECT__INIT;
	body.object = ref;
	REQUEST(COPY_OBJECT, copy_object, body);
	return talk_ask(&talk, &request);
}

static Craton__Reply *ask_wrap(Craton__ObjectRef *with, Craton__ObjectRef *key)
{
	Craton__WrapKey body = CRATON__WRAP_KEY__INIT;
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	mechanism.type = CKM_AES_KEY_WRAP;
	body.mechanism = &mechanism;
	body.wrapping_key = with;
	body.key = key;
	REQUEST(WRAP_KEY, wrap_key, body);
	return talk_ask(&talk, &request);
}

static Craton__Reply *ask_size(Craton__ObjectRef *ref)
{
	Craton__ObjectSize body = CRATON__OBJECT_SIZE__INIT;
	body.object = ref;
	REQUEST(OBJECT_SIZE, object_size, body);
	return talk_ask(&talk, &request);
}

static Craton__Attribute *attribute_of(Craton__Object *object, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < object->n_attributes; i++)
		if (object->attributes[i]->type == type)
			return object->attributes[i];
	return NULL;
}

/* A session key that comes back with CKA_EXTRACTABLE set is not the one we handed out. */
static void a_carried_key_that_was_made_looser_is_no_key_of_ours(void)
{
	struct template template_;
	Craton__Reply *made, *with_made;
	begin();
	aes(&template_, false);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &made), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &with_made), CKR_OK);
	Craton__ObjectRef key = first_of(made), with = first_of(with_made);
	CU_ASSERT_EQUAL(rv_of(ask_wrap(&with, &key)), CKR_KEY_UNEXTRACTABLE); /* and it is loaded by now */
	attribute_of(key.carried, CKA_EXTRACTABLE)->value.data[0] = 1;
	CU_ASSERT_EQUAL(rv_of(ask_copy(&key)), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(rv_of(ask_size(&key)), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(rv_of(read_one(&key, CKA_VALUE)), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(rv_of(ask_wrap(&with, &key)), CKR_KEY_UNEXTRACTABLE); /* the loaded one is as it was */
	keyring_forget_slot(house.node->keyring, talk.slot);
	CU_ASSERT_EQUAL(rv_of(ask_wrap(&with, &key)), CKR_KEY_HANDLE_INVALID);
	CU_ASSERT_EQUAL(rv_of(ask_wrap(&key, &with)), CKR_WRAPPING_KEY_HANDLE_INVALID);
	reply_free(with_made);
	reply_free(made);
}

/* ---- CKA_ALWAYS_AUTHENTICATE */

static Craton__Reply *careful_pair(void)
{
	struct template private_ = { .count = 0 };
	template_bool(&private_, CKA_ALWAYS_AUTHENTICATE, true);
	return private_pair(&private_);
}

static CK_RV sign_with_pin(Craton__Object *key, const char *pin)
{
	return sign_with(key, pin, (struct bytes){ "a digest of what is to be signed", 32 }, CRATON__CRYPT_STAGE__WHOLE);
}

static void a_careful_key_asks_for_the_pin_each_time(void)
{
	begin();
	Craton__Reply *pair = careful_pair();
	Craton__Object *key = pair->created->carried[1];
	CU_ASSERT_EQUAL(sign_with_pin(key, ""), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(sign_with_pin(key, USER_PIN), CKR_OK);
	CU_ASSERT_EQUAL(sign_with_pin(key, ""), CKR_USER_NOT_LOGGED_IN);
	CU_ASSERT_EQUAL(sign_with_pin(key, SO_PIN), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(sign_with_pin(key, USER_PIN), CKR_OK);
	reply_free(pair);
}

/* Guesses there count like guesses at a login. */
static void guessing_with_a_careful_key_locks_the_pin(void)
{
	char guess[] = "guess 0";
	begin();
	Craton__Reply *pair = careful_pair();
	CK_RV rv = CKR_OK;
	for (unsigned i = 0; i < LOGIN_FAILURES_MAX; i++) {
		guess[6] = (char)('a' + (int)i);
		rv = sign_with_pin(pair->created->carried[1], guess);
		CU_ASSERT_EQUAL(rv, i + 1 < LOGIN_FAILURES_MAX ? CKR_PIN_INCORRECT : CKR_PIN_LOCKED);
	}
	CU_ASSERT_EQUAL(sign_with_pin(pair->created->carried[1], USER_PIN), CKR_PIN_LOCKED);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_PIN_LOCKED);
	reply_free(pair);
}

/* ---- keys named by a mechanism's parameter */

static Craton__Reply *derive_with(Craton__ObjectRef *base, Craton__ObjectRef **others, size_t count)
{
	Craton__DeriveKey body = CRATON__DERIVE_KEY__INIT;
	struct template template_ = { .count = 0 };
	Craton__Mechanism mechanism;
	craton__mechanism__init(&mechanism);
	template_number(&template_, CKA_VALUE_LEN, 16);
	mechanism.type = CKM_AES_ECB_ENCRYPT_DATA;
	mechanism.parameter_case = CRATON__MECHANISM__PARAMETER_RAW;
	mechanism.raw = (ProtobufCBinaryData){ 16, (uint8_t *)"sixteen bytes of" };
	mechanism.keys = others;
	mechanism.n_keys = count;
	body.mechanism = &mechanism;
	body.base_key = base;
	body.attributes = template_.list;
	body.n_attributes = template_.count;
	REQUEST(DERIVE_KEY, derive_key, body);
	return talk_ask(&talk, &request);
}

static void keys_named_by_a_parameter_are_judged_too(void)
{
	struct template template_;
	Craton__Reply *base_made, *other_made;
	begin();
	aes(&template_, false);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &other_made), CKR_OK);
	template_bool(&template_, CKA_DERIVE, true);
	CU_ASSERT_EQUAL_FATAL(create(&template_, &base_made), CKR_OK);
	Craton__ObjectRef base = first_of(base_made), other = first_of(other_made);
	Craton__ObjectRef *same[] = { &base, &base, &base }, *not_for_it[] = { &other };
	CU_ASSERT_EQUAL(rv_of(derive_with(&base, NULL, 0)), CKR_OK);
	CU_ASSERT_EQUAL(rv_of(derive_with(&base, not_for_it, 1)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	CU_ASSERT_EQUAL(rv_of(derive_with(&base, same, 1)), CKR_MECHANISM_PARAM_INVALID); /* it names none */
	Craton__Reply *reply = derive_with(&base, same, 3);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_MALFORMED);
	reply_free(reply);
	reply_free(base_made);
	reply_free(other_made);
}

static void the_end(void)
{
	house_close(&house);
}

TESTS("node policy", SAY(nothing_private_is_made_without_a_ticket), SAY(the_officer_sees_no_private_object_and_makes_none),
      SAY(only_the_officer_trusts), SAY(what_is_fixed_stays_as_it_is), SAY(a_key_does_what_it_is_for_by_the_mechanisms_it_is_for),
      SAY(a_key_for_one_hash_signs_nothing_else),
      SAY(a_carried_key_that_was_made_looser_is_no_key_of_ours), SAY(a_careful_key_asks_for_the_pin_each_time),
      SAY(guessing_with_a_careful_key_locks_the_pin), SAY(keys_named_by_a_parameter_are_judged_too), SAY(the_end))
