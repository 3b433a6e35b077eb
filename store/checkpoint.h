/* Moves what is committed from SQLite's WAL into the database file, off the raft thread: a checkpoint waits for the
 * disk. The thread starts when the WAL first grows past a limit. */
#pragma once
#include "base/err.h"

struct checkpoint;
struct checkpoint *checkpoint_create(const char *path); /* NULL without memory */
void checkpoint_destroy(struct checkpoint *checkpoint); /* waits for one that is running */
/* After a commit that left so many pages in the WAL. */
void checkpoint_consider(struct checkpoint *checkpoint, int pages);
/* What is committed by now is on the disk when it returns, in the WAL or in the file. Any thread; blocks nobody. */
enum err checkpoint_sync(struct checkpoint *checkpoint);
