#include "tests/unit/node/doors.h"
#include "tests/support/free_port.h"
#include <sched.h>
#include <stdio.h>

struct node_house house;
unsigned tls_port;
static uint64_t before[COUNTER_COUNT];

static void start_node(void)
{
	char more[64];
	tls_port = free_port();
	snprintf(more, sizeof more, "tls = 127.0.0.1:%u\n", tls_port);
	house_prepare(&house);
	house_settings(&house, more);
	house_start(&house, false);
}

void doors_open(int64_t patience_ms, int64_t connections)
{
	struct complaint complaint = { "" };
	if (!house.node)
		start_node();
	house.config.hello_ms = patience_ms ? patience_ms : 5000;
	house.config.frame_ms = patience_ms ? patience_ms : 10000;
	house.config.connections = connections ? connections : 1024;
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		before[i] = counter_value(&house.node->counters, (enum counter)i);
	CU_ASSERT_EQUAL_FATAL(server_open(&house.config, &house.server, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(server_start(house.server, house.node, &complaint), ERR_OK);
}

void doors_close(void)
{
	CU_ASSERT_TRUE(server_stop(house.server, deadline_in(10000)));
	server_close(house.server);
	house.server = NULL;
}

void the_end(void)
{
	house_close(&house);
}

struct channel *connect_to(const struct address *address, struct tls *tls)
{
	struct channel *channel = NULL;
	CU_ASSERT_EQUAL_FATAL(channel_connect(address, tls, NULL, deadline_in(5000), &channel), ERR_OK);
	return channel;
}

struct address unix_door(void)
{
	struct address address = { .is_unix = true };
	snprintf(address.host, sizeof address.host, "%s", house_file(&house, "socket"));
	return address;
}

enum err hello(struct channel *channel)
{
	Craton__HelloReply *reply = NULL;
	enum err err = call_hello(channel, "test", deadline_in(5000), &reply);
	if (err == ERR_OK) {
		CU_ASSERT_STRING_EQUAL(reply->node, "a");
		craton__hello_reply__free_unpacked(reply, NULL);
	}
	return err;
}

struct channel *welcome(void)
{
	struct address address = unix_door();
	struct channel *channel = connect_to(&address, NULL);
	CU_ASSERT_EQUAL_FATAL(hello(channel), ERR_OK);
	return channel;
}

bool is_served(struct channel *channel)
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

uint64_t counted(enum counter counter)
{
	return counter_value(&house.node->counters, counter) - before[counter];
}

void comes_to_at_least(enum counter counter, uint64_t value)
{
	deadline_ms deadline = deadline_in(10000);
	while (counted(counter) < value && !deadline_passed(deadline))
		sched_yield();
	CU_ASSERT_TRUE(counted(counter) >= value);
}

void comes_to(enum counter counter, uint64_t value)
{
	comes_to_at_least(counter, value);
	CU_ASSERT_EQUAL(counted(counter), value);
}
