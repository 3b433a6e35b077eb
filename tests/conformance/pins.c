/* PINs: what the token says of them, how they lock, who unlocks them, and keys that ask each time. */
#include "tests/conformance/suite.h"

#define COUNTS (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)

static CK_UTF8CHAR *text(const char *pin) { return (CK_UTF8CHAR_PTR)(uintptr_t)pin; }
static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
	return P11->C_Login(session, user, text(pin), strlen(pin));
}

static CK_FLAGS flags(void)
{
	CK_TOKEN_INFO info = { .flags = 0 };
	EXPECT(P11->C_GetTokenInfo(token.slot, &info), CKR_OK);
	return info.flags;
}

/* "True if an incorrect user login PIN has been entered at least once since the last successful authentication." */
static void a_wrong_pin_shows_until_the_next_login(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	logout();
	CU_ASSERT_EQUAL(flags() & COUNTS, 0);
	EXPECT(login(session, CKU_USER, "not the PIN"), CKR_PIN_INCORRECT);
	CU_ASSERT(flags() & CKF_USER_PIN_COUNT_LOW);
	EXPECT(login(session, CKU_USER, token.user_pin), CKR_OK);
	CU_ASSERT_EQUAL(flags() & COUNTS, 0);
	session_close(session);
}

static void the_so_sets_a_new_pin(CK_SESSION_HANDLE session)
{
	EXPECT(login(session, CKU_SO, token.so_pin), CKR_OK);
	EXPECT(P11->C_InitPIN(session, text(token.user_pin), strlen(token.user_pin)), CKR_OK);
	EXPECT(P11->C_Logout(session), CKR_OK);
	CU_ASSERT_EQUAL(flags() & COUNTS, 0);
	EXPECT(login(session, CKU_USER, token.user_pin), CKR_OK);
}

/* "Supplying an incorrect user PIN will make it to become locked": after how many is the token's affair. */
static void too_many_wrong_pins_lock_and_the_so_unlocks(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	bool was_final = false;
	CK_RV rv = CKR_PIN_INCORRECT;
	logout();
	if (token.is_softhsm) {
		observe_deviation("C_Login", "CKR_PIN_INCORRECT", "it counts no wrong PINs");
		session_close(session);
		return;
	}
	for (int tries = 0; tries < 100 && !(flags() & CKF_USER_PIN_LOCKED); tries++) {
		was_final = flags() & CKF_USER_PIN_FINAL_TRY;
		rv = login(session, CKU_USER, "not the PIN");
		CU_ASSERT(rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED);
	}
	CU_ASSERT(was_final);
	CU_ASSERT(flags() & CKF_USER_PIN_LOCKED);
	EXPECT(login(session, CKU_USER, token.user_pin), CKR_PIN_LOCKED);
	the_so_sets_a_new_pin(session);
	session_close(session);
}

/* ---- keys that ask for the PIN at each use (4.9) */

static struct key_pair make_asking(CK_SESSION_HANDLE session)
{
	static const CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	struct key_pair pair = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	TEMPLATE(public_key, ATTR_BYTES(CKA_EC_PARAMS, p256));
	TEMPLATE(private_key, ATTR_BOOL(CKA_ALWAYS_AUTHENTICATE, CK_TRUE), ATTR_BOOL(CKA_PRIVATE, CK_TRUE), ATTR_BOOL(CKA_SIGN, CK_TRUE));
	EXPECT(P11->C_GenerateKeyPair(session, &mechanism, public_key, 1, private_key, COUNT(private_key), &pair.public_key,
		&pair.private_key), CKR_OK);
	return pair;
}

static CK_RV sign(CK_SESSION_HANDLE session)
{
	CK_BYTE digest[32] = { 1 }, signature[64];
	CK_ULONG size = sizeof signature;
	return P11->C_Sign(session, digest, sizeof digest, signature, &size);
}

static void a_key_may_ask_for_the_pin_each_time(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair pair = make_asking(session);
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	EXPECT(P11->C_SignInit(session, &ecdsa, pair.private_key), CKR_OK);
	EXPECT(sign(session), CKR_USER_NOT_LOGGED_IN);
	for (int i = 0; i < 2; i++) { /* each time */
		EXPECT(P11->C_SignInit(session, &ecdsa, pair.private_key), CKR_OK);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, token.user_pin), CKR_OK);
		EXPECT(sign(session), CKR_OK);
	}
	EXPECT(P11->C_SignInit(session, &ecdsa, pair.private_key), CKR_OK);
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, "not the PIN"), CKR_PIN_INCORRECT);
	EXPECT(sign(session), CKR_USER_NOT_LOGGED_IN);
	session_close(session);
	login_user(); /* the wrong PIN is forgotten */
}

/* "C_Login will return CKR_OPERATION_NOT_INITIALIZED, but the active cryptographic operation will not be affected." */
static void a_key_that_does_not_ask_needs_no_answer(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	struct key_pair pair = make_ec(session, SESSION_OBJECT, "P-256", "silent");
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, token.user_pin), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(P11->C_SignInit(session, &ecdsa, pair.private_key), CKR_OK);
	EXPECT_SOFTHSM_DEVIATES(login(session, CKU_CONTEXT_SPECIFIC, token.user_pin), CKR_OPERATION_NOT_INITIALIZED, "it takes any context");
	EXPECT(sign(session), CKR_OK);
	session_close(session);
}

static void a_key_that_asks_is_private(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE one, two;
	static const CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	TEMPLATE(public_key, ATTR_BYTES(CKA_EC_PARAMS, p256));
	TEMPLATE(private_key, ATTR_BOOL(CKA_ALWAYS_AUTHENTICATE, CK_TRUE), ATTR_BOOL(CKA_PRIVATE, CK_FALSE));
	EXPECT_SOFTHSM_DEVIATES(P11->C_GenerateKeyPair(session, &(CK_MECHANISM){ CKM_EC_KEY_PAIR_GEN, NULL, 0 }, public_key, 1, private_key, 2, &one, &two),
		CKR_TEMPLATE_INCONSISTENT, "it does not compare the two");
	session_close(session);
}

CHAPTER(pins,
	SAY(a_wrong_pin_shows_until_the_next_login),
	SAY(too_many_wrong_pins_lock_and_the_so_unlocks),
	SAY(a_key_may_ask_for_the_pin_each_time),
	SAY(a_key_that_does_not_ask_needs_no_answer),
	SAY(a_key_that_asks_is_private));
