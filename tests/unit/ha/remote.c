#include "ha/remote_pool.h"
#include "tests/check.h"
#include "tests/support/fake_node.h"
#include "tests/unit/ha/latch.h"
#include "wire/socket.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/craton-test-XXXXXX";
static char path[64];
/* What a hanging node waits for; how many of its calls have. */
static struct latch released = LATCH_INIT, hanging = LATCH_INIT;
static atomic_bool hangs;

static void answer(void *context, struct fake_call *call, const Craton__Request *request, Craton__Reply *reply)
{
	(void)context;
	(void)call;
	reply->index = request->index_min + 1;
	if (!atomic_load(&hangs))
		return;
	latch_add(&hanging, 1);
	latch_wait(&released, 1);
}

static void hang(void)
{
	latch_set(&hanging, 0);
	latch_set(&released, 0);
	atomic_store(&hangs, true);
}

static void hang_no_more(void)
{
	atomic_store(&hangs, false);
	latch_set(&released, 1);
}

static struct member *member_named(const char *name)
{
	struct client_member config = { .name = (char *)(uintptr_t)name, .address = { .is_unix = true } };
	if (!path[0])
		snprintf(path, sizeof path, "%s/node.sock", mkdtemp(folder));
	strcpy(config.address.host, path);
	return remote_create(&config, NULL, 60000, true);
}

/* Waits until there is an answer, whatever else is said. */
static enum err wait_for_answer(struct member *member, struct line **line, Craton__Reply **reply)
{
	enum said said = SAID_NOTHING;
	struct awaited awaited;
	enum err err = ERR_OK;
	while (err == ERR_OK && said != SAID_ANSWER) {
		err = member->ops->hear(member, line, &said, reply, &awaited);
		if (err == ERR_OK && (said == SAID_STALE || said == SAID_HELLO))
			break;
		if (err == ERR_OK && said == SAID_NOTHING)
			socket_wait(awaited.fd, awaited.events, awaited.until);
	}
	return err == ERR_OK && said == SAID_STALE ? ERR_BEHIND : err;
}

static enum err call_member(struct member *member, const Craton__Request *request, Craton__Reply **reply)
{
	struct line *line = NULL;
	enum err err = member->ops->ask(member, &line, request);
	if (err == ERR_OK)
		err = wait_for_answer(member, &line, reply);
	if (err == ERR_BEHIND) { /* the connection had gone stale: on another */
		err = member->ops->ask(member, &line, request);
		if (err == ERR_OK)
			err = wait_for_answer(member, &line, reply);
	}
	if (err == ERR_OK && *reply && (*reply)->body_case == CRATON__REPLY__BODY_HELLO && request) {
		reply_free(*reply);
		err = wait_for_answer(member, &line, reply);
	}
	if (line)
		member->ops->let_go(member, line, LINE_FREE);
	return err;
}

static enum err probe(struct member *member)
{
	Craton__Reply *reply = NULL;
	enum err err = call_member(member, NULL, &reply);
	reply_free(reply);
	return err;
}

static enum err ask(struct member *member)
{
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Random body = CRATON__RANDOM__INIT;
	Craton__Reply *reply = NULL;
	request.body_case = CRATON__REQUEST__BODY_RANDOM;
	request.random = &body;
	request.index_min = 41;
	enum err err = call_member(member, &request, &reply);
	if (err == ERR_OK)
		CU_ASSERT_EQUAL(reply->index, 42);
	reply_free(reply);
	return err;
}

static void one_connection_serves_many_calls(void)
{
	struct member *member = member_named("a");
	struct fake_node *node = fake_node_start("a", path, answer, NULL);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(ask(member), ERR_OK);
	CU_ASSERT_EQUAL(fake_node_connections(node), 1);
	CU_ASSERT_EQUAL(fake_node_requests(node), 20);
	member->ops->destroy(member);
	fake_node_stop(node);
}

static void a_restart_of_the_node_costs_the_caller_nothing(void)
{
	struct member *member = member_named("a");
	struct fake_node *node = fake_node_start("a", path, answer, NULL);
	CU_ASSERT_EQUAL(ask(member), ERR_OK);
	fake_node_stop(node);
	node = fake_node_start("a", path, answer, NULL);
	CU_ASSERT_EQUAL(ask(member), ERR_OK);
	CU_ASSERT_EQUAL(fake_node_connections(node), 1);
	member->ops->destroy(member);
	fake_node_stop(node);
}

static void a_node_that_is_not_there_is_an_error_at_once(void)
{
	struct member *member = member_named("a");
	struct fake_node *node = fake_node_start("a", path, answer, NULL);
	CU_ASSERT_EQUAL(ask(member), ERR_OK);
	fake_node_stop(node);
	CU_ASSERT(ask(member) != ERR_OK);
	CU_ASSERT(probe(member) != ERR_OK);
	node = fake_node_start("a", path, answer, NULL);
	CU_ASSERT_EQUAL(probe(member), ERR_OK);
	CU_ASSERT_EQUAL(ask(member), ERR_OK); /* on the connection that the probe made */
	CU_ASSERT_EQUAL(fake_node_connections(node), 1);
	member->ops->drop(member);
	CU_ASSERT_EQUAL(ask(member), ERR_OK);
	CU_ASSERT_EQUAL(fake_node_connections(node), 2);
	member->ops->destroy(member);
	fake_node_stop(node);
}

