/* An operation in parts stays with the member that began it, on one connection that is its own until it ends. Its first question
 * (question.multipart) is asked like any other, of the least busy member; the others go where the first was answered. The member counts
 * as busy only while one of them is under way. */
#pragma once
#include "ha/member.h"

struct multipart {
	struct member *member;   /* which has it; NULL: none */
	struct line *line;
	bool is_repeatable;      /* the asker's word: it can begin again elsewhere, so no member is waited for too long */
};

/* Where group_call has left it: did the member begin it, and does it have it still? */
static inline bool multipart_is_open(const struct multipart *multipart)
{
	return multipart->member != NULL;
}
/* Ends one that is open: the connection's end is the operation's. */
void multipart_end(struct multipart *multipart);
