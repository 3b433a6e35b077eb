/* A node looks after its token: what goes wrong at the token's own doors, and what callers and operators see of it. */
#include "node/health.h"
#include "node/restart.h"
#include "tests/unit/node/key_asks.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static CK_FUNCTION_LIST *p11;
static CK_FUNCTION_LIST real;
static struct id key;

/* In place of the real one: what is linked before it is looked for. */
static atomic_int restarts;

void restart_process(void)
{
	restarts++;
}

/* The token's own word of which one it is. */
static atomic_bool is_another, is_newer;

static CK_RV tell_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = real.C_GetTokenInfo(slot, info);
	if (is_another)
		info->serialNumber[0] = '?';
	if (is_newer)
		info->firmwareVersion.minor++;
	return rv;
}

static void open_house(void)
{
	if (p11)
		return;
	house_prepare(&house);
	house.config.answer_limit_ms = 3000;
	house.config.restart_after_ms = 0;
	house_start(&house, false);
	talk_begin(&talk, &house, 0);
	talk_create_slot(&talk, "health");
	CU_ASSERT_EQUAL_FATAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
	key = generate_token_key("key");
	p11 = token_functions(house.node->token);
	real = *p11;
	p11->C_GetTokenInfo = tell_info;
}

static bool comes_to(enum node_state state)
{
	deadline_ms deadline = deadline_in(60000);
	while (node_state(house.node) != state && !deadline_passed(deadline))
		sched_yield();
	return node_state(house.node) == state;
}

static bool signs(void)
{
	Craton__Fault fault;
	return mac_rv(&key, NULL, &fault) == CKR_OK;
}

/* The token's doors, where a call is refused, once or while it lasts. */
static atomic_int refusals;
static atomic_ulong refusal;

static CK_RV refuse(CK_RV (*function)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *), CK_SESSION_HANDLE session, CK_BYTE *data,
                    CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
	int left = atomic_load(&refusals);
	while (left > 0 && !atomic_compare_exchange_weak(&refusals, &left, left - 1)) {
	}
	return left > 0 ? atomic_load(&refusal) : function(session, data, size, out, out_size);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
	return refuse(real.C_Sign, session, data, size, out, out_size);
}

#define ALWAYS 1000000

static void refuses(CK_RV rv, int times)
{
	refusal = rv;
	refusals = times;
	p11->C_Sign = sign;
}

