/* A node's doors: who comes in, who is thrown out, and that the others notice nothing. */
#include "tests/unit/node/fake_consensus.h"
#include "tests/unit/node/house.h"
#include "node/access.h"
#include "wire/call.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT 47401
static struct node_house house;

static void open_house(const char *more)
{
	house_prepare(&house);
	house_settings(&house, more);
	house_start(&house, true);
}

static struct address here(void)
{
	struct address address = { .is_unix = true };
	snprintf(address.host, sizeof address.host, "%s", house_file(&house, "socket"));
	return address;
}

static struct channel *connect_to(const struct address *address, struct tls *tls)
{
	struct channel *channel = NULL;
	CU_ASSERT_EQUAL_FATAL(channel_connect(address, tls, NULL, deadline_in(5000), &channel), ERR_OK);
	return channel;
}

static enum err hello(struct channel *channel)
{
	Craton__HelloReply *reply = NULL;
	enum err err = call_hello(channel, "test", deadline_in(5000), &reply);
	if (err == ERR_OK) {
		CU_ASSERT_STRING_EQUAL(reply->node, "a");
		craton__hello_reply__free_unpacked(reply, NULL);
	}
	return err;
}

static struct channel *welcome(void)
{
	struct address address = here();
	struct channel *channel = connect_to(&address, NULL);
	CU_ASSERT_EQUAL_FATAL(hello(channel), ERR_OK);
	return channel;
}

static bool is_served(struct channel *channel)
{
	Craton__StatusRequest body = CRATON__STATUS_REQUEST__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	request.body_case = CRATON__REQUEST__BODY_STATUS;
	request.status = &body;
	enum err err = call(channel, &request, 5000, deadline_in(5000), &reply);
	bool ok = err == ERR_OK && reply->body_case == CRATON__REPLY__BODY_STATUS;
	reply_free(reply);
	return ok;
}

static uint64_t counted(enum counter counter)
{
	return counter_value(&house.node->counters, counter);
}

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

