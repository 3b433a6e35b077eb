#include "base/file.h"
#include "tests/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/craton-test-XXXXXX";

static char *in_folder(const char *name)
{
	static char *path;
	free(path);
	return path = file_path(folder, name);
}

static void what_is_written_is_read_back(void)
{
	struct buf buf;
	struct stat st;
	buf_init(&buf, 100);
	CU_ASSERT_EQUAL(file_write(in_folder("a"), "hello", 5, 0640), ERR_OK);
	CU_ASSERT_EQUAL(file_read(in_folder("a"), &buf), ERR_OK);
	CU_ASSERT(buf.size == 5 && !memcmp(buf.data, "hello", 5));
	CU_ASSERT(stat(in_folder("a"), &st) == 0 && (st.st_mode & 07777) == 0640);
	buf_finish(&buf);
}

static void writing_replaces_the_whole(void)
{
	struct buf buf;
	buf_init(&buf, 100);
	CU_ASSERT_EQUAL(file_write(in_folder("b"), "a long text", 11, 0600), ERR_OK);
	CU_ASSERT_EQUAL(file_write(in_folder("b"), "", 0, 0600), ERR_OK);
	CU_ASSERT_EQUAL(file_read(in_folder("b"), &buf), ERR_OK);
	CU_ASSERT_EQUAL(buf.size, 0);
	buf_finish(&buf);
}

static void a_file_beyond_the_limit_is_too_big(void)
{
	struct buf buf;
	CU_ASSERT_EQUAL(file_write(in_folder("c"), "123456", 6, 0600), ERR_OK);
	buf_init(&buf, 6);
	CU_ASSERT_EQUAL(file_read(in_folder("c"), &buf), ERR_OK);
	buf_finish(&buf);
	buf_init(&buf, 5);
	CU_ASSERT_EQUAL(file_read(in_folder("c"), &buf), ERR_TOO_BIG);
	buf_finish(&buf);
}

static void a_file_that_is_not_there_is_not_found(void)
{
	struct buf buf;
	buf_init(&buf, 5);
	CU_ASSERT_EQUAL(file_read(in_folder("nowhere"), &buf), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(file_read(folder, &buf), ERR_IO); /* a folder */
	CU_ASSERT_EQUAL(file_write(in_folder("no/such/folder"), "", 0, 0600), ERR_IO);
	buf_finish(&buf);
}

static void folders_are_made_with_their_parents(void)
{
	struct stat st;
	CU_ASSERT_EQUAL(file_make_folder(in_folder("x/y//z/"), 0700), ERR_OK);
	CU_ASSERT_EQUAL(file_make_folder(in_folder("x/y/z"), 0700), ERR_OK);
	CU_ASSERT(stat(in_folder("x/y/z"), &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0700);
	CU_ASSERT_EQUAL(file_write(in_folder("x/f"), "", 0, 0600), ERR_OK);
	CU_ASSERT_EQUAL(file_make_folder(in_folder("x/f"), 0700), ERR_IO);
	CU_ASSERT_EQUAL(file_make_folder(in_folder("x/f/g"), 0700), ERR_IO);
	CU_ASSERT_EQUAL(file_make_folder("/", 0700), ERR_OK);
}

static void paths_join(void)
{
	static const char *const cases[][3] = {
		{ "/a", "b", "/a/b" }, { "/a/", "b", "/a/b" }, { "/", "b", "/b" }, { "", "b", "b" }, { "/a", "/b", "/b" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *path = file_path(cases[i][0], cases[i][1]);
		CU_ASSERT_STRING_EQUAL(path, cases[i][2]);
		free(path);
	}
}

static bool is_there(const char *name)
{
	return access(in_folder(name), F_OK) == 0;
}

static void what_a_killed_writer_left_is_swept(void)
{
	static const char *const others[] = { "a.conf", "a.Ab12z", "a.Ab12z78", "a.Ab-2z7", "b.Ab12z7", "ab.Ab12z7" };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		CU_ASSERT_EQUAL(file_write(in_folder(others[i]), "", 0, 0600), ERR_OK);
	CU_ASSERT_EQUAL(file_write(in_folder("a.Ab12z7"), "", 0, 0600), ERR_OK);
	file_sweep(in_folder("a"));
	CU_ASSERT_FALSE(is_there("a.Ab12z7"));
	CU_ASSERT_TRUE(is_there("a"));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		CU_ASSERT_EQUAL(unlink(in_folder(others[i])), 0);
	file_sweep(in_folder("nowhere/a"));
}

static void all_is_removed(void)
{
	static const char *const left[] = { "a", "b", "c", "x/f", "x/y/z", "x/y", "x", "" };
	for (size_t i = 0; i < sizeof left / sizeof *left; i++)
		CU_ASSERT_EQUAL(remove(in_folder(left[i])), 0); /* nothing half-written lies about, either */
}

static void there_is_a_folder(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

TESTS("base/file", SAY(there_is_a_folder), SAY(what_is_written_is_read_back), SAY(writing_replaces_the_whole),
      SAY(a_file_beyond_the_limit_is_too_big), SAY(a_file_that_is_not_there_is_not_found),
      SAY(folders_are_made_with_their_parents), SAY(paths_join), SAY(what_a_killed_writer_left_is_swept), SAY(all_is_removed))
