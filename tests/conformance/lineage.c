/* Keys made of keys: what copies, unwrapped and derived keys are, and what templates and permissions say of them. */
#include "tests/conformance/mechanisms.h"

static CK_BYTE value[32] = "thirty-two bytes, known to all..", wrapped[512];
static CK_MECHANISM kw = { CKM_AES_KEY_WRAP, NULL, 0 }, aes_gen = { CKM_AES_KEY_GEN, NULL, 0 };

static bool flag(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL is = 77;
	CK_ATTRIBUTE ask = { type, &is, sizeof is };
	EXPECT(P11->C_GetAttributeValue(session, object, &ask, 1), CKR_OK);
	return is == CK_TRUE;
}

static CK_OBJECT_HANDLE make(CK_SESSION_HANDLE session, CK_ATTRIBUTE *more, CK_ULONG count)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	CK_ATTRIBUTE all[12] = { ATTR_ULONG(CKA_VALUE_LEN, 16) };
	memcpy(all + 1, more, count * sizeof *more);
	EXPECT(P11->C_GenerateKey(session, &aes_gen, all, count + 1, &key), CKR_OK);
	return key;
}
#define MAKE(session, ...) make(session, (CK_ATTRIBUTE[]){ __VA_ARGS__ }, COUNT(((CK_ATTRIBUTE[]){ __VA_ARGS__ })))

#define SECRET(...) ATTR_ULONG(CKA_CLASS, CKO_SECRET_KEY), ATTR_ULONG(CKA_KEY_TYPE, CKK_AES), __VA_ARGS__
static CK_RV unwrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE *template_, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	CK_ULONG size = 24;
	CK_OBJECT_HANDLE target = import_secret(session, CKK_AES, value, 16);
	CK_RV rv = P11->C_WrapKey(session, &kw, key, target, wrapped, &size);
	return rv == CKR_OK ? P11->C_UnwrapKey(session, &kw, key, wrapped, size, template_, count, out) : rv;
}

/* ---- copies */

static void a_copy_is_another_object_with_the_same_value(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE one = import_secret(session, CKK_AES, value, 32), copy = CK_INVALID_HANDLE;
	CK_BYTE got[32];
	CK_ATTRIBUTE ask = { CKA_VALUE, got, sizeof got };
	TEMPLATE(change, ATTR_TEXT(CKA_LABEL, "a copy"), ATTR_BOOL(CKA_TOKEN, CK_TRUE));
	EXPECT(P11->C_CopyObject(session, one, change, COUNT(change), &copy), CKR_OK);
	CU_ASSERT(copy != one);
	EXPECT(P11->C_DestroyObject(session, one), CKR_OK);
	EXPECT(P11->C_GetAttributeValue(session, copy, &ask, 1), CKR_OK);
	CU_ASSERT(ask.ulValueLen == 32 && memcmp(got, value, 32) == 0);
	CU_ASSERT(flag(session, copy, CKA_TOKEN));
	CU_ASSERT_EQUAL(count_labelled(session, "a copy"), 1);
	EXPECT(P11->C_DestroyObject(session, copy), CKR_OK);
	session_close(session);
}

