/* The functions, each as a well-made call, and what the standard has it answer in each state. */
#pragma once
#include "tests/conformance/suite.h"

enum state { RO_PUBLIC, RW_PUBLIC, RO_USER, RW_USER, RW_SO, STATES };

/* Objects that every state sees; the private half is no private object. */
struct fixture {
	CK_SESSION_HANDLE session; /* theirs */
	CK_OBJECT_HANDLE aes, hmac, data;
	struct key_pair rsa;
	CK_OBJECT_HANDLE fresh;    /* made by `before` */
};
extern struct fixture fixture;
/* If it is not there yet, or went with its session. */
void fixture_make(void);

struct call {
	const char *name;              /* "C_CreateObject", or with what is special of it: "C_CreateObject (token object)" */
	CK_RV (*call)(CK_SESSION_HANDLE session);
	CK_RV want[STATES];
	CK_RV (*begin)(CK_SESSION_HANDLE session); /* its operation, or the one that stands in its way */
	CK_RV want_active;             /* with that operation active */
	void (*before)(void);
	bool needs_no_session;         /* takes none */
	bool is_always_there;          /* before C_Initialize, too */
	bool is_parallel;              /* C_GetFunctionStatus, C_CancelFunction: the same answer whatever the argument */
	bool is_3_0;
	bool recovers;                 /* where no mechanism does, C_*Init says so, and nothing begins */
	const char *softhsm;           /* why bare SoftHSM may do otherwise */
};

struct calls {
	const struct call *list;
	size_t count;
};
extern const struct calls calls_general, calls_objects, calls_ciphers, calls_signatures, calls_keys, calls_messages;
#define CALLS(chapter, ...)                                       \
	static const struct call chapter##_list[] = { __VA_ARGS__ }; \
	const struct calls calls_##chapter = { chapter##_list, COUNT(chapter##_list) }

#define IN_EACH(...) .want = { __VA_ARGS__ }
#define EVERYWHERE(rv) IN_EACH(rv, rv, rv, rv, rv)
/* "R/W" is for token objects; 4.4 of the usage guide. */
#define NEEDS_WRITABLE IN_EACH(CKR_SESSION_READ_ONLY, CKR_OK, CKR_SESSION_READ_ONLY, CKR_OK, CKR_OK)
#define NEEDS_USER IN_EACH(CKR_USER_NOT_LOGGED_IN, CKR_USER_NOT_LOGGED_IN, CKR_OK, CKR_OK, CKR_USER_NOT_LOGGED_IN)
#define WITH(function, rv) .begin = function, .want_active = rv
/* A call as a function of the session alone. */
#define CALL(name, ...) static CK_RV name(CK_SESSION_HANDLE s) { (void)s; return __VA_ARGS__; }
