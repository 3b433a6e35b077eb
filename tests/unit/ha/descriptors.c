#include "ha/descriptors.h"
#include "tests/check.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

static void what_was_noted_is_closed_and_nothing_else(void)
{
	int ours[2], others[2];
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ours), 0);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, others), 0);
	descriptor_opened(ours[0]);
	descriptor_opened(ours[1]);
	descriptor_closing(ours[1]);
	descriptors_close_inherited();
	CU_ASSERT(!is_open(ours[0]));
	CU_ASSERT(is_open(ours[1]));
	CU_ASSERT(is_open(others[0]));
	close(ours[1]);
	close(others[0]);
	close(others[1]);
}

/* A daemon's child closes everything and opens its own files under the same numbers. */
static void a_number_that_means_something_else_by_now_is_left_alone(void)
{
	int ours[2];
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ours), 0);
	descriptor_opened(ours[0]);
	int another = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(dup2(another, ours[0]), ours[0]);
	descriptors_close_inherited();
	CU_ASSERT(is_open(ours[0]));
	close(ours[0]);
	close(ours[1]);
	close(another);
}

static void absurd_numbers_are_ignored(void)
{
	descriptor_opened(-1);
	descriptor_closing(-1);
	descriptor_opened(1 << 30);
	descriptor_closing(1 << 30);
	descriptors_close_inherited();
}

TESTS("ha descriptors", SAY(what_was_noted_is_closed_and_nothing_else),
	SAY(a_number_that_means_something_else_by_now_is_left_alone), SAY(absurd_numbers_are_ignored))
