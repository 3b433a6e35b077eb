/* Operations that are saved and go on elsewhere. */
#include "tests/unit/pkcs11/module.h"

static CK_BYTE iv[16] = { 7 }, data[64] = "what was begun here goes on there, as if it had never been away", out[128];
static CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 }, hmac = { CKM_SHA256_HMAC, NULL, 0 }, cbc = { CKM_AES_CBC, iv, 16 };
static CK_MECHANISM ecdsa = { CKM_ECDSA_SHA256, NULL, 0 }, generic = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
static CK_BYTE state[256];

static CK_ULONG save(CK_SESSION_HANDLE s)
{
	CK_ULONG size = 0, room;
	EXPECT(C_GetOperationState(s, NULL, &size), CKR_OK);
	room = size - 1;
	EXPECT(C_GetOperationState(s, state, &room), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(room, size);
	EXPECT(C_GetOperationState(s, state, &room), CKR_OK);
	return size;
}

static void a_digest_goes_on_in_two_sessions(void)
{
	CK_SESSION_HANDLE s = module_start(), other = open_session(RO);
	CK_BYTE want[32], got[32];
	CK_ULONG size = 32;
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_Digest(s, data, 64, want, &size), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestUpdate(s, data, 20), CKR_OK);
	CK_ULONG state_size = save(s);
	for (int i = 0; i < 2; i++) { /* as often as wanted */
		EXPECT(C_SetOperationState(other, state, state_size, 0, 0), CKR_OK);
		EXPECT(C_DigestUpdate(other, data + 20, 44), CKR_OK);
		EXPECT(C_DigestFinal(other, got, &size), CKR_OK);
		CU_ASSERT(memcmp(want, got, 32) == 0);
	}
	EXPECT(C_DigestUpdate(s, data + 20, 44), CKR_OK); /* and the source is as it was */
	EXPECT(C_DigestFinal(s, got, &size), CKR_OK);
	CU_ASSERT(memcmp(want, got, 32) == 0);
	module_stop();
}

static void signatures_go_on_with_their_key_and_no_other(void)
{
	CK_SESSION_HANDLE s = module_start(), other = open_session(RO);
	CK_OBJECT_HANDLE keys[2], public_key, private_key;
	CK_BYTE want[64], got[64];
	CK_ULONG size = 64;
	EXPECT(C_GenerateKey(s, &generic, NULL, 0, &keys[0]), CKR_OK);
	make_ec(s, true, &public_key, &keys[1]);
	make_ec(s, true, &public_key, &private_key);
	for (int i = 0; i < 2; i++) { /* kept here, and hashed here */
		CK_MECHANISM *mechanism = i ? &ecdsa : &hmac;
		size = 64;
		EXPECT(C_SignInit(s, mechanism, keys[i]), CKR_OK);
		EXPECT(C_Sign(s, data, 64, want, &size), CKR_OK);
		EXPECT(C_SignInit(s, mechanism, keys[i]), CKR_OK);
		EXPECT(C_SignUpdate(s, data, 20), CKR_OK);
		CK_ULONG state_size = save(s);
		EXPECT(C_SetOperationState(other, state, state_size, 0, 0), CKR_KEY_NEEDED);
		EXPECT(C_SetOperationState(other, state, state_size, 0, private_key), CKR_KEY_CHANGED);
		EXPECT(C_SetOperationState(other, state, state_size, keys[i], keys[i]), CKR_KEY_NOT_NEEDED);
		EXPECT(C_SetOperationState(other, state, state_size, 0, 0x7ffffff0), CKR_KEY_HANDLE_INVALID);
		EXPECT(C_SignUpdate(other, data, 1), CKR_OPERATION_NOT_INITIALIZED);
		EXPECT(C_SetOperationState(other, state, state_size, 0, keys[i]), CKR_OK);
		EXPECT(C_SignUpdate(other, data + 20, 44), CKR_OK);
		size = 64;
		EXPECT(C_SignFinal(other, got, &size), CKR_OK);
		CU_ASSERT(memcmp(want, got, size) == 0);
		EXPECT(C_SignInit(s, NULL, 0), CKR_OK);
	}
	module_stop();
}

static void a_cipher_goes_on_beside_a_digest(void)
{
	CK_SESSION_HANDLE s = module_start(), other = open_session(RO);
	CK_OBJECT_HANDLE key = make_aes(s, true, "key");
	CK_BYTE want[64], digest[32], got[32];
	CK_ULONG size = 64, digest_size = 32;
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_Encrypt(s, data, 64, want, &size), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_Digest(s, data, 64, digest, &digest_size), CKR_OK);
	EXPECT(C_EncryptInit(s, &cbc, key), CKR_OK);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestEncryptUpdate(s, data, 20, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 16);
	CK_ULONG state_size = save(s);
	EXPECT(C_CloseSession(s), CKR_OK);
	EXPECT(C_SetOperationState(other, state, state_size, key, 0), CKR_OK);
	size = 64;
	EXPECT(C_DigestEncryptUpdate(other, data + 20, 44, out + 16, &size), CKR_OK);
	CU_ASSERT(size == 48 && memcmp(out, want, 64) == 0);
	EXPECT(C_DigestFinal(other, got, &digest_size), CKR_OK);
	CU_ASSERT(memcmp(got, digest, 32) == 0);
	module_stop();
}

