/* Attribute × rule: what an attribute is when nothing is said, whether it may be said, and how it may change. The rules
 * are the footnotes of the attribute tables (4.2, table 10 of the base specification). */
#include "tests/conformance/suite.h"

enum kind { SECRET, PRIVATE, PUBLIC, DATA, CERTIFICATE };
static const char *const kind_names[] = { "secret key", "private key", "public key", "data", "certificate" };

enum preset { IS_TRUE, IS_FALSE, IS_EMPTY, IS_THERE, IS_ANY };
static const char *const preset_names[] = { "true", "false", "empty", "set", "?" };

#define UNASKED ((CK_RV)-1)

struct rule {
	enum kind kind;
	CK_ATTRIBUTE_TYPE type;
	enum preset preset;
	CK_RV said;              /* in the template of a new object */
	CK_RV up, down;          /* C_SetAttributeValue: false to true (or to another value), true to false */
	CK_RV copied_up, copied_down;
	const void *value;       /* NULL: a boolean */
	CK_ULONG size;
	const char *softhsm;     /* why bare SoftHSM may do otherwise */
};

static const CK_BYTE p384[] = { 0x06, 5, 0x2b, 0x81, 4, 0, 0x22 };
static const CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, name[] = { 0x30, 0 }, der[] = { 0x30, 3, 2, 1, 1 };
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* With one attribute more, if it is given. */
static CK_RV make(CK_SESSION_HANDLE session, enum kind kind, const CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *object)
{
	CK_MECHANISM aes = { CKM_AES_KEY_GEN, NULL, 0 }, ec = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE other;
	CK_ATTRIBUTE extra = more ? *more : (CK_ATTRIBUTE){ CKA_LABEL, NULL, 0 };
	TEMPLATE(secret, extra, ATTR_ULONG(CKA_VALUE_LEN, 16));
	TEMPLATE(public_key, extra, ATTR_BYTES(CKA_EC_PARAMS, p256));
	TEMPLATE(private_key, extra);
	TEMPLATE(data, extra, ATTR_ULONG(CKA_CLASS, CKO_DATA));
	TEMPLATE(certificate, extra, ATTR_ULONG(CKA_CLASS, CKO_CERTIFICATE), ATTR_ULONG(CKA_CERTIFICATE_TYPE, CKC_X_509),
		ATTR_BYTES(CKA_SUBJECT, name), ATTR_BYTES(CKA_VALUE, der));
	*object = CK_INVALID_HANDLE;
	switch (kind) {
	case SECRET:
		return P11->C_GenerateKey(session, &aes, secret, 2, object);
	case PRIVATE:
		return P11->C_GenerateKeyPair(session, &ec, public_key + 1, 1, private_key, 1, &other, object);
	case PUBLIC:
		return P11->C_GenerateKeyPair(session, &ec, public_key, 2, private_key, 0, object, &other);
	case DATA:
		return P11->C_CreateObject(session, data, 2, object);
	default:
		return P11->C_CreateObject(session, certificate, COUNT(certificate), object);
	}
}

static void forget(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	if (object != CK_INVALID_HANDLE)
		P11->C_DestroyObject(session, object);
}

static void check(const struct rule *rule, const char *column, CK_RV got, CK_RV want)
{
	char row[80];
	snprintf(row, sizeof row, "%s, %s", kind_names[rule->kind], attribute_text(rule->type));
	observe("attribute", row, column, rv_short(got));
	if (got != want && token.is_softhsm && rule->softhsm)
		observe_deviation(row, rv_text(got), rule->softhsm);
	else
		CU_assertImplementation(expect_rv(got, want, row, column, 0), __LINE__, row, __FILE__, "", CU_FALSE);
}

