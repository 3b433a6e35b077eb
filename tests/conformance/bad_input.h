/* Bad input: a call with one thing wrong answers the standard's code, begins no operation, ends none it may not end, and
 * makes and destroys nothing. */
#pragma once
#include "tests/conformance/states.h"

/* A session for one row, and what is to be as it was at its end. */
struct row {
	CK_SESSION_HANDLE session;
	size_t objects;
};
struct row row_begin(void);
void row_end(const struct row *row, const char *function, const char *argument, CK_RV got, CK_RV want, const char *softhsm);

/* `call` may name the session `s`. `softhsm`: why bare SoftHSM may do otherwise, or NULL. */
#define TRY(function, argument, call, want, softhsm)                                 \
	do {                                                                         \
		struct row row_ = row_begin();                                       \
		CK_SESSION_HANDLE s = row_.session;                                  \
		(void)s;                                                             \
		row_end(&row_, function, argument, (call), want, softhsm);           \
	} while (0)
/* Not asked of bare SoftHSM at all. */
#define TRY_NOT_ON_SOFTHSM(function, argument, call, want, why)                      \
	do {                                                                         \
		if (token.is_softhsm)                                                \
			observe_deviation(function ", " argument, "not asked", why); \
		else                                                                 \
			TRY(function, argument, call, want, NULL);                   \
	} while (0)

#define STALE ((CK_OBJECT_HANDLE)0x7ffffff1)
#define ABSURD ((CK_ULONG)-1)
#define MECHANISM(...) (&(CK_MECHANISM){ __VA_ARGS__ })
#define NO_MECHANISM MECHANISM(0x7ffffff0, NULL, 0)
/* A template in place. */
#define LIST(...) (CK_ATTRIBUTE[]){ __VA_ARGS__ }, COUNT(((CK_ATTRIBUTE[]){ __VA_ARGS__ }))

void calls_about_slots_and_sessions(void);
void calls_about_objects(void);
void templates_that_make_no_sense(void);
void operations_without_mechanism_or_key(void);
void parameters_that_make_no_sense(void);
void data_that_does_not_fit(void);
void keys_that_cannot_be_made(void);
void keys_that_cannot_be_wrapped(void);
void keys_that_cannot_be_unwrapped_or_derived(void);
