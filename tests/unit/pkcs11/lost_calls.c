/* Every function that asks a member loses it: before the question, or after it was done and before the answer has come. The call succeeds
 * nevertheless, and what it changes is changed once. */
#include "tests/unit/pkcs11/module.h"
#include <pthread.h>

static CK_BYTE iv[16] = { 3, 1, 4 }, text[32] = "thirty-two bytes, as it happens", out[512];
static CK_ULONG size;
static CK_BBOOL yes = CK_TRUE;
static CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 }, ecdsa = { CKM_ECDSA, NULL, 0 }, cbc = { CKM_AES_CBC, iv, 16 },
	rsa = { CKM_RSA_PKCS, NULL, 0 }, wrap = { CKM_AES_KEY_WRAP, NULL, 0 }, aes_generation = { CKM_AES_KEY_GEN, NULL, 0 },
	ec_generation = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, sha256 = { CKM_SHA256, NULL, 0 }, gcm = { CKM_AES_GCM, NULL, 0 };
static CK_ATTRIBUTE stored = { CKA_TOKEN, &yes, 1 }, label = { CKA_LABEL, text, 9 };

/* What a call finds, new for each. */
struct scene {
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE aes, secret, ec, ec_public, rsa, rsa_public, data, fleeting, made, made_too;
	CK_ULONG wrapped_size;
	CK_BYTE wrapped[TOY_WRAPPED_SIZE], mac[32];
};

static void make_scene(struct scene *s)
{
	CK_MECHANISM generation = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	module_prepare(2, "interval = 5ms\nwait = 1h"); /* which the time for a command cuts short */
	EXPECT(C_Initialize(NULL), CKR_OK);
	*s = (struct scene){ .session = open_session(RW), .wrapped_size = TOY_WRAPPED_SIZE };
	EXPECT(login(s->session, CKU_USER, TOY_PIN), CKR_OK);
	s->aes = make_aes(s->session, true, "aes");
	EXPECT(C_GenerateKey(s->session, &generation, &stored, 1, &s->secret), CKR_OK);
	make_ec(s->session, true, &s->ec_public, &s->ec);
	make_rsa(s->session, &s->rsa_public, &s->rsa);
	s->data = make_data(s->session, true, "data");
	s->fleeting = make_data(s->session, false, "fleeting");
	EXPECT(C_WrapKey(s->session, &wrap, s->aes, s->secret, s->wrapped, &s->wrapped_size), CKR_OK);
	size = sizeof s->mac;
	EXPECT(C_SignInit(s->session, &hmac, s->secret), CKR_OK);
	EXPECT(C_Sign(s->session, text, 32, s->mac, &size), CKR_OK);
	size = sizeof out;
}

/* ---- the calls, each the shortest that asks */

static CK_RV token_info(struct scene *s) { (void)s; return C_GetTokenInfo(SLOT, &(CK_TOKEN_INFO){ 0 }); }
static CK_RV random_bytes_drawn(struct scene *s) { return C_GenerateRandom(s->session, out, 32); }
static CK_RV create_stored(struct scene *s) { return C_CreateObject(s->session, &stored, 1, &s->made); }
static CK_RV create_fleeting(struct scene *s) { return C_CreateObject(s->session, &label, 1, &s->made); }
static CK_RV copy(struct scene *s) { return C_CopyObject(s->session, s->data, &label, 1, &s->made); }
static CK_RV copy_fleeting(struct scene *s) { return C_CopyObject(s->session, s->fleeting, &stored, 1, &s->made); }
static CK_RV destroy(struct scene *s) { return C_DestroyObject(s->session, s->data); }
static CK_RV object_size(struct scene *s) { return C_GetObjectSize(s->session, s->data, &size); }
static CK_RV change(struct scene *s) { return C_SetAttributeValue(s->session, s->data, &label, 1); }
static CK_RV change_fleeting(struct scene *s) { return C_SetAttributeValue(s->session, s->fleeting, &label, 1); }
static CK_RV generate(struct scene *s) { return C_GenerateKey(s->session, &aes_generation, &stored, 1, &s->made); }
static CK_RV generate_fleeting(struct scene *s) { return C_GenerateKey(s->session, &aes_generation, NULL, 0, &s->made); }
static CK_RV generate_pair(struct scene *s)
{
	return C_GenerateKeyPair(s->session, &ec_generation, &stored, 1, &stored, 1, &s->made, &s->made_too);
}
static CK_RV wrap_key(struct scene *s) { return C_WrapKey(s->session, &wrap, s->aes, s->secret, out, &size); }
static CK_RV unwrap_key(struct scene *s)
{
	return C_UnwrapKey(s->session, &wrap, s->aes, s->wrapped, s->wrapped_size, &stored, 1, &s->made);
}

static CK_RV derive(struct scene *s)
{
	CK_KEY_DERIVATION_STRING_DATA more = { text, 4 };
	CK_MECHANISM mechanism = { CKM_CONCATENATE_BASE_AND_DATA, &more, sizeof more };
	return C_DeriveKey(s->session, &mechanism, s->secret, &stored, 1, &s->made);
}

