#include "wire/call.h"
#include "wire/unpack.h"

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

/* Waits for the reply; a heartbeat says that the other side is still at it. */
static enum err receive_reply(struct channel *channel, size_t size_max, int64_t patience_ms, deadline_ms last, Craton__Reply **out)
{
	struct buf *in = channel_scratch(channel);
	enum frame_kind kind = FRAME_HEARTBEAT;
	enum err err = ERR_OK;
	while (err == ERR_OK && kind == FRAME_HEARTBEAT)
		err = channel_receive(channel, &kind, in, size_max, sooner(deadline_in(patience_ms), last), patience_ms);
	/* ERR_TOO_BIG would say that our request was; this is a reply that may not be. */
	if (err == ERR_TOO_BIG || (err == ERR_OK && kind != FRAME_REPLY))
		err = ERR_MALFORMED;
	if (err == ERR_OK && !(*out = reply_unpack(in->data, in->size)))
		err = ERR_MALFORMED;
	channel_scratch_done(channel);
	return err;
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

/* The greeting leaves the reply it came in. */
static enum err take_greeting(Craton__Reply *reply, Craton__HelloReply **out)
{
	bool good = reply->fault == CRATON__FAULT__FAULT_NONE && reply->body_case == CRATON__REPLY__BODY_HELLO &&
	            reply->hello->protocol == PROTOCOL;
	enum err err = good ? ERR_OK : err_of_fault(reply->fault);
	if (good) {
		*out = reply->hello;
		reply->hello = NULL;
		reply->body_case = CRATON__REPLY__BODY__NOT_SET;
	}
	return err;
}

enum err call_hello(struct channel *channel, const char *program, deadline_ms deadline,
                    Craton__HelloReply **out)
{
	Craton__Hello hello = CRATON__HELLO__INIT;
	Craton__Request request = CRATON__REQUEST__INIT;
	Craton__Reply *reply = NULL;
	int64_t patience_ms = deadline == DEADLINE_NEVER ? INT32_MAX : deadline_left(deadline);
	hello.protocol = PROTOCOL;
	hello.program = (char *)(uintptr_t)program;
	request.body_case = CRATON__REQUEST__BODY_HELLO;
	request.hello = &hello;
	enum err err = ask(channel, &request, FRAME_SIZE_MAX_EARLY, patience_ms, deadline, &reply);
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