static void preset_is_as_the_table_has_it(CK_SESSION_HANDLE session, const struct rule *rule)
{
	CK_OBJECT_HANDLE object;
	CK_BYTE value[512];
	CK_ATTRIBUTE ask = { rule->type, value, sizeof value };
	enum preset got = IS_ANY;
	char row[80];
	snprintf(row, sizeof row, "%s, %s", kind_names[rule->kind], attribute_text(rule->type));
	EXPECT(make(session, rule->kind, NULL, &object), CKR_OK);
	CK_RV rv = P11->C_GetAttributeValue(session, object, &ask, 1);
	if (rv == CKR_OK && !rule->value && ask.ulValueLen == 1)
		got = value[0] ? IS_TRUE : IS_FALSE;
	else if (rv == CKR_OK && rule->value)
		got = ask.ulValueLen ? IS_THERE : IS_EMPTY;
	observe("attribute", row, "by itself", rv == CKR_OK ? preset_names[got] : rv_short(rv));
	if (rule->preset != IS_ANY && got != rule->preset && token.is_softhsm)
		observe_deviation(row, rv == CKR_OK ? preset_names[got] : rv_text(rv), rule->softhsm ? rule->softhsm : "the default is the token's to choose");
	else if (rule->preset != IS_ANY && got != rule->preset) {
		printf("    %s by itself is %s, want %s\n", row, rv == CKR_OK ? preset_names[got] : rv_text(rv), preset_names[rule->preset]);
		CU_FAIL("a default");
	}
	forget(session, object);
}

static CK_ATTRIBUTE value_of(const struct rule *rule, CK_BBOOL *flag)
{
	if (rule->value)
		return (CK_ATTRIBUTE){ rule->type, (void *)(uintptr_t)rule->value, rule->size };
	return (CK_ATTRIBUTE){ rule->type, flag, sizeof *flag };
}

static void may_be_said(CK_SESSION_HANDLE session, const struct rule *rule)
{
	CK_OBJECT_HANDLE object;
	CK_ATTRIBUTE value = value_of(rule, &yes);
	check(rule, "in a template", make(session, rule->kind, &value, &object), rule->said);
	forget(session, object);
}

/* From one value, said if that is allowed, to the other. */
static void may_change(CK_SESSION_HANDLE session, const struct rule *rule, bool up, bool copies)
{
	CK_OBJECT_HANDLE object, copy = CK_INVALID_HANDLE;
	CK_ATTRIBUTE before = value_of(rule, up ? &no : &yes), after = value_of(rule, up ? &yes : &no);
	if (copies && (up ? rule->copied_up : rule->copied_down) == UNASKED)
		return;
	const char *column = copies ? (up ? "copied up" : "copied down") : (up ? "changed up" : "changed down");
	if (rule->value || make(session, rule->kind, &before, &object) != CKR_OK)
		EXPECT(make(session, rule->kind, NULL, &object), CKR_OK);
	if (copies)
		check(rule, column, P11->C_CopyObject(session, object, &after, 1, &copy), up ? rule->copied_up : rule->copied_down);
	else
		check(rule, column, P11->C_SetAttributeValue(session, object, &after, 1), up ? rule->up : rule->down);
	forget(session, copy);
	forget(session, object);
}

static void obeys(CK_SESSION_HANDLE session, const struct rule *rule)
{
	preset_is_as_the_table_has_it(session, rule);
	may_be_said(session, rule);
	for (int copies = 0; copies < 2; copies++) {
		may_change(session, rule, true, copies);
		if (!rule->value)
			may_change(session, rule, false, copies);
	}
}

/* ---- the rules */

#define OK CKR_OK
#define RDONLY CKR_ATTRIBUTE_READ_ONLY
#define NOT_IT CKR_ACTION_PROHIBITED
#define FREE OK, OK, OK, OK, OK                              /* note 8 */
#define ON_COPY OK, RDONLY, RDONLY, OK, OK                   /* 4.4: "in the process of copying an object" */
#define TO_PRIVATE OK, RDONLY, RDONLY, OK, CKR_TEMPLATE_INCONSISTENT /* the same, but what was private stays so here */
#define NEVER RDONLY, RDONLY, RDONLY, RDONLY, RDONLY         /* notes 4 and 6: the token's to say */
#define NEVER_TRUE RDONLY, RDONLY, RDONLY, UNASKED, RDONLY   /* the same; copied as it is */
#define ONCE_TRUE OK, OK, RDONLY, OK, RDONLY                 /* note 11 */
#define ONCE_FALSE OK, RDONLY, OK, RDONLY, OK                /* note 12 */
#define AT_BIRTH OK, RDONLY, RDONLY, RDONLY, RDONLY          /* neither */
#define BYTES(bytes) bytes, sizeof bytes
#define TEXT(text) text, sizeof text - 1

#define SO_ONLY RDONLY, RDONLY, OK, RDONLY, OK               /* note 10 */

static const CK_ULONG aes_cbc[] = { CKM_AES_CBC };
static const CK_ULONG class_ = CKO_DOMAIN_PARAMETERS, type_rsa = CKK_RSA, one = 1;

