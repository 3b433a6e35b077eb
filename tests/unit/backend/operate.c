#include "backend/parts.h"
#include "tests/unit/backend/house.h"
#include <stdlib.h>
#include <string.h>

struct desk {
	struct house house;
	struct token *token;
	CK_SESSION_HANDLE session; /* holds the key */
	Craton__Object *object;
	CK_OBJECT_HANDLE key;
};

static void desk_open(struct desk *desk, CK_MECHANISM_TYPE generation, CK_KEY_TYPE type, uint64_t size)
{
	house_open(&desk->house, 1);
	desk->token = desk->house.tokens[0];
	CU_ASSERT_FATAL(secret_key(desk->house.domains[0], generation, (struct kind){ CKO_SECRET_KEY, type, CLOSED_KEY }, size,
	                           &desk->object) == CKR_OK);
	CU_ASSERT_FATAL(token_borrow(desk->token, &desk->session) == CKR_OK);
	CU_ASSERT_FATAL(unseal_key(desk->house.domains[0], desk->session, desk->object, &desk->key) == CKR_OK);
}

static void desk_close(struct desk *desk)
{
	token_return(desk->token, desk->session, CKR_FUNCTION_CANCELED);
	object_free(desk->object);
	house_close(&desk->house);
}

#define SIGN CRATON__CRYPT_KIND__SIGN
#define VERIFY CRATON__CRYPT_KIND__VERIFY
#define ENCRYPT CRATON__CRYPT_KIND__ENCRYPT
#define DECRYPT CRATON__CRYPT_KIND__DECRYPT

static CK_RV crypt_(struct desk *desk, Craton__CryptKind kind, CK_MECHANISM *mechanism, const void *data, size_t size, struct buf *out)
{
	return operate(desk->token, kind, mechanism, &(struct loaded_key){ .handle = desk->key }, data, size, NULL, 0, out);
}

static void what_is_encrypted_is_decrypted(void)
{
	static CK_BYTE iv[16] = { 9 };
	CK_MECHANISM cbc = { CKM_AES_CBC_PAD, iv, sizeof iv };
	struct desk desk;
	struct buf hidden, seen;
	buf_init(&hidden, 1 << 16);
	buf_init(&seen, 1 << 16);
	desk_open(&desk, CKM_AES_KEY_GEN, CKK_AES, 32);
	for (size_t size = 0; size <= 33; size++) {
		static const uint8_t text[33] = "thirty-three bytes of plain text";
		buf_reset(&hidden);
		buf_reset(&seen);
		CU_ASSERT(crypt_(&desk, ENCRYPT, &cbc, size ? text : NULL, size, &hidden) == CKR_OK);
		CU_ASSERT(hidden.size == (size / 16 + 1) * 16);
		CU_ASSERT(crypt_(&desk, DECRYPT, &cbc, hidden.data, hidden.size, &seen) == CKR_OK);
		CU_ASSERT(seen.size == size && memcmp(seen.data ? seen.data : text, text, size) == 0);
	}
	buf_finish(&hidden);
	buf_finish(&seen);
	desk_close(&desk);
}

static void a_forged_gcm_text_fails_and_leaves_nothing_behind(void)
{
	static CK_BYTE iv[12] = { 9 };
	CK_GCM_PARAMS parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM gcm = { CKM_AES_GCM, &parameter, sizeof parameter };
	struct desk desk;
	struct buf hidden, seen;
	buf_init(&hidden, 1 << 16);
	buf_init(&seen, 1 << 16);
	desk_open(&desk, CKM_AES_KEY_GEN, CKK_AES, 32);
	CU_ASSERT(crypt_(&desk, ENCRYPT, &gcm, "secret text", 11, &hidden) == CKR_OK);
	CU_ASSERT(hidden.size == 27);
	hidden.data[0] ^= 1;
	for (int i = 0; i < 20; i++) { /* more often than there are sessions */
		CU_ASSERT(crypt_(&desk, DECRYPT, &gcm, hidden.data, hidden.size, &seen) != CKR_OK);
		CU_ASSERT(seen.size == 0);
	}
	hidden.data[0] ^= 1;
	CU_ASSERT(crypt_(&desk, DECRYPT, &gcm, hidden.data, hidden.size, &seen) == CKR_OK);
	CU_ASSERT(seen.size == 11 && memcmp(seen.data, "secret text", 11) == 0);
	buf_finish(&hidden);
	buf_finish(&seen);
	desk_close(&desk);
}

