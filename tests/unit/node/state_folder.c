/* A node's folder is one process's, one node's, and never taken for a new one. */
#include "node/state_folder.h"
#include "base/file.h"
#include "tests/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/craton-state-XXXXXX";
static char folder_path[64];

static void fresh_place(void)
{
	static unsigned number;
	if (!number && !mkdtemp(top))
		abort();
	snprintf(folder_path, sizeof folder_path, "%s/%u", top, ++number);
}

static void put(const char *name)
{
	char *path = file_path(folder_path, name);
	CU_ASSERT_EQUAL_FATAL(file_write(path, "x", 1, 0600), ERR_OK);
	free(path);
}

static bool has(const char *name)
{
	char *path = file_path(folder_path, name);
	bool found = access(path, F_OK) == 0;
	free(path);
	return found;
}

static struct state_folder *lock(void)
{
	struct state_folder *folder;
	struct complaint complaint = { "" };
	CU_ASSERT_EQUAL_FATAL(state_folder_lock(folder_path, &folder, &complaint), ERR_OK);
	return folder;
}

static void it_is_made_for_its_owner_alone(void)
{
	struct stat st;
	fresh_place();
	state_folder_unlock(lock());
	CU_ASSERT_EQUAL_FATAL(stat(folder_path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
}

static void a_second_process_is_told_so(void)
{
	struct complaint complaint = { "" };
	struct state_folder *folder, *second;
	fresh_place();
	folder = lock();
	CU_ASSERT_EQUAL(state_folder_lock(folder_path, &second, &complaint), ERR_BUSY);
	CU_ASSERT_PTR_NULL(second);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, folder_path));
	state_folder_unlock(folder);
	state_folder_unlock(lock());
}

static void one_that_others_can_reach_is_refused(void)
{
	struct complaint complaint = { "" };
	struct state_folder *folder;
	fresh_place();
	CU_ASSERT_EQUAL_FATAL(mkdir(folder_path, 0755), 0);
	CU_ASSERT_EQUAL(state_folder_lock(folder_path, &folder, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "chmod 700"));
}

static void the_first_start_is_fresh_and_the_second_is_not(void)
{
	bool fresh = false;
	struct complaint complaint = { "" };
	fresh_place();
	struct state_folder *folder = lock();
	CU_ASSERT_EQUAL(state_folder_is_fresh(folder, 1, "a", &fresh, &complaint), ERR_OK);
	CU_ASSERT_TRUE(fresh);
	CU_ASSERT_EQUAL(state_folder_claim(folder, 1, "a", &complaint), ERR_OK);
	CU_ASSERT_EQUAL(state_folder_is_fresh(folder, 1, "a", &fresh, &complaint), ERR_OK);
	CU_ASSERT_FALSE(fresh);
	state_folder_unlock(folder);
}

static void what_an_interrupted_first_start_left_is_cleared(void)
{
	bool fresh = false;
	struct complaint complaint = { "" };
	fresh_place();
	struct state_folder *folder = lock();
	put("directory.db");
	CU_ASSERT_EQUAL(state_folder_is_fresh(folder, 1, "a", &fresh, &complaint), ERR_OK);
	CU_ASSERT_TRUE(fresh);
	CU_ASSERT_FALSE(has("directory.db"));
	state_folder_unlock(folder);
}

static void what_a_killed_process_was_writing_is_cleared(void)
{
	fresh_place();
	state_folder_unlock(lock());
	put("probe.Ab12z7");
	put("probe");
	state_folder_unlock(lock());
	CU_ASSERT_FALSE(has("probe.Ab12z7"));
	CU_ASSERT_TRUE(has("probe"));
}

static void another_nodes_folder_is_refused(void)
{
	bool fresh;
	struct complaint complaint = { "" };
	fresh_place();
	struct state_folder *folder = lock();
	CU_ASSERT_EQUAL(state_folder_claim(folder, 1, "a", &complaint), ERR_OK);
	CU_ASSERT_EQUAL(state_folder_is_fresh(folder, 2, "b", &fresh, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "id=1 name=a"));
	state_folder_unlock(folder);
}

static void a_log_without_its_mark_is_damage(void)
{
	bool fresh;
	struct complaint complaint = { "" };
	fresh_place();
	struct state_folder *folder = lock();
	put("log.db");
	put("directory.db");
	CU_ASSERT_EQUAL(state_folder_is_fresh(folder, 1, "a", &fresh, &complaint), ERR_DAMAGED);
	CU_ASSERT_TRUE(has("directory.db"));
	state_folder_unlock(folder);
}

TESTS("node state_folder", SAY(it_is_made_for_its_owner_alone), SAY(a_second_process_is_told_so),
      SAY(one_that_others_can_reach_is_refused), SAY(the_first_start_is_fresh_and_the_second_is_not),
      SAY(what_an_interrupted_first_start_left_is_cleared), SAY(what_a_killed_process_was_writing_is_cleared), SAY(another_nodes_folder_is_refused),
      SAY(a_log_without_its_mark_is_damage))
