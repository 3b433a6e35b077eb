/* Real sockets that are no good: nobody behind them, nobody reading, or half a word and no more. */
#include "ha/group_inside.h"
#include "ha/remote.h"
#include "base/log.h"
#include "tests/check.h"
#include "tests/support/fake_node.h"
#include "tests/unit/ha/fake_member.h"
#include "tests/unit/ha/latch.h"
#include "tests/unit/ha/questions.h"
#include <stdio.h>
#include <sys/socket.h>

#define MEMBERS 3
#define THREADS 64
#define INTERVAL_MS 200

static char folder[] = "/tmp/craton-test-XXXXXX";

static const struct group_settings settings = {
	.slot = 1, .command_ms = 5000, .recovery_retries = -1, .recovery_interval_ms = INTERVAL_MS, .may_start_threads = true,
	.may_hedge = true, .hedge_least_ms = 20, .hedge_most_ms = 200,
};

/* ---- who comes is counted and turned away, or left waiting for ever */

struct door {
	struct address address;
	int fd;
	bool is_closed;      /* turned away */
	struct latch visits;
	pthread_t thread;
};

static void *open_and_shut(void *argument)
{
	struct door *door = argument;
	struct pollfd wanted = { .fd = door->fd, .events = POLLIN };
	while (poll(&wanted, 1, -1) >= 0 && !(wanted.revents & POLLHUP)) {
		int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		latch_add(&door->visits, 1);
		close(fd);
	}
	return NULL;
}

static void door_open(struct door *door, const char *name, bool is_closed)
{
	*door = (struct door){ .address = { .is_unix = true }, .is_closed = is_closed, .visits = LATCH_INIT };
	snprintf(door->address.host, sizeof door->address.host, "%s/%s", folder, name);
	CU_ASSERT_EQUAL_FATAL(address_listen(&door->address, 0600, &door->fd, NULL), ERR_OK);
	if (is_closed)
		pthread_create(&door->thread, NULL, open_and_shut, door);
}

static void door_close(struct door *door)
{
	shutdown(door->fd, SHUT_RDWR);
	if (door->is_closed)
		pthread_join(door->thread, NULL);
	close(door->fd);
	unlink(door->address.host);
}

static struct member *member_at(const char *name, const struct address *address, int64_t connect_ms)
{
	struct client_member config = { .name = (char *)(uintptr_t)name, .address = *address };
	return remote_create(&config, NULL, connect_ms, true);
}

static atomic_bool is_enough;
static atomic_ulong storm_successes;
static struct latch storm_calls = LATCH_INIT;

static void *ask_all_the_time(void *group)
{
	while (!atomic_load(&is_enough)) {
		atomic_fetch_add(&storm_successes, read_once(group) == ERR_OK);
		latch_add(&storm_calls, 1);
	}
	return NULL;
}

static unsigned lines_with(const char *file, const char *text)
{
	char line[1024];
	unsigned count = 0;
	FILE *log = fopen(file, "r");
	while (log && fgets(line, sizeof line, log))
		count += strstr(line, text) != NULL;
	if (log)
		fclose(log);
	return count;
}

static void a_storm_of_calls_while_all_are_down_is_one_attempt_per_interval_and_one_line(void)
{
	static const char *const names[MEMBERS] = { "a", "b", "c" };
	struct door doors[MEMBERS];
	struct member *members[MEMBERS];
	pthread_t threads[THREADS];
	char log[64];
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(log, sizeof log, "%s/log", folder);
	setenv("CRATON_DEBUG", log, 1);
	log_as_environment_says();
	for (size_t i = 0; i < MEMBERS; i++) {
		door_open(&doors[i], names[i], true);
		members[i] = member_at(names[i], &doors[i].address, 60000);
	}
	struct group *group = group_create(&settings, members, MEMBERS);
	int64_t began = clock_ms();
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, ask_all_the_time, group);
	for (size_t i = 0; i < MEMBERS; i++)
		latch_wait(&doors[i].visits, 4);
	latch_wait(&storm_calls, 1000);
	atomic_store(&is_enough, true);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* The first calls find each out for themselves; then the time between attempts is three quarters of an interval at least. */
	unsigned intervals = (unsigned)((clock_ms() - began) / (INTERVAL_MS * 3 / 4)) + 1;
	for (size_t i = 0; i < MEMBERS; i++)
		CU_ASSERT(latch_value(&doors[i].visits) <= THREADS + 1 + intervals);
	CU_ASSERT_EQUAL(atomic_load(&storm_successes), 0);
	CU_ASSERT_EQUAL(lines_with(log, "no member left"), 1);
	CU_ASSERT_EQUAL(lines_with(log, "member lost"), MEMBERS);
	CU_ASSERT_EQUAL(group_total_losses(group), 1);
	group_destroy(group);
	for (size_t i = 0; i < MEMBERS; i++)
		door_close(&doors[i]);
	unlink(log);
}