#define STORAGE(kind, is_private)                                                          \
	{ kind, CKA_TOKEN, IS_FALSE, ON_COPY, NULL, 0, NULL },                             \
	{ kind, CKA_PRIVATE, is_private, TO_PRIVATE, NULL, 0, NULL }, \
	{ kind, CKA_MODIFIABLE, IS_TRUE, OK, NOT_IT, RDONLY, OK, OK, NULL, 0, "it copies what is not modifiable without changes only" },      \
	{ kind, CKA_COPYABLE, IS_TRUE, OK, RDONLY, RDONLY, NOT_IT, OK, NULL, 0, "it lets copies be forbidden later" }, \
	{ kind, CKA_DESTROYABLE, IS_TRUE, OK, RDONLY, RDONLY, OK, OK, NULL, 0, "it lets destruction be forbidden later" }, \
	{ kind, CKA_LABEL, IS_EMPTY, FREE, TEXT("another"), NULL },                        \
	{ kind, CKA_CLASS, IS_THERE, CKR_TEMPLATE_INCONSISTENT, RDONLY, RDONLY, RDONLY, RDONLY, &class_, sizeof class_, "it blames the value, not the contradiction" }, \
	{ kind, CKA_UNIQUE_ID, IS_THERE, NEVER, TEXT("mine"), "it is older than the attribute" }
#define KEY(kind)                                                                          \
	{ kind, CKA_ID, IS_EMPTY, FREE, TEXT("id"), NULL },                                \
	{ kind, CKA_START_DATE, IS_EMPTY, FREE, TEXT("20260101"), NULL },                  \
	{ kind, CKA_END_DATE, IS_EMPTY, FREE, TEXT("20361231"), NULL },                    \
	{ kind, CKA_DERIVE, IS_FALSE, FREE, NULL, 0, NULL },                               \
	{ kind, CKA_LOCAL, IS_TRUE, NEVER_TRUE, NULL, 0, NULL },                                \
	{ kind, CKA_KEY_GEN_MECHANISM, IS_THERE, NEVER, &one, sizeof one, NULL },          \
	{ kind, CKA_KEY_TYPE, IS_THERE, CKR_TEMPLATE_INCONSISTENT, RDONLY, RDONLY, RDONLY, RDONLY, &type_rsa, sizeof type_rsa, NULL }, \
	{ kind, CKA_ALLOWED_MECHANISMS, IS_EMPTY, AT_BIRTH, aes_cbc, sizeof aes_cbc, NULL }
#define HIDDEN(kind)                                                                       \
	{ kind, CKA_SENSITIVE, IS_TRUE, ONCE_TRUE, NULL, 0, NULL },                        \
	{ kind, CKA_EXTRACTABLE, IS_FALSE, ONCE_FALSE, NULL, 0, NULL },                    \
	{ kind, CKA_ALWAYS_SENSITIVE, IS_TRUE, NEVER_TRUE, NULL, 0, NULL },                     \
	{ kind, CKA_NEVER_EXTRACTABLE, IS_TRUE, NEVER_TRUE, NULL, 0, NULL },                    \
	{ kind, CKA_WRAP_WITH_TRUSTED, IS_FALSE, ONCE_TRUE, NULL, 0, "it takes the attribute for unchangeable" }

