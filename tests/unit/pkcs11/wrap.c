/* Keys that leave under others, come back, come out of others; copies of objects. */
#include "tests/unit/pkcs11/module.h"

static CK_MECHANISM wrap = { CKM_AES_KEY_WRAP, NULL, 0 }, aes_gen = { CKM_AES_KEY_GEN, NULL, 0 };
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_BYTE out[256];

static CK_ULONG wrapped_size(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key)
{
	CK_ULONG size = 0;
	EXPECT(C_WrapKey(s, &wrap, with, key, NULL, &size), CKR_OK);
	return size;
}

static void who_asks_for_the_length_has_the_key_wrapped_once(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE with = make_aes(s, true, "with"), key = make_aes(s, true, "key");
	CK_ULONG size = 3;
	CU_ASSERT_EQUAL(wrapped_size(s, with, key), TOY_WRAPPED_SIZE);
	EXPECT(C_WrapKey(s, &wrap, with, key, out, &size), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(size, TOY_WRAPPED_SIZE);
	EXPECT(C_WrapKey(s, &wrap, with, key, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.wraps, 1);
	CU_ASSERT_EQUAL(out[1], 0);
	EXPECT(C_WrapKey(s, &wrap, with, key, out, &size), CKR_OK); /* and then again, for it is another */
	CU_ASSERT_EQUAL(module.toy.wraps, 2);
	CU_ASSERT_EQUAL(out[1], 1);
	module_stop();
}

static void what_was_wrapped_is_given_to_no_other_question(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE with = make_aes(s, true, "with"), key = make_aes(s, true, "key"), other = make_aes(s, true, "other");
	CK_BYTE iv[8] = { 1 };
	CK_MECHANISM with_iv = { CKM_AES_KEY_WRAP, iv, sizeof iv };
	CK_ATTRIBUTE label = { CKA_LABEL, out, sizeof out };
	CK_ULONG size = sizeof out;
	wrapped_size(s, with, key);
	EXPECT(C_WrapKey(s, &wrap, with, other, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(out[1], 1);
	wrapped_size(s, with, key);
	EXPECT(C_WrapKey(s, &with_iv, with, key, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(out[1], 3);
	wrapped_size(s, with, key);
	EXPECT(C_GetAttributeValue(s, key, &label, 1), CKR_OK);
	CU_ASSERT(label.ulValueLen == 3 && memcmp(out, "key", 3) == 0);
	EXPECT(C_WrapKey(s, &wrap, with, key, out, &size), CKR_OK);
	CU_ASSERT_EQUAL(out[1], 5);
	module_stop();
}

static void a_session_key_wraps_a_session_key_on_a_member_that_knows_neither(void)
{
	module_prepare(2, "");
	EXPECT(C_Initialize(NULL), CKR_OK);
	CK_SESSION_HANDLE s = open_session(RW);
	EXPECT(login(s, CKU_USER, TOY_PIN), CKR_OK);
	CK_OBJECT_HANDLE with = make_aes(s, false, "with"), key = make_aes(s, false, "key"), back = 0;
	CK_ATTRIBUTE label = { CKA_LABEL, BYTES("back"), 4 };
	for (int i = 0; i < 4; i++) { /* each member in turn */
		CK_ULONG size = sizeof out;
		EXPECT(C_WrapKey(s, &wrap, with, key, out, &size), CKR_OK);
		EXPECT(C_UnwrapKey(s, &wrap, with, out, size, &label, 1, &back), CKR_OK);
	}
	CU_ASSERT_EQUAL(module.toy.unknown, 0);
	CU_ASSERT(back != CK_INVALID_HANDLE && back != key);
	module_stop();
}

static void unwrapped_and_derived_keys_go_where_their_template_says(void)
{
	CK_SESSION_HANDLE s = module_start(), reader = open_session(RO);
	CK_OBJECT_HANDLE with = make_aes(s, true, "with"), key = make_aes(s, true, "key"), made;
	CK_ATTRIBUTE stored = { CKA_TOKEN, &yes, 1 };
	CK_KEY_DERIVATION_STRING_DATA more = { BYTES("more"), 4 };
	CK_MECHANISM derive = { CKM_CONCATENATE_BASE_AND_DATA, &more, sizeof more };
	CK_ULONG size = sizeof out;
	EXPECT(C_WrapKey(s, &wrap, with, key, out, &size), CKR_OK);
	size_t before = module.toy.count;
	EXPECT(C_UnwrapKey(s, &wrap, with, out, size, NULL, 0, &made), CKR_OK);
	EXPECT(C_DeriveKey(s, &derive, with, NULL, 0, &made), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.count, before);
	EXPECT(C_UnwrapKey(s, &wrap, with, out, size, &stored, 1, &made), CKR_OK);
	EXPECT(C_DeriveKey(s, &derive, with, &stored, 1, &made), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.count, before + 2);
	EXPECT(C_UnwrapKey(reader, &wrap, with, out, size, &stored, 1, &made), CKR_SESSION_READ_ONLY);
	EXPECT(C_DeriveKey(reader, &derive, with, &stored, 1, &made), CKR_SESSION_READ_ONLY);
	EXPECT(C_DeriveKey(reader, &derive, with, NULL, 0, &made), CKR_OK);
	out[0] ^= 1;
	EXPECT(C_UnwrapKey(s, &wrap, with, out, size, NULL, 0, &made), CKR_WRAPPED_KEY_INVALID);
	module_stop();
}

static void a_derivation_names_its_second_key_in_its_parameter(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE base = make_aes(s, true, "base"), second = make_aes(s, false, "second"), made, gone = 0x7ffffff0;
	CK_MECHANISM both = { CKM_CONCATENATE_BASE_AND_KEY, &second, sizeof second };
	CK_MECHANISM lost = { CKM_CONCATENATE_BASE_AND_KEY, &gone, sizeof gone };
	EXPECT(C_DeriveKey(s, &both, base, NULL, 0, &made), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.derived_from, 2);
	EXPECT(C_DeriveKey(s, &lost, base, NULL, 0, &made), CKR_KEY_HANDLE_INVALID);
	module_stop();
}

static void what_makes_no_sense_is_called_by_its_name(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_OBJECT_HANDLE key = make_aes(s, true, "key"), made;
	CK_ULONG size = sizeof out, absurd = (CK_ULONG)-1;
	CK_MECHANISM hash = { CKM_SHA256, NULL, 0 }, odd = { CKM_AES_KEY_WRAP, out, 9 };
	CK_ATTRIBUTE label = { CKA_LABEL, out, 4 };
	EXPECT(C_WrapKey(s, NULL, key, key, out, &size), CKR_ARGUMENTS_BAD);
	EXPECT(C_WrapKey(s, &wrap, key, key, out, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_WrapKey(s, &hash, key, key, out, &size), CKR_MECHANISM_INVALID);
	EXPECT(C_WrapKey(s, &wrap, absurd, key, out, &size), CKR_WRAPPING_KEY_HANDLE_INVALID);
	EXPECT(C_WrapKey(s, &wrap, key, absurd, out, &size), CKR_KEY_HANDLE_INVALID);
	EXPECT(C_UnwrapKey(s, NULL, key, out, 8, NULL, 0, &made), CKR_ARGUMENTS_BAD);
	EXPECT(C_UnwrapKey(s, &wrap, key, NULL, 8, NULL, 0, &made), CKR_ARGUMENTS_BAD);
	EXPECT(C_UnwrapKey(s, &wrap, key, out, absurd, NULL, 0, &made), CKR_ARGUMENTS_BAD);
	EXPECT(C_UnwrapKey(s, &wrap, key, out, 8, NULL, 1, &made), CKR_ARGUMENTS_BAD);
	EXPECT(C_UnwrapKey(s, &wrap, key, out, 8, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_UnwrapKey(s, &odd, key, out, 8, &label, 1, &made), CKR_MECHANISM_PARAM_INVALID);
	EXPECT(C_UnwrapKey(s, &wrap, absurd, out, 8, NULL, 0, &made), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	EXPECT(C_DeriveKey(s, NULL, key, NULL, 0, &made), CKR_ARGUMENTS_BAD);
	EXPECT(C_DeriveKey(s, &aes_gen, key, NULL, 0, &made), CKR_MECHANISM_INVALID);
	EXPECT(C_DeriveKey(s, &wrap, key, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	module_stop();
}

static void a_copy_is_like_the_other_but_for_its_template(void)
{
	CK_SESSION_HANDLE s = module_start(), reader = open_session(RO);
	CK_OBJECT_HANDLE data = make_data(s, true, "one"), copy, passing;
	CK_ATTRIBUTE other = { CKA_LABEL, BYTES("two"), 3 }, here = { CKA_TOKEN, &no, 1 };
	CK_ATTRIBUTE got[] = { { CKA_LABEL, out, 100 }, { CKA_VALUE, out + 100, 100 } };
	size_t before = module.toy.count;
	EXPECT(C_CopyObject(s, data, &other, 1, &copy), CKR_OK);
	CU_ASSERT(copy != data && module.toy.count == before + 1);
	EXPECT(C_GetAttributeValue(s, copy, got, 2), CKR_OK);
	CU_ASSERT(got[0].ulValueLen == 3 && memcmp(out, "two", 3) == 0);
	CU_ASSERT(got[1].ulValueLen == 5 && memcmp(out + 100, "value", 5) == 0);
	EXPECT(C_CopyObject(reader, data, &other, 1, &copy), CKR_SESSION_READ_ONLY); /* it would be stored as the other is */
	EXPECT(C_CopyObject(reader, data, &here, 1, &passing), CKR_OK);
	CU_ASSERT_EQUAL(module.toy.count, before + 1);
	EXPECT(C_CopyObject(reader, passing, NULL, 0, &copy), CKR_OK);
	EXPECT(C_CopyObject(s, 0x7ffffff0, NULL, 0, &copy), CKR_OBJECT_HANDLE_INVALID);
	EXPECT(C_CopyObject(s, data, NULL, 1, &copy), CKR_ARGUMENTS_BAD);
	EXPECT(C_CopyObject(s, data, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	module_stop();
}

static void an_object_has_a_size_wherever_it_lives(void)
{
	CK_SESSION_HANDLE s = module_start();
	CK_ULONG size = 0;
	EXPECT(C_GetObjectSize(s, make_data(s, true, "stored"), &size), CKR_OK);
	CU_ASSERT(size > 0);
	size = 0;
	EXPECT(C_GetObjectSize(s, make_data(s, false, "carried"), &size), CKR_OK);
	CU_ASSERT(size > 0);
	EXPECT(C_GetObjectSize(s, make_data(s, false, "no place"), NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_GetObjectSize(s, 0x7ffffff0, &size), CKR_OBJECT_HANDLE_INVALID);
	module_stop();
}

TESTS("pkcs11 wrap", SAY(who_asks_for_the_length_has_the_key_wrapped_once), SAY(what_was_wrapped_is_given_to_no_other_question),
	SAY(a_session_key_wraps_a_session_key_on_a_member_that_knows_neither),
	SAY(unwrapped_and_derived_keys_go_where_their_template_says), SAY(a_derivation_names_its_second_key_in_its_parameter),
	SAY(what_makes_no_sense_is_called_by_its_name), SAY(a_copy_is_like_the_other_but_for_its_template),
	SAY(an_object_has_a_size_wherever_it_lives))
