#include "base/log.h"
#include "base/buf.h"
#include "base/file.h"
#include "tests/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a story writes to stderr. */
static char caught[8192];

static void catch_stderr(void (*story)(void))
{
	int pipes[2], real = dup(STDERR_FILENO);
	CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
	dup2(pipes[1], STDERR_FILENO);
	close(pipes[1]);
	story();
	dup2(real, STDERR_FILENO);
	close(real);
	ssize_t size = 0, got;
	while ((got = read(pipes[0], caught + size, sizeof caught - 1 - (size_t)size)) > 0)
		size += got;
	caught[size] = '\0';
	close(pipes[0]);
}

static void say_as_library(void)
{
	log_as_environment_says();
	log_error("ha", "nobody should see this");
}

static void a_library_says_nothing_unless_asked(void)
{
	unsetenv("CRATON_DEBUG");
	catch_stderr(say_as_library);
	CU_ASSERT_STRING_EQUAL(caught, "");
}

static void a_library_writes_to_the_file_it_is_told(void)
{
	char path[] = "/tmp/craton-test-XXXXXX";
	struct buf buf;
	close(mkstemp(path));
	setenv("CRATON_DEBUG", path, 1);
	log_as_environment_says();
	log_as_environment_says();
	log_debug("ha", "member lost name=%s", "b");
	buf_init(&buf, 1000);
	CU_ASSERT_EQUAL(file_read(path, &buf), ERR_OK);
	buf_add_u8(&buf, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr((const char *)buf.data, " debug ha: member lost name=b\n"));
	buf_finish(&buf);
	remove(path);
	unsetenv("CRATON_DEBUG");
}

static void say_at_levels(void)
{
	unsetenv("JOURNAL_STREAM");
	log_to_stderr(LOG_WARN_LINE);
	log_warn("node", "heard");
	log_info("node", "not heard");
}

static void lines_below_the_level_are_not_written(void)
{
	catch_stderr(say_at_levels);
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, " warn node: heard\n"));
	CU_ASSERT_PTR_NULL(strstr(caught, "not heard"));
}

static void say_to_journal(void)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_to_stderr(LOG_INFO_LINE);
	log_error("node", "stopped err=%s", "io");
}

static void under_systemd_a_line_carries_its_priority(void)
{
	catch_stderr(say_to_journal);
	CU_ASSERT_STRING_EQUAL(caught, "<3>error node: stopped err=io\n");
}

static void say_strange_things(void)
{
	log_error("node", "hello program=%s", "a\nb\x1b[31m\x7f");
	log_error("node", "%3000d", 1);
	errno = EDOM;
	log_error("node", "last");
	CU_ASSERT_EQUAL(errno, EDOM);
}

static void a_line_stays_one_line_whatever_is_in_it(void)
{
	size_t lines = 0;
	catch_stderr(say_strange_things);
	CU_ASSERT_PTR_NOT_NULL(strstr(caught, "program=a?b?[31m?\n"));
	for (const char *at = caught; (at = strchr(at, '\n')); at++)
		lines++;
	CU_ASSERT_EQUAL(lines, 3);
	CU_ASSERT(strlen(caught) < 1500);
}

TESTS("base/log", SAY(a_library_says_nothing_unless_asked), SAY(a_library_writes_to_the_file_it_is_told),
      SAY(lines_below_the_level_are_not_written), SAY(under_systemd_a_line_carries_its_priority),
      SAY(a_line_stays_one_line_whatever_is_in_it))
