/* What one driver says to another, and its bytes. Who said it is the carrier's word (the link has verified
 * it), never the message's own. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "raft/configuration.h"
#include "raft/entry.h"
#include <stdbool.h>
#include <stdint.h>

#define MESSAGE_ENTRIES_MAX 4096
/* An encoded message is never longer: the link can refuse anything above it unseen. One entry of any
 * allowed size fits; several go together up to MESSAGE_SIZE_GOAL. */
#define MESSAGE_SIZE_MAX (ENTRY_SIZE_MAX + (64u << 10))
#define MESSAGE_SIZE_GOAL (1u << 20)

enum message_kind {
	MESSAGE_VOTE = 1,
	MESSAGE_VOTE_RESULT,
	MESSAGE_APPEND,
	MESSAGE_APPEND_RESULT,
	MESSAGE_INSTALL,         /* a snapshot; its body travels beside it (world.h) */
	MESSAGE_TIMEOUT_NOW,
	MESSAGE_FORWARD,         /* a proposal on its way to the leader */
	MESSAGE_READ,            /* "as of which index may I read?", to the leader */
	MESSAGE_READ_RESULT,
	MESSAGE_ROUND,           /* the leader's "still in my term?" */
	MESSAGE_ROUND_RESULT,
	MESSAGE_CONTACT,         /* "I am here", to the leader, every heartbeat (driver_contact.c) */
	MESSAGE_CONTACT_RESULT,
	MESSAGE_CONTACT_WANTED,  /* the leader's "say so as soon as you have applied this" */
	MESSAGE_SETTLE,          /* "when can nobody act any more on what was before this index?", to the leader */
	MESSAGE_SETTLE_RESULT,
};

struct message {
	enum message_kind kind;
	uint64_t from;           /* the carrier fills it in on arrival */
	uint64_t term;           /* the sender's; for VOTE the one it asks for */
	union {
		struct {
			uint64_t candidate, last_index, last_term;
			bool disrupt_leader, pre_vote;
		} vote;
		struct {
			bool granted, pre_vote;
			uint16_t features;
		} vote_result;
		struct {
			uint64_t prev_index, prev_term, commit;
			struct entry **entries; /* one reference each */
			uint32_t count;
		} append;
		struct {
			uint64_t rejected, last_index;
			uint16_t features;
		} append_result;
		struct {
			struct snapshot_meta *meta; /* malloc */
			void *file;             /* the world's, once the body is here and verified; not in the bytes */
		} install;
		struct {
			uint64_t last_index, last_term;
		} timeout_now;
		struct {
			struct id request;
			struct entry *entry;    /* `data` is the proposal itself; term 0, no envelope yet */
		} forward;
		struct {
			uint64_t number;        /* the asker's, comes back with the answer */
			uint64_t index;         /* not in READ */
		} read;                         /* READ, READ_RESULT, SETTLE, SETTLE_RESULT */
		struct {
			uint64_t number;
		} round;                        /* ROUND, ROUND_RESULT */
		struct {
			uint64_t stamp;         /* the asker's clock, comes back with the answer */
			uint64_t applied;
			uint64_t heard;         /* `at` of the leader's last word in this term; 0: none yet */
			bool declines;          /* would rather not lead */
		} contact;
		struct {
			uint64_t stamp;
			uint64_t at;            /* the leader's clock */
			uint64_t age_ms;        /* since a majority is known to have been in its term */
			uint64_t commit;
			bool granted;           /* without it, the age says nothing, and more may be committed */
		} contact_result;
		struct {
			uint64_t index;
		} contact_wanted;
	};
};

/* Appends the message's bytes to `out`. */
enum err message_encode(const struct message *message, struct buf *out);
/* The whole of `data` is one message. Takes memory only for what is there. On success the message holds
 * memory of its own: message_release. `from` is left 0. ERR_MALFORMED, ERR_TOO_BIG, ERR_NO_MEMORY; ERR_NOT_FOUND: of a kind that is not
 * known here. There is one way to write each kind, as of the first release: what is to be said beside it after that is a kind of its own, which
 * older nodes leave alone. */
enum err message_decode(const void *data, size_t size, struct message *out);
/* Drops entries and metadata, not install.file. */
void message_release(struct message *message);
