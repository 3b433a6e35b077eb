#include "tests/unit/pkcs11/module.h"

static CK_BYTE iv[16] = { 9, 8, 7 };
static CK_AES_CTR_PARAMS counter = { 128, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 } };
static CK_BYTE plain[1000];

static CK_MECHANISM modes[] = { { CKM_AES_ECB, NULL, 0 }, { CKM_AES_CBC, iv, 16 }, { CKM_AES_CBC_PAD, iv, 16 },
	{ CKM_AES_CTR, &counter, sizeof counter }, { CKM_AES_OFB, iv, 16 }, { CKM_AES_CFB128, iv, 16 }, { CKM_AES_CFB8, iv, 16 } };

static void fill(void)
{
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (CK_BYTE)(i * 7 + i / 256);
}

static CK_ULONG encrypt_once(CK_SESSION_HANDLE session, CK_MECHANISM *mode, CK_OBJECT_HANDLE key, CK_ULONG size, CK_BYTE *out)
{
	CK_ULONG out_size = 1100;
	EXPECT(C_EncryptInit(session, mode, key), CKR_OK);
	EXPECT(C_Encrypt(session, plain, size, out, &out_size), CKR_OK);
	return out_size;
}

typedef CK_RV updating(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG, CK_BYTE_PTR, CK_ULONG_PTR);
typedef CK_RV ending(CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG_PTR);

/* In portions of `step` bytes, asking for the length before each. */
static CK_ULONG in_parts(CK_SESSION_HANDLE session, updating *update, ending *end, CK_BYTE *in, CK_ULONG size, CK_ULONG step, CK_BYTE *out)
{
	CK_ULONG made = 0;
	for (CK_ULONG at = 0; at < size; at += step) {
		CK_ULONG portion = size - at < step ? size - at : step, asked = 0, got = 1100 - made;
		EXPECT(update(session, in + at, portion, NULL, &asked), CKR_OK);
		EXPECT(update(session, in + at, portion, out + made, &got), CKR_OK);
		CU_ASSERT_EQUAL(asked, got);
		made += got;
	}
	CK_ULONG asked = 0, last = 1100 - made;
	EXPECT(end(session, NULL, &asked), CKR_OK);
	EXPECT(end(session, out + made, &last), CKR_OK);
	CU_ASSERT(asked >= last);
	return made + last;
}

static void in_parts_is_the_same_as_at_once(void)
{
	static const CK_ULONG steps[] = { 1, 5, 15, 16, 17, 32, 100, 1000 }, sizes[] = { 16, 32, 160, 992 };
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	fill();
	for (size_t m = 0; m < COUNT(modes); m++)
		for (size_t s = 0; s < COUNT(sizes); s++)
			for (size_t i = 0; i < COUNT(steps); i++) {
				CK_BYTE whole[1100], parts[1100], back[1100];
				CK_ULONG size = encrypt_once(session, &modes[m], key, sizes[s], whole);
				EXPECT(C_EncryptInit(session, &modes[m], key), CKR_OK);
				CU_ASSERT_EQUAL(in_parts(session, C_EncryptUpdate, C_EncryptFinal, plain, sizes[s], steps[i], parts), size);
				CU_ASSERT(memcmp(whole, parts, size) == 0);
				EXPECT(C_DecryptInit(session, &modes[m], key), CKR_OK);
				CU_ASSERT_EQUAL(in_parts(session, C_DecryptUpdate, C_DecryptFinal, whole, size, steps[i], back), sizes[s]);
				CU_ASSERT(memcmp(back, plain, sizes[s]) == 0);
			}
	module_stop();
}

static void padding_and_counting_take_any_length(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	fill();
	for (size_t m = 2; m < COUNT(modes); m++)
		for (CK_ULONG size = 0; size < 40; size++) {
			CK_BYTE whole[1100], parts[1100], back[1100];
			CK_ULONG made = encrypt_once(session, &modes[m], key, size, whole);
			EXPECT(C_EncryptInit(session, &modes[m], key), CKR_OK);
			CU_ASSERT_EQUAL(in_parts(session, C_EncryptUpdate, C_EncryptFinal, plain, size, 7, parts), made);
			CU_ASSERT(memcmp(whole, parts, made) == 0);
			EXPECT(C_DecryptInit(session, &modes[m], key), CKR_OK);
			CU_ASSERT_EQUAL(in_parts(session, C_DecryptUpdate, C_DecryptFinal, whole, made, 11, back), size);
			CU_ASSERT(memcmp(back, plain, size) == 0);
		}
	module_stop();
}

