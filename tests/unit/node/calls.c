/* Calls that last: what their askers hear meanwhile, and what becomes of them when the node stops. */
#include "tests/unit/node/doors.h"
#include <pthread.h>
#include <sched.h>
#include <string.h>

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
	struct id id = id_random();
	Craton__SlotCreate body = CRATON__SLOT_CREATE__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	body.label = (char *)(uintptr_t)"slow";
	body.so_pin = (ProtobufCBinaryData){ strlen(SO_PIN), (uint8_t *)(uintptr_t)SO_PIN };
	request.request_id = (ProtobufCBinaryData){ ID_SIZE, id.bytes };
	request.body_case = CRATON__REQUEST__BODY_SLOT_CREATE;
	request.slot_create = &body;
	return channel_send_message(channel, FRAME_REQUEST, &request.base, deadline_in(5000));
}

#define CLOSED_GATE { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false }

/* A client whose call has come to the gate. */
static struct channel *waits_at(struct gate *gate)
{
	struct channel *channel = welcome();
	fake_before_next(wait_at, gate);
	CU_ASSERT_EQUAL(send_slot_create(channel), ERR_OK);
	wait_until_reached(gate);
	return channel;
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
	struct gate gate = CLOSED_GATE;
	doors_open(0, 0);
	struct channel *channel = waits_at(&gate);
	CU_ASSERT_EQUAL(next_frame(channel), FRAME_HEARTBEAT);
	CU_ASSERT_EQUAL(next_frame(channel), FRAME_HEARTBEAT);
	let_go(&gate);
	CU_ASSERT_EQUAL(next_frame(channel), FRAME_REPLY);
	CU_ASSERT_TRUE(is_served(channel));
	channel_close(channel);
	doors_close();
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
	struct gate gate = CLOSED_GATE;
	pthread_t thread;
	doors_open(0, 0);
	struct channel *idle = welcome(), *busy = waits_at(&gate);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, let_go_when_stopping, &gate), 0);
	node_set_state(house.node, NODE_STOPPING);
	CU_ASSERT_TRUE(server_stop(house.server, deadline_in(10000)));
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(next_frame(busy), FRAME_REPLY);
	CU_ASSERT_FALSE(is_served(idle));
	channel_close(busy);
	channel_close(idle);
	doors_close();
}

static void a_call_that_does_not_end_does_not_keep_the_node_from_stopping(void)
{
	struct gate gate = CLOSED_GATE;
	doors_open(0, 0);
	struct channel *channel = waits_at(&gate);
	CU_ASSERT_FALSE(server_stop(house.server, deadline_in(50)));
	let_go(&gate);
	channel_close(channel);
	doors_close();
}

/* The node stops in the last story but one, for good. */
TESTS("node calls", SAY(a_long_call_gives_signs_of_life), SAY(a_call_that_does_not_end_does_not_keep_the_node_from_stopping),
      SAY(a_call_in_progress_is_finished_before_the_node_stops), SAY(the_end))
