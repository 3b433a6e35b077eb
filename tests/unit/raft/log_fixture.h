/* A node's folder with its log, and somewhere to put a copy of it as a killed process would leave it. */
#pragma once
#include "raft/log_sqlite.h"
#include "tests/unit/raft/scratch.h"

extern struct scratch live, copy;
extern struct chain *chain;
extern struct snapshots *snapshots;
extern struct log_store *store;      /* NULL: not open */
extern struct saved_state saved;     /* as it was opened */
extern struct complaint complaint;   /* of what was refused last */
extern size_t written, fatals;       /* since it was opened: jobs, and the times it could not go on */

void begin(void);                    /* an empty log at `live`, open */
void finish(void);
enum err open_at(const struct scratch *where);
void shut(void);

void write_entries(uint64_t index, uint64_t term, size_t count);
void write_snapshot(enum log_job_kind kind, uint64_t index, uint64_t term, uint64_t trim_to);
void wait_written(size_t count);     /* or until it is fatal */
bool loaded_is(uint64_t first, uint64_t last, uint64_t last_term);

void copy_file(const char *name);
/* What SIGKILL would leave: the files as they are, without SQLite's tidying up. */
void copy_log(void);
