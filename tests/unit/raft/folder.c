#include "raft/folder.h"
#include "tests/check.h"
#include "tests/unit/raft/scratch.h"
#include <sys/wait.h>

static const uint8_t key[32] = { 3 }, other_key[32] = { 4 };
static struct scratch scratch;
static struct secret *secret, *other;
static struct complaint complaint;

static void begin(void)
{
	scratch_make_in_memory(&scratch);
	secret = secret_create(key, sizeof key);
	other = secret_create(other_key, sizeof other_key);
	complaint.text[0] = '\0';
}

static void end(void)
{
	secret_destroy(secret);
	secret_destroy(other);
	scratch_remove(&scratch);
}

static enum err look(uint64_t node, const struct secret *with, bool *is_fresh)
{
	struct folder folder;
	enum err err = folder_open(scratch.path, node, with, &folder, &complaint);
	if (err != ERR_OK)
		return err;
	*is_fresh = folder.is_fresh;
	folder_close(&folder);
	return ERR_OK;
}

static void settle(void)
{
	struct folder folder;
	CU_ASSERT_EQUAL_FATAL(folder_open(scratch.path, 5, secret, &folder, &complaint), ERR_OK);
	CU_ASSERT(folder.is_fresh);
	CU_ASSERT_EQUAL(folder_settle(&folder, 5, secret, &complaint), ERR_OK);
	folder_close(&folder);
}

static void put_file(const char *name)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", scratch.path, name);
	scratch_write(path, "x", 1);
}

static void a_folder_is_fresh_until_it_is_settled(void)
{
	begin();
	bool is_fresh = false;
	CU_ASSERT_EQUAL(look(5, secret, &is_fresh), ERR_OK);
	CU_ASSERT(is_fresh);
	put_file("log.db"); /* the first start died here */
	CU_ASSERT_EQUAL(look(5, secret, &is_fresh), ERR_OK);
	CU_ASSERT(is_fresh);
	char path[300];
	snprintf(path, sizeof path, "%s/log.db", scratch.path);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	settle();
	CU_ASSERT_EQUAL(look(5, secret, &is_fresh), ERR_OK);
	CU_ASSERT(!is_fresh);
	end();
}

static void another_nodes_or_clusters_folder_is_refused(void)
{
	begin();
	bool is_fresh;
	settle();
	CU_ASSERT_EQUAL(look(6, secret, &is_fresh), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "node 5"));
	CU_ASSERT_EQUAL(look(5, other, &is_fresh), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "secret"));
	end();
}

static void a_lived_in_folder_without_its_state_is_damaged(void)
{
	begin();
	bool is_fresh;
	put_file("watermark");
	CU_ASSERT_EQUAL(look(5, secret, &is_fresh), ERR_DAMAGED);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "new id"));
	end();
}

static void any_flipped_byte_of_the_state_is_refused(void)
{
	begin();
	settle();
	char path[300];
	bool is_fresh;
	snprintf(path, sizeof path, "%s/state", scratch.path);
	struct bytes_of bytes = scratch_read(path);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 1;
		scratch_write(path, bytes.data, bytes.size);
		enum err err = look(5, secret, &is_fresh);
		CU_ASSERT(err == ERR_DAMAGED || err == ERR_CONFIG);
		bytes.data[i] ^= 1;
	}
	free(bytes.data);
	end();
}

static void a_second_process_is_told_who_has_it(void)
{
	begin();
	struct folder folder;
	CU_ASSERT_EQUAL_FATAL(folder_open(scratch.path, 5, secret, &folder, &complaint), ERR_OK);
	char wanted[40];
	snprintf(wanted, sizeof wanted, "pid %ld", (long)getpid());
	pid_t child = fork();
	if (child == 0) {
		struct folder mine;
		enum err err = folder_open(scratch.path, 5, secret, &mine, &complaint);
		_exit(err == ERR_BUSY && strstr(complaint.text, wanted) ? 0 : 1);
	}
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	folder_close(&folder);
	end();
}

TESTS("folder", SAY(a_folder_is_fresh_until_it_is_settled), SAY(another_nodes_or_clusters_folder_is_refused),
      SAY(a_lived_in_folder_without_its_state_is_damaged), SAY(any_flipped_byte_of_the_state_is_refused),
      SAY(a_second_process_is_told_who_has_it))