static CK_RV log_in(struct scene *s)
{
	EXPECT(C_Logout(s->session), CKR_OK);
	return login(s->session, CKU_USER, TOY_PIN);
}

static CK_RV set_pin(struct scene *s)
{
	return C_SetPIN(s->session, BYTES(TOY_PIN), strlen(TOY_PIN), BYTES("5678"), 4);
}

static CK_RV init_pin(struct scene *s)
{
	EXPECT(C_Logout(s->session), CKR_OK);
	CK_RV rv = login(s->session, CKU_SO, TOY_SO_PIN);
	return rv == CKR_OK ? C_InitPIN(s->session, BYTES("5678"), 4) : rv;
}

static CK_RV init_token(struct scene *s)
{
	CK_UTF8CHAR name[32] = { 0 };
	memset(name, ' ', sizeof name);
	EXPECT(C_CloseSession(s->session), CKR_OK);
	return C_InitToken(SLOT, BYTES(TOY_SO_PIN), strlen(TOY_SO_PIN), name);
}

static CK_RV read_attribute(struct scene *s)
{
	CK_ATTRIBUTE ask = { CKA_LABEL, out, sizeof out };
	CK_RV rv = C_GetAttributeValue(s->session, s->data, &ask, 1);
	CU_ASSERT(rv != CKR_OK || (ask.ulValueLen == 4 && memcmp(out, "data", 4) == 0));
	return rv;
}

static CK_RV find(struct scene *s)
{
	CK_ATTRIBUTE wanted = { CKA_LABEL, BYTES("data"), 4 };
	CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
	CK_ULONG count;
	CK_RV rv = C_FindObjectsInit(s->session, &wanted, 1);
	if (rv == CKR_OK)
		rv = C_FindObjects(s->session, &found, 1, &count);
	CU_ASSERT(rv != CKR_OK || found == s->data);
	return rv;
}

static CK_RV sign_with(struct scene *s, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = C_SignInit(s->session, mechanism, key);
	return rv == CKR_OK ? C_Sign(s->session, text, 32, out, &size) : rv;
}

static CK_RV sign(struct scene *s)
{
	CK_RV rv = sign_with(s, &hmac, s->secret);
	CU_ASSERT(rv != CKR_OK || memcmp(out, s->mac, 32) == 0);
	return rv;
}

static CK_RV verify(struct scene *s)
{
	CK_RV rv = C_VerifyInit(s->session, &hmac, s->secret);
	return rv == CKR_OK ? C_Verify(s->session, text, 32, s->mac, 32) : rv;
}

static CK_RV sign_with_private_key(struct scene *s) { return sign_with(s, &ecdsa, s->ec); }

static CK_RV recover(struct scene *s)
{
	CK_BYTE back[512];
	CK_ULONG back_size = sizeof back;
	CK_RV rv = C_SignRecoverInit(s->session, &rsa, s->rsa);
	if (rv == CKR_OK)
		rv = C_SignRecover(s->session, text, 32, out, &size);
	if (rv == CKR_OK)
		rv = C_VerifyRecoverInit(s->session, &rsa, s->rsa_public);
	return rv == CKR_OK ? C_VerifyRecover(s->session, out, size, back, &back_size) : rv;
}

static CK_RV encipher(struct scene *s)
{
	CK_BYTE back[32];
	CK_ULONG back_size = sizeof back;
	CK_RV rv = C_EncryptInit(s->session, &cbc, s->aes);
	if (rv == CKR_OK)
		rv = C_Encrypt(s->session, text, 32, out, &size);
	if (rv == CKR_OK)
		rv = C_DecryptInit(s->session, &cbc, s->aes);
	if (rv == CKR_OK)
		rv = C_Decrypt(s->session, out, 32, back, &back_size);
	CU_ASSERT(rv != CKR_OK || memcmp(back, text, 32) == 0);
	return rv;
}

/* With an IV that is drawn: a question of its own. */
static CK_RV encipher_message(struct scene *s)
{
	CK_BYTE drawn[12], tag[16];
	CK_GCM_MESSAGE_PARAMS parameter = { drawn, sizeof drawn, 0, CKG_GENERATE_RANDOM, tag, 128 };
	CK_RV rv = C_MessageEncryptInit(s->session, &gcm, s->aes);
	return rv == CKR_OK ? C_EncryptMessage(s->session, &parameter, sizeof parameter, NULL, 0, text, 32, out, &size) : rv;
}

static CK_RV digest_key(struct scene *s)
{
	EXPECT(C_DigestInit(s->session, &sha256), CKR_OK);
	CK_RV rv = C_DigestKey(s->session, s->secret);
	return rv == CKR_KEY_INDIGESTIBLE ? CKR_OK : rv; /* as a member says */
}