static void what_was_going_on_is_replaced(void)
{
	CK_SESSION_HANDLE s = module_start(), other = open_session(RO);
	CK_OBJECT_HANDLE key = make_aes(s, true, "key");
	CK_ULONG size = sizeof out;
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_EncryptInit(other, &cbc, key), CKR_OK);
	CK_ULONG state_size = save(s);
	EXPECT(C_SetOperationState(other, state, state_size, 0, 0), CKR_OK);
	EXPECT(C_Encrypt(other, data, 16, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_Digest(other, data, 16, out, &size), CKR_OK); /* none of its parts had come */
	module_stop();
}

static void what_is_no_state_is_refused_and_changes_nothing(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_ULONG size = sizeof out, absurd = (CK_ULONG)-1;
	EXPECT(C_GetOperationState(s, state, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	EXPECT(C_DigestUpdate(s, data, 20), CKR_OK);
	EXPECT(C_GetOperationState(s, state, NULL), CKR_ARGUMENTS_BAD);
	CK_ULONG state_size = save(s);
	EXPECT(C_SetOperationState(s, NULL, state_size, 0, 0), CKR_ARGUMENTS_BAD);
	EXPECT(C_SetOperationState(s, state, 0, 0, 0), CKR_SAVED_STATE_INVALID);
	EXPECT(C_SetOperationState(s, state, absurd, 0, 0), CKR_SAVED_STATE_INVALID);
	for (CK_ULONG i = 0; i < state_size; i++) {
		EXPECT(C_SetOperationState(s, state, i, 0, 0), CKR_SAVED_STATE_INVALID);
		state[i] ^= 1;
		EXPECT(C_SetOperationState(s, state, state_size, 0, 0), CKR_SAVED_STATE_INVALID);
		state[i] ^= 1;
	}
	EXPECT(C_DigestFinal(s, out, &size), CKR_OK);
	EXPECT(C_Finalize(NULL), CKR_OK);
	EXPECT(C_Initialize(NULL), CKR_OK);
	EXPECT(C_SetOperationState(open_session(RO), state, state_size, 0, 0), CKR_SAVED_STATE_INVALID);
	module_stop();
}

static void the_oldest_of_many_are_forgotten(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_BYTE first[sizeof state];
	EXPECT(C_DigestInit(s, &sha256), CKR_OK);
	CK_ULONG size = save(s);
	memcpy(first, state, sizeof state);
	for (int i = 0; i < 255; i++)
		save(s);
	EXPECT(C_SetOperationState(s, first, size, 0, 0), CKR_OK);
	save(s);
	EXPECT(C_SetOperationState(s, first, size, 0, 0), CKR_SAVED_STATE_INVALID);
	EXPECT(C_SetOperationState(s, state, size, 0, 0), CKR_OK);
	module_stop();
}

static void a_result_that_waits_cannot_be_saved(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key");
	CK_MECHANISM padded = { CKM_AES_CBC_PAD, iv, 16 };
	CK_ULONG size = 3, room = sizeof state;
	EXPECT(C_EncryptInit(s, &padded, key), CKR_OK);
	EXPECT(C_DecryptInit(s, &padded, key), CKR_OK);
	EXPECT(C_GetOperationState(s, state, &room), CKR_STATE_UNSAVEABLE); /* two ciphers, and one place for a key */
	size = sizeof out;
	EXPECT(C_Encrypt(s, data, 20, out, &size), CKR_OK);
	EXPECT(C_GetOperationState(s, state, &room), CKR_OK);
	size = 3;
	EXPECT(C_Decrypt(s, out, 32, data, &size), CKR_BUFFER_TOO_SMALL);
	room = sizeof state;
	EXPECT(C_GetOperationState(s, state, &room), CKR_STATE_UNSAVEABLE);
	module_stop();
}

TESTS("pkcs11 state", SAY(a_digest_goes_on_in_two_sessions), SAY(signatures_go_on_with_their_key_and_no_other),
	SAY(a_cipher_goes_on_beside_a_digest), SAY(what_was_going_on_is_replaced),
	SAY(what_is_no_state_is_refused_and_changes_nothing), SAY(the_oldest_of_many_are_forgotten),
	SAY(a_result_that_waits_cannot_be_saved))
