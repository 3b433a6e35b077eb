/* What the disk gives back is what was written, or the directory is not opened. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file { uint8_t *bytes; size_t size; };

static struct file slurp(const char *path)
{
	struct stat found;
	struct file file = { NULL, 0 };
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return file;
	CU_ASSERT_EQUAL_FATAL(fstat(fd, &found), 0);
	file.size = (size_t)found.st_size;
	file.bytes = malloc(file.size + 1);
	CU_ASSERT_EQUAL_FATAL(read(fd, file.bytes, file.size), found.st_size);
	close(fd);
	return file;
}

static void spill(const char *path, const struct file *file, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(write(fd, file->bytes, size), (ssize_t)size);
	close(fd);
}

/* Everything a reader can see, as one text. */
static void describe(struct world *world, char *text, size_t size)
{
	struct attribute_list all = { 0 };
	Craton__FindReply reply;
	struct slot_record slot;
	size_t at = (size_t)snprintf(text, size, "applied=%llu digest=%s\n",
	                             (unsigned long long)directory_applied(world->directory), world_digest(world).text);
	CU_ASSERT_EQUAL_FATAL(directory_find(world->directory, 1, &all, true, NULL, 0, &reply), ERR_OK);
	for (size_t i = 0; i < reply.n_list; i++) {
		struct id id;
		char label[64] = "";
		Craton__Object *object = NULL;
		id_from_bytes(&id, reply.list[i]->id.data, reply.list[i]->id.len);
		CU_ASSERT_EQUAL_FATAL(directory_object(world->directory, 1, &id, &object, NULL), ERR_OK);
		struct attribute_list list = { object->attributes, object->n_attributes };
		const Craton__Attribute *attribute = attribute_list_get(&list, CKA_LABEL);
		memcpy(label, attribute->value.data, attribute->value.len);
		at += (size_t)snprintf(text + at, size - at, "%02x%02x %s found=%zu\n", id.bytes[0], id.bytes[1], label,
		                       world_find(world, 1, label, true));
		craton__object__free_unpacked(object, NULL);
	}
	directory_find_release(&reply);
	for (uint32_t i = 1; directory_slot(world->directory, i, &slot) == ERR_OK; i++)
		at += (size_t)snprintf(text + at, size - at, "slot %u %s %s %u\n", i, slot.label, slot.serial, slot.user.failures);
}

static void fill(struct world *world, unsigned from, unsigned to)
{
	char label[32];
	for (unsigned i = from; i < to; i++) {
		snprintf(label, sizeof label, "label %u", i);
		world_create(world, object_make(1, i, label, CKO_SECRET_KEY, true));
	}
	world_setting(world, "domain", "ours");
}

static struct { unsigned refused, harmless; } tally;

/* CRATON_EVERY_BYTE=1 leaves none out, and takes minutes. */
static size_t stride(size_t usual)
{
	return getenv("CRATON_EVERY_BYTE") ? 1 : usual;
}

static bool is_empty_space(const struct file *file, size_t at)
{
	static const uint8_t nothing[64];
	return at + sizeof nothing <= file->size && memcmp(file->bytes + at, nothing, sizeof nothing) == 0;
}

/* The head byte by byte, what is in the pages closely, what is between it now and then. */
static size_t next_in_file(const struct file *file, size_t at)
{
	return at + (at < 128 ? 1 : stride(is_empty_space(file, at) ? 397 : 23));
}

#define WAL_HEADER_SIZE 32
#define FRAME_HEADER_SIZE 24
#define FRAME_SIZE (FRAME_HEADER_SIZE + 4096)

/* Of a frame, every fourth byte of its header and four of its page. */
static size_t next_in_wal(size_t at)
{
	size_t in_frame = at < WAL_HEADER_SIZE ? 0 : (at - WAL_HEADER_SIZE) % FRAME_SIZE;
	return at + stride(in_frame < FRAME_HEADER_SIZE ? 4 : 1024);
}

