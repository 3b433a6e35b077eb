/* The directory as a file of its own, and back. */
#include "base/log.h"
#include "store/parts.h"
#include "store/schema.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ADVICE "Another snapshot is needed"

/* An empty file of mode 0600, as VACUUM INTO accepts it. */
static enum err make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0 && close(fd) == 0)
		return ERR_OK;
	log_error("store", "can't make the snapshot's file file=%s reason=%s", path, strerror(errno));
	return ERR_IO;
}

/* VACUUM INTO reads as of one moment, so the copy's own state row tells its index. The writer goes on meanwhile. */
static enum err copy_out(struct directory *directory, const char *path)
{
	struct database reader = { 0 };
	sqlite3_stmt *statement = NULL;
	enum err err = make_file(path);
	if (err == ERR_OK)
		err = database_open(&reader, directory->path, DATABASE_READ, NULL);
	if (err == ERR_OK) {
		if (sqlite3_prepare_v2(reader.db, "VACUUM INTO ?1", -1, &statement, NULL) != SQLITE_OK
		    || sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC) != SQLITE_OK
		    || sqlite3_step(statement) != SQLITE_DONE)
			err = database_failure(&reader, "snapshot");
		sqlite3_finalize(statement);
	}
	database_close(&reader);
	return err;
}

static enum err force_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err err = fd >= 0 && fsync(fd) == 0 ? ERR_OK : ERR_IO;
	if (err != ERR_OK)
		log_error("store", "can't force the snapshot to the disk file=%s reason=%s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

static enum err read_index(const char *path, uint64_t *index)
{
	struct database copy = { 0 };
	struct state_row state;
	struct hash seal;
	enum err err = database_open(&copy, path, DATABASE_FOREIGN, NULL);
	if (err == ERR_OK)
		err = state_read(&copy, &state, &seal);
	if (err == ERR_OK)
		*index = state.applied;
	database_close(&copy);
	return err;
}

/* The log may be cut behind a snapshot, so what it has been told is forced to the disk here, too. */
enum err directory_snapshot(void *machine, const char *path, uint64_t *index)
{
	struct directory *directory = machine;
	enum err err = copy_out(directory, path);
	if (err == ERR_OK)
		err = force_file(path);
	if (err == ERR_OK)
		err = read_index(path, index);
	return err == ERR_OK ? checkpoint_sync(directory->checkpoint) : err;
}

/* As one transaction of the live file: readers see the old or the new whole, and so does the next start. */
static enum err copy_in(struct directory *directory, struct database *from)
{
	sqlite3_backup *backup = sqlite3_backup_init(directory->writer.db, "main", from->db, "main");
	if (!backup)
		return database_failure(&directory->writer, "restore");
	sqlite3_backup_step(backup, -1);
	if (sqlite3_backup_finish(backup) != SQLITE_OK)
		return database_failure(&directory->writer, "restore");
	return checkpoint_sync(directory->checkpoint);
}

enum err directory_restore(void *machine, const char *path, uint64_t index)
{
	struct directory *directory = machine;
	struct state_row state;
	struct database from;
	struct complaint complaint = { "" };
	assert(!directory->in_batch); /* the raft thread ends a batch before it does anything else */
	enum err err = database_open(&from, path, DATABASE_FOREIGN, &complaint);
	if (err == ERR_OK)
		err = schema_check(&from, path, &directory->key, ADVICE, &state, &complaint);
	if (err == ERR_OK && state.applied != index)
		err = complain(&complaint, ERR_DAMAGED, "%s is of index %llu, not %llu. %s", path,
		               (unsigned long long)state.applied, (unsigned long long)index, ADVICE);
	if (err == ERR_OK)
		err = copy_in(directory, &from);
	database_close(&from);
	if (err != ERR_OK) {
		log_error("store", "snapshot can't be restored err=%s reason=%s", err_name(err), complaint.text);
		return err;
	}
	directory->state = state;
	atomic_store(&directory->applied, index);
	checkpoint_begin(directory->checkpoint); /* the WAL holds all of it */
	if (directory->watch.everything)
		directory->watch.everything(directory->watch.context);
	return ERR_OK;
}
