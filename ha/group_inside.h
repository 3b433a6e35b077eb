/* What the files of the group share. */
#pragma once
#include "ha/group.h"
#include "ha/repeat.h"
#include <pthread.h>

struct group {
	struct group_settings settings;
	size_t count;
	struct member *members[MEMBERS_MAX];
	pthread_mutex_t lock;
	pthread_cond_t news;     /* a member is lost or back, or all is to end */
	bool stopping;
	bool knocking;           /* a call is trying every lost member, for all who wait */
	int64_t knock_at_ms;     /* not again before; 0: every member was only just lost */
	size_t lost_count;
	uint64_t losses;         /* of any member, so far */
	bool is_out;             /* every member was tried since the last loss, and none was there */
	uint64_t total_losses;   /* how often that came to be so */
	uint64_t index_seen;
	unsigned turn;
	bool has_thread;
	pthread_t thread;
};

/* What a change of state leaves to be said once the lock is free. */
struct news {
	enum { NEWS_NONE, NEWS_LOST, NEWS_OUT, NEWS_BACK } what;
	const struct member *member;
	enum err err;
	unsigned outstanding;
	size_t count;
};
void news_tell(const struct news *news);

struct news member_lose_locked(struct group *group, struct member *member, enum err err);
struct news member_back_locked(struct group *group, struct member *member);
/* A probe, or a call that was one, has failed: when is the next? `losses`: group->losses when it began. */
struct news member_still_lost_locked(struct group *group, struct member *member, enum err err, uint64_t losses);
/* Until `until_ms` or news. */
void group_wait_locked(struct group *group, int64_t until_ms);

/* Starts the thread that probes lost members, if it may and does not run. */
void recovery_start_locked(struct group *group);
/* Every member is lost: tries them all, at most once per interval whoever asks, and waits as the settings say.
 * True if one is back. */
bool group_knock(struct group *group, deadline_ms deadline);

/* A call to the member is under way; and is over. */
void group_take(struct group *group, struct member *member);
void group_return(struct group *group, const struct question_kind *kind, struct member *member, enum err err,
                  const Craton__Reply *reply, int64_t started_us);

/* What one member has said to a question of an operation in parts: keeps its line, or lets it go. */
void multipart_answered(struct question *question, struct member *member, enum err err, const Craton__Reply *reply);
/* A question about one that is open. */
enum err multipart_call(struct group *group, struct question *question, int64_t patience_ms, Craton__Reply **reply);