static void a_copy_keeps_its_history_and_gets_no_looser(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE key = MAKE(session, ATTR_BOOL(CKA_SENSITIVE, CK_TRUE), ATTR_BOOL(CKA_EXTRACTABLE, CK_FALSE)), copy = CK_INVALID_HANDLE;
	TEMPLATE(loosen, ATTR_BOOL(CKA_SENSITIVE, CK_FALSE));
	TEMPLATE(open, ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE));
	EXPECT(P11->C_CopyObject(session, key, open, 0, &copy), CKR_OK);
	CU_ASSERT(flag(session, copy, CKA_LOCAL) && flag(session, copy, CKA_ALWAYS_SENSITIVE) && flag(session, copy, CKA_NEVER_EXTRACTABLE));
	EXPECT(P11->C_CopyObject(session, key, loosen, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	EXPECT(P11->C_CopyObject(session, key, open, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	session_close(session);
}

static void what_is_not_copyable_or_destroyable_stays_alone(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE alone = MAKE(session, ATTR_BOOL(CKA_COPYABLE, CK_FALSE)), lasting = MAKE(session, ATTR_BOOL(CKA_DESTROYABLE, CK_FALSE)), copy;
	EXPECT(P11->C_CopyObject(session, alone, &(CK_ATTRIBUTE){ CKA_LABEL, NULL, 0 }, 0, &copy), CKR_ACTION_PROHIBITED);
	EXPECT(P11->C_DestroyObject(session, lasting), CKR_ACTION_PROHIBITED);
	session_close(session); /* which ends both all the same */
}

/* ---- wrapping and unwrapping */

static void an_unwrapped_key_has_no_history(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE kek = MAKE(session, ATTR_BOOL(CKA_WRAP, CK_TRUE), ATTR_BOOL(CKA_UNWRAP, CK_TRUE)), key = CK_INVALID_HANDLE;
	TEMPLATE(plain, SECRET(ATTR_BOOL(CKA_SENSITIVE, CK_TRUE)));
	EXPECT(unwrap(session, kek, plain, COUNT(plain), &key), CKR_OK);
	CU_ASSERT(!flag(session, key, CKA_LOCAL));
	CU_ASSERT(!flag(session, key, CKA_ALWAYS_SENSITIVE) && !flag(session, key, CKA_NEVER_EXTRACTABLE));
	session_close(session);
}

/* "…an attribute set that will be added to attributes of the key to be unwrapped … If any attribute conflict occurs … the function
 * SHALL return CKR_TEMPLATE_INCONSISTENT." */
static void an_unwrap_template_rules_what_is_unwrapped(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	TEMPLATE(rule, ATTR_BOOL(CKA_EXTRACTABLE, CK_FALSE), ATTR_BOOL(CKA_SENSITIVE, CK_TRUE));
	CK_OBJECT_HANDLE kek = MAKE(session, ATTR_BOOL(CKA_WRAP, CK_TRUE), ATTR_BOOL(CKA_UNWRAP, CK_TRUE), { CKA_UNWRAP_TEMPLATE, rule, sizeof rule }),
		key = CK_INVALID_HANDLE;
	TEMPLATE(silent, SECRET(ATTR_TEXT(CKA_LABEL, "ruled")));
	TEMPLATE(against, SECRET(ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE)));
	EXPECT_SOFTHSM_DEVIATES(unwrap(session, kek, silent, COUNT(silent), &key), CKR_OK, "it wants the template repeated, not added");
	CU_ASSERT(key == CK_INVALID_HANDLE || (!flag(session, key, CKA_EXTRACTABLE) && flag(session, key, CKA_SENSITIVE)));
	EXPECT(unwrap(session, kek, against, COUNT(against), &key), CKR_TEMPLATE_INCONSISTENT);
	session_close(session);
}

/* "If any attribute mismatch occurs on an attempt to wrap a key then the function SHALL return CKR_KEY_HANDLE_INVALID." */
static void a_wrap_template_rules_what_is_wrapped(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	TEMPLATE(rule, ATTR_TEXT(CKA_LABEL, "mine"));
	CK_OBJECT_HANDLE kek = MAKE(session, ATTR_BOOL(CKA_WRAP, CK_TRUE), { CKA_WRAP_TEMPLATE, rule, sizeof rule });
	CK_OBJECT_HANDLE mine = MAKE(session, ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE), ATTR_TEXT(CKA_LABEL, "mine")),
		yours = MAKE(session, ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE), ATTR_TEXT(CKA_LABEL, "yours"));
	CK_ULONG size = sizeof wrapped;
	EXPECT_SOFTHSM_DEVIATES(P11->C_WrapKey(session, &kw, kek, mine, wrapped, &size), CKR_OK, "it compares what it has encrypted");
	size = sizeof wrapped;
	EXPECT_SOFTHSM_DEVIATES(P11->C_WrapKey(session, &kw, kek, yours, wrapped, &size), CKR_KEY_HANDLE_INVALID, "it names the key unwrappable");
	session_close(session);
}

static CK_OBJECT_HANDLE make_trusted(CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	login_so();
	TEMPLATE(template_, ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_TRUSTED, CK_TRUE), ATTR_BOOL(CKA_PRIVATE, CK_FALSE),
		ATTR_BOOL(CKA_TOKEN, CK_TRUE), ATTR_BOOL(CKA_WRAP, CK_TRUE));
	EXPECT(P11->C_GenerateKey(session, &aes_gen, template_, COUNT(template_), &key), CKR_OK);
	login_user();
	return key;
}

static void what_asks_for_trust_is_wrapped_by_the_trusted_only(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE trusted = make_trusted(session), kek = MAKE(session, ATTR_BOOL(CKA_WRAP, CK_TRUE)),
		key = MAKE(session, ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE), ATTR_BOOL(CKA_WRAP_WITH_TRUSTED, CK_TRUE));
	CK_ULONG size = sizeof wrapped;
	CU_ASSERT(flag(session, trusted, CKA_TRUSTED));
	EXPECT(P11->C_WrapKey(session, &kw, kek, key, wrapped, &size), CKR_KEY_NOT_WRAPPABLE);
	size = sizeof wrapped;
	EXPECT(P11->C_WrapKey(session, &kw, trusted, key, wrapped, &size), CKR_OK);
	EXPECT(P11->C_DestroyObject(session, trusted), CKR_OK);
	session_close(session);
}

/* ---- deriving */

static CK_RV derive(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *template_, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	CK_KEY_DERIVATION_STRING_DATA data = { value, 16 };
	return P11->C_DeriveKey(session, &(CK_MECHANISM){ CKM_AES_ECB_ENCRYPT_DATA, &data, sizeof data }, base, template_, count, out);
}

