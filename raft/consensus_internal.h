/* What the files of consensus share: consensus.c (threads, beginning and end), consensus_world.c (what the driver asks of
 * the world), consensus_calls.c (what others ask of consensus), consensus_waiter.c (how they wait), consensus_status.c,
 * consensus_snapshot.c (the snapshot thread). */
#pragma once
#include "raft/acquaintances.h"
#include "raft/chain.h"
#include "raft/consensus.h"
#include "raft/driver.h"
#include "raft/folder.h"
#include "raft/log_sqlite.h"
#include "raft/peers.h"
#include "raft/snapshot_file.h"
#include <pthread.h>
#include <stdatomic.h>

/* Something for the raft thread to do. Runs once there; when consensus has ended it is run with `driver` NULL and only
 * lets go of what it holds. Frees itself. */
struct event {
	struct event *next;
	void (*run)(struct consensus *consensus, struct driver *driver, struct moment now, struct event *event);
	size_t size;             /* bytes it holds, if it came from a peer */
};

/* Somebody who waits, on their own stack. */
struct waiter {
	struct waiter *next;
	struct id request;       /* in the table of proposals */
	uint64_t ticket;         /* in the list of tickets */
	uint64_t least;          /* in the list of those who wait for an index */
	pthread_cond_t told;
	bool done;
	enum err err;
	uint64_t index;
	struct complaint *complaint; /* may be NULL */
};

/* For the snapshot thread. */
enum task_kind { TASK_TAKE, TASK_WRAP, TASK_CHECK };
struct task {
	struct task *next;
	enum task_kind kind;
	struct log_job *job;     /* WRAP */
	struct arrival *install; /* CHECK */
	char *path;              /* CHECK */
};

#define PROPOSAL_BUCKETS 1024
/* Bytes of peers' messages that wait for the raft thread; what comes beyond is lost. */
#define ARRIVALS_MAX (128u << 20)

struct consensus {
	struct consensus_config config;
	struct folder folder;
	struct chain *chain;
	struct snapshots *snapshots;
	struct acquaintances *acquaintances;
	struct log_store *log;
	struct peers *peers;
	struct driver *driver;   /* the raft thread's */
	atomic_uint_fast64_t applied, heard;
	atomic_int_fast64_t contact_until;
	atomic_bool has_failed, declines;

	pthread_t raft_thread, snapshot_thread;
	bool has_raft_thread, has_snapshot_thread;

	pthread_mutex_t queue_lock;
	pthread_cond_t queue_changed;
	struct event *first, **last;
	size_t arrivals;         /* bytes */
	bool is_ending;

	pthread_mutex_t task_lock;
	pthread_cond_t task_changed;
	struct task *first_task, **last_task;
	bool no_more_tasks;

	pthread_mutex_t waiter_lock;
	pthread_cond_t nobody_inside, status_changed;
	struct waiter *proposals[PROPOSAL_BUCKETS];
	struct waiter *tickets, *indexes;
	uint64_t last_ticket;
	unsigned inside;         /* callers */
	bool is_closed;
	struct consensus_status status;
	uint64_t status_wanted, status_given;
};

/* consensus.c */
/* What the driver goes by: clock_boot_ms(), and the wall's. */
struct moment consensus_moment(void);
/* By which it is ahead of clock_ms(): the time in which the machine was suspended. (Below 0 only where somebody has
 * set one of the two apart, as a time namespace may.) */
int64_t consensus_slept_ms(void);
void consensus_post(struct consensus *consensus, struct event *event);
/* It can't go on. From any thread; the first call counts. */
void consensus_fail(struct consensus *consensus);

/* consensus_world.c */
extern const struct world_ops consensus_world;
struct peers_config consensus_peers_config(struct consensus *consensus);
void consensus_written(void *consensus, struct log_job *jobs);
void consensus_arrive(struct consensus *consensus, struct arrival *first);

/* consensus_snapshot.c */
void *consensus_snapshot_forever(void *consensus);
void consensus_task(struct consensus *consensus, enum task_kind kind, struct log_job *job, struct arrival *install,
                    char *path);
void consensus_end_tasks(struct consensus *consensus); /* the thread ends after the task it is at */
void consensus_drop_tasks(struct consensus *consensus);
void file_remove(char *path); /* unlinks and frees; accepts NULL */

/* consensus_waiter.c: the lists are guarded by waiter_lock. */
void consensus_calls_init(struct consensus *consensus);
void consensus_calls_finish(struct consensus *consensus);
void waiter_init(struct waiter *waiter, struct complaint *complaint);
/* Puts it on the list; false (and it is finished with) when consensus is closed. */
bool waiter_enter(struct consensus *consensus, struct waiter **list, struct waiter *waiter);
/* Until it is told or the deadline passes; then it is off the list and finished with. */
enum err waiter_wait(struct consensus *consensus, struct waiter **list, struct waiter *waiter, deadline_ms deadline);
void waiter_leave(struct consensus *consensus); /* after this `consensus` may be gone */
void waiter_leave_locked(struct consensus *consensus);
struct waiter **waiter_bucket(struct consensus *consensus, const struct id *request);
void waiter_tell_locked(struct waiter *waiter, enum err err, uint64_t index);
void waiter_tell_request_locked(struct consensus *consensus, const struct id *request, enum err err, uint64_t index);
void consensus_tell_applied(struct consensus *consensus, uint64_t index, const struct applied_request *requests,
                            size_t count);
void consensus_tell_finished(struct consensus *consensus, uint64_t ticket, enum err err, uint64_t index,
                             const struct complaint *complaint);
/* Everybody who waits gets ERR_CLOSED, as will all who come; returns when the last has left. */
void consensus_close_calls(struct consensus *consensus);
/* The same without waiting for them. */
void consensus_tell_closed(struct consensus *consensus);
