#include "wire/call.h"
#include "tests/unit/wire/pair.h"
#include <stdlib.h>
#include <string.h>

/* The other side: answers each request by a script. */
struct server {
	struct channel *channel;
	int heartbeats;           /* before each answer */
	Craton__Fault fault;
	uint32_t protocol;
	bool is_mute;
	enum err err;             /* of the last receive */
	size_t served;
};

static void answer_hello(const struct server *server, Craton__Reply *reply, Craton__HelloReply *hello)
{
	hello->protocol = server->protocol;
	hello->node = (char *)(uintptr_t)"a";
	reply->body_case = CRATON__REPLY__BODY_HELLO;
	reply->hello = hello;
}

static void *serve(void *at)
{
	struct server *server = at;
	Craton__Request *request;
	while ((server->err = call_receive(server->channel, FRAME_SIZE_MAX, deadline_in(20000), 5000, &request)) == ERR_OK) {
		Craton__Reply reply = CRATON__REPLY__INIT;
		Craton__HelloReply hello = CRATON__HELLO_REPLY__INIT;
		for (int i = 0; i < server->heartbeats; i++)
			channel_send(server->channel, FRAME_HEARTBEAT, NULL, 0, deadline_in(1000));
		reply.index = request->index_min + 1;
		reply.fault = server->fault;
		if (request->body_case == CRATON__REQUEST__BODY_HELLO && !server->fault)
			answer_hello(server, &reply, &hello);
		if (!server->is_mute)
			call_answer(server->channel, &reply, deadline_in(1000));
		server->served++;
		request_free(request);
	}
	return NULL;
}

static pthread_t start(struct server *server, struct pair *pair)
{
	pthread_t thread;
	server->channel = pair->b;
	pthread_create(&thread, NULL, serve, server);
	return thread;
}

static void stop(struct pair *pair, pthread_t thread)
{
	channel_interrupt(pair->a);
	pthread_join(thread, NULL);
	pair_close(pair);
}

static void a_question_gets_its_answer(void)
{
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		i ? pair_open_tls(&pair) : pair_open_unix(&pair);
		struct server server = { 0 };
		pthread_t thread = start(&server, &pair);
		for (uint64_t n = 0; n < 100; n++) {
			Craton__Request request = CRATON__REQUEST__INIT;
			Craton__Reply *reply = NULL;
			request.index_min = n;
			CU_ASSERT_EQUAL_FATAL(call(pair.a, &request, 10000, DEADLINE_NEVER, &reply), ERR_OK);
			CU_ASSERT_EQUAL(reply->index, n + 1);
			reply_free(reply);
		}
		stop(&pair, thread);
		CU_ASSERT(server.served == 100 && server.err == ERR_CLOSED);
	}
}

static void heartbeats_are_heard_and_passed_over(void)
{
	struct pair pair;
	struct server server = { .heartbeats = 5 };
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	pair_open_unix(&pair);
	pthread_t thread = start(&server, &pair);
	CU_ASSERT_EQUAL(call(pair.a, &request, 10000, DEADLINE_NEVER, &reply), ERR_OK);
	reply_free(reply);
	stop(&pair, thread);
}

struct beating {
	struct channel *channel;
	enum err err;
};

static void *beat_for_ever(void *at)
{
	struct beating *beating = at;
	while ((beating->err = channel_send(beating->channel, FRAME_HEARTBEAT, NULL, 0, deadline_in(5000))) == ERR_OK)
		;
	return NULL;
}

/* Patience runs anew with each beat, but what is last is last. */
static void a_call_ends_at_the_last_however_the_heart_beats(void)
{
	struct pair pair;
	pthread_t thread;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	pair_open_unix(&pair);
	struct beating beating = { .channel = pair.b };
	pthread_create(&thread, NULL, beat_for_ever, &beating);
	CU_ASSERT_EQUAL(call(pair.a, &request, 60000, deadline_in(50), &reply), ERR_TIMEOUT);
	CU_ASSERT_PTR_NULL(reply);
	channel_interrupt(pair.a);
	pthread_join(thread, NULL);
	pair_close(&pair);
}

static void silence_ends_with_patience(void)
{
	struct pair pair;
	struct server server = { .is_mute = true };
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	pair_open_unix(&pair);
	pthread_t thread = start(&server, &pair);
	CU_ASSERT_EQUAL(call(pair.a, &request, 20, DEADLINE_NEVER, &reply), ERR_TIMEOUT);
	CU_ASSERT_PTR_NULL(reply);
	stop(&pair, thread);
}