static void empty_data_is_empty_data(void)
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	struct desk desk;
	struct buf mac;
	buf_init(&mac, 1 << 16);
	desk_open(&desk, CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 32);
	CU_ASSERT(crypt_(&desk, SIGN, &hmac, NULL, 0, &mac) == CKR_OK);
	CU_ASSERT(mac.size == 32);
	CU_ASSERT(operate(desk.token, VERIFY, &hmac, &(struct loaded_key){ .handle = desk.key }, NULL, 0, mac.data, mac.size, NULL) == CKR_OK);
	CU_ASSERT(operate(desk.token, VERIFY, &hmac, &(struct loaded_key){ .handle = desk.key }, "x", 1, mac.data, mac.size, NULL) == CKR_SIGNATURE_INVALID);
	CU_ASSERT(operate(desk.token, VERIFY, &hmac, &(struct loaded_key){ .handle = desk.key }, NULL, 0, NULL, 0, NULL) == CKR_SIGNATURE_LEN_RANGE);
	CU_ASSERT(operate(desk.token, VERIFY, &hmac, &(struct loaded_key){ .handle = desk.key }, NULL, 0, mac.data, mac.size, NULL) == CKR_OK);
	buf_finish(&mac);
	desk_close(&desk);
}

static void results_are_added_and_never_beyond_the_limit(void)
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	struct desk desk;
	struct buf out;
	desk_open(&desk, CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 32);
	buf_init(&out, 64);
	CU_ASSERT(crypt_(&desk, SIGN, &hmac, "a", 1, &out) == CKR_OK && out.size == 32);
	CU_ASSERT(crypt_(&desk, SIGN, &hmac, "b", 1, &out) == CKR_OK && out.size == 64);
	CU_ASSERT(crypt_(&desk, SIGN, &hmac, "c", 1, &out) != CKR_OK && out.size == 64);
	buf_finish(&out);
	buf_init(&out, 31);
	CU_ASSERT(crypt_(&desk, SIGN, &hmac, "a", 1, &out) != CKR_OK && out.size == 0);
	buf_finish(&out);
	desk_close(&desk);
}

static void a_megabyte_goes_through(void)
{
	static CK_BYTE iv[16];
	CK_MECHANISM cbc = { CKM_AES_CBC_PAD, iv, sizeof iv };
	size_t size = 1 << 20;
	struct desk desk;
	struct buf hidden, seen;
	buf_init(&hidden, size * 2);
	buf_init(&seen, size * 2);
	uint8_t *text = calloc(1, size);
	desk_open(&desk, CKM_AES_KEY_GEN, CKK_AES, 16);
	CU_ASSERT(crypt_(&desk, ENCRYPT, &cbc, text, size, &hidden) == CKR_OK && hidden.size == size + 16);
	CU_ASSERT(crypt_(&desk, DECRYPT, &cbc, hidden.data, hidden.size, &seen) == CKR_OK && seen.size == size);
	CU_ASSERT(memcmp(seen.data, text, size) == 0);
	free(text);
	buf_finish(&hidden);
	buf_finish(&seen);
	desk_close(&desk);
}