/* ---- one that swallows what is sent to it */

static void answer(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	(void)context;
	(void)call;
	(void)request;
	reply->index = 1;
}

static void a_member_that_swallows_its_probe_keeps_no_other_waiting(void)
{
	struct door silent, away;
	struct member *members[2];
	struct address later = { .is_unix = true };
	door_open(&silent, "silent", false);
	door_open(&away, "b", true);
	later = away.address;
	members[0] = member_at("silent", &silent.address, 3600000); /* nobody lives to see it fail */
	members[1] = member_at("b", &later, 60000);
	struct group_settings hasty = settings;
	hasty.command_ms = 50;
	struct group *group = group_create(&hasty, members, 2);
	pthread_mutex_lock(&group->lock);
	member_lose_locked(group, members[0], ERR_TIMEOUT);
	member_lose_locked(group, members[1], ERR_CLOSED);
	pthread_mutex_unlock(&group->lock);
	CU_ASSERT(read_once(group) != ERR_OK);
	CU_ASSERT_EQUAL(group_total_losses(group), 0); /* of the silent one nobody can say yet */
	group->settings.command_ms = settings.command_ms;
	door_close(&away);
	struct fake_node *node = fake_node_start("b", later.host, answer, NULL);
	wait_until_back(group, members[1]);
	CU_ASSERT(members[0]->lost);
	CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	group_destroy(group);
	fake_node_stop(node);
	door_close(&silent);
	unlink(later.host);
}

/* It is accepted by the kernel, greeted by no one: a call does not wait for that either. */
static void a_connection_that_nobody_accepts_costs_a_call_no_more_than_silence(void)
{
	struct door silent;
	struct member *members[2];
	struct address other = { .is_unix = true };
	door_open(&silent, "silent", false);
	snprintf(other.host, sizeof other.host, "%s/b", folder);
	struct fake_node *node = fake_node_start("b", other.host, answer, NULL);
	members[0] = member_at("silent", &silent.address, 3600000);
	members[1] = member_at("b", &other, 60000);
	struct group *group = group_create(&settings, members, 2);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(read_once(group), ERR_OK);
	CU_ASSERT(members[0]->suspect || members[0]->lost);
	CU_ASSERT_EQUAL(fake_node_requests(node), 20);
	group_destroy(group);
	fake_node_stop(node);
	door_close(&silent);
	unlink(other.host);
}

/* ---- half a word */

static void *say_half_a_word(void *argument)
{
	struct door *door = argument;
	struct pollfd wanted = { .fd = door->fd, .events = POLLIN };
	Craton__Reply reply = CRATON__REPLY__INIT;
	Craton__HelloReply hello = CRATON__HELLO_REPLY__INIT;
	Craton__Request *request;
	struct channel *channel;
	poll(&wanted, 1, -1);
	int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || channel_accept(fd, NULL, deadline_in(5000), &channel) != ERR_OK)
		return NULL;
	hello.protocol = 1;
	hello.node = (char *)(uintptr_t)"slow";
	reply.body_case = CRATON__REPLY__BODY_HELLO;
	reply.hello = &hello;
	for (int i = 0; i < 2 && call_receive(channel, FRAME_SIZE_MAX, deadline_in(10000), 5000, &request) == ERR_OK; i++) {
		if (i == 0)
			call_answer(channel, &reply, deadline_in(5000));
		else
			send(channel_fd(channel), "\0\0\1\0\2half", 9, MSG_NOSIGNAL);
		request_free(request);
	}
	while (call_receive(channel, FRAME_SIZE_MAX, DEADLINE_NEVER, 5000, &request) == ERR_OK)
		request_free(request);
	channel_close(channel);
	return NULL;
}

static void half_an_answer_is_waited_for_no_longer_than_none(void)
{
	struct door slow;
	struct member *member;
	struct group_settings hasty = settings;
	pthread_t thread;
	hasty.command_ms = 300;
	door_open(&slow, "slow", false);
	pthread_create(&thread, NULL, say_half_a_word, &slow);
	member = member_at("slow", &slow.address, 60000);
	struct group *group = group_create(&hasty, &member, 1);
	CU_ASSERT_EQUAL(read_once(group), ERR_TIMEOUT);
	group_destroy(group);
	pthread_join(thread, NULL);
	door_close(&slow);
	rmdir(folder);
}

TESTS("ha storm", SAY(a_storm_of_calls_while_all_are_down_is_one_attempt_per_interval_and_one_line),
	SAY(a_member_that_swallows_its_probe_keeps_no_other_waiting),
	SAY(a_connection_that_nobody_accepts_costs_a_call_no_more_than_silence), SAY(half_an_answer_is_waited_for_no_longer_than_none))