static void a_peer_that_left_is_closed(void)
{
	struct pair pair;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	pair_open_unix(&pair);
	channel_close(pair.b);
	pair.b = NULL;
	CU_ASSERT_EQUAL(call(pair.a, &request, 5000, DEADLINE_NEVER, &reply), ERR_CLOSED);
	pair_close(&pair);
}

static void a_question_that_is_too_big_is_not_asked(void)
{
	struct pair pair;
	struct server server = { 0 };
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	uint8_t *much = calloc(1, FRAME_SIZE_MAX);
	pair_open_unix(&pair);
	pthread_t thread = start(&server, &pair);
	request.ticket = (ProtobufCBinaryData){ FRAME_SIZE_MAX, much };
	CU_ASSERT_EQUAL(call(pair.a, &request, 5000, DEADLINE_NEVER, &reply), ERR_TOO_BIG);
	request.ticket.len = 3;
	CU_ASSERT_EQUAL(call(pair.a, &request, 5000, DEADLINE_NEVER, &reply), ERR_OK); /* the channel is as good as before */
	reply_free(reply);
	stop(&pair, thread);
	free(much);
}

static void an_answer_that_is_none_is_malformed(void)
{
	static const struct { enum frame_kind kind; const char *bytes; size_t size; } wrong[] = {
		{ FRAME_REQUEST, "", 0 }, { FRAME_REPLY, "\xff\xff\xff", 3 },
	};
	for (size_t i = 0; i < 2; i++) {
		struct pair pair;
		Craton__Request request = CRATON__REQUEST__INIT;
		Craton__Reply *reply = NULL;
		pair_open_unix(&pair);
		channel_send(pair.b, wrong[i].kind, wrong[i].bytes, wrong[i].size, deadline_in(1000));
		CU_ASSERT_EQUAL(call(pair.a, &request, 5000, DEADLINE_NEVER, &reply), ERR_MALFORMED);
		CU_ASSERT_PTR_NULL(reply);
		pair_close(&pair);
	}
}

static void a_question_that_is_none_is_malformed(void)
{
	struct pair pair;
	Craton__Request *request = NULL;
	pair_open_unix(&pair);
	channel_send(pair.a, FRAME_REPLY, "", 0, deadline_in(1000));
	CU_ASSERT_EQUAL(call_receive(pair.b, 100, deadline_in(1000), 1000, &request), ERR_MALFORMED);
	channel_send(pair.a, FRAME_REQUEST, "\xff", 1, deadline_in(1000));
	CU_ASSERT_EQUAL(call_receive(pair.b, 100, deadline_in(1000), 1000, &request), ERR_MALFORMED);
	channel_send(pair.a, FRAME_REQUEST, "0123456789", 10, deadline_in(1000));
	CU_ASSERT_EQUAL(call_receive(pair.b, 10, deadline_in(1000), 1000, &request), ERR_TOO_BIG);
	CU_ASSERT_PTR_NULL(request);
	pair_close(&pair);
}

static enum err greet(struct server *server)
{
	struct pair pair;
	Craton__HelloReply *hello = NULL;
	pair_open_unix(&pair);
	pthread_t thread = start(server, &pair);
	enum err err = call_hello(pair.a, "test", deadline_in(10000), &hello);
	CU_ASSERT_EQUAL(hello != NULL, err == ERR_OK);
	if (hello) {
		CU_ASSERT_STRING_EQUAL(hello->node, "a");
		craton__hello_reply__free_unpacked(hello, NULL);
	}
	stop(&pair, thread);
	return err;
}

static void a_greeting_is_returned_or_not(void)
{
	CU_ASSERT_EQUAL(greet(&(struct server){ .protocol = 1 }), ERR_OK);
	CU_ASSERT_EQUAL(greet(&(struct server){ .protocol = 2 }), ERR_MALFORMED);
	CU_ASSERT_EQUAL(greet(&(struct server){ .fault = CRATON__FAULT__FAULT_REFUSED }), ERR_REFUSED);
	CU_ASSERT_EQUAL(greet(&(struct server){ .fault = CRATON__FAULT__FAULT_BUSY }), ERR_BUSY);
	CU_ASSERT_EQUAL(greet(&(struct server){ .fault = CRATON__FAULT__FAULT_NOT_SERVING }), ERR_CLOSED);
}

/* By steps: nothing waits, and poll() says when to go on. */
static enum err hear(struct channel *channel, enum heard *heard, Craton__Reply **reply)
{
	short events;
	enum err err;
	while ((err = call_hear(channel, FRAME_SIZE_MAX, heard, reply, &events)) == ERR_OK && *heard == HEARD_NOTHING)
		if ((err = socket_wait(channel_fd(channel), events, deadline_in(10000))) != ERR_OK)
			break;
	return err;
}

