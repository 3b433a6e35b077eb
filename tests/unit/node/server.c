/* A node's doors: who comes in, who is thrown out, and that the others notice nothing. */
#include "node/access.h"
#include "tests/unit/node/doors.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket that speaks no protocol of ours. */
static int raw(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	snprintf(name.sun_path, sizeof name.sun_path, "%s", house_file(&house, "socket"));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
	return fd;
}

/* Waits until the node hangs up, which it must. */
static void hung_up(int fd)
{
	char byte;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	CU_ASSERT_EQUAL(poll(&wait, 1, 10000), 1);
	CU_ASSERT_TRUE(read(fd, &byte, 1) <= 0);
	close(fd);
}

static void who_says_nothing_is_dropped_in_time(void)
{
	doors_open(100, 0);
	struct channel *other = welcome();
	hung_up(raw());
	comes_to(COUNTER_CONNECTIONS_DROPPED, 1);
	CU_ASSERT_TRUE(is_served(other));
	channel_close(other);
	doors_close();
}

static void who_talks_garbage_is_dropped_at_once(void)
{
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	doors_open(0, 0);
	struct channel *other = welcome();
	int fd = raw();
	CU_ASSERT_EQUAL(send(fd, garbage, sizeof garbage, MSG_NOSIGNAL), sizeof garbage);
	hung_up(fd);
	comes_to(COUNTER_CONNECTIONS_DROPPED, 1);
	CU_ASSERT_EQUAL(counted(COUNTER_FRAMES_REFUSED), 1);
	CU_ASSERT_TRUE(is_served(other));
	channel_close(other);
	doors_close();
}

static void who_stops_in_the_middle_of_a_frame_is_dropped_in_time(void)
{
	static const uint8_t half[] = { 0, 0, 1, 0, FRAME_REQUEST, 1, 2, 3 };
	doors_open(100, 0);
	struct channel *other = welcome(), *late = welcome();
	int fd = raw();
	CU_ASSERT_EQUAL(send(fd, half, sizeof half, MSG_NOSIGNAL), sizeof half);
	hung_up(fd);
	comes_to(COUNTER_CONNECTIONS_DROPPED, 1);
	CU_ASSERT_EQUAL(send(channel_fd(late), half, sizeof half, MSG_NOSIGNAL), sizeof half); /* after Hello the same */
	hung_up(dup(channel_fd(late)));
	comes_to(COUNTER_CONNECTIONS_DROPPED, 2);
	CU_ASSERT_TRUE(is_served(other));
	channel_close(late);
	channel_close(other);
	doors_close();
}

static void a_stranger_cannot_make_us_take_memory(void)
{
	static const uint8_t huge[] = { 4, 0, 0, 0, FRAME_REQUEST }; /* 64 MiB, which is for those who said Hello */
	doors_open(0, 0);
	int fd = raw();
	CU_ASSERT_EQUAL(send(fd, huge, sizeof huge, MSG_NOSIGNAL), sizeof huge);
	hung_up(fd);
	comes_to(COUNTER_FRAMES_REFUSED, 1);
	doors_close();
}

static void hello_comes_first(void)
{
	doors_open(0, 0);
	struct address address = unix_door();
	struct channel *channel = connect_to(&address, NULL);
	CU_ASSERT_FALSE(is_served(channel));
	channel_close(channel);
	comes_to(COUNTER_FRAMES_REFUSED, 1);
	doors_close();
}

static void beyond_the_limit_the_idle_give_way(void)
{
	doors_open(0, 2);
	struct channel *one = welcome(), *two = welcome();
	CU_ASSERT_TRUE(is_served(one));
	CU_ASSERT_TRUE(is_served(two));
	struct channel *three = welcome();
	CU_ASSERT_TRUE(is_served(three));
	CU_ASSERT_EQUAL(counted(COUNTER_CONNECTIONS_GAVE_WAY), 1);
	CU_ASSERT_EQUAL(is_served(one) + is_served(two), 1);
	CU_ASSERT_TRUE(is_served(three));
	channel_close(three);
	channel_close(two);
	channel_close(one);
	CU_ASSERT_EQUAL(counted(COUNTER_CONNECTIONS_BUSY), 0);
	doors_close();
}

static void but_not_for_strangers(void)
{
	doors_open(60000, 2);
	struct channel *one = welcome(), *two = welcome();
	CU_ASSERT_TRUE(is_served(one));
	CU_ASSERT_TRUE(is_served(two));
	int strangers[] = { raw(), raw(), raw() };
	comes_to(COUNTER_CONNECTIONS_OPEN, 5);
	CU_ASSERT_TRUE(is_served(one));
	CU_ASSERT_TRUE(is_served(two));
	CU_ASSERT_EQUAL(counted(COUNTER_CONNECTIONS_GAVE_WAY), 0);
	for (size_t i = 0; i < 3; i++)
		close(strangers[i]);
	channel_close(two);
	channel_close(one);
	doors_close();
}

