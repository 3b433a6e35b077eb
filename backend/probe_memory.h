/* What the probe has found, kept in a file from one start to the next: trying a token takes seconds, and all that it finds out follows
 * from what is tried, and from who tries.
 *
 *	"CRATPRB1" ‖ subject ‖ u32 kinds of keys that the node makes and holds ‖ u32 count ‖ so many mechanisms ‖ HMAC-SHA256
 *	subject: SHA-256(identity of the token ‖ identity of this program's file ‖ the boot's id ‖ wishes)
 *	mechanism: u64 type ‖ u64 key_size_min ‖ u64 key_size_max ‖ u64 flags ‖ u8 takes_bytes
 *
 * The HMAC is the domain's, made in the token. What does not verify, or is of another subject, is as good as none. */
#pragma once
#include "backend/identity.h"
#include "backend/probe.h"

struct probe_subject {
	struct domain *domain;
	const uint8_t *identity;           /* of its token: token_identify */
	const struct probe_wishes *wishes;
};

/* As probe() would, without shortfalls: the log of the time when it was tried tells of those. ERR_NOT_FOUND: nothing is known of just this;
 * ERR_IO: the token fails; ERR_NO_MEMORY. */
enum err probe_recall(const struct probe_subject *subject, const char *path, struct capabilities *out);
/* Nothing that is in doubt. What can't be written is told in the log, and found out again at the next start. */
void probe_remember(const struct probe_subject *subject, const char *path, const struct capabilities *capabilities);