/* Opened with one byte flipped: refused with a line that says what to do, or it reads as one of `good`. */
static void try_open(struct world *world, const char *const *good, size_t good_count, const char *what, size_t at)
{
	static char text[65536];
	struct complaint complaint = { "" };
	enum err err = world_open(world, false, &complaint);
	if (err != ERR_OK) {
		tally.refused++;
		bool says_what_to_do = strstr(complaint.text, "directory.db") && strstr(complaint.text, "backup");
		CU_ASSERT(err == ERR_DAMAGED && says_what_to_do);
		if (err != ERR_DAMAGED || !says_what_to_do)
			printf("%s: byte %zu: err=%s %s\n", what, at, err_name(err), complaint.text);
		return;
	}
	bool same = false;
	describe(world, text, sizeof text);
	for (size_t i = 0; i < good_count; i++)
		same = same || !strcmp(text, good[i]);
	tally.harmless++;
	CU_ASSERT(same);
	if (!same)
		printf("%s: byte %zu changes what is read:\n%s", what, at, text);
	world_close(world);
}

static void every_flipped_byte_of_the_file_is_refused_or_harmless(void)
{
	struct world world;
	static char good[65536];
	const char *const goods[] = { good };
	char path[128], wal[128];
	world_begin_with_slot(&world);
	fill(&world, 0, 12);
	world_login(&world, 1, CRATON__ROLE__ROLE_USER, 0, false);
	describe(&world, good, sizeof good);
	world_close(&world);
	world_path(&world, "directory.db", path);
	world_path(&world, "directory.db-wal", wal);
	struct file file = slurp(path);
	memset(&tally, 0, sizeof tally);
	for (size_t at = 0; at < file.size; at = next_in_file(&file, at)) {
		uint8_t was = file.bytes[at];
		file.bytes[at] = (uint8_t)(was ^ (1u << at % 8));
		spill(path, &file, file.size);
		unlink(wal);
		try_open(&world, goods, 1, "directory.db", at);
		file.bytes[at] = was;
	}
	printf("(%u refused, %u harmless) ", tally.refused, tally.harmless);
	CU_ASSERT(tally.refused > 200);
	free(file.bytes);
	world_end(&world);
}

/* SQLite takes a WAL up to its first bad frame. What was committed after it is in the log and is applied
 * again; what is read is the directory as of some commit. */
static void every_flipped_byte_of_the_wal_gives_the_state_of_some_commit(void)
{
	struct world world;
	enum { COMMITS = 8 };
	static char states[COMMITS + 1][16384];
	const char *goods[COMMITS + 1];
	char path[128], wal[128], shm[128];
	world_begin_with_slot(&world);
	fill(&world, 0, 3);
	world_path(&world, "directory.db", path);
	world_path(&world, "directory.db-wal", wal);
	world_path(&world, "directory.db-shm", shm);
	world_reopen(&world); /* the WAL begins here */
	for (unsigned i = 0; i <= COMMITS; i++) {
		if (i)
			world_create(&world, object_make(1, 100 + i, "more", CKO_DATA, false));
		describe(&world, states[i], sizeof states[i]);
		goods[i] = states[i];
	}
	struct file file = slurp(path), log = slurp(wal);
	CU_ASSERT_FATAL(log.size > 4096);
	world_close(&world);
	memset(&tally, 0, sizeof tally);
	for (size_t at = 0; at < log.size; at = next_in_wal(at)) {
		uint8_t was = log.bytes[at];
		log.bytes[at] = (uint8_t)(was ^ (1u << at % 8));
		spill(path, &file, file.size);
		spill(wal, &log, log.size);
		unlink(shm);
		try_open(&world, goods, COMMITS + 1, "directory.db-wal", at);
		log.bytes[at] = was;
	}
	printf("(%u refused, %u harmless) ", tally.refused, tally.harmless);
	for (size_t size = 0; size < log.size; size += stride(1997)) { /* and cut short */
		spill(path, &file, file.size);
		spill(wal, &log, size);
		unlink(shm);
		try_open(&world, goods, COMMITS + 1, "short directory.db-wal", size);
	}
	free(file.bytes);
	free(log.bytes);
	world_end(&world);
}

