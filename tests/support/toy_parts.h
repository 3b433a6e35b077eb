/* Operations in parts of the toy slot: what came is put together and answered as if it had come at once, so that in parts is the
 * same as whole. */
#pragma once
#include "tests/support/fake_node.h"
#include <stdatomic.h>

struct toy_parts {
	atomic_uint firsts, parts, lasts; /* round trips of a stage */
	atomic_uint size_max;             /* bytes that came at once, at most */
	atomic_bool has_no_room;          /* every FIRST is FAULT_BUSY */
	atomic_uint last_max;             /* bytes of a result that one LAST brings; 0: all */
	atomic_bool never_ends;           /* LAST has nothing, and says there is more */
	atomic_uint ends_at;              /* so manieth PART of all is the end of its operation, */
	atomic_int ends_with;             /* with that fault; 0: it does not serve */
};
/* Answers a question of an operation in parts with `whole`, the answer to a question that is none. */
void toy_part(struct toy_parts *parts, void *toy, fake_answer *whole, struct fake_call *call, const Craton__Request *request,
              Craton__Reply *reply);