/* The token's word travels untouched, and the next call finds a clean session. */
static void a_refused_call_leaves_the_session_clean(void)
{
	static CK_BYTE iv[16];
	CK_MECHANISM cbc = { CKM_AES_CBC, iv, sizeof iv }, nonsense = { 0x80001234, NULL, 0 }, bad_iv = { CKM_AES_CBC, iv, 3 };
	struct desk desk;
	struct buf out;
	buf_init(&out, 1 << 16);
	desk_open(&desk, CKM_AES_KEY_GEN, CKK_AES, 16);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT(crypt_(&desk, ENCRYPT, &nonsense, "x", 1, &out) == CKR_MECHANISM_INVALID);
		CU_ASSERT(crypt_(&desk, ENCRYPT, &bad_iv, "0123456789abcdef", 16, &out) != CKR_OK);
		CU_ASSERT(crypt_(&desk, ENCRYPT, &cbc, "not a block", 11, &out) != CKR_OK);
		CU_ASSERT(operate(desk.token, SIGN, &cbc, &(struct loaded_key){ .handle = 99999 }, "x", 1, NULL, 0, &out) != CKR_OK);
		CU_ASSERT(out.size == 0);
	}
	CU_ASSERT(crypt_(&desk, ENCRYPT, &cbc, "0123456789abcdef", 16, &out) == CKR_OK && out.size == 16);
	buf_finish(&out);
	desk_close(&desk);
}

static void random_bytes_come_from_the_token(void)
{
	struct house house;
	uint8_t one[32] = { 0 }, other[32] = { 0 };
	house_open(&house, 1);
	CU_ASSERT(operate_random(house.tokens[0], one, sizeof one) == CKR_OK);
	CU_ASSERT(operate_random(house.tokens[0], other, sizeof other) == CKR_OK);
	CU_ASSERT(memcmp(one, other, sizeof one) != 0);
	CU_ASSERT(operate_random(house.tokens[0], NULL, 0) == CKR_OK);
	house_close(&house);
}

static CK_RV in_parts(struct desk *desk, Craton__CryptKind kind, CK_MECHANISM *mechanism, const uint8_t *data, size_t size, size_t step,
                      const struct bytes *signature, struct buf *out)
{
	struct parts parts;
	CK_RV rv = parts_begin(&parts, desk->token, kind, mechanism, &(struct loaded_key){ .handle = desk->key });
	if (rv != CKR_OK)
		return rv;
	for (size_t at = 0; rv == CKR_OK && at < size; at += step)
		rv = parts_update(&parts, &(struct bytes){ data + at, size - at < step ? size - at : step }, out);
	if (rv == CKR_OK)
		rv = parts_final(&parts, signature, out);
	parts_end(&parts, rv);
	return rv;
}

static void in_parts_is_the_same_as_whole(void)
{
	static CK_BYTE iv[16] = { 7 };
	CK_GCM_PARAMS parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM mechanisms[] = { { CKM_AES_GCM, &parameter, sizeof parameter }, { CKM_AES_CBC_PAD, iv, 16 } };
	uint8_t data[5000];
	struct desk desk;
	struct buf whole, parts, back;
	desk_open(&desk, CKM_AES_KEY_GEN, CKK_AES, 32);
	buf_init(&whole, 1 << 16);
	buf_init(&parts, 1 << 16);
	buf_init(&back, 1 << 16);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t m = 0; m < 2; m++) {
		CU_ASSERT(crypt_(&desk, ENCRYPT, &mechanisms[m], data, sizeof data, &whole) == CKR_OK);
		CU_ASSERT(in_parts(&desk, ENCRYPT, &mechanisms[m], data, sizeof data, 777, NULL, &parts) == CKR_OK);
		CU_ASSERT(parts.size == whole.size && memcmp(parts.data, whole.data, whole.size) == 0);
		CU_ASSERT(in_parts(&desk, DECRYPT, &mechanisms[m], parts.data, parts.size, 13, NULL, &back) == CKR_OK);
		CU_ASSERT(back.size == sizeof data && memcmp(back.data, data, sizeof data) == 0);
		buf_reset(&whole);
		buf_reset(&parts);
		buf_reset(&back);
	}
	buf_finish(&whole);
	buf_finish(&parts);
	buf_finish(&back);
	desk_close(&desk);
}

