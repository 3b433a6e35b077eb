/* Each function in each state: what it answers, well-called, before C_Initialize, without a session, and in a
 * session of every kind that chapter 4.4 of the usage guide knows. */
#include "tests/conformance/states.h"

static const char *const state_names[STATES] = { "R/O public", "R/W public", "R/O user", "R/W user", "R/W SO" };

struct fixture fixture;

static CK_OBJECT_HANDLE make_public_secret(CK_SESSION_HANDLE session, CK_KEY_TYPE type, CK_ULONG size)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = { type == CKK_AES ? CKM_AES_KEY_GEN : CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, size), ATTR_BOOL(CKA_PRIVATE, CK_FALSE), ATTR_BOOL(CKA_ENCRYPT, CK_TRUE),
		ATTR_BOOL(CKA_DECRYPT, CK_TRUE), ATTR_BOOL(CKA_SIGN, CK_TRUE), ATTR_BOOL(CKA_VERIFY, CK_TRUE),
		ATTR_BOOL(CKA_WRAP, CK_TRUE), ATTR_BOOL(CKA_UNWRAP, CK_TRUE), ATTR_BOOL(CKA_DERIVE, CK_TRUE),
		ATTR_BOOL(CKA_SENSITIVE, CK_FALSE), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE));
	EXPECT(P11->C_GenerateKey(session, &mechanism, template_, COUNT(template_), &key), CKR_OK);
	return key;
}

static struct key_pair make_public_rsa(CK_SESSION_HANDLE session)
{
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_BYTE exponent[] = { 1, 0, 1 };
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	TEMPLATE(public_key, ATTR_ULONG(CKA_MODULUS_BITS, 1024), ATTR_BYTES(CKA_PUBLIC_EXPONENT, exponent));
	TEMPLATE(private_key, ATTR_BOOL(CKA_PRIVATE, CK_FALSE));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, public_key, COUNT(public_key), private_key, COUNT(private_key),
		&pair.public_key, &pair.private_key), CKR_OK);
	return pair;
}

/* Public session objects of a session that stays: every state sees them. */
void fixture_make(void)
{
	CK_SESSION_INFO info;
	if (P11->C_GetSessionInfo(fixture.session, &info) == CKR_OK)
		return;
	fixture.session = session_open(RW);
	fixture.aes = make_public_secret(fixture.session, CKK_AES, 16);
	fixture.hmac = make_public_secret(fixture.session, CKK_GENERIC_SECRET, 32);
	fixture.data = make_data(fixture.session, SESSION_OBJECT, "fixture");
	fixture.rsa = make_public_rsa(fixture.session);
}

/* Logged in as the state has it; the fixture's session is R/W and tells. */
static CK_SESSION_HANDLE enter(enum state state)
{
	static const CK_STATE wanted[] = { CKS_RW_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION, CKS_RW_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS,
		CKS_RW_SO_FUNCTIONS };
	CK_SESSION_INFO info = { 0 };
	fixture_make();
	EXPECT(P11->C_GetSessionInfo(fixture.session, &info), CKR_OK);
	if (info.state != wanted[state] && state == RW_SO)
		login_so();
	else if (info.state != wanted[state])
		login_user();
	if (state == RO_PUBLIC || state == RW_PUBLIC)
		logout();
	return session_open(state == RO_PUBLIC || state == RO_USER ? RO : RW);
}

static const struct calls *const tables[] = { &calls_general, &calls_objects, &calls_ciphers, &calls_signatures, &calls_keys,
	&calls_messages };

/* The next of all tables that this module can be asked; NULL at the end. */
static const struct call *next_call(size_t *table, size_t *place)
{
	for (; *table < COUNT(tables); ++*table, *place = 0)
		while (*place < tables[*table]->count) {
			const struct call *call = &tables[*table]->list[(*place)++];
			if (!call->is_3_0 || token.p11_3)
				return call;
		}
	return NULL;
}
#define FOR_EACH_CALL(call) \
	for (size_t table_ = 0, place_ = 0, once_ = 1; once_; once_ = 0) \
		for (const struct call *call; (call = next_call(&table_, &place_));)

