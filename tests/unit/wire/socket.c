#include "wire/socket.h"
#include "wire/channel.h"
#include "tests/check.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/craton-test-XXXXXX";
static struct complaint complaint;

static struct address unix_address(const char *name)
{
	struct address address = { .is_unix = true };
	snprintf(address.host, sizeof address.host, "%s/%s", folder, name);
	return address;
}

static void there_is_a_folder(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void a_unix_socket_has_its_mode_and_closes_on_exec(void)
{
	struct address address = unix_address("s");
	struct stat st;
	int listening, connected;
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0660, &listening, &complaint), ERR_OK);
	CU_ASSERT(stat(address.host, &st) == 0 && (st.st_mode & 0777) == 0660);
	CU_ASSERT(fcntl(listening, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(address_connect(&address, deadline_in(5000), &connected), ERR_OK);
	CU_ASSERT(fcntl(connected, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT(fcntl(connected, F_GETFL) & O_NONBLOCK);
	close(connected);
	close(listening); /* and leaves its name behind, as a process that died would */
}

static void a_dead_socket_is_replaced_and_a_live_one_is_not(void)
{
	struct address address = unix_address("s");
	int first, second;
	CU_ASSERT_EQUAL(address_connect(&address, deadline_in(5000), &second), ERR_CLOSED);
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0600, &first, &complaint), ERR_OK);
	CU_ASSERT_EQUAL(address_listen(&address, 0600, &second, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "another process listens there"));
	close(first);
	unlink(address.host);
}

static void what_is_no_socket_is_not_removed(void)
{
	struct address address = unix_address("file");
	int fd = open(address.host, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	CU_ASSERT_EQUAL(address_listen(&address, 0600, &fd, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "not a socket"));
	CU_ASSERT_EQUAL(unlink(address.host), 0);
	address = unix_address("no/folder/s");
	CU_ASSERT_EQUAL(address_listen(&address, 0600, &fd, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "cannot listen there: No such file"));
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	return ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&name)->sin6_port : ((struct sockaddr_in *)&name)->sin_port);
}

static void tcp_listens_and_connects(void)
{
	struct address address = { .host = "127.0.0.1" };
	int listening, connected, again;
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0, &listening, &complaint), ERR_OK);
	address.port = port_of(listening);
	CU_ASSERT_EQUAL_FATAL(address_connect(&address, deadline_in(5000), &connected), ERR_OK);
	CU_ASSERT_EQUAL(address_listen(&address, 0, &again, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "cannot listen there"));
	close(connected);
	close(listening);
	CU_ASSERT_EQUAL(address_connect(&address, deadline_in(5000), &connected), ERR_CLOSED);
}

static void a_host_that_is_none_is_told(void)
{
	struct address address = { .host = "no such host", .port = 1 };
	int fd;
	CU_ASSERT_EQUAL(address_listen(&address, 0, &fd, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "there is no such host"));
	CU_ASSERT_EQUAL(address_connect(&address, deadline_in(5000), &fd), ERR_CLOSED);
}

/* A listener that doesn't accept: its queue fills up, and then a connect waits no longer than it is told. */
static void a_full_queue_times_out(void)
{
	struct address address = unix_address("full");
	int listening, fds[8], count = 0;
	enum err err = ERR_OK;
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0600, &listening, &complaint), ERR_OK);
	listen(listening, 1);
	while (count < 8 && (err = address_connect(&address, deadline_in(20), &fds[count])) == ERR_OK)
		count++;
	CU_ASSERT_EQUAL(err, ERR_TIMEOUT);
	while (count > 0)
		close(fds[--count]);
	close(listening);
	unlink(address.host);
}

static void waiting_ends_with_bytes_a_hangup_or_the_deadline(void)
{
	int fds[2];
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CU_ASSERT_EQUAL(socket_wait(fds[0], POLLIN, deadline_in(5)), ERR_TIMEOUT);
	CU_ASSERT_EQUAL(write(fds[1], "x", 1), 1);
	CU_ASSERT_EQUAL(socket_wait(fds[0], POLLIN, DEADLINE_NEVER), ERR_OK);
	close(fds[1]);
	CU_ASSERT_EQUAL(socket_wait(fds[0], POLLIN, DEADLINE_NEVER), ERR_OK);
	close(fds[0]);
	CU_ASSERT_EQUAL(socket_wait(fds[0], POLLIN, DEADLINE_NEVER), ERR_CLOSED);
}

static void all_is_removed(void)
{
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

TESTS("wire/socket", SAY(there_is_a_folder), SAY(a_unix_socket_has_its_mode_and_closes_on_exec),
      SAY(a_dead_socket_is_replaced_and_a_live_one_is_not), SAY(what_is_no_socket_is_not_removed), SAY(tcp_listens_and_connects),
      SAY(a_host_that_is_none_is_told), SAY(a_full_queue_times_out), SAY(waiting_ends_with_bytes_a_hangup_or_the_deadline),
      SAY(all_is_removed))
