/* Moves what is committed from SQLite's WAL into the database file, off the raft thread: a checkpoint waits for the
 * disk. The thread starts when the WAL first grows past a limit.
 *
 * A WAL begins anew with the first commit that finds all of it moved. Where commits come faster than the disk moves them there is never
 * such a one, and it would grow for as long: then the writer itself moves the little that the thread has left. */
#pragma once
#include "store/database.h"

struct checkpoint;
struct checkpoint *checkpoint_create(const char *path); /* NULL without memory */
void checkpoint_destroy(struct checkpoint *checkpoint); /* waits for one that is running */
/* After a commit of the writer's that left so many pages in the WAL. */
void checkpoint_consider(struct checkpoint *checkpoint, struct database *writer, int pages);
/* Whatever is in it. */
void checkpoint_begin(struct checkpoint *checkpoint);
/* What is committed by now is on the disk when it returns, in the WAL or in the file. Any thread; blocks nobody. */
enum err checkpoint_sync(struct checkpoint *checkpoint);
