/* One node as it really runs, consensus and all, in one process: found, stopped, started again, with what it had. */
#include "base/file.h"
#include "tests/unit/node/house.h"
#include "node/founding.h"
#include "wire/call.h"
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct node_house house;

/* One node for all stories: it runs. */
static void open_house(void)
{
	if (!house.authority)
		house_prepare(&house);
	if (!house.node)
		house_start(&house, true);
}

static void restart(void)
{
	house_stop(&house);
	house_start(&house, true);
}

/* Until the cluster has agreed on what it is. */
static struct id founded(void)
{
	struct id cluster;
	deadline_ms deadline = deadline_in(30000);
	while (!founding_cluster_id(house.node, &cluster) && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_TRUE_FATAL(founding_cluster_id(house.node, &cluster));
	return cluster;
}

static struct channel *connected(void)
{
	struct address address = { .is_unix = true };
	struct channel *channel = NULL;
	Craton__HelloReply *hello = NULL;
	snprintf(address.host, sizeof address.host, "%s", house_file(&house, "socket"));
	CU_ASSERT_EQUAL_FATAL(channel_connect(&address, NULL, NULL, deadline_in(5000), &channel), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(call_hello(channel, "test", deadline_in(5000), &hello), ERR_OK);
	craton__hello_reply__free_unpacked(hello, NULL);
	return channel;
}

static void it_founds_its_cluster_once(void)
{
	open_house();
	struct id first = founded();
	restart();
	struct id second = founded();
	CU_ASSERT_TRUE(id_equal(&first, &second));
}

static void what_it_acknowledged_is_there_after_a_restart(void)
{
	struct talk talk;
	open_house();
	talk_begin(&talk, &house, 0);
	uint32_t slot = talk_create_slot(&talk, "kept");
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, "wrong"), CKR_PIN_INCORRECT);
	restart();
	talk_begin(&talk, &house, slot);
	struct slot_record record;
	CU_ASSERT_EQUAL_FATAL(consensus_barrier(house.node->consensus, deadline_in(30000), &(uint64_t){ 0 }), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(directory_slot(house.node->directory, slot, &record), ERR_OK);
	CU_ASSERT_STRING_EQUAL(record.label, "kept");
	CU_ASSERT_EQUAL(record.user.failures, 1);
	CU_ASSERT_EQUAL(talk_login(&talk, CRATON__ROLE__ROLE_USER, USER_PIN), CKR_OK);
}

/* The reply says which index its answer is as of; a change has one at or above its own. */
static void a_reply_carries_the_applied_index(void)
{
	struct talk talk;
	open_house();
	founded();
	talk_begin(&talk, &house, 0);
	uint64_t before = consensus_applied(house.node->consensus);
	talk_create_slot(&talk, "indexed");
	struct channel *channel = connected();
	Craton__SlotListRequest body = CRATON__SLOT_LIST_REQUEST__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	request.body_case = CRATON__REQUEST__BODY_SLOT_LIST;
	request.slot_list = &body;
	request.index_min = before + 1;
	CU_ASSERT_EQUAL_FATAL(call(channel, &request, 5000, deadline_in(5000), &reply), ERR_OK);
	CU_ASSERT_EQUAL(reply->fault, CRATON__FAULT__FAULT_NONE);
	CU_ASSERT_TRUE(reply->index > before);
	CU_ASSERT_EQUAL(reply->slot_list->n_list, 2);
	reply_free(reply);
	channel_close(channel);
}

static enum err start_again(struct complaint *complaint)
{
	struct node *node = NULL;
	enum err err = node_open(&house.config, &node, complaint);
	if (err == ERR_OK)
		err = node_start(node, complaint);
	node_close(node);
	return err;
}

static void refused(const char *file, const char *why)
{
	struct complaint complaint = { "" };
	enum err err = start_again(&complaint);
	CU_ASSERT_EQUAL(err, ERR_DAMAGED);
	if (err != ERR_DAMAGED)
		printf("\n    %s %s: %s: %s", file, why, err_name(err), complaint.text);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, house.folder));
	CU_ASSERT_PTR_NULL(strchr(complaint.text, '\n'));
}

/* One file at a time, which is put back after that. */
static void damage(const char *file, void (*deed)(const char *path))
{
	struct buf whole;
	buf_init(&whole, 64u << 20);
	house_stop(&house);
	CU_ASSERT_EQUAL_FATAL(file_read(house_file(&house, file), &whole), ERR_OK);
	deed(house_file(&house, file));
	refused(file, "damaged");
	CU_ASSERT_EQUAL(file_write(house_file(&house, file), whole.data, whole.size, 0600), ERR_OK);
	buf_finish(&whole);
}

static void remove_it(const char *path)
{
	CU_ASSERT_EQUAL(unlink(path), 0);
}

static void shorten_it(const char *path)
{
	CU_ASSERT_EQUAL(truncate(path, 4096), 0);
}

static void flip_it(const char *path)
{
	uint8_t bytes[1 << 16];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	ssize_t size = pread(fd, bytes, sizeof bytes, 0);
	CU_ASSERT_TRUE_FATAL(size > 8192);
	for (ssize_t i = 4096; i < size; i += 512)
		bytes[i] ^= 1;
	CU_ASSERT_EQUAL(pwrite(fd, bytes, (size_t)size, 0), size);
	close(fd);
}

static void a_log_that_is_gone_is_refused(void)
{
	damage("state/log.db", remove_it);
}

static void a_log_that_is_shorter_is_refused(void)
{
	damage("state/log.db", shorten_it);
}

static void a_log_whose_bytes_were_changed_is_refused(void)
{
	damage("state/log.db", flip_it);
}

static void a_directory_that_is_gone_is_refused(void)
{
	damage("state/directory.db", remove_it);
}

static void a_directory_whose_bytes_were_changed_is_refused(void)
{
	damage("state/directory.db", flip_it);
}

static void put_back_as_it_was_it_is_taken(void)
{
	struct slot_record *slots;
	size_t count;
	house_start(&house, true);
	CU_ASSERT_EQUAL_FATAL(directory_slots(house.node->directory, &slots, &count), ERR_OK);
	CU_ASSERT_EQUAL(count, 2);
	free(slots);
	house_close(&house);
}

TESTS("node single", SAY(it_founds_its_cluster_once), SAY(what_it_acknowledged_is_there_after_a_restart),
      SAY(a_reply_carries_the_applied_index), SAY(a_log_that_is_gone_is_refused), SAY(a_log_that_is_shorter_is_refused),
      SAY(a_log_whose_bytes_were_changed_is_refused), SAY(a_directory_that_is_gone_is_refused),
      SAY(a_directory_whose_bytes_were_changed_is_refused), SAY(put_back_as_it_was_it_is_taken))