static const struct rule rules[] = {
	STORAGE(SECRET, IS_TRUE), KEY(SECRET), HIDDEN(SECRET),
	{ SECRET, CKA_ENCRYPT, IS_TRUE, FREE, NULL, 0, NULL }, { SECRET, CKA_DECRYPT, IS_TRUE, FREE, NULL, 0, NULL },
	{ SECRET, CKA_SIGN, IS_TRUE, FREE, NULL, 0, NULL }, { SECRET, CKA_VERIFY, IS_TRUE, FREE, NULL, 0, NULL },
	{ SECRET, CKA_WRAP, IS_TRUE, FREE, NULL, 0, NULL }, { SECRET, CKA_UNWRAP, IS_TRUE, FREE, NULL, 0, NULL },
	{ SECRET, CKA_TRUSTED, IS_FALSE, SO_ONLY, NULL, 0, "it takes the attribute for unchangeable" },
	{ SECRET, CKA_VALUE, IS_ANY, NEVER, TEXT("0123456789abcdef"), NULL },
	STORAGE(PRIVATE, IS_TRUE), KEY(PRIVATE), HIDDEN(PRIVATE),
	{ PRIVATE, CKA_SUBJECT, IS_EMPTY, FREE, BYTES(name), NULL },
	{ PRIVATE, CKA_DECRYPT, IS_TRUE, FREE, NULL, 0, NULL }, { PRIVATE, CKA_SIGN, IS_TRUE, FREE, NULL, 0, NULL },
	{ PRIVATE, CKA_SIGN_RECOVER, IS_TRUE, FREE, NULL, 0, NULL }, { PRIVATE, CKA_UNWRAP, IS_TRUE, FREE, NULL, 0, NULL },
	{ PRIVATE, CKA_ALWAYS_AUTHENTICATE, IS_FALSE, AT_BIRTH, NULL, 0, NULL },
	{ PRIVATE, CKA_VALUE, IS_ANY, NEVER, TEXT("0123456789abcdef"), NULL },
	{ PRIVATE, CKA_EC_PARAMS, IS_THERE, NEVER, BYTES(p384), NULL },
	STORAGE(PUBLIC, IS_FALSE), KEY(PUBLIC),
	{ PUBLIC, CKA_SUBJECT, IS_EMPTY, FREE, BYTES(name), NULL },
	{ PUBLIC, CKA_ENCRYPT, IS_TRUE, FREE, NULL, 0, NULL }, { PUBLIC, CKA_VERIFY, IS_TRUE, FREE, NULL, 0, NULL },
	{ PUBLIC, CKA_VERIFY_RECOVER, IS_TRUE, FREE, NULL, 0, NULL }, { PUBLIC, CKA_WRAP, IS_TRUE, FREE, NULL, 0, NULL },
	{ PUBLIC, CKA_TRUSTED, IS_FALSE, SO_ONLY, NULL, 0, "it takes the attribute for unchangeable" },
	{ PUBLIC, CKA_EC_POINT, IS_THERE, NEVER, BYTES(der), NULL },
	STORAGE(DATA, IS_ANY),
	{ DATA, CKA_APPLICATION, IS_EMPTY, FREE, TEXT("program"), "it changes labels only" }, { DATA, CKA_OBJECT_ID, IS_EMPTY, FREE, BYTES(der), "it changes labels only" },
	{ DATA, CKA_VALUE, IS_EMPTY, FREE, TEXT("value"), "it changes labels only" },
	STORAGE(CERTIFICATE, IS_FALSE),
	{ CERTIFICATE, CKA_ID, IS_EMPTY, FREE, TEXT("id"), NULL }, { CERTIFICATE, CKA_ISSUER, IS_EMPTY, FREE, BYTES(name), NULL },
	{ CERTIFICATE, CKA_SERIAL_NUMBER, IS_EMPTY, FREE, BYTES(der), NULL },
	{ CERTIFICATE, CKA_TRUSTED, IS_FALSE, SO_ONLY, NULL, 0, "it takes the attribute for unchangeable" },
	{ CERTIFICATE, CKA_START_DATE, IS_EMPTY, AT_BIRTH, TEXT("20260101"), NULL },
	{ CERTIFICATE, CKA_URL, IS_EMPTY, CKR_TEMPLATE_INCOMPLETE, RDONLY, RDONLY, RDONLY, RDONLY, TEXT("http://localhost/"), "it does not ask for the hashes that belong to a URL" },
};

static void obey_rules_of(enum kind kind)
{
	CK_SESSION_HANDLE session = session_open(RW);
	for (size_t i = 0; i < COUNT(rules); i++)
		if (rules[i].kind == kind)
			obeys(session, &rules[i]);
	session_close(session);
}

static void secret_keys_obey_the_table(void) { obey_rules_of(SECRET); }
static void private_keys_obey_the_table(void) { obey_rules_of(PRIVATE); }
static void public_keys_obey_the_table(void) { obey_rules_of(PUBLIC); }
static void data_obeys_the_table(void) { obey_rules_of(DATA); }
static void certificates_obey_the_table(void) { obey_rules_of(CERTIFICATE); }

CHAPTER(rules,
	SAY(secret_keys_obey_the_table),
	SAY(private_keys_obey_the_table),
	SAY(public_keys_obey_the_table),
	SAY(data_obeys_the_table),
	SAY(certificates_obey_the_table));