static void a_missing_short_or_foreign_file_is_refused_and_not_replaced(void)
{
	struct world world;
	struct complaint complaint;
	struct stat found;
	char path[128];
	world_begin_with_slot(&world);
	fill(&world, 0, 12);
	world_close(&world);
	world_path(&world, "directory.db", path);
	struct file file = slurp(path);
	for (size_t size = 0; size < file.size; size += stride(1111)) {
		spill(path, &file, size);
		CU_ASSERT_EQUAL(world_open(&world, false, &complaint), ERR_DAMAGED);
		CU_ASSERT_EQUAL(world_open(&world, true, &complaint), ERR_DAMAGED);
	}
	spill(path, &(struct file){ (uint8_t *)"hello, this is no database", 26 }, 26);
	CU_ASSERT_EQUAL(world_open(&world, false, &complaint), ERR_DAMAGED);
	CU_ASSERT(strstr(complaint.text, path) != NULL);
	unlink(path);
	CU_ASSERT_EQUAL(world_open(&world, false, &complaint), ERR_DAMAGED);
	CU_ASSERT(strstr(complaint.text, "missing") != NULL);
	CU_ASSERT_EQUAL(stat(path, &found), -1);
	free(file.bytes);
	world_end(&world);
}

static void a_directory_of_another_cluster_is_refused(void)
{
	struct world world;
	struct complaint complaint;
	world_begin_with_slot(&world);
	world_close(&world);
	secret_destroy(world.key);
	world.key = secret_create("not the secret that it was made with", 32);
	CU_ASSERT_EQUAL(world_open(&world, false, &complaint), ERR_DAMAGED);
	world_end(&world);
}

/* The database of another moment with the state row of this one, and the like: rows that were never there together. */
static void a_row_that_is_taken_out_is_missed(void)
{
	static const char *const changes[] = {
		"DELETE FROM objects WHERE rowid = 3; DELETE FROM search WHERE id NOT IN (SELECT id FROM objects)",
		"DELETE FROM search WHERE type = 3",
		"UPDATE search SET value = value + 1 WHERE type = 3",
		"UPDATE search SET slot = slot + 4294967296 WHERE type = 3", /* the same lower 32 bits */
		"UPDATE objects SET slot = slot + 4294967296 WHERE rowid = 3",
		"UPDATE slots SET slot = slot + 4294967296",
		"UPDATE requests SET slot = slot + 4294967296 WHERE applied = 2",
		"UPDATE state SET applied = applied + 1",
		"UPDATE slots SET body = x'0801'",
		"DELETE FROM requests WHERE applied = 2",
		"UPDATE requests SET carried = x'0801' WHERE applied = 2",
		"UPDATE settings SET value = x'00'",
		"INSERT INTO settings VALUES ('more', x'00', x'00')",
		"UPDATE objects SET private = 0",
		"CREATE TABLE more(x)",
		"CREATE TRIGGER t AFTER INSERT ON objects BEGIN DELETE FROM objects; END",
		"PRAGMA user_version = 2",
		"PRAGMA application_id = 0",
		"PRAGMA journal_mode = DELETE",
	};
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct world world;
		struct complaint complaint = { "" };
		char path[128];
		world_begin_with_slot(&world);
		fill(&world, 0, 6);
		world_close(&world);
		sqlite3 *db;
		CU_ASSERT_EQUAL_FATAL(sqlite3_open(world_path(&world, "directory.db", path), &db), SQLITE_OK);
		CU_ASSERT_EQUAL(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		CU_ASSERT_EQUAL(world_open(&world, false, &complaint), ERR_DAMAGED);
		if (!complaint.text[0])
			printf("not missed: %s\n", changes[i]);
		world_end(&world);
	}
}

static void a_creation_that_was_cut_short_is_begun_again(void)
{
	struct world world;
	struct complaint complaint;
	char path[128];
	world_begin(&world);
	world_close(&world);
	unlink(world_path(&world, "directory.db", path));
	spill(world_path(&world, "directory.db.new", path), &(struct file){ (uint8_t *)"half", 4 }, 4);
	spill(world_path(&world, "directory.db-wal", path), &(struct file){ (uint8_t *)"old", 3 }, 3);
	CU_ASSERT_EQUAL(world_open(&world, true, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(directory_applied(world.directory), 0);
	world_end(&world);
}

TESTS("store: damage",
	SAY(every_flipped_byte_of_the_file_is_refused_or_harmless),
	SAY(every_flipped_byte_of_the_wal_gives_the_state_of_some_commit),
	SAY(a_missing_short_or_foreign_file_is_refused_and_not_replaced),
	SAY(a_directory_of_another_cluster_is_refused),
	SAY(a_row_that_is_taken_out_is_missed),
	SAY(a_creation_that_was_cut_short_is_begun_again))
