/* The history, and the board: what processes that may be killed at any moment leave for others. */
#include "tests/check.h"
#include "tests/fault/client_board.h"
#include "tests/fault/history.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[] = "/tmp/craton-history-XXXXXX";
static char text[1 << 20];

static void path_make(void)
{
	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	close(mkstemp(path));
}

static size_t text_read(void)
{
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
	text[size] = 0;
	if (file)
		fclose(file);
	return size;
}

static unsigned fields_of(const char *line)
{
	unsigned count = 1;
	for (; *line && *line != '\n'; line++)
		count += *line == '\t';
	return count;
}

static void a_change_has_a_line_when_it_begins_and_one_when_it_returns(void)
{
	struct tally tally = { .name = "create-0" };
	struct record record;
	char want[200];
	path_make();
	CU_ASSERT_TRUE_FATAL(history_open(path, "p1"));
	record_begin_change(&record, &tally, "C_CreateObject", "k/secret", "new");
	text_read();
	snprintf(want, sizeof want, "%llu\t-\tp1\tcreate-0\tC_CreateObject\tk/secret\tinvoked\tvalue=new\n", (unsigned long long)record.invoke_us);
	CU_ASSERT_STRING_EQUAL(text, want);
	record_return(&record);
	record_end(&record, CKR_OK, "handle", "handle=%d", 7);
	text_read();
	snprintf(want, sizeof want, "%llu\t%llu\tp1\tcreate-0\tC_CreateObject\tk/secret\tCKR_OK\thandle=7 value=new wrong=handle\n",
		(unsigned long long)record.invoke_us, (unsigned long long)record.return_us);
	CU_ASSERT_STRING_EQUAL(strchr(text, '\n') + 1, want);
	unlink(path);
}

static void what_changes_nothing_has_one_line(void)
{
	struct tally tally = { .name = "sign-0" };
	struct record record;
	path_make();
	CU_ASSERT_TRUE_FATAL(history_open(path, "p1"));
	record_begin(&record, &tally, "C_Sign", "");
	CU_ASSERT_EQUAL(text_read(), 0);
	record_end(&record, CKR_DEVICE_REMOVED, NULL, NULL);
	text_read();
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\tC_Sign\t-\tCKR_DEVICE_REMOVED\t-\n"));
	CU_ASSERT_EQUAL(fields_of(text), 8);
	unlink(path);
}

static void the_tally_knows_errors_and_the_longest_call(void)
{
	struct tally tally = { .name = "sign-0" };
	struct record record;
	path_make();
	CU_ASSERT_TRUE_FATAL(history_open(path, "p1"));
	record_begin(&record, &tally, "C_Sign", "");
	record_step(&record, history_now_us() - 5000000);
	record_end(&record, CKR_OK, NULL, NULL);
	record_begin(&record, &tally, "C_Encrypt", "");
	record_end(&record, CKR_DEVICE_ERROR, NULL, NULL);
	record_begin(&record, &tally, "C_Encrypt", "");
	record_end(&record, CKR_KEY_HANDLE_INVALID, "reason", NULL); /* somebody destroyed it: no error */
	CU_ASSERT_EQUAL(tally.calls, 3);
	CU_ASSERT_EQUAL(tally.errors, 1);
	CU_ASSERT_EQUAL(tally.wrong, 1);
	CU_ASSERT_TRUE(tally.longest_us >= 5000000);
	CU_ASSERT_STRING_EQUAL(tally.longest_call, "C_Sign");
	unlink(path);
}

/* As much as fits in `text`. */
static _Noreturn void write_until_killed(int ready)
{
	struct tally tally = { .name = "create-0" };
	struct record record;
	history_open(path, "p1");
	for (unsigned i = 0; i < 5000; i++) {
		record_begin_change(&record, &tally, "C_CreateObject", "k/secret", "new");
		record_end(&record, CKR_OK, NULL, "handle=%u", i);
		if (i == 100)
			close(ready);
	}
	pause();
	_exit(1);
}

static void a_killed_process_leaves_whole_lines(void)
{
	int ready[2];
	char byte;
	path_make();
	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0)
		write_until_killed(ready[1]);
	close(ready[1]);
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 0); /* its end of the pipe is closed: it is in the middle of it */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	size_t size = text_read();
	CU_ASSERT_TRUE(size > 100);
	CU_ASSERT_EQUAL(text[size - 1], '\n');
	for (const char *line = text; *line; line = strchr(line, '\n') + 1)
		CU_ASSERT_EQUAL(fields_of(line), 8);
	unlink(path);
}

static void add_labels(const char *who)
{
	char label[BOARD_LABEL_SIZE];
	for (unsigned i = 0; i < 500; i++) {
		snprintf(label, sizeof label, "%s-%u", who, i);
		board_add(KIND_DATA, label);
	}
}

static void processes_that_write_at_once_all_stand_on_the_board(void)
{
	unsigned of_child = 0, of_parent = 0;
	path_make();
	CU_ASSERT_TRUE_FATAL(board_open(path));
	pid_t pid = fork();
	add_labels(pid == 0 ? "child" : "parent");
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	CU_ASSERT_EQUAL(board_count(), 1000);
	for (uint32_t i = 0; i < board_count(); i++) {
		CU_ASSERT_EQUAL(board_entry(i)->kind, KIND_DATA);
		of_child += strncmp(board_entry(i)->label, "child-", 6) == 0;
		of_parent += strncmp(board_entry(i)->label, "parent-", 7) == 0;
	}
	CU_ASSERT_EQUAL(of_child, 500);
	CU_ASSERT_EQUAL(of_parent, 500);
	unlink(path);
}

static void the_board_remembers_the_last_that_were_destroyed(void)
{
	path_make();
	CU_ASSERT_TRUE_FATAL(board_open(path));
	add_labels("one");
	CU_ASSERT_PTR_NULL(board_destroyed(0));
	for (uint32_t i = 0; i < 100; i++)
		board_note_destroyed(board_entry(i));
	CU_ASSERT_PTR_EQUAL(board_destroyed(0), board_entry(99));
	CU_ASSERT_PTR_EQUAL(board_destroyed(15), board_entry(84));
	CU_ASSERT_PTR_NULL(board_destroyed(16));
	unlink(path);
}

static void a_full_board_takes_no_more(void)
{
	path_make();
	CU_ASSERT_TRUE_FATAL(board_open(path));
	for (uint32_t i = 0; i < BOARD_ENTRIES_MAX; i++)
		if (!board_add(KIND_DATA, "label"))
			CU_FAIL("full too early");
	CU_ASSERT_PTR_NULL(board_add(KIND_DATA, "label"));
	CU_ASSERT_EQUAL(board_count(), BOARD_ENTRIES_MAX);
	unlink(path);
}

TESTS("history", SAY(a_change_has_a_line_when_it_begins_and_one_when_it_returns), SAY(what_changes_nothing_has_one_line),
	SAY(the_tally_knows_errors_and_the_longest_call), SAY(a_killed_process_leaves_whole_lines),
	SAY(processes_that_write_at_once_all_stand_on_the_board), SAY(the_board_remembers_the_last_that_were_destroyed), SAY(a_full_board_takes_no_more))
