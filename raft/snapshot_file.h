/* Snapshots on disk and on their way: one file that holds the state machine's copy of itself (compressed),
 * what the log has to know about it, and an HMAC over the whole, under a key that every node of the
 * cluster has and nobody else. Nothing of a file is used before all of it has verified.
 *
 *	"CRATSNP1" ‖ u32 head size ‖ head ‖ zstd frame ‖ HMAC-SHA256 over all that is before it
 *	head: u64 plain size ‖ snapshot_meta
 *
 * A finished one's name says index and term; a name that ends in .tmp is under way and is removed at start. */
#pragma once
#include "base/err.h"
#include "base/secret.h"
#include "raft/configuration.h"
#include <stdint.h>

#define SNAPSHOT_PLAIN_MAX (1ull << 30) /* bytes of the machine's copy of itself */
/* Of the file: what can't be compressed grows a little. */
#define SNAPSHOT_FILE_MAX (SNAPSHOT_PLAIN_MAX + (16u << 20))

/* The folder of them, and the key. May be used by several threads. */
struct snapshots;

/* Makes the folder if it is not there; removes unfinished files. `secret` is the cluster's. */
enum err snapshots_open(const char *folder, const struct secret *secret, struct snapshots **out,
                        struct complaint *complaint);
void snapshots_close(struct snapshots *snapshots); /* accepts NULL */
/* The path of the finished snapshot of (index, term); free(). NULL without memory. */
char *snapshots_path(const struct snapshots *snapshots, uint64_t index, uint64_t term);
/* A path in the folder that nothing else uses, for a file under way; free(). NULL without memory. */
char *snapshots_scratch(struct snapshots *snapshots);

/* Wraps the file at `plain` into a new one at `path`, fsynced. ERR_TOO_BIG, ERR_NO_MEMORY, ERR_IO;
 * then there is no file at `path`. */
enum err snapshots_wrap(const struct snapshots *snapshots, const struct snapshot_meta *meta, const char *plain,
                        const char *path, struct complaint *complaint);
/* Checks all of the file at `path`; what it says about itself goes to *meta.
 * ERR_DAMAGED (missing, too), ERR_TOO_BIG, ERR_NO_MEMORY, ERR_IO. */
enum err snapshots_check(const struct snapshots *snapshots, const char *path, struct snapshot_meta *meta,
                         struct complaint *complaint);
/* The same, and that it is of (index, term), and fsyncs it: for one that came over the network. */
enum err snapshots_check_received(const struct snapshots *snapshots, const char *path, uint64_t index,
                                  uint64_t term, struct complaint *complaint);
/* Renames a wrapped file to its final name, durably. */
enum err snapshots_place(struct snapshots *snapshots, const char *path, uint64_t index, uint64_t term,
                         struct complaint *complaint);
/* Checks (index, term)'s file and writes what it wraps to `plain`, a new file. */
enum err snapshots_unwrap(const struct snapshots *snapshots, uint64_t index, uint64_t term, const char *plain,
                          struct complaint *complaint);
/* Removes every finished snapshot but (index, term)'s. One that is being read goes on being readable. */
void snapshots_keep_only(struct snapshots *snapshots, uint64_t index, uint64_t term);
