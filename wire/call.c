#include "wire/call.h"
#include "wire/unpack.h"
#include <poll.h>

#define PROTOCOL 1

Craton__Request *request_unpack(const void *data, size_t size)
{
	return (Craton__Request *)unpack(&craton__request__descriptor, data, size);
}

Craton__Reply *reply_unpack(const void *data, size_t size)
{
	return (Craton__Reply *)unpack(&craton__reply__descriptor, data, size);
}

void request_free(Craton__Request *request)
{
	if (request)
		craton__request__free_unpacked(request, &unpack_wiping);
}

void reply_free(Craton__Reply *reply)
{
	if (reply)
		craton__reply__free_unpacked(reply, &unpack_wiping);
}

/* One side */

static deadline_ms sooner(deadline_ms a, deadline_ms b)
{
	return a < b ? a : b;
}

/* ERR_TOO_BIG would say that our request was; this is a reply that may not be. */
static enum err take_reply(struct channel *channel, enum err err, enum frame_kind kind, Craton__Reply **out)
{
	const struct buf *in = channel_scratch(channel);
	if (err == ERR_TOO_BIG || (err == ERR_OK && kind != FRAME_REPLY))
		err = ERR_MALFORMED;
	if (err == ERR_OK && !(*out = reply_unpack(in->data, in->size)))
		err = ERR_MALFORMED;
	channel_scratch_done(channel);
	return err;
}

/* Waits for the reply; a heartbeat says that the other side is still at it. */
static enum err receive_reply(struct channel *channel, size_t size_max, int64_t patience_ms, deadline_ms last, Craton__Reply **out)
{
	enum frame_kind kind = FRAME_HEARTBEAT;
	enum err err = ERR_OK;
	while (err == ERR_OK && kind == FRAME_HEARTBEAT)
		err = deadline_passed(last) ? ERR_TIMEOUT
		    : channel_receive(channel, &kind, channel_scratch(channel), size_max, sooner(deadline_in(patience_ms), last), patience_ms);
	return take_reply(channel, err, kind, out);
}

static enum err ask(struct channel *channel, const Craton__Request *request, size_t size_max, int64_t patience_ms,
                    deadline_ms last, Craton__Reply **out)
{
	enum err err = channel_send_message(channel, FRAME_REQUEST, &request->base, sooner(deadline_in(patience_ms), last));
	return err == ERR_OK ? receive_reply(channel, size_max, patience_ms, last, out) : err;
}

enum err call(struct channel *channel, const Craton__Request *request, int64_t patience_ms,
              deadline_ms last, Craton__Reply **out)
{
	return ask(channel, request, FRAME_SIZE_MAX, patience_ms, last, out);
}

enum err call_put(struct channel *channel, const Craton__Request *request)
{
	return channel_put_message(channel, FRAME_REQUEST, &request->base);
}

enum err call_hear(struct channel *channel, size_t size_max, enum heard *heard, Craton__Reply **out, short *events)
{
	enum frame_kind kind = FRAME_HEARTBEAT;
	*heard = HEARD_NOTHING;
	bool was_sending = channel_is_sending(channel);
	enum err err = channel_put_on(channel, events);
	if (was_sending && err == ERR_OK && !*events)
		*events = POLLIN; /* no answer can be there yet: so whoever hears of an end only now knows that it went out */
	if (err != ERR_OK || *events)
		return err;
	err = channel_receive_on(channel, &kind, channel_scratch(channel), size_max, events);
	if (err == ERR_OK && *events)
		return ERR_OK;
	*heard = err == ERR_OK && kind == FRAME_HEARTBEAT ? HEARD_HEARTBEAT : HEARD_REPLY;
	return *heard == HEARD_HEARTBEAT ? ERR_OK : take_reply(channel, err, kind, out);
}

static enum err err_of_fault(Craton__Fault fault)
{
	switch (fault) {
	case CRATON__FAULT__FAULT_REFUSED:
		return ERR_REFUSED;
	case CRATON__FAULT__FAULT_BUSY:
		return ERR_BUSY;
	case CRATON__FAULT__FAULT_NONE:
	case CRATON__FAULT__FAULT_MALFORMED:
		return ERR_MALFORMED;
	default:
		return ERR_CLOSED;
	}
}

enum err call_judge_hello(const Craton__Reply *reply)
{
	bool good = reply->fault == CRATON__FAULT__FAULT_NONE && reply->body_case == CRATON__REPLY__BODY_HELLO &&
	            reply->hello->protocol == PROTOCOL;
	return good ? ERR_OK : err_of_fault(reply->fault);
}

/* The greeting leaves the reply it came in. */
static enum err take_greeting(Craton__Reply *reply, Craton__HelloReply **out)
{
	enum err err = call_judge_hello(reply);
	if (err == ERR_OK) {
		*out = reply->hello;
		reply->hello = NULL;
		reply->body_case = CRATON__REPLY__BODY__NOT_SET;
	}
	return err;
}

/* What is said first. */
struct greeting {
	Craton__Hello hello;
	Craton__Request request;
};
static void greeting_init(struct greeting *greeting, const char *program)
{
	greeting->hello = (Craton__Hello)CRATON__HELLO__INIT;
	greeting->request = (Craton__Request)CRATON__REQUEST__INIT;
	greeting->hello.protocol = PROTOCOL;
	greeting->hello.program = (char *)(uintptr_t)program;
	greeting->request.body_case = CRATON__REQUEST__BODY_HELLO;
	greeting->request.hello = &greeting->hello;
}

enum err call_put_hello(struct channel *channel, const char *program)
{
	struct greeting greeting;
	greeting_init(&greeting, program);
	return call_put(channel, &greeting.request);
}

enum err call_hello(struct channel *channel, const char *program, deadline_ms deadline,
                    Craton__HelloReply **out)
{
	struct greeting greeting;
	Craton__Reply *reply = NULL;
	int64_t patience_ms = deadline == DEADLINE_NEVER ? INT32_MAX : deadline_left(deadline);
	greeting_init(&greeting, program);
	enum err err = ask(channel, &greeting.request, FRAME_SIZE_MAX_EARLY, patience_ms, deadline, &reply);
	if (err == ERR_OK)
		err = take_greeting(reply, out);
	else if (err == ERR_TOO_BIG)
		err = ERR_MALFORMED;
	reply_free(reply);
	return err;
}

/* The other side */

enum err call_receive(struct channel *channel, size_t size_max, deadline_ms idle, int64_t rest_ms,
                      Craton__Request **out)
{
	struct buf *in = channel_scratch(channel);
	enum frame_kind kind;
	enum err err = channel_receive(channel, &kind, in, size_max, idle, rest_ms);
	if (err == ERR_OK && (kind != FRAME_REQUEST || !(*out = request_unpack(in->data, in->size))))
		err = ERR_MALFORMED;
	channel_scratch_done(channel);
	return err;
}

enum err call_answer(struct channel *channel, const Craton__Reply *reply, deadline_ms deadline)
{
	return channel_send_message(channel, FRAME_REPLY, &reply->base, deadline);
}