/* For one use of a key. */
static CK_RV log_in_once_more(struct scene *s)
{
	CK_ATTRIBUTE wary[] = { { CKA_ALWAYS_AUTHENTICATE, &yes, 1 } };
	CK_MECHANISM generation = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_RV rv = C_GenerateKey(s->session, &generation, wary, 1, &s->made);
	if (rv == CKR_OK)
		rv = C_SignInit(s->session, &hmac, s->made);
	if (rv == CKR_OK)
		rv = login(s->session, CKU_CONTEXT_SPECIFIC, TOY_PIN);
	return rv == CKR_OK ? C_Sign(s->session, text, 32, out, &size) : rv;
}

#define CALL(name) { #name, name }
static const struct call {
	const char *name;
	CK_RV (*run)(struct scene *scene);
} calls[] = {
	CALL(token_info), CALL(random_bytes_drawn), CALL(create_stored), CALL(create_fleeting), CALL(copy), CALL(copy_fleeting), CALL(destroy),
	CALL(object_size), CALL(change), CALL(change_fleeting), CALL(generate), CALL(generate_fleeting), CALL(generate_pair), CALL(wrap_key),
	CALL(unwrap_key), CALL(derive), CALL(log_in), CALL(set_pin), CALL(init_pin), CALL(init_token), CALL(read_attribute), CALL(find),
	CALL(sign), CALL(verify), CALL(sign_with_private_key), CALL(recover), CALL(encipher), CALL(encipher_message), CALL(digest_key),
	CALL(log_in_once_more),
};

/* What is there, before and after. */
struct effect {
	size_t objects;
	uint64_t changes;
	unsigned pins;
};

static struct effect run_in(const struct call *call, struct scene *scene, int moment)
{
	struct effect before = { module.toy.count, module.toy.index, module.toy.generation };
	CU_ASSERT(expect_rv(call->run(scene), CKR_OK, call->name, moment));
	return (struct effect){ module.toy.count - before.objects, module.toy.index - before.changes, module.toy.generation - before.pins };
}

static bool is_same(const struct effect *one, const struct effect *other, const struct call *call, int moment)
{
	bool is = one->objects == other->objects && one->changes == other->changes && one->pins == other->pins;
	if (!is)
		printf("    %s: done more than once, or not at all, lost at %d\n", call->name, moment);
	return is;
}

static struct effect in_peace(const struct call *call, unsigned *questions)
{
	struct scene scene;
	make_scene(&scene);
	module.toy.cut_at = 1000;
	struct effect effect = run_in(call, &scene, 0);
	*questions = 1000 - module.toy.cut_at;
	module_stop();
	return effect;
}

static void every_call_outlives_the_member_that_has_done_it(void)
{
	for (const struct call *call = calls; call < calls + COUNT(calls); call++) {
		unsigned questions;
		struct effect quiet = in_peace(call, &questions);
		CU_ASSERT(questions > 0);
		for (unsigned i = 1; i <= questions; i++) {
			struct scene scene;
			make_scene(&scene);
			module.toy.cut_at = i;
			struct effect effect = run_in(call, &scene, (int)i);
			CU_ASSERT_EQUAL(module.toy.cut_at, 0);
			CU_ASSERT(is_same(&effect, &quiet, call, (int)i));
			module_stop();
		}
	}
}

static void every_call_outlives_the_member_that_was_there_a_moment_ago(void)
{
	for (const struct call *call = calls; call < calls + COUNT(calls); call++)
		for (size_t victim = 0; victim < 2; victim++) {
			unsigned questions;
			struct scene scene;
			struct effect quiet = in_peace(call, &questions);
			make_scene(&scene);
			node_stop(victim);
			struct effect effect = run_in(call, &scene, (int)victim);
			CU_ASSERT(is_same(&effect, &quiet, call, (int)victim));
			module_stop();
		}
}

static void *get_one_back(void *slot)
{
	CK_RV rv = C_WaitForSlotEvent(0, slot, NULL); /* the loss */
	node_start(1);
	return (void *)(uintptr_t)rv;
}

static void every_call_waits_when_all_are_lost_until_one_is_back(void)
{
	for (const struct call *call = calls; call < calls + COUNT(calls); call++) {
		unsigned questions;
		struct scene scene;
		pthread_t thread;
		CK_SLOT_ID slot;
		void *rv;
		struct effect quiet = in_peace(call, &questions);
		make_scene(&scene);
		node_stop(0);
		node_stop(1);
		pthread_create(&thread, NULL, get_one_back, &slot);
		struct effect effect = run_in(call, &scene, 0);
		pthread_join(thread, &rv);
		EXPECT((CK_RV)(uintptr_t)rv, CKR_OK);
		CU_ASSERT(is_same(&effect, &quiet, call, 0));
		module_stop();
	}
}

TESTS("pkcs11 lost calls", SAY(every_call_outlives_the_member_that_has_done_it),
	SAY(every_call_outlives_the_member_that_was_there_a_moment_ago), SAY(every_call_waits_when_all_are_lost_until_one_is_back))
