/* Keys that ask for the PIN each time (CKA_ALWAYS_AUTHENTICATE). */
#include "tests/unit/pkcs11/module.h"

static CK_BYTE text[32] = "what a wary key is used for";

static CK_OBJECT_HANDLE make_wary(CK_SESSION_HANDLE session)
{
	CK_MECHANISM generation = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE open[] = { { CKA_EC_PARAMS, p256, sizeof p256 } }, closed[] = { { CKA_ALWAYS_AUTHENTICATE, &yes, 1 } };
	CK_OBJECT_HANDLE public_key, key = CK_INVALID_HANDLE;
	EXPECT(C_GenerateKeyPair(session, &generation, open, 1, closed, 1, &public_key, &key), CKR_OK);
	return key;
}

static void a_wary_key_wants_the_pin_for_each_use(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_wary(session);
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OPERATION_NOT_INITIALIZED);
	for (int i = 0; i < 2; i++) {
		EXPECT(C_SignInit(session, &ecdsa, key), CKR_OK);
		EXPECT(C_Sign(session, text, 32, signature, &size), CKR_USER_NOT_LOGGED_IN);
		EXPECT(C_Sign(session, text, 32, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
		EXPECT(C_SignInit(session, &ecdsa, key), CKR_OK);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, "wrong"), CKR_PIN_INCORRECT);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OK);
		EXPECT(C_Sign(session, text, 32, NULL, &size), CKR_OK); /* no use of it */
		EXPECT(C_Sign(session, text, 32, signature, &size), CKR_OK);
		CU_ASSERT_STRING_EQUAL(module.toy.operation_pin, TOY_PIN);
	}
	module_stop();
}

/* The result that waits is its use; other data would be another. */
static void a_login_is_for_one_use_also_where_the_room_was_too_small(void)
{
	CK_SESSION_HANDLE session = module_start();
	static CK_BYTE iv[16] = { 3, 1, 4 };
	CK_MECHANISM generation = { CKM_AES_KEY_GEN, NULL, 0 }, cbc_pad = { CKM_AES_CBC_PAD, iv, 16 };
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG value_size = 16, size = 1, all = 32;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &value_size, sizeof value_size }, { CKA_ALWAYS_AUTHENTICATE, &yes, 1 } };
	CK_OBJECT_HANDLE key;
	CK_BYTE cipher[32], other[32], back[32];
	EXPECT(C_GenerateKey(session, &generation, template, 2, &key), CKR_OK);
	EXPECT(C_EncryptInit(session, &cbc_pad, key), CKR_OK);
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OK);
	EXPECT(C_Encrypt(session, text, 20, cipher, &all), CKR_OK);
	memcpy(other, cipher, 32);
	other[0] ^= 1;
	for (int is_other = 0; is_other < 2; is_other++) {
		EXPECT(C_DecryptInit(session, &cbc_pad, key), CKR_OK);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OK);
		size = 1;
		EXPECT(C_Decrypt(session, cipher, 32, back, &size), CKR_BUFFER_TOO_SMALL);
		EXPECT(C_Decrypt(session, is_other ? other : cipher, 32, back, &size), is_other ? CKR_USER_NOT_LOGGED_IN : CKR_OK);
		CU_ASSERT(is_other || (size == 20 && memcmp(back, text, 20) == 0));
	}
	module_stop();
}

static CK_MECHANISM ecdsa_sha256 = { CKM_ECDSA_SHA256, NULL, 0 };

static CK_RV sign_message(CK_SESSION_HANDLE session)
{
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	memset(module.toy.operation_pin, 0, sizeof module.toy.operation_pin);
	return C_SignMessage(session, NULL, 0, text, 32, signature, &size);
}

/* Before it, or when it has begun. */
static void each_message_wants_its_pin(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	EXPECT(C_MessageSignInit(session, &ecdsa_sha256, make_wary(session)), CKR_OK);
	for (int i = 0; i < 2; i++) {
		EXPECT(sign_message(session), CKR_USER_NOT_LOGGED_IN);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, "wrong"), CKR_PIN_INCORRECT);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OK);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OPERATION_NOT_INITIALIZED);
		EXPECT(C_SignMessage(session, NULL, 0, text, 32, NULL, &size), CKR_OK); /* no use of it */
		EXPECT(sign_message(session), CKR_OK);
		CU_ASSERT_STRING_EQUAL(module.toy.operation_pin, TOY_PIN);
	}
	EXPECT(C_SignMessageBegin(session, NULL, 0), CKR_OK);
	EXPECT(C_SignMessageNext(session, NULL, 0, text, 16, NULL, NULL), CKR_OK);
	EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OK);
	EXPECT(C_SignMessageNext(session, NULL, 0, text + 16, 16, signature, &size), CKR_OK);
	CU_ASSERT_STRING_EQUAL(module.toy.operation_pin, TOY_PIN);
	EXPECT(C_MessageSignFinal(session), CKR_OK);
	module_stop();
}

static void logging_out_forgets_pins_in_every_session(void)
{
	CK_SESSION_HANDLE session = module_start(), other = open_session(RW);
	CK_OBJECT_HANDLE key = make_wary(session);
	CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
	CK_BYTE signature[64];
	CK_ULONG size = sizeof signature;
	for (int i = 0; i < 2; i++) {
		EXPECT(C_SignInit(session, &ecdsa, key), CKR_OK);
		EXPECT(C_MessageSignInit(session, &ecdsa_sha256, key), CKR_OK);
		EXPECT(login(session, CKU_CONTEXT_SPECIFIC, TOY_PIN), CKR_OK); /* for both */
		EXPECT(C_Logout(i ? session : other), CKR_OK);
		EXPECT(login(other, CKU_USER, TOY_PIN), CKR_OK);
		EXPECT(sign_message(session), CKR_USER_NOT_LOGGED_IN);
		EXPECT(C_Sign(session, text, 32, signature, &size), CKR_USER_NOT_LOGGED_IN);
		EXPECT(C_MessageSignFinal(session), CKR_OK);
		key = make_wary(session); /* a private session object goes with the login */
	}
	module_stop();
}

TESTS("pkcs11 wary", SAY(each_message_wants_its_pin), SAY(logging_out_forgets_pins_in_every_session), SAY(a_wary_key_wants_the_pin_for_each_use),
	SAY(a_login_is_for_one_use_also_where_the_room_was_too_small))