/* The count follows the hanging up: it is read through a call that waits for nothing else. */
static void comes_to(enum counter counter, uint64_t value)
{
	deadline_ms deadline = deadline_in(10000);
	while (counted(counter) < value && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_EQUAL(counted(counter), value);
}

static void who_says_nothing_is_dropped_in_time(void)
{
	open_house("[limits]\nhello = 100ms\nframe = 100ms\n");
	struct channel *other = welcome();
	hung_up(raw());
	comes_to(COUNTER_CONNECTIONS_DROPPED, 1);
	CU_ASSERT_TRUE(is_served(other));
	channel_close(other);
	house_close(&house);
}

static void who_talks_garbage_is_dropped_at_once(void)
{
	static const char garbage[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	open_house("");
	struct channel *other = welcome();
	int fd = raw();
	CU_ASSERT_EQUAL(send(fd, garbage, sizeof garbage, MSG_NOSIGNAL), sizeof garbage);
	hung_up(fd);
	comes_to(COUNTER_CONNECTIONS_DROPPED, 1);
	CU_ASSERT_EQUAL(counted(COUNTER_FRAMES_REFUSED), 1);
	CU_ASSERT_TRUE(is_served(other));
	channel_close(other);
	house_close(&house);
}

static void who_stops_in_the_middle_of_a_frame_is_dropped_in_time(void)
{
	static const uint8_t half[] = { 0, 0, 1, 0, FRAME_REQUEST, 1, 2, 3 };
	open_house("[limits]\nhello = 100ms\nframe = 100ms\n");
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
	house_close(&house);
}

static void a_stranger_cannot_make_us_take_memory(void)
{
	static const uint8_t huge[] = { 4, 0, 0, 0, FRAME_REQUEST }; /* 64 MiB, which is for those who said Hello */
	open_house("");
	int fd = raw();
	CU_ASSERT_EQUAL(send(fd, huge, sizeof huge, MSG_NOSIGNAL), sizeof huge);
	hung_up(fd);
	comes_to(COUNTER_FRAMES_REFUSED, 1);
	house_close(&house);
}

static void hello_comes_first(void)
{
	open_house("");
	struct address address = here();
	struct channel *channel = connect_to(&address, NULL);
	CU_ASSERT_FALSE(is_served(channel));
	channel_close(channel);
	comes_to(COUNTER_FRAMES_REFUSED, 1);
	house_close(&house);
}

static void beyond_the_limit_one_is_told_that_the_node_is_busy(void)
{
	open_house("[limits]\nconnections = 2\n");
	struct address address = here();
	struct channel *one = welcome(), *two = welcome(), *three = connect_to(&address, NULL);
	CU_ASSERT_EQUAL(hello(three), ERR_BUSY);
	channel_close(three);
	CU_ASSERT_TRUE(is_served(one));
	CU_ASSERT_TRUE(is_served(two));
	channel_close(one);
	comes_to(COUNTER_CONNECTIONS_BUSY, 1);
	deadline_ms deadline = deadline_in(10000);
	while (counted(COUNTER_CONNECTIONS_OPEN) > 1 && !deadline_passed(deadline))
		sched_yield();
	three = welcome();
	CU_ASSERT_TRUE(is_served(three));
	channel_close(three);
	channel_close(two);
	house_close(&house);
}

static struct address tls_address(void)
{
	struct address address = { .host = "127.0.0.1", .port = PORT };
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
	char more[64];
	snprintf(more, sizeof more, "tls = 127.0.0.1:%d\n", PORT);
	open_house(more);
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
	house_close(&house);
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

/* A call that lasts until it is let go on: in the fake consensus, right before its proposal is applied. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_reached, is_open;
};

static void wait_at(void *context)
{
	struct gate *gate = context;
	pthread_mutex_lock(&gate->lock);
	gate->is_reached = true;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->is_open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void wait_until_reached(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	while (!gate->is_reached)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void let_go(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

static enum err send_slot_create(struct channel *channel)
{
	static const uint8_t id[ID_SIZE] = "0123456789abcde";
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	body.label = (char *)(uintptr_t)"slow";
	body.so_pin = (ProtobufCBinaryData){ strlen(SO_PIN), (uint8_t *)(uintptr_t)SO_PIN };
	request.request_id = (ProtobufCBinaryData){ ID_SIZE, (uint8_t *)(uintptr_t)id };
	request.body_case = CRATON__REQUEST__BODY_SLOT_CREATE;
	request.slot_create = &body;
	return channel_send_message(channel, FRAME_REQUEST, &request.base, deadline_in(5000));
}

static enum frame_kind next_frame(struct channel *channel)
{
	struct buf frame;
	enum frame_kind kind = FRAME_REQUEST;
	buf_init(&frame, FRAME_SIZE_MAX);
	CU_ASSERT_EQUAL_FATAL(channel_receive(channel, &kind, &frame, FRAME_SIZE_MAX, deadline_in(30000), 5000), ERR_OK);
	buf_finish(&frame);
	return kind;
}

static void a_long_call_gives_signs_of_life(void)
{
	struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
	open_house("");
	struct channel *channel = welcome();
	fake_before_next(wait_at, &gate);
	CU_ASSERT_EQUAL(send_slot_create(channel), ERR_OK);
	wait_until_reached(&gate);
	CU_ASSERT_EQUAL(next_frame(channel), FRAME_HEARTBEAT);
	CU_ASSERT_EQUAL(next_frame(channel), FRAME_HEARTBEAT);
	let_go(&gate);
	CU_ASSERT_EQUAL(next_frame(channel), FRAME_REPLY);
	CU_ASSERT_TRUE(is_served(channel));
	channel_close(channel);
	house_close(&house);
}

static void *let_go_when_stopping(void *context)
{
	while (node_state(house.node) != NODE_STOPPING)
		sched_yield();
	let_go(context);
	return NULL;
}

static void a_call_in_progress_is_finished_before_the_node_stops(void)
{
	struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
	pthread_t thread;
	open_house("");
	struct channel *busy = welcome(), *idle = welcome();
	fake_before_next(wait_at, &gate);
	CU_ASSERT_EQUAL(send_slot_create(busy), ERR_OK);
	wait_until_reached(&gate);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, let_go_when_stopping, &gate), 0);
	node_set_state(house.node, NODE_STOPPING);
	CU_ASSERT_TRUE(server_stop(house.server, deadline_in(10000)));
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(next_frame(busy), FRAME_REPLY);
	CU_ASSERT_FALSE(is_served(idle));
	channel_close(busy);
	channel_close(idle);
	server_close(house.server);
	house.server = NULL;
	house_close(&house);
}

static void a_call_that_does_not_end_does_not_keep_the_node_from_stopping(void)
{
	struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };
	open_house("");
	struct channel *channel = welcome();
	fake_before_next(wait_at, &gate);
	CU_ASSERT_EQUAL(send_slot_create(channel), ERR_OK);
	wait_until_reached(&gate);
	CU_ASSERT_FALSE(server_stop(house.server, deadline_in(50)));
	let_go(&gate);
	channel_close(channel);
	CU_ASSERT_TRUE(server_stop(house.server, deadline_in(10000)));
	server_close(house.server);
	house.server = NULL;
	house_close(&house);
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
	open_house("");
	for (unsigned i = 0; i < 8; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
	for (unsigned i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(crowd.served, 8 * 25);
	house_close(&house);
}

TESTS("node server", SAY(who_says_nothing_is_dropped_in_time), SAY(who_talks_garbage_is_dropped_at_once),
      SAY(who_stops_in_the_middle_of_a_frame_is_dropped_in_time), SAY(a_stranger_cannot_make_us_take_memory),
      SAY(hello_comes_first), SAY(beyond_the_limit_one_is_told_that_the_node_is_busy),
      SAY(certificates_say_who_may_come), SAY(only_an_admin_certificate_administers),
      SAY(a_long_call_gives_signs_of_life), SAY(a_call_in_progress_is_finished_before_the_node_stops),
      SAY(a_call_that_does_not_end_does_not_keep_the_node_from_stopping), SAY(many_come_and_go_at_once))
