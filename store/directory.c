/* Opening and closing. */
#include "store/directory.h"
#include "base/file.h"
#include "base/log.h"
#include "store/parts.h"
#include "store/schema.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define READERS_MAX 16 /* connections; questions are short */

#define ADVICE "Restore the node's state folder from a backup, or remove the node from the cluster, empty the folder and " \
	"add the node again under a new id: it then gets everything from the others"

/* After each commit. */
static int committed(void *context, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	struct directory *directory = context;
	checkpoint_consider(directory->checkpoint, &directory->writer, pages);
	return SQLITE_OK;
}

/* Without its WAL mode a reader would see something else than the writer. */
static bool is_wal(struct database *database)
{
	sqlite3_stmt *statement = NULL;
	bool wal = sqlite3_prepare_v2(database->db, "PRAGMA journal_mode", -1, &statement, NULL) == SQLITE_OK
	           && sqlite3_step(statement) == SQLITE_ROW
	           && !strcmp((const char *)sqlite3_column_text(statement, 0), "wal");
	sqlite3_finalize(statement);
	return wal;
}

static enum err open_file(struct directory *directory, bool fresh, struct complaint *complaint)
{
	struct stat found;
	if (stat(directory->path, &found) != 0) {
		if (errno != ENOENT)
			return complain(complaint, ERR_IO, "%s can't be looked at: %s", directory->path, strerror(errno));
		if (!fresh)
			return complain(complaint, ERR_DAMAGED, "%s is missing, though the node's log is there. %s",
			                directory->path, ADVICE);
		enum err err = schema_create(directory->path, &directory->key, complaint);
		if (err != ERR_OK)
			return err;
	}
	enum err err = database_open(&directory->writer, directory->path, DATABASE_WRITE, complaint);
	if (err != ERR_OK)
		return err == ERR_DAMAGED ? complain(complaint, err, "%s is not a database. %s", directory->path, ADVICE) : err;
	err = schema_check(&directory->writer, directory->path, &directory->key, ADVICE, &directory->state, complaint);
	if (err == ERR_OK && !is_wal(&directory->writer))
		err = complain(complaint, ERR_DAMAGED, "%s is not in WAL mode any more. %s", directory->path, ADVICE);
	directory->writer.is_trusted = err == ERR_OK;
	return err;
}

enum err directory_open(const char *folder, const struct secret *key, bool fresh,
                        struct directory **out, struct complaint *complaint)
{
	struct directory *directory = calloc(1, sizeof *directory);
	*out = NULL;
	if (!directory)
		return ERR_NO_MEMORY;
	row_key_derive(&directory->key, key);
	directory->path = file_path(folder, "directory.db");
	if (directory->path) {
		directory->readers = readers_create(directory->path, READERS_MAX);
		directory->checkpoint = checkpoint_create(directory->path);
	}
	enum err err = directory->readers && directory->checkpoint ? ERR_OK : ERR_NO_MEMORY;
	if (err == ERR_OK)
		err = open_file(directory, fresh, complaint);
	if (err != ERR_OK) {
		directory_close(directory);
		return err;
	}
	sqlite3_wal_hook(directory->writer.db, committed, directory);
	atomic_store(&directory->applied, directory->state.applied);
	*out = directory;
	return ERR_OK;
}

void directory_close(struct directory *directory)
{
	if (!directory)
		return;
	checkpoint_destroy(directory->checkpoint);
	readers_destroy(directory->readers);
	if (directory->in_batch)
		database_do(&directory->writer, ROLLBACK);
	database_close(&directory->writer);
	news_finish(&directory->news);
	row_key_finish(&directory->key);
	free(directory->path);
	free(directory);
}

void directory_set_watch(struct directory *directory, const struct directory_watch *watch)
{
	directory->watch = *watch;
}

static uint64_t applied(void *machine)
{
	return directory_applied(machine);
}

const struct machine_ops directory_machine = {
	.applied = applied,
	.apply = directory_apply,
	.flush = directory_flush,
	.snapshot = directory_snapshot,
	.restore = directory_restore,
};