static void a_mac_in_parts_is_verified_in_parts(void)
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	struct desk desk;
	struct buf whole, parts;
	const uint8_t *text = (const uint8_t *)"a text of some length";
	desk_open(&desk, CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 32);
	buf_init(&whole, 1 << 12);
	buf_init(&parts, 1 << 13);
	CU_ASSERT(crypt_(&desk, SIGN, &hmac, text, 21, &whole) == CKR_OK);
	CU_ASSERT(in_parts(&desk, SIGN, &hmac, text, 21, 5, NULL, &parts) == CKR_OK);
	CU_ASSERT(parts.size == 32 && whole.size == 32 && memcmp(parts.data, whole.data, 32) == 0);
	struct bytes mac = { parts.data, 32 };
	CU_ASSERT(in_parts(&desk, VERIFY, &hmac, text, 21, 4, &mac, NULL) == CKR_OK);
	CU_ASSERT(in_parts(&desk, VERIFY, &hmac, text, 20, 4, &mac, NULL) == CKR_SIGNATURE_INVALID);
	buf_finish(&whole);
	buf_finish(&parts);
	desk_close(&desk);
}

/* A token that shows nothing before it has seen the tag could be made to hold back all the memory there is. */
static void what_a_token_holds_back_has_a_limit(void)
{
	static CK_BYTE iv[12] = { 7 };
	CK_GCM_PARAMS parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM gcm = { CKM_AES_GCM, &parameter, sizeof parameter };
	struct bytes part = { "sixteen bytes...", 16 };
	struct desk desk;
	struct parts parts;
	struct buf out;
	desk_open(&desk, CKM_AES_KEY_GEN, CKK_AES, 32);
	buf_init(&out, 1 << 12);
	CU_ASSERT(parts_begin(&parts, desk.token, DECRYPT, &gcm, &(struct loaded_key){ .handle = desk.key }) == CKR_OK);
	CU_ASSERT(parts_update(&parts, &part, &out) == CKR_OK);
	CU_ASSERT(parts.owed == 16 && out.size == 0);
	parts.owed += (size_t)1 << 30; /* as if so much more had come */
	CU_ASSERT(parts_update(&parts, &part, &out) == CKR_ENCRYPTED_DATA_LEN_RANGE);
	parts_end(&parts, CKR_OPERATION_ACTIVE);
	buf_finish(&out);
	desk_close(&desk);
}

/* Its session's number may be another's by then. */
static void an_operation_in_parts_ends_with_its_tokens_life(void)
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	struct desk desk;
	struct parts parts;
	desk_open(&desk, CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 32);
	CU_ASSERT(parts_begin(&parts, desk.token, SIGN, &hmac, &(struct loaded_key){ .handle = desk.key }) == CKR_OK);
	token_lay_aside(desk.token, desk.session);
	desk.session = CK_INVALID_HANDLE;
	start_afresh(desk.token);
	CU_ASSERT(parts_update(&parts, &(struct bytes){ "text", 4 }, NULL) == CKR_SESSION_CLOSED);
	parts_end(&parts, CKR_SESSION_CLOSED);
	CU_ASSERT(parts_begin(&parts, desk.token, CRATON__CRYPT_KIND__SIGN_RECOVER, &hmac, &(struct loaded_key){ .handle = desk.key }) ==
	          CKR_FUNCTION_NOT_SUPPORTED);
	desk_close(&desk);
}

TESTS("backend: operate",
      SAY(what_is_encrypted_is_decrypted),
      SAY(a_forged_gcm_text_fails_and_leaves_nothing_behind),
      SAY(empty_data_is_empty_data),
      SAY(results_are_added_and_never_beyond_the_limit),
      SAY(a_megabyte_goes_through),
      SAY(a_refused_call_leaves_the_session_clean),
      SAY(random_bytes_come_from_the_token), SAY(in_parts_is_the_same_as_whole),
      SAY(a_mac_in_parts_is_verified_in_parts), SAY(what_a_token_holds_back_has_a_limit), SAY(an_operation_in_parts_ends_with_its_tokens_life))