/* A member that is suspected again and again is greeted again and again. */
static void looks_for_a_member_leave_a_few_connections_and_no_more(void)
{
	struct member *member = member_named("a");
	struct fake_node *node = fake_node_start("a", path, answer, NULL);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(probe(member), ERR_OK);
	size_t idle = ((struct remote *)member)->idle_count;
	CU_ASSERT(idle >= 1 && idle <= 4);
	CU_ASSERT_EQUAL(ask(member), ERR_OK);
	CU_ASSERT_EQUAL(fake_node_connections(node), 20); /* on one of them */
	member->ops->destroy(member);
	fake_node_stop(node);
}

/* Where a hedged question has lost, its answer comes when nobody waits; then the connection is as good as any. */
static void a_connection_that_owes_an_answer_is_used_again_once_that_has_come(void)
{
	struct member *member = member_named("a");
	struct fake_node *node = fake_node_start("a", path, answer, NULL);
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Random body = CRATON__RANDOM__INIT;
	struct line *line = NULL;
	Craton__Reply *reply;
	struct awaited awaited;
	enum said said;
	request.body_case = CRATON__REQUEST__BODY_RANDOM;
	request.random = &body;
	CU_ASSERT_EQUAL(ask(member), ERR_OK);
	hang();
	CU_ASSERT_EQUAL(member->ops->ask(member, &line, &request), ERR_OK);
	CU_ASSERT(member->ops->hear(member, &line, &said, &reply, &awaited) == ERR_OK && said == SAID_NOTHING);
	latch_wait(&hanging, 1);
	member->ops->let_go(member, line, LINE_OWING);
	hang_no_more();
	CU_ASSERT(socket_wait(awaited.fd, POLLIN, deadline_in(10000)) == ERR_OK); /* here it is */
	CU_ASSERT_EQUAL(ask(member), ERR_OK); /* and is not taken for the answer to this */
	CU_ASSERT_EQUAL(fake_node_connections(node), 1);
	member->ops->destroy(member);
	fake_node_stop(node);
}

static void a_node_of_another_name_is_refused(void)
{
	struct member *member = member_named("a");
	struct fake_node *node = fake_node_start("b", path, answer, NULL);
	CU_ASSERT_EQUAL(ask(member), ERR_REFUSED);
	member->ops->destroy(member);
	fake_node_stop(node);
}

static void *turn_one_away(void *listening)
{
	struct pollfd wanted = { .fd = *(int *)listening, .events = POLLIN };
	Craton__Reply reply = CRATON__REPLY__INIT;
	Craton__Request *request;
	struct channel *channel;
	reply.fault = CRATON__FAULT__FAULT_BUSY;
	poll(&wanted, 1, -1);
	int fd = accept4(wanted.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || channel_accept(fd, NULL, DEADLINE_NEVER, &channel) != ERR_OK)
		return NULL;
	if (call_receive(channel, FRAME_SIZE_MAX_EARLY, DEADLINE_NEVER, 60000, &request) == ERR_OK) {
		call_answer(channel, &reply, DEADLINE_NEVER);
		request_free(request);
	}
	channel_close(channel);
	return NULL;
}

static void a_node_that_has_no_room_says_so_and_nothing_more(void)
{
	struct member *member = member_named("a");
	struct address address = { .is_unix = true };
	struct awaited awaited = { .fd = -1 };
	struct line *line = NULL;
	Craton__Reply *reply = NULL;
	enum said said = SAID_NOTHING;
	pthread_t thread;
	int listening;
	strcpy(address.host, path);
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0600, &listening, NULL), ERR_OK);
	pthread_create(&thread, NULL, turn_one_away, &listening);
	CU_ASSERT_EQUAL_FATAL(member->ops->ask(member, &line, NULL), ERR_OK);
	while (member->ops->hear(member, &line, &said, &reply, &awaited) == ERR_OK && said == SAID_NOTHING)
		socket_wait(awaited.fd, awaited.events, awaited.until);
	CU_ASSERT_EQUAL(said, SAID_FULL);
	CU_ASSERT_PTR_NULL(line);
	CU_ASSERT(reply && reply->fault == CRATON__FAULT__FAULT_BUSY);
	reply_free(reply);
	CU_ASSERT_EQUAL(((struct remote *)member)->idle_count, 0);
	pthread_join(thread, NULL);
	close(listening);
	member->ops->destroy(member);
}

static void *ask_in_thread(void *member)
{
	return (void *)(uintptr_t)ask(member);
}

static void an_interrupt_ends_the_wait_for_an_answer(void)
{
	struct member *member = member_named("a");
	struct fake_node *node = fake_node_start("a", path, answer, NULL);
	pthread_t thread;
	void *result;
	hang();
	pthread_create(&thread, NULL, ask_in_thread, member);
	latch_wait(&hanging, 1);
	member->ops->interrupt(member);
	pthread_join(thread, &result);
	CU_ASSERT_EQUAL((enum err)(uintptr_t)result, ERR_CLOSED);
	CU_ASSERT_EQUAL(ask(member), ERR_CLOSED);
	hang_no_more();
	member->ops->destroy(member);
	fake_node_stop(node);
	unlink(path);
	rmdir(folder);
}

TESTS("ha remote", SAY(one_connection_serves_many_calls), SAY(a_restart_of_the_node_costs_the_caller_nothing),
	SAY(a_node_that_is_not_there_is_an_error_at_once), SAY(a_connection_that_owes_an_answer_is_used_again_once_that_has_come),
	SAY(looks_for_a_member_leave_a_few_connections_and_no_more),
	SAY(a_node_of_another_name_is_refused), SAY(a_node_that_has_no_room_says_so_and_nothing_more),
	SAY(an_interrupt_ends_the_wait_for_an_answer))
