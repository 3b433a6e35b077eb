/* The directory: every object, slot and setting the cluster has agreed on, in SQLite. The
 * raft thread writes it, through directory_machine; any thread reads.
 *
 * Every row carries a keyed hash, and their sum is the directory's digest, the same on every node
 * at the same index: it shows a row changed on disk at start, and two nodes that differ at any time. */
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/secret.h"
#include "raft/consensus.h"
#include "store/events.pb-c.h"
#include "wire/attributes.h"
#include <stdbool.h>
#include <stdint.h>

struct directory;

#define DIRECTORY_DIGEST_SIZE 32
#define LOGIN_FAILURES_MAX 10

/* What became of a request. */
enum outcome {
	OUTCOME_DONE = 1,
	OUTCOME_NOT_FOUND,   /* no such object or slot */
	OUTCOME_CONFLICT,    /* the object changed meanwhile: read again and ask anew, under a new request id; or the setting is ruled out */
	OUTCOME_LOCKED,      /* the PIN is locked */
	OUTCOME_STALE,       /* about a slot's earlier life (C_InitToken came between), or a PIN since changed; or so late that nobody knows
	                      * any more whether it was done already */
	OUTCOME_MALFORMED,   /* the event makes no sense to this version; nothing was done */
};

struct request_record {
	enum outcome outcome;
	uint64_t index;
	uint32_t slot;           /* SlotCreated: the new slot's id; ObjectCreated: its slot, if something is carried */
	struct id objects[8];    /* ObjectCreated: the ids of the objects that this request made */
	size_t object_count;
};

struct pin_record {
	bool is_set;
	uint8_t salt[16];
	uint8_t mac[32];
	uint32_t failures;       /* since the last success; locked at LOGIN_FAILURES_MAX */
};
#define SLOT_LABEL_SIZE_MAX 32 /* bytes; CK_TOKEN_INFO's */
/* Not too long, and without control characters: it is shown on administrators' terminals. */
bool slot_label_ok(const char *label);
struct slot_record {
	uint32_t slot;
	char label[SLOT_LABEL_SIZE_MAX + 1]; /* without padding */
	char serial[17];
	uint64_t generation;     /* grows with every C_InitToken and PIN change; part of a ticket */
	uint64_t life;           /* the index of its creation or last C_InitToken: ObjectCreated.life */
	struct pin_record so, user;
};
/* Who may see a slot: "client:NAME", "user:NAME"; an empty list: every client of the cluster. Sorted, each once. */
#define SLOT_ACCESS_MAX 64      /* names */
#define SLOT_ACCESS_NAME_MAX 64 /* bytes of NAME */
struct slot_access {
	char **allowed;
	size_t count;
};
bool slot_access_name_ok(const char *name);
/* In whatever order, with repetitions. ERR_MALFORMED: too many, or a name that is none; ERR_NO_MEMORY. */
enum err slot_access_copy(struct slot_access *out, char *const *names, size_t count);
bool slot_access_has(const struct slot_access *access, const char *name);
void slot_access_finish(struct slot_access *access);

/* Is the record of a PIN locked? */
#define PIN_LOCKED(pin) ((pin)->failures >= LOGIN_FAILURES_MAX)

/* What this software knows to apply: grows when an event comes to mean something that older software would not do, and nodes that did not do
 * the same would drift apart unseen. Whoever proposes such an event sets its level; an older node that meets it stops, and goes on
 * from there when it has been upgraded. Where such an event leaves rows that older software would read as others, the schema's version grows, too:
 * with a snapshot they come without the event. */
#define EVENT_LEVEL 0

/* What the rest of the node wants to hear of; on the raft thread, after the batch is visible. */
struct directory_watch {
	void (*object_gone)(void *context, const struct id *id);    /* destroyed or changed: forget what is loaded */
	void (*slot_reset)(void *context, uint32_t slot);           /* all its objects are gone, tickets are void; or it is itself */
	void (*setting_changed)(void *context);                     /* one or several */
	void (*everything)(void *context);                          /* a snapshot was installed */
	void *context;
};

/* `key` (the cluster secret) keys the rows' hashes. Creates folder/directory.db only if `fresh` (no log exists yet) and
 * it is not there; a missing, short, foreign or altered one is ERR_DAMAGED with what to do about it.
 *
 * The log on a majority's disks is the durable truth: what a power failure takes from the directory (never
 * from its middle) is applied again from the log, so directory_machine.applied may be lower after one. It survives
 * any crash of the process. */
enum err directory_open(const char *folder, const struct secret *key, bool fresh,
                        struct directory **out, struct complaint *complaint);
void directory_close(struct directory *directory);
void directory_set_watch(struct directory *directory, const struct directory_watch *watch);
extern const struct machine_ops directory_machine; /* its `void *machine` is a struct directory */

/* Reading, from any thread. What is handed out is the caller's: craton__object__free_unpacked. */
uint64_t directory_applied(struct directory *directory); /* what readers see now */
enum err directory_object(struct directory *directory, uint32_t slot, const struct id *id,
                          Craton__Object **out, uint64_t *version);
/* Objects whose attributes match all of `attributes` (PKCS#11 5.7 C_FindObjects), by id, after
 * `after` (zero or NULL: from the start). `with_private`: a user is logged in. At most count_max (0: no limit);
 * out->more says there are others. `out` is set up here; what it holds is malloc'ed (so it may be a
 * field of a reply freed with free_unpacked): directory_find_release otherwise. */
enum err directory_find(struct directory *directory, uint32_t slot, const struct attribute_list *attributes,
                        bool with_private, const struct id *after, uint32_t count_max,
                        Craton__FindReply *out);
void directory_find_release(Craton__FindReply *reply);
/* The attributes that an ObjectBrief carries: class, key type, what C_*Init has to check, sizes (CKA_MODULUS_BITS
 * also of a private key, though it has no such attribute). NULL without memory. */
void object_brief(const Craton__Object *object, Craton__ObjectBrief **out);
enum err directory_slot(struct directory *directory, uint32_t slot, struct slot_record *out);
/* ERR_NOT_FOUND. `out` is the caller's: slot_access_finish. */
enum err directory_slot_access(struct directory *directory, uint32_t slot, struct slot_access *out);
enum err directory_slots(struct directory *directory, struct slot_record **out, size_t *count); /* free() */
enum err directory_request(struct directory *directory, const struct id *request, struct request_record *out);
/* What that request made for its asker to keep (ObjectCreated.carried). ERR_NOT_FOUND: nothing, no such request, or not any more: until its slot is
 * initialised or removed, or the log's time is CARRIED_AGE_MS past it. */
#define CARRIED_AGE_MS (600 * 1000)
#define CARRIED_SIZE_MAX (256u << 10) /* bytes, packed */
enum err directory_carried(struct directory *directory, const struct id *request, Craton__Object **out);
/* `out` is set up by the caller; its size_max bounds the value. ERR_NOT_FOUND if it was never set. */
enum err directory_setting(struct directory *directory, const char *name, struct buf *out);
/* The sum of all rows' hashes, its index, and how many objects there are: together, as of one moment. */
enum err directory_digest(struct directory *directory, uint8_t digest[DIRECTORY_DIGEST_SIZE],
                          uint64_t *index, uint64_t *object_count);
