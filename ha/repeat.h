/* What may be asked again, and what an answer means for the asker: the two tables that failover rests on. */
#pragma once
#include "wire/craton.pb-c.h"
#include <stdbool.h>

/* Almost everything a library asks may be asked again of another member, for one of two reasons:
 * - it changes nothing (signing twice harms no one): then a second member may be asked even while the first is at it, or
 * - it is a deed: it carries a request id, and the directory does one id's deed once. Another is asked when the first gives no sign of life:
 *   soon where it is light, later where it may be long work.
 * What is neither is asked once: when it may have been done, its answer is not to be had again, and the loss of the member is the answer.
 * Of an operation in parts that is the word for its beginning. What follows makes sense only where it was begun, so the group asks it
 * once, and the asker, who knows what has gone in and come out, begins anew elsewhere (ha/multipart.h, pkcs11/parts.h). */
struct question_kind {
	Craton__Request__BodyCase body;
	bool is_deed;      /* has a request id; needs a majority, so a member may fail it while another can */
	bool is_measured;  /* its time says how busy a member is; not so where the work itself is long */
	bool is_light;     /* of deeds: quickly done, so that it is no waste to ask a second member once the first heartbeat is missing */
	bool is_once;      /* neither repeated nor asked of two */
	const char *reason;
};
/* Never NULL for what the library asks (asserted). */
const struct question_kind *question_kind(const Craton__Request *request);

/* An operation with it may be begun once only: what is asked of it is asked once, and it is never begun anew. */
bool crypt_is_once(Craton__CryptKind kind, uint64_t mechanism);

enum verdict {
	VERDICT_ANSWERED,  /* the asker's, for better or worse */
	VERDICT_ELSEWHERE, /* ask another member */
	VERDICT_SHOW,      /* ask the same one again and show it the object in full */
};
/* *rest_ms: how long the member is better left alone. */
enum verdict fault_verdict(Craton__Fault fault, int64_t *rest_ms);
/* The member has not touched its token for it: so even what is done only once may be asked elsewhere. */
bool fault_is_before_deed(Craton__Fault fault);
const char *fault_name(Craton__Fault fault);