/* "If the base key has its CKA_ALWAYS_SENSITIVE attribute set to CK_FALSE, then the derived key will as well." */
static void a_derived_key_inherits_the_doubts_about_its_base(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE closed = MAKE(session, ATTR_BOOL(CKA_DERIVE, CK_TRUE), ATTR_BOOL(CKA_SENSITIVE, CK_TRUE), ATTR_BOOL(CKA_EXTRACTABLE, CK_FALSE)),
		open = import_secret(session, CKK_AES, value, 16), key = CK_INVALID_HANDLE;
	TEMPLATE(as_closed, SECRET(ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_SENSITIVE, CK_TRUE), ATTR_BOOL(CKA_EXTRACTABLE, CK_FALSE)));
	EXPECT(derive(session, closed, as_closed, COUNT(as_closed), &key), CKR_OK);
	CU_ASSERT(flag(session, key, CKA_ALWAYS_SENSITIVE) && flag(session, key, CKA_NEVER_EXTRACTABLE) && !flag(session, key, CKA_LOCAL));
	EXPECT(derive(session, open, as_closed, COUNT(as_closed), &key), CKR_OK);
	CU_ASSERT(!flag(session, key, CKA_ALWAYS_SENSITIVE) && !flag(session, key, CKA_NEVER_EXTRACTABLE));
	session_close(session);
}

static void a_derive_template_rules_what_is_derived(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	TEMPLATE(rule, ATTR_BOOL(CKA_EXTRACTABLE, CK_FALSE));
	if (token.is_softhsm) {
		observe_deviation("CKA_DERIVE_TEMPLATE", "CKR_ATTRIBUTE_TYPE_INVALID", "it is older than the attribute");
	} else {
		CK_OBJECT_HANDLE base = MAKE(session, ATTR_BOOL(CKA_DERIVE, CK_TRUE), { CKA_DERIVE_TEMPLATE, rule, sizeof rule }), key = CK_INVALID_HANDLE;
		TEMPLATE(against, SECRET(ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_EXTRACTABLE, CK_TRUE)));
		TEMPLATE(silent, SECRET(ATTR_ULONG(CKA_VALUE_LEN, 16)));
		EXPECT(derive(session, base, against, COUNT(against), &key), CKR_TEMPLATE_INCONSISTENT);
		EXPECT(derive(session, base, silent, COUNT(silent), &key), CKR_OK);
		CU_ASSERT(!flag(session, key, CKA_EXTRACTABLE));
	}
	session_close(session);
}

static void made_keys_may_be_token_objects_and_last(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	CK_OBJECT_HANDLE base = import_secret(session, CKK_AES, value, 16), key;
	TEMPLATE(derived, SECRET(ATTR_ULONG(CKA_VALUE_LEN, 16), ATTR_BOOL(CKA_TOKEN, CK_TRUE), ATTR_TEXT(CKA_LABEL, "made")));
	TEMPLATE(unwrapped, SECRET(ATTR_BOOL(CKA_TOKEN, CK_TRUE), ATTR_TEXT(CKA_LABEL, "made")));
	TEMPLATE(wanted, ATTR_TEXT(CKA_LABEL, "made"));
	EXPECT(derive(session, base, derived, COUNT(derived), &key), CKR_OK);
	EXPECT(unwrap(session, base, unwrapped, COUNT(unwrapped), &key), CKR_OK);
	session_close(session);
	session = session_open(RW);
	CU_ASSERT_EQUAL(count_labelled(session, "made"), 2);
	while (count_objects(session, wanted, 1, &key))
		EXPECT(P11->C_DestroyObject(session, key), CKR_OK);
	session_close(session);
}

/* "A list of mechanisms allowed to be used with this key." */
static void a_key_allows_the_mechanisms_of_its_list_only(void)
{
	CK_SESSION_HANDLE session = session_open(RW);
	static const CK_MECHANISM_TYPE only[] = { CKM_AES_ECB };
	CK_OBJECT_HANDLE key = MAKE(session, ATTR_BOOL(CKA_ENCRYPT, CK_TRUE), ATTR_BYTES(CKA_ALLOWED_MECHANISMS, only));
	CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 }, cbc = { CKM_AES_CBC, value, 16 };
	EXPECT(P11->C_EncryptInit(session, &cbc, key), CKR_MECHANISM_INVALID);
	struct result got = at_once(encrypting(), session, &ecb, key, PIECE(value, 32));
	EXPECT(got.rv, CKR_OK);
	session_close(session);
}

CHAPTER(lineage,
	SAY(a_copy_is_another_object_with_the_same_value),
	SAY(a_copy_keeps_its_history_and_gets_no_looser),
	SAY(what_is_not_copyable_or_destroyable_stays_alone),
	SAY(an_unwrapped_key_has_no_history),
	SAY(an_unwrap_template_rules_what_is_unwrapped),
	SAY(a_wrap_template_rules_what_is_wrapped),
	SAY(what_asks_for_trust_is_wrapped_by_the_trusted_only),
	SAY(a_derived_key_inherits_the_doubts_about_its_base),
	SAY(a_derive_template_rules_what_is_derived),
	SAY(made_keys_may_be_token_objects_and_last),
	SAY(a_key_allows_the_mechanisms_of_its_list_only));
