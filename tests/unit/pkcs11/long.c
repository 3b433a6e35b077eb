/* Data of any size in one call. */
#include "tests/unit/pkcs11/parts.h"

#define LONG_SIZE (3 * (1u << 20) + 7)

static CK_BYTE iv[16] = { 3, 1, 4 };
static CK_GCM_PARAMS gcm_parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
static CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 }, cts = { CKM_AES_CTS, iv, 16 }, cbc_pad = { CKM_AES_CBC_PAD, iv, 16 },
	gcm = { CKM_AES_GCM, &gcm_parameter, sizeof gcm_parameter }, cbc = { CKM_AES_CBC, iv, 16 };

static void a_long_mac_in_one_call_goes_in_pieces(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE *data = long_data(LONG_SIZE), whole[32], parts[32];
	CK_ULONG size = sizeof parts;
	mac_whole(session, key, data, LONG_SIZE, whole);
	CU_ASSERT_EQUAL(module.toy.parts.size_max, 1 << 20);
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_SignUpdate(session, data, LONG_SIZE), CKR_OK);
	EXPECT(C_SignFinal(session, parts, &size), CKR_OK);
	CU_ASSERT(memcmp(whole, parts, 32) == 0);
	CU_ASSERT_EQUAL(module.toy.parts.size_max, 1 << 20);
	EXPECT(C_VerifyInit(session, &hmac, key), CKR_OK);
	EXPECT(C_Verify(session, data, LONG_SIZE, whole, 32), CKR_OK);
	free(data);
	module_stop();
}

static void a_long_call_outlives_its_member(void)
{
	CK_SESSION_HANDLE session = start_with_members(3);
	CK_OBJECT_HANDLE key = make_secret(session);
	CK_BYTE *data = long_data(LONG_SIZE), quiet[32], troubled[32];
	mac_whole(session, key, data, LONG_SIZE, quiet);
	atomic_store(&module.toy.parts.ends_at, atomic_load(&module.toy.parts.parts) + 2);
	mac_whole(session, key, data, LONG_SIZE, troubled);
	CU_ASSERT(memcmp(quiet, troubled, 32) == 0);
	CU_ASSERT_EQUAL(module.toy.parts.firsts, 3);
	free(data);
	module_stop();
}

/* Also over the data itself, in either direction. */
static void a_long_text_is_enciphered_in_one_call(void)
{
	CK_MECHANISM *mechanisms[] = { &gcm, &cts, &cbc_pad, &cbc };
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_ULONG length = LONG_SIZE - LONG_SIZE % 16, room = length + 16;
	CK_BYTE *data = long_data(room), *apart = malloc(room), *over = malloc(room);
	for (size_t m = 0; m < COUNT(mechanisms); m++) {
		CK_ULONG size = 0, again = room, exact;
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		unsigned before = module_requests();
		EXPECT(C_Encrypt(session, data, length, NULL, &size), CKR_OK);
		exact = size - 1;
		EXPECT(C_Encrypt(session, data, length, apart, &exact), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT_EQUAL(module_requests(), before);
		CU_ASSERT_EQUAL(exact, size);
		EXPECT(C_Encrypt(session, data, length, apart, &exact), CKR_OK);
		memcpy(over, data, length);
		EXPECT(C_EncryptInit(session, mechanisms[m], key), CKR_OK);
		EXPECT(C_Encrypt(session, over, length, over, &again), CKR_OK);
		CU_ASSERT(again == size && memcmp(apart, over, size) == 0);
		EXPECT(C_DecryptInit(session, mechanisms[m], key), CKR_OK);
		again = length - 1;
		EXPECT(C_Decrypt(session, over, size, over, &again), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT(again >= length);
		again = length;
		EXPECT(C_Decrypt(session, over, size, over, &again), CKR_OK);
		CU_ASSERT(again == length && memcmp(over, data, length) == 0);
	}
	free(data);
	free(apart);
	free(over);
	module_stop();
}

/* What is left from the part before makes the output run ahead of the input. */
static void a_long_part_over_itself_is_not_overtaken(void)
{
	CK_SESSION_HANDLE session = start_with_members(1);
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_ULONG length = LONG_SIZE - LONG_SIZE % 16, size = length, first = 16, rest = 16;
	CK_BYTE *data = long_data(length), *whole = malloc(length), begun[16], last[16], end[16];
	EXPECT(C_EncryptInit(session, &cbc, key), CKR_OK);
	EXPECT(C_Encrypt(session, data, length, whole, &size), CKR_OK);
	EXPECT(C_EncryptInit(session, &cbc, key), CKR_OK);
	EXPECT(C_EncryptUpdate(session, data, 7, begun, &first), CKR_OK);
	CU_ASSERT_EQUAL(first, 0);
	memcpy(last, data + length - 16, 16);
	size = length - 7; /* 9 bytes short of what comes of all of it */
	EXPECT(C_EncryptUpdate(session, data + 7, length - 23, data + 7, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, length - 16);
	EXPECT(C_EncryptUpdate(session, last, 16, end, &rest), CKR_OK);
	CU_ASSERT(memcmp(data + 7, whole, length - 16) == 0 && memcmp(end, whole + length - 16, 16) == 0);
	free(data);
	free(whole);
	module_stop();
}

TESTS("pkcs11 long", SAY(a_long_mac_in_one_call_goes_in_pieces), SAY(a_long_call_outlives_its_member),
	SAY(a_long_text_is_enciphered_in_one_call), SAY(a_long_part_over_itself_is_not_overtaken))
