/* What is to go wrong with the token, as its control file says at the moment:
 *
 *	latency_us = N       how long an operation takes, at least
 *	at_once = N          how many operations the token does at a time; the others wait for their turn
 *	hang = yes           calls do not return until this is taken back
 *	error = 0x30         calls answer that
 *	crash = yes          a call ends the process
 *	removed = yes        the token is not in its slot, and its sessions are gone when it is back
 *	lose_sessions = N    as after the token's own restart: every session and session object is gone. Done once for each new N
 *
 * latency, hang, error and crash may be narrowed, each with:
 *
 *	…_function = C_Sign C_Decrypt   those only (hang_function alone hangs them, too)
 *	…_when = after                  the token has done its work by then; preset: before
 *	error_count = N                 that many calls, then all is well
 *
 * Without …_function they concern all calls but C_Initialize, C_Finalize and C_GetInfo, and latency_us operations only. */
#pragma once
#include "wire/cryptoki.h"
#include <stdbool.h>
#include <stdint.h>

enum kind { LIBRARY, SLOT, SESSION, OPERATION };
enum function {
#define FUNCTION(name, kind, parameters, arguments) AT_##name,
#include "tests/fault/token/functions.h"
#undef FUNCTION
	FUNCTIONS
};
enum kind function_kind(enum function function);

struct fault {
	bool is_on, is_narrowed, is_after;
	bool functions[FUNCTIONS];
};
struct faults {
	struct fault latency, hang, error, crash;
	uint64_t latency_us;
	CK_RV error_rv;
	unsigned long error_count; /* 0: any number */
	unsigned long at_once, lose_sessions;
	bool is_removed;
};

/* The file's path is the caller's, for good. */
void faults_init(const char *control_path);
/* As they are now. For any thread. */
void faults_now(struct faults *out);
bool fault_strikes(const struct fault *fault, enum function function, bool after);
/* A call is slow, or hangs, as ordered (control_met). For any thread. */
void faults_met(void);
/* Whether one more call is to answer the error. */
bool faults_spend_error(void);