static void check(const struct call *call, const char *state, CK_RV got, CK_RV want)
{
	observe("state", call->name, state, rv_short(got));
	if (got != want && token.is_softhsm && call->softhsm)
		observe_deviation(call->name, rv_text(got), call->softhsm);
	else
		CU_assertImplementation(expect_rv(got, want, call->name, state, 0), __LINE__, call->name, __FILE__, "", CU_FALSE);
}

/* Does the token lack what the call is about? */
static bool is_lacking(const struct call *call)
{
	CK_MECHANISM_INFO info = { .flags = 0 };
	EXPECT(P11->C_GetMechanismInfo(token.slot, CKM_RSA_PKCS, &info), CKR_OK);
	return call->recovers && !(info.flags & CKF_SIGN_RECOVER) && !token.is_softhsm;
}

static CK_RV wanted(const struct call *call, enum state state)
{
	return call->want[state] == CKR_OK && is_lacking(call) ? CKR_MECHANISM_INVALID : call->want[state];
}

static void every_function_answers_in_every_state(void)
{
	for (enum state state = 0; state < STATES; state++)
		FOR_EACH_CALL(call) {
			CK_SESSION_HANDLE session = enter(state);
			if (call->before)
				call->before();
			check(call, state_names[state], call->call(session), wanted(call, state));
			P11->C_CloseSession(session);
		}
}

static void every_function_refuses_a_session_that_is_closed(void)
{
	CK_SESSION_HANDLE closed = session_open(RW);
	fixture_make();
	session_close(closed);
	FOR_EACH_CALL(call)
		if (!call->needs_no_session)
			check(call, "closed session", call->call(closed),
				call->is_parallel ? CKR_FUNCTION_NOT_PARALLEL : CKR_SESSION_HANDLE_INVALID);
}

/* The handles were good a moment ago. */
static CK_RV wanted_before(const struct call *call)
{
	return call->is_always_there ? CKR_OK : call->is_parallel ? CKR_FUNCTION_NOT_PARALLEL : CKR_CRYPTOKI_NOT_INITIALIZED;
}

static void every_function_waits_for_c_initialize(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	fixture_make();
	EXPECT(P11->C_Finalize(NULL), CKR_OK);
	FOR_EACH_CALL(call)
		check(call, "not initialized", call->call(session), wanted_before(call));
	EXPECT(P11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	initialize();
}

static int waits_for_c_initialize(CK_SESSION_HANDLE session)
{
	int wrong = 0;
	FOR_EACH_CALL(call)
		wrong += !expect_rv(call->call(session), wanted_before(call), call->name, "a forked child", 0);
	return wrong;
}

/* The handles are good, in the parent. */
static void every_function_waits_for_it_in_a_forked_child_too(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_SESSION_INFO info;
	fixture_make();
	if (!token.is_softhsm)
		CU_ASSERT_EQUAL(in_a_child(waits_for_c_initialize, session), 0);
	EXPECT(P11->C_GetSessionInfo(session, &info), CKR_OK);
	session_close(session);
}

static void an_operation_is_begun_before_it_goes_on_and_not_twice(void)
{
	FOR_EACH_CALL(call) {
		if (!call->begin || is_lacking(call))
			continue;
		CK_SESSION_HANDLE session = enter(RW_USER);
		CK_RV begun = call->begin(session);
		if (begun == CKR_OK)
			check(call, "operation active", call->call(session), call->want_active);
		else
			check(call, "operation active", begun, CKR_OK);
		P11->C_CloseSession(session);
	}
}

/* 68 functions, of which C_Initialize and C_Finalize have sentences of their own; 3.0 adds C_GetInterfaceList,
 * C_GetInterface, C_LoginUser, C_SessionCancel and twenty for messages. */
static void no_function_is_forgotten(void)
{
	size_t count = 0;
	FOR_EACH_CALL(call)
		count += strchr(call->name, '(') == NULL;
	CU_ASSERT_EQUAL(count, token.p11_3 ? 66 + 24 : 66);
}

CHAPTER(states,
	SAY(every_function_answers_in_every_state),
	SAY(every_function_refuses_a_session_that_is_closed),
	SAY(an_operation_is_begun_before_it_goes_on_and_not_twice),
	SAY(every_function_waits_for_c_initialize),
	SAY(every_function_waits_for_it_in_a_forked_child_too),
	SAY(no_function_is_forgotten));
