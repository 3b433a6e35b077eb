/* The conformance suite: one sentence per clause of PKCS#11 2.40 behaviour, written once and run
 * through any module: SoftHSM itself, one node, three nodes, three of which one keeps dying.
 *
 * Where bare SoftHSM does otherwise than the standard, the sentence says so with DEVIATES and its reason; the
 * virtual slot has no such excuse. */
#pragma once
#include "tests/check.h"
#include "wire/cryptoki.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct token_under_test {
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	const char *user_pin, *so_pin, *label;
	bool is_softhsm;
	void *module;                  /* for dlsym */
	CK_FUNCTION_LIST_3_0 *p11_3;   /* NULL: the module has no such interface */
};
extern struct token_under_test token;
#define P11 (token.p11)
#define P11_3 (token.p11_3)

/* "CKR_OK", "CKA_LABEL", "CKM_AES_CBC"; a number for one unknown. Short: without its CKR_. */
const char *rv_text(CK_RV rv);
const char *rv_short(CK_RV rv);
const char *attribute_text(CK_ATTRIBUTE_TYPE type);
const char *mechanism_text(CK_MECHANISM_TYPE type);
/* A cell of a table of docs/conformance.md, as it was seen; to the file that SUITE_OBSERVED names, if it names one. */
void observe(const char *table, const char *row, const char *column, const char *seen);
/* Bare SoftHSM does otherwise: said, and listed in docs/conformance.md. */
void observe_deviation(const char *call, const char *got, const char *why);
/* The call returns what the standard says. Prints what it returned if not. */
bool expect_rv(CK_RV got, CK_RV want, const char *call, const char *file, int line);
#define EXPECT(call, want) \
	CU_assertImplementation(expect_rv((call), (want), #call, __FILE__, __LINE__), __LINE__, #call " == " #want, __FILE__, "", CU_FALSE)
/* The same, forgiven on bare SoftHSM, which has a bug here. */
#define EXPECT_SOFTHSM_DEVIATES(call, want, why)                                                 \
	do {                                                                                     \
		CK_RV got_ = (call);                                                             \
		if (token.is_softhsm && got_ != (want))                                          \
			observe_deviation(#call, rv_text(got_), why);                            \
		else                                                                             \
			CU_assertImplementation(expect_rv(got_, (want), #call, __FILE__, __LINE__), __LINE__, #call " == " #want, __FILE__, "", CU_FALSE); \
	} while (0)

/* Opens a session, logged in as user if asked. The suite's own session keeps the login alive. */
CK_SESSION_HANDLE session_open(CK_FLAGS flags);
void session_close(CK_SESSION_HANDLE session);
void login_user(void);   /* whatever the state was: afterwards the user is logged in */
void login_so(void);
void logout(void);
/* C_Initialize, if it is not yet. */
void initialize(void);
/* A forked child tells the story, with the parent's handle: its number of complaints. */
int in_a_child(int (*story)(CK_SESSION_HANDLE session), CK_SESSION_HANDLE session);

#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)
#define RO CKF_SERIAL_SESSION

/* A template in place: TEMPLATE(t, ATTR_ULONG(CKA_CLASS, CKO_DATA), ATTR_TEXT(CKA_LABEL, "x")) */
#define TEMPLATE(name, ...) CK_ATTRIBUTE name[] = { __VA_ARGS__ }
#define COUNT(array) (sizeof (array) / sizeof *(array))
#define ATTR_ULONG(type, value) { (type), &(CK_ULONG){ (value) }, sizeof(CK_ULONG) }
#define ATTR_BOOL(type, value) { (type), &(CK_BBOOL){ (value) }, sizeof(CK_BBOOL) }
#define ATTR_TEXT(type, text) { (type), (void *)(uintptr_t)(text), sizeof(text) - 1 }
#define ATTR_BYTES(type, array) { (type), (void *)(uintptr_t)(array), sizeof(array) }

enum lifetime { SESSION_OBJECT, TOKEN_OBJECT };
struct key_pair { CK_OBJECT_HANDLE public_key, private_key; };
/* "label" also becomes the CKA_ID. Failures are asserted inside; handles are CK_INVALID_HANDLE then. */
struct key_pair make_rsa(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bits, const char *label);
struct key_pair make_ec(CK_SESSION_HANDLE session, enum lifetime lifetime, const char *curve, const char *label); /* "P-256" */
CK_OBJECT_HANDLE make_aes(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bytes, const char *label);
CK_OBJECT_HANDLE make_secret(CK_SESSION_HANDLE session, enum lifetime lifetime, CK_ULONG bytes, const char *label);
/* Of that value, good for everything, extractable, not sensitive; a session object. */
CK_OBJECT_HANDLE import_secret(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const CK_BYTE *value, CK_ULONG size);
/* Public, of the value "some data". */
CK_OBJECT_HANDLE make_data(CK_SESSION_HANDLE session, enum lifetime lifetime, const char *label);
void destroy_pair(CK_SESSION_HANDLE session, struct key_pair pair);
/* How many objects match; *first is one of them. */
size_t count_objects(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template_, CK_ULONG count, CK_OBJECT_HANDLE *first);
size_t count_labelled(CK_SESSION_HANDLE session, const char *label);

/* The chapters. */
struct chapter {
	const char *name;
	const struct sentence *sentences;
	size_t count;
};
#define CHAPTER(chapter_name, ...)                                                      \
	static const struct sentence sentences_of_##chapter_name[] = { __VA_ARGS__ };   \
	const struct chapter chapter_##chapter_name = { #chapter_name, sentences_of_##chapter_name, \
		sizeof sentences_of_##chapter_name / sizeof(struct sentence) }
extern const struct chapter chapter_general, chapter_initialize, chapter_states, chapter_sessions, chapter_login, chapter_pins,
	chapter_objects, chapter_classes, chapter_rules, chapter_keys, chapter_lineage, chapter_sign, chapter_encrypt, chapter_digest,
	chapter_dual, chapter_interfaces, chapter_sizes, chapter_mechanisms, chapter_bad_input, chapter_arguments, chapter_token;