static void one_sessions_trouble_is_not_the_tokens(void)
{
	Craton__Fault fault;
	open_house();
	uint64_t generation = token_generation(house.node->token);
	CU_ASSERT_TRUE(signs());
	refuses(CKR_SESSION_HANDLE_INVALID, 1);
	mac_rv(&key, NULL, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	CU_ASSERT_EQUAL(node_state(house.node), NODE_SERVING);
	CU_ASSERT_TRUE(signs());
	CU_ASSERT_EQUAL(token_generation(house.node->token), generation);
}

static void a_token_that_fails_is_started_afresh_and_serves_again(void)
{
	Craton__Fault fault;
	open_house();
	uint64_t generation = token_generation(house.node->token);
	refuses(CKR_DEVICE_ERROR, ALWAYS);
	mac_rv(&key, NULL, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	CU_ASSERT_TRUE(comes_to(NODE_TOKEN_OUT));
	mac_rv(&key, NULL, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	refusals = 0;
	CU_ASSERT_TRUE(comes_to(NODE_SERVING));
	CU_ASSERT_TRUE(signs()); /* its key is loaded anew */
	CU_ASSERT_TRUE(token_generation(house.node->token) > generation);
}

static void a_login_that_is_lost_is_made_again(void)
{
	CK_SESSION_HANDLE session;
	Craton__Fault fault;
	open_house();
	CU_ASSERT_EQUAL_FATAL(token_borrow(house.node->token, &session), CKR_OK);
	CU_ASSERT_EQUAL(p11->C_Logout(session), CKR_OK);
	token_return(house.node->token, session, CKR_OK);
	mac_rv(&key, NULL, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	deadline_ms deadline = deadline_in(60000);
	while (!signs() && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_TRUE(signs());
}

/* "General error" is what some tokens say of odd arguments: where the token is well otherwise, the caller hears it. */
static void a_doubtful_answer_is_the_callers_if_the_token_is_well(void)
{
	Craton__Fault fault;
	open_house();
	refuses(CKR_GENERAL_ERROR, 1);
	CU_ASSERT_EQUAL(mac_rv(&key, NULL, &fault), CKR_GENERAL_ERROR);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NONE);
	refuses(CKR_GENERAL_ERROR, ALWAYS);
	mac_rv(&key, NULL, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	refusals = 0;
	CU_ASSERT_TRUE(comes_to(NODE_SERVING));
}

static CK_RV make_no_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_, CK_ULONG public_count,
                          CK_ATTRIBUTE *private_, CK_ULONG private_count, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	(void)session, (void)mechanism, (void)public_, (void)public_count, (void)private_, (void)private_count, (void)public_key, (void)private_key;
	return CKR_GENERAL_ERROR;
}

static CK_RV open_nothing(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key_, CK_BYTE *wrapped, CK_ULONG size,
                          CK_ATTRIBUTE *template_, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	(void)session, (void)mechanism, (void)key_, (void)wrapped, (void)size, (void)template_, (void)count, (void)out;
	return CKR_GENERAL_ERROR;
}

static CK_RV make_pair_on_a_curve(Craton__Fault *fault)
{
	static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	Craton__GenerateKeyPair body = CRATON__GENERATE_KEY_PAIR__INIT;
	Craton__Mechanism mechanism = mechanism_of(CKM_EC_KEY_PAIR_GEN);
	struct template public_ = { .count = 0 };
	template_bytes(&public_, CKA_EC_PARAMS, p256, sizeof p256);
	body.mechanism = &mechanism;
	body.public_attributes = public_.list;
	body.n_public_attributes = public_.count;
	REQUEST(GENERATE_KEY_PAIR, generate_key_pair, body);
	return talk_rv(&talk, &request, fault);
}

static CK_RV unwrap_one(struct key *with, Craton__Fault *fault)
{
	static const ProtobufCBinaryData wrapped = { 24, (uint8_t *)(uintptr_t)"a wrapped key, says he.." };
	Craton__Reply *reply = unwrap(&with->ref, &wrapped, NULL, 0);
	CK_RV rv = reply->rv;
	*fault = reply->fault;
	reply_free(reply);
	return rv;
}

/* What such an answer means of a curve or of a wrapped key is asked only then: of a token that is ill it means nothing. */
static void nor_is_anything_wrong_with_curve_or_wrapped_key_where_the_token_is_ill(void)
{
	Craton__Fault fault;
	open_house();
	struct key with = wrapping_key();
	p11->C_GenerateKeyPair = make_no_pair;
	CU_ASSERT_EQUAL(make_pair_on_a_curve(&fault), CKR_CURVE_NOT_SUPPORTED);
	CU_ASSERT_EQUAL(unwrap_one(&with, &fault), CKR_WRAPPED_KEY_INVALID); /* its key is loaded by now */
	refuses(CKR_GENERAL_ERROR, ALWAYS);
	make_pair_on_a_curve(&fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	refusals = 0;
	p11->C_GenerateKeyPair = real.C_GenerateKeyPair;
	CU_ASSERT_TRUE(comes_to(NODE_SERVING));
	CU_ASSERT_EQUAL(unwrap_one(&with, &fault), CKR_WRAPPED_KEY_INVALID);
	p11->C_UnwrapKey = open_nothing;
	refuses(CKR_GENERAL_ERROR, ALWAYS);
	unwrap_one(&with, &fault);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	refusals = 0;
	p11->C_UnwrapKey = real.C_UnwrapKey;
	CU_ASSERT_TRUE(comes_to(NODE_SERVING));
	reply_free(with.reply);
}

static bool is_started_afresh(void)
{
	Craton__Fault fault;
	deadline_ms deadline = deadline_in(60000);
	uint64_t before = token_generation(house.node->token);
	refuses(CKR_DEVICE_ERROR, 1);
	mac_rv(&key, NULL, &fault); /* it has trouble, so it is looked at */
	while (token_generation(house.node->token) == before && !deadline_passed(deadline))
		sched_yield();
	return token_generation(house.node->token) != before && comes_to(NODE_SERVING);
}

static void another_token_in_its_place_means_a_new_beginning(void)
{
	open_house();
	is_another = true;
	CU_ASSERT_TRUE(is_started_afresh());
	CU_ASSERT_EQUAL(restarts, 1);
	CU_ASSERT_EQUAL(domain_probe(house.node->domain), CKR_OK);
	is_another = false; /* the one that was tried is back */
	CU_ASSERT_TRUE(is_started_afresh());
	CU_ASSERT_EQUAL(restarts, 1);
}

static bool goes_out_and_comes_back(void)
{
	refuses(CKR_DEVICE_REMOVED, ALWAYS);
	signs();
	bool is_out = comes_to(NODE_TOKEN_OUT);
	refusals = 0;
	return is_out && comes_to(NODE_SERVING);
}

/* What was found out about it may not be so any more. */
static void so_does_new_firmware(void)
{
	open_house();
	int before = restarts;
	CK_BYTE minor = token_info(house.node->token).firmwareVersion.minor;
	is_newer = true;
	CU_ASSERT_TRUE(goes_out_and_comes_back());
	CU_ASSERT_EQUAL(restarts, before + 1);
	CU_ASSERT_EQUAL(token_info(house.node->token).firmwareVersion.minor, minor + 1); /* what is said of it is the newest, too */
	is_newer = false;
	CU_ASSERT_TRUE(goes_out_and_comes_back());
	CU_ASSERT_EQUAL(restarts, before + 1);
}

static void a_leader_without_its_token_hands_over_again_and_again(void)
{
	open_house();
	refuses(CKR_DEVICE_REMOVED, ALWAYS);
	signs();
	unsigned before = fake_transfers();
	deadline_ms deadline = deadline_in(60000);
	while (fake_transfers() < before + 2 && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_TRUE(fake_transfers() >= before + 2);
	CU_ASSERT_TRUE(fake_declines()); /* so that nobody whose token is out, too, hands leadership back */
	refusals = 0;
	CU_ASSERT_TRUE(comes_to(NODE_SERVING));
	deadline = deadline_in(60000);
	while (fake_declines() && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_FALSE(fake_declines());
}

/* A door behind which a call stays until it is let go. */
static atomic_bool is_inside, is_let_go;

static CK_RV stay(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG size)
{
	is_inside = true;
	while (!is_let_go)
		sched_yield();
	return real.C_GenerateRandom(session, out, size);
}

static void *ask_for_random(void *context)
{
	Craton__Random body = CRATON__RANDOM__INIT;
	Craton__Fault *fault = context;
	struct talk other = talk;
	REQUEST(RANDOM, random, body);
	body.size = 8;
	talk_rv(&other, &request, fault);
	return NULL;
}

static void a_call_that_does_not_return_takes_the_token_out_until_it_does(void)
{
	Craton__Fault fault, its_fault;
	pthread_t thread;
	open_house();
	is_inside = is_let_go = false;
	p11->C_GenerateRandom = stay;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask_for_random, &its_fault), 0);
	CU_ASSERT_TRUE(comes_to(NODE_TOKEN_HANGS));
	CU_ASSERT_TRUE(is_inside);
	mac_rv(&key, NULL, &fault); /* at once, and without the token */
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NOT_SERVING);
	is_let_go = true;
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(its_fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_TRUE(comes_to(NODE_SERVING));
	CU_ASSERT_TRUE(signs());
	p11->C_GenerateRandom = real.C_GenerateRandom;
}

static CK_RV stay_signing(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *out_size)
{
	is_inside = true;
	while (!is_let_go)
		sched_yield();
	return real.C_Sign(session, data, size, out, out_size);
}

/* The node's own thread is in a token that has just begun to hang. */
static void leadership_is_handed_over_before_anybody_in_the_token_is_waited_for(void)
{
	open_house();
	is_inside = is_let_go = false;
	p11->C_Sign = stay_signing;
	health_tell(house.node->health);
	deadline_ms deadline = deadline_in(60000);
	while (!is_inside && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_TRUE(is_inside);
	node_stop(house.node, deadline_in(10000));
	CU_ASSERT_TRUE(fake_stopped_in_time());
	is_let_go = true;
}

/* Whoever is in its module must not be pulled the ground from under. */
static void a_node_is_not_closed_around_a_call_that_is_in_its_token(void)
{
	CK_SESSION_HANDLE session;
	open_house();
	house.config.stop_ms = 0;
	CU_ASSERT_EQUAL_FATAL(token_borrow(house.node->token, &session), CKR_OK);
	CU_ASSERT_FALSE_FATAL(node_close(house.node));
	token_return(house.node->token, session, CKR_OK);
	CU_ASSERT_TRUE(node_close(house.node));
	house.node = NULL;
	house_close(&house);
}

TESTS("node health", SAY(one_sessions_trouble_is_not_the_tokens), SAY(a_token_that_fails_is_started_afresh_and_serves_again),
      SAY(a_login_that_is_lost_is_made_again), SAY(a_doubtful_answer_is_the_callers_if_the_token_is_well),
      SAY(nor_is_anything_wrong_with_curve_or_wrapped_key_where_the_token_is_ill),
      SAY(another_token_in_its_place_means_a_new_beginning), SAY(so_does_new_firmware),
      SAY(a_leader_without_its_token_hands_over_again_and_again),
      SAY(a_call_that_does_not_return_takes_the_token_out_until_it_does),
      SAY(leadership_is_handed_over_before_anybody_in_the_token_is_waited_for),
      SAY(a_node_is_not_closed_around_a_call_that_is_in_its_token))
