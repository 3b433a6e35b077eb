/* A question and its answer over one channel. */
#pragma once
#include "wire/channel.h"
#include "wire/craton.pb-c.h"

/* Says Hello and checks the answer. ERR_REFUSED if we are not welcome, ERR_BUSY if the node has no room.
 * The answer is the caller's: craton__hello_reply__free_unpacked(reply, NULL). */
enum err call_hello(struct channel *channel, const char *program, deadline_ms deadline,
                    Craton__HelloReply **out);
/* One round trip. The deadline starts anew with each heartbeat heard (`patience_ms` each),
 * but never beyond `last`. The reply is the caller's: reply_free (or
 * craton__reply__free_unpacked(reply, NULL), which wipes nothing). ERR_TOO_BIG: the request is
 * beyond FRAME_SIZE_MAX and nothing was sent. After any other error the channel must be closed. */
enum err call(struct channel *channel, const Craton__Request *request, int64_t patience_ms,
              deadline_ms last, Craton__Reply **out);
/* The same without waiting, for one thread that has several calls in hand: call_put, then call_hear until something was heard. */
enum heard {
	HEARD_NOTHING,   /* poll for *events, then call_hear again */
	HEARD_HEARTBEAT, /* it is being worked on; call_hear again */
	HEARD_REPLY,     /* *out is the caller's */
};
enum err call_put(struct channel *channel, const Craton__Request *request);
enum err call_hear(struct channel *channel, size_t size_max, enum heard *heard, Craton__Reply **out, short *events);
/* A Hello that way (size_max: FRAME_SIZE_MAX_EARLY), and whether its answer welcomes us: errors as of call_hello. */
enum err call_put_hello(struct channel *channel, const char *program);
enum err call_judge_hello(const Craton__Reply *reply);

/* Server side. One request of at most size_max bytes (channel_receive has the deadlines): FRAME_SIZE_MAX_EARLY
 * until Hello is answered. The caller's: request_free. ERR_MALFORMED also where a small frame would
 * unfold to very much memory. */
enum err call_receive(struct channel *channel, size_t size_max, deadline_ms idle, int64_t rest_ms,
                      Craton__Request **out);
enum err call_answer(struct channel *channel, const Craton__Reply *reply, deadline_ms deadline);
/* Wiped and freed: they may carry PINs and plaintext. Accept NULL. */
void request_free(Craton__Request *request);
void reply_free(Craton__Reply *reply);
/* From the bytes of a frame, for fuzzers and tests; NULL if they do not parse. */
Craton__Request *request_unpack(const void *data, size_t size);
Craton__Reply *reply_unpack(const void *data, size_t size);
