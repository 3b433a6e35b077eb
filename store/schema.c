#include "store/schema.h"
#include "base/file.h"
#include "base/log.h"
#include "store/check.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION_ID "1129464904" /* "CRDH" */
#define SCHEMA_VERSION "1"

/* requests.applied is the index of the entry, so the oldest request is the first row. The state, which is never empty, comes
 * last: an empty index at the end of a file would be the same without that end. */
static const char schema[] =
	"CREATE TABLE objects(slot INTEGER NOT NULL, id BLOB NOT NULL, private INTEGER NOT NULL, version INTEGER NOT NULL,"
	" hash BLOB NOT NULL, body BLOB NOT NULL, UNIQUE(slot, id)) STRICT;"
	"CREATE TABLE search(slot INTEGER NOT NULL, type INTEGER NOT NULL, value INTEGER NOT NULL, id BLOB NOT NULL,"
	" PRIMARY KEY(slot, type, value, id)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE slots(slot INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
	"CREATE TABLE settings(name TEXT NOT NULL UNIQUE, value BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
	"CREATE TABLE requests(applied INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, time INTEGER NOT NULL,"
	" slot INTEGER NOT NULL, outcome INTEGER NOT NULL, objects BLOB NOT NULL, carried BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
	"CREATE INDEX carrying ON requests(applied) WHERE carried <> x'';"
	"CREATE TABLE state(one INTEGER PRIMARY KEY, applied INTEGER NOT NULL, time INTEGER NOT NULL,"
	" objects INTEGER NOT NULL, requests INTEGER NOT NULL, digest BLOB NOT NULL, seal BLOB NOT NULL) STRICT;";

static enum err write_first_state(struct database *database, const struct row_key *key)
{
	struct state_row row = { 0 };
	struct hash seal;
	state_row_seal(key, &row, &seal);
	sqlite3_stmt *statement = database_statement(database, STATE_WRITE);
	if (!statement)
		return ERR_IO;
	for (int place = 1; place <= 4; place++)
		bind_u64(statement, place, 0);
	bind_bytes(statement, 5, row.digest.bytes, SHA256_SIZE);
	bind_bytes(statement, 6, seal.bytes, SHA256_SIZE);
	return database_run(database, statement);
}

static enum err fill(struct database *database, const struct row_key *key)
{
	if (sqlite3_exec(database->db, schema, NULL, NULL, NULL) != SQLITE_OK
	    || sqlite3_exec(database->db, "PRAGMA application_id = " APPLICATION_ID "; PRAGMA user_version = " SCHEMA_VERSION,
	                    NULL, NULL, NULL) != SQLITE_OK)
		return database_failure(database, "create");
	enum err err = write_first_state(database, key);
	if (err == ERR_OK && sqlite3_exec(database->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) != SQLITE_OK)
		err = database_failure(database, "create");
	return err;
}

static enum err remove_if_there(const char *path, const char *suffix)
{
	char *name = NULL;
	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return ERR_NO_MEMORY;
	enum err err = unlink(name) == 0 || errno == ENOENT ? ERR_OK : ERR_IO;
	free(name);
	return err;
}

static enum err force_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	enum err err = fd >= 0 && fsync(fd) == 0 ? ERR_OK : ERR_IO;
	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

/* An empty file of mode 0600 for SQLite to fill: its companions get the same mode. */
static enum err make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	return fd >= 0 && close(fd) == 0 ? ERR_OK : ERR_IO;
}

static enum err create_beside(const char *path, const struct row_key *key)
{
	struct database database = { 0 };
	enum err err = remove_if_there(path, "");
	if (err == ERR_OK)
		err = remove_if_there(path, "-wal");
	if (err == ERR_OK)
		err = make_file(path);
	if (err == ERR_OK)
		err = database_open(&database, path, DATABASE_CREATE, NULL);
	if (err == ERR_OK)
		err = fill(&database, key);
	database_close(&database);
	return err;
}

enum err schema_create(const char *path, const struct row_key *key, struct complaint *complaint)
{
	char *beside = NULL;
	if (asprintf(&beside, "%s.new", path) < 0)
		return ERR_NO_MEMORY;
	enum err err = create_beside(beside, key);
	/* A WAL of some earlier file of this name must not be taken for the new one's. */
	if (err == ERR_OK)
		err = remove_if_there(path, "-wal");
	if (err == ERR_OK)
		err = rename(beside, path) == 0 ? force_folder(path) : ERR_IO;
	if (err != ERR_OK)
		complain(complaint, err, "%s can't be made: %s; is the folder there, writable, and the disk not full?",
		         path, strerror(errno));
	free(beside);
	return err;
}

static bool pragma_says(struct database *database, const char *pragma, const char *answer)
{
	sqlite3_stmt *statement = NULL;
	bool same = sqlite3_prepare_v2(database->db, pragma, -1, &statement, NULL) == SQLITE_OK
	            && sqlite3_step(statement) == SQLITE_ROW
	            && !strcmp((const char *)sqlite3_column_text(statement, 0), answer);
	sqlite3_finalize(statement);
	return same;
}

/* Everything the file calls a table or an index, as one text; sqlite3_free. */
static char *describe(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	char *text = NULL;
	if (sqlite3_prepare_v2(db, "SELECT group_concat(x, ';') FROM (SELECT type || ' ' || name || ' ' || tbl_name || ' '"
	                       " || ifnull(sql, '') AS x FROM sqlite_master ORDER BY name)",
	                       -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		text = sqlite3_mprintf("%s", sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return text;
}

/* What we would make, for good; NULL without memory. */
static char *model_text;

static void describe_model(void)
{
	sqlite3 *model = NULL;
	if (sqlite3_open(":memory:", &model) == SQLITE_OK && sqlite3_exec(model, schema, NULL, NULL, NULL) == SQLITE_OK)
		model_text = describe(model);
	sqlite3_close(model);
}

static bool tables_are_ours(struct database *database)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, describe_model);
	char *text = describe(database->db);
	bool same = model_text && text && !strcmp(model_text, text);
	sqlite3_free(text);
	return same;
}

bool schema_is_intact(struct database *database)
{
	return pragma_says(database, "PRAGMA integrity_check(1)", "ok");
}

enum err schema_check(struct database *database, const char *path, const struct row_key *key,
                      const char *advice, struct state_row *state, struct complaint *complaint)
{
	const char *wrong = NULL;
	char detail[160] = "";
	if (!pragma_says(database, "PRAGMA application_id", APPLICATION_ID))
		wrong = "is not a directory of Craton";
	else if (!pragma_says(database, "PRAGMA user_version", SCHEMA_VERSION))
		wrong = "has another format version than " SCHEMA_VERSION;
	else if (!tables_are_ours(database))
		wrong = "has other tables than it should";
	else if (!check_rows(database, path, key, state, detail, sizeof detail))
		wrong = detail;
	if (!wrong)
		return ERR_OK;
	return complain(complaint, ERR_DAMAGED, "%s %s. %s", path, wrong, advice);
}