static void an_end_that_is_not_whole_is_refused(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE out[64];
	CK_ULONG size = sizeof out;
	EXPECT(C_EncryptInit(session, &modes[1], key), CKR_OK);
	EXPECT(C_EncryptUpdate(session, plain, 17, out, &size), CKR_OK);
	size = sizeof out;
	EXPECT(C_EncryptFinal(session, out, &size), CKR_DATA_LEN_RANGE);
	EXPECT(C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(C_DecryptInit(session, &modes[2], key), CKR_OK);
	EXPECT(C_DecryptUpdate(session, plain, 17, out, &size), CKR_OK);
	size = sizeof out;
	EXPECT(C_DecryptFinal(session, out, &size), CKR_ENCRYPTED_DATA_LEN_RANGE);
	module_stop();
}

static void a_short_buffer_takes_nothing_and_keeps_everything(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100], out[64];
	CK_ULONG size;
	fill();
	encrypt_once(session, &modes[1], key, 32, whole);
	EXPECT(C_EncryptInit(session, &modes[1], key), CKR_OK);
	size = 15;
	EXPECT(C_EncryptUpdate(session, plain, 32, out, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 32);
	EXPECT(C_EncryptUpdate(session, plain, 32, out, &size), CKR_OK);
	CU_ASSERT(size == 32 && memcmp(out, whole, 32) == 0);
	EXPECT(C_Encrypt(session, plain, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED); /* after parts */
	module_stop();
}

static void the_last_block_is_unpadded_once_even_if_the_buffer_was_too_short(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100], out[64];
	CK_ULONG size = sizeof out, made = encrypt_once(session, &modes[2], key, 30, whole);
	EXPECT(C_DecryptInit(session, &modes[2], key), CKR_OK);
	EXPECT(C_DecryptUpdate(session, whole, made, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 16);
	unsigned before = module.toy.crypts;
	size = 3;
	EXPECT(C_DecryptFinal(session, out + 16, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, 14);
	EXPECT(C_DecryptFinal(session, out + 16, &size), CKR_OK);
	CU_ASSERT(size == 14 && memcmp(out, plain, 30) == 0);
	CU_ASSERT_EQUAL(module.toy.crypts, before + 1);
	module_stop();
}

static void output_may_lie_over_input(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key = make_aes(session, true, "key");
	CK_BYTE whole[1100], data[96];
	CK_ULONG size = sizeof data, rest = 32;
	fill();
	encrypt_once(session, &modes[1], key, 96, whole);
	memcpy(data, plain, 96);
	EXPECT(C_EncryptInit(session, &modes[1], key), CKR_OK);
	EXPECT(C_Encrypt(session, data, 96, data, &size), CKR_OK);
	CU_ASSERT(memcmp(data, whole, 96) == 0);
	memcpy(data, plain, 96);
	size = 64;
	EXPECT(C_EncryptInit(session, &modes[1], key), CKR_OK);
	EXPECT(C_EncryptUpdate(session, data, 64, data, &size), CKR_OK);
	EXPECT(C_EncryptUpdate(session, data + 64, 32, data + 64, &rest), CKR_OK);
	CU_ASSERT(memcmp(data, whole, 96) == 0);
	module_stop();
}

static void a_key_bound_to_padding_is_not_used_without(void)
{
	CK_SESSION_HANDLE session = module_start();
	CK_OBJECT_HANDLE key;
	CK_MECHANISM aes = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_MECHANISM_TYPE only[] = { CKM_AES_CBC_PAD };
	CK_ATTRIBUTE bound = { CKA_ALLOWED_MECHANISMS, only, sizeof only };
	CK_BYTE out[64];
	CK_ULONG size = sizeof out;
	EXPECT(C_GenerateKey(session, &aes, &bound, 1, &key), CKR_OK);
	EXPECT(C_EncryptInit(session, &modes[2], key), CKR_OK);
	EXPECT(C_EncryptUpdate(session, plain, 40, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 0);
	size = sizeof out;
	EXPECT(C_EncryptFinal(session, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(size, 48);
	module_stop();
}

TESTS("pkcs11 cipher", SAY(in_parts_is_the_same_as_at_once), SAY(padding_and_counting_take_any_length),
	SAY(an_end_that_is_not_whole_is_refused), SAY(a_short_buffer_takes_nothing_and_keeps_everything),
	SAY(the_last_block_is_unpadded_once_even_if_the_buffer_was_too_short), SAY(output_may_lie_over_input),
	SAY(a_key_bound_to_padding_is_not_used_without))