static void a_question_by_steps_hears_heartbeats_and_its_answer(void)
{
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		i ? pair_open_tls(&pair) : pair_open_unix(&pair);
		struct server server = { .heartbeats = 2 };
		pthread_t thread = start(&server, &pair);
		for (uint64_t n = 0; n < 20; n++) {
			Craton__Request request = CRATON__REQUEST__INIT;
			Craton__Reply *reply = NULL;
			enum heard heard;
			request.index_min = n;
			CU_ASSERT_EQUAL_FATAL(call_put(pair.a, &request), ERR_OK);
			for (int beats = 0; beats < 2; beats++)
				CU_ASSERT(hear(pair.a, &heard, &reply) == ERR_OK && heard == HEARD_HEARTBEAT);
			CU_ASSERT_FATAL(hear(pair.a, &heard, &reply) == ERR_OK && heard == HEARD_REPLY);
			CU_ASSERT_EQUAL(reply->index, n + 1);
			reply_free(reply);
		}
		stop(&pair, thread);
	}
}

/* A member that takes nothing, or says half a word, keeps nobody waiting. */
static void by_steps_nothing_waits_for_a_peer_that_does_nothing(void)
{
	struct pair pair;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Crypt crypt = CRATON__CRYPT__INIT;
	Craton__Reply *reply = NULL;
	enum heard heard;
	short events;
	pair_open_unix(&pair);
	crypt.data = (ProtobufCBinaryData){ 8 << 20, calloc(1, 8 << 20) }; /* more than a socket holds */
	request.body_case = CRATON__REQUEST__BODY_CRYPT;
	request.crypt = &crypt;
	CU_ASSERT_EQUAL(call_put(pair.a, &request), ERR_OK);
	CU_ASSERT_EQUAL(call_hear(pair.a, FRAME_SIZE_MAX, &heard, &reply, &events), ERR_OK);
	CU_ASSERT(heard == HEARD_NOTHING && events == POLLOUT);
	CU_ASSERT(channel_is_sending(pair.a));
	CU_ASSERT_EQUAL(send(channel_fd(pair.b), "\0\0\0\6\2half", 9, 0), 9); /* 4 of its 5 bytes have come */
	struct server server = { 0 };
	pthread_t thread = start(&server, &pair); /* which takes it all, and finds no end */
	while (channel_is_sending(pair.a) && call_hear(pair.a, FRAME_SIZE_MAX, &heard, &reply, &events) == ERR_OK)
		socket_wait(channel_fd(pair.a), events, deadline_in(10000));
	CU_ASSERT_FALSE(channel_is_sending(pair.a));
	free(crypt.data.data);
	stop(&pair, thread);
}

/* Who asks a thing that may be done only once knows so whether the question went out. */
static void with_the_last_of_a_question_no_answer_is_heard_yet(void)
{
	struct pair pair;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply reply = CRATON__REPLY__INIT, *heard_reply = NULL;
	enum heard heard;
	short events;
	pair_open_unix(&pair);
	CU_ASSERT_EQUAL(call_answer(pair.b, &reply, deadline_in(10000)), ERR_OK); /* it lies there */
	CU_ASSERT_EQUAL(call_put(pair.a, &request), ERR_OK);
	CU_ASSERT_EQUAL(call_hear(pair.a, FRAME_SIZE_MAX, &heard, &heard_reply, &events), ERR_OK);
	CU_ASSERT(heard == HEARD_NOTHING && events == POLLIN && !channel_is_sending(pair.a));
	CU_ASSERT_EQUAL(call_hear(pair.a, FRAME_SIZE_MAX, &heard, &heard_reply, &events), ERR_OK);
	CU_ASSERT_EQUAL(heard, HEARD_REPLY);
	reply_free(heard_reply);
	pair_close(&pair);
}

TESTS("wire/call", SAY(a_question_by_steps_hears_heartbeats_and_its_answer),
      SAY(by_steps_nothing_waits_for_a_peer_that_does_nothing), SAY(with_the_last_of_a_question_no_answer_is_heard_yet),
      SAY(a_question_gets_its_answer), SAY(heartbeats_are_heard_and_passed_over),
      SAY(a_call_ends_at_the_last_however_the_heart_beats), SAY(silence_ends_with_patience), SAY(a_peer_that_left_is_closed),
      SAY(a_question_that_is_too_big_is_not_asked), SAY(an_answer_that_is_none_is_malformed),
      SAY(a_question_that_is_none_is_malformed), SAY(a_greeting_is_returned_or_not))
