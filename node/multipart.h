/* Operations in parts. Between its FIRST and its LAST an operation has a loaded key and a session of the token to itself, and its
 * connection serves nothing else; a connection holds at most one.
 *
 * Those that are open must not starve the rest: together they hold at most half of the token's sessions. Beyond that, one whose owner
 * has been silent for long is ended for a newcomer's sake, and its owner is told so if it comes back. */
#pragma once
#include "backend/keyring.h"
#include "backend/parts.h"
#include "base/id.h"

#define MULTIPART_SILENCE_MS 5000

struct multipart;   /* one operation; a connection's */
struct multiparts;  /* all of a node's */
struct question;

/* At most `count_max`, and half of the token's sessions, are open at a time; one that was silent for `silence_ms` may be ended for
 * another. NULL without memory. */
struct multiparts *multiparts_create(struct keyring *keyring, size_t count_max, int64_t silence_ms);
void multiparts_destroy(struct multiparts *multiparts); /* none may be open; accepts NULL */
size_t multiparts_count(struct multiparts *multiparts);

/* Begins one for a key that may be used so; takes over `key` (borrowed) and `mechanism` (malloc) in any case. FAULT_BUSY: as many as may
 * be open are in use. */
CK_RV multipart_begin(struct question *question, struct loaded_key *key, CK_MECHANISM *mechanism, struct multipart **out);
/* PART or LAST: the data, and for LAST the end, whose result may be more than one answer holds: then *more, and the next LAST brings
 * the next of it. Any answer but CKR_OK, and LAST without more, end it: multipart_end. */
CK_RV multipart_go_on(struct question *question, struct multipart *multipart, struct buf *out, bool *more);
/* How it stands: the mechanism, which the token may have changed. */
const CK_MECHANISM *multipart_mechanism(const struct multipart *multipart);
void multipart_end(struct multiparts *multiparts, struct multipart *multipart); /* accepts NULL */