static void comes_down_to(enum counter counter, uint64_t value)
{
	deadline_ms deadline = deadline_in(60000);
	while (counted(counter) > value && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_EQUAL(counted(counter), value);
}

static enum err tls_hello(struct tls *tls);

/* These are about to say who they are. */
static void where_none_is_idle_one_is_told_that_the_node_is_busy_unless_it_administers(void)
{
	doors_open(60000, 2);
	int one = raw(), two = raw();
	comes_to(COUNTER_CONNECTIONS_OPEN, 2);
	CU_ASSERT_EQUAL(tls_hello(test_authority_tls(house.authority, IDENTITY_CLIENT, "app")), ERR_BUSY);
	comes_to(COUNTER_CONNECTIONS_BUSY, 1);
	comes_down_to(COUNTER_CONNECTIONS_OPEN, 2);
	CU_ASSERT_EQUAL(tls_hello(test_authority_tls(house.authority, IDENTITY_ADMIN, "op")), ERR_OK);
	comes_down_to(COUNTER_CONNECTIONS_OPEN, 2);
	close(one);
	comes_down_to(COUNTER_CONNECTIONS_OPEN, 1);
	CU_ASSERT_EQUAL(tls_hello(test_authority_tls(house.authority, IDENTITY_CLIENT, "app")), ERR_OK);
	CU_ASSERT_EQUAL(counted(COUNTER_CONNECTIONS_GAVE_WAY), 0);
	close(two);
	doors_close();
}

/* Descriptors are given from the lowest number on: there is room for one more, which is the client's own. */
static struct rlimit room_for_one(void)
{
	struct rlimit before, narrow;
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
	narrow = before;
	narrow.rlim_cur = (rlim_t)next + 1;
	close(next);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &narrow), 0);
	return before;
}

static void without_descriptors_clients_wait_until_there_are_some_again(void)
{
	struct address address = unix_door();
	doors_open(0, 0);
	struct channel *other = welcome();
	log_listen();
	struct rlimit before = room_for_one();
	struct channel *waiting = connect_to(&address, NULL);
	comes_to_at_least(COUNTER_ACCEPTS_FAILED, 3);
	CU_ASSERT_TRUE(is_served(other));
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
	CU_ASSERT_EQUAL(hello(waiting), ERR_OK);
	CU_ASSERT_TRUE(is_served(waiting));
	CU_ASSERT_EQUAL(log_heard("clients have to wait"), 1);
	channel_close(waiting);
	channel_close(other);
	doors_close();
}

struct crowd {
	unsigned count;
	_Atomic unsigned served;
};

static void *come_and_go(void *context)
{
	struct crowd *crowd = context;
	for (unsigned i = 0; i < crowd->count; i++) {
		struct channel *channel = welcome();
		crowd->served += is_served(channel);
		channel_close(channel);
	}
	return NULL;
}

static void many_come_and_go_at_once(void)
{
	struct crowd crowd = { .count = 25 };
	pthread_t threads[8];
	doors_open(0, 0);
	for (unsigned i = 0; i < 8; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
	for (unsigned i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(crowd.served, 8 * 25);
	doors_close();
}

static struct address tls_address(void)
{
	struct address address = { .host = "127.0.0.1", .port = (uint16_t)tls_port };
	return address;
}

static enum err tls_hello(struct tls *tls)
{
	struct address address = tls_address();
	struct channel *channel = NULL;
	enum err err = channel_connect(&address, tls, NULL, deadline_in(5000), &channel);
	if (err == ERR_OK)
		err = hello(channel);
	channel_close(channel);
	tls_destroy(tls);
	return err;
}

static void certificates_say_who_may_come(void)
{
	doors_open(0, 0);
	struct test_authority *strangers = test_authority_create();
	CU_ASSERT_EQUAL(tls_hello(test_authority_tls(house.authority, IDENTITY_CLIENT, "app")), ERR_OK);
	CU_ASSERT_EQUAL(tls_hello(test_authority_tls(house.authority, IDENTITY_ADMIN, "op")), ERR_OK);
	CU_ASSERT_EQUAL(tls_hello(test_authority_tls(house.authority, IDENTITY_NODE, "b")), ERR_REFUSED);
	comes_to(COUNTER_CONNECTIONS_REFUSED, 1);
	CU_ASSERT_NOT_EQUAL(tls_hello(test_authority_tls(strangers, IDENTITY_CLIENT, "app")), ERR_OK);
	comes_to(COUNTER_CONNECTIONS_REFUSED, 2);
	struct channel *other = welcome();
	CU_ASSERT_TRUE(is_served(other));
	channel_close(other);
	test_authority_destroy(strangers);
	doors_close();
}

static void only_an_admin_certificate_administers(void)
{
	struct identity client = { IDENTITY_CLIENT, "app" }, admin = { IDENTITY_ADMIN, "op" }, other = { IDENTITY_LOCAL_USER, "uid:12345" };
	struct identity own = { .kind = IDENTITY_LOCAL_USER };
	snprintf(own.name, sizeof own.name, "uid:%u", (unsigned)geteuid());
	CU_ASSERT_TRUE(access_administers(&admin));
	CU_ASSERT_TRUE(access_administers(&own));
	CU_ASSERT_FALSE(access_administers(&client));
	CU_ASSERT_FALSE(access_administers(&other));
}

TESTS("node server", SAY(who_says_nothing_is_dropped_in_time), SAY(who_talks_garbage_is_dropped_at_once),
      SAY(who_stops_in_the_middle_of_a_frame_is_dropped_in_time), SAY(a_stranger_cannot_make_us_take_memory),
      SAY(hello_comes_first), SAY(beyond_the_limit_the_idle_give_way), SAY(but_not_for_strangers),
      SAY(where_none_is_idle_one_is_told_that_the_node_is_busy_unless_it_administers),
      SAY(without_descriptors_clients_wait_until_there_are_some_again), SAY(many_come_and_go_at_once),
      SAY(certificates_say_who_may_come), SAY(only_an_admin_certificate_administers), SAY(the_end))
