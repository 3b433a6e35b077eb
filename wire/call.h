/* A question and its answer over one channel. */
#pragma once
#include "wire/channel.h"
#include "wire/craton.pb-c.h"

/* Says Hello and checks the answer. */
enum err call_hello(struct channel *channel, const char *program, deadline_ms deadline,
                    Craton__HelloReply **out);
/* One round trip. The deadline starts anew with each heartbeat heard (`*deadline_ms` of
 * patience each), but never beyond `last`. The reply is the caller's:
 * craton__reply__free_unpacked(reply, NULL). After any error but ERR_TOO_BIG the channel must be closed. */
enum err call(struct channel *channel, const Craton__Request *request, int64_t patience_ms,
              deadline_ms last, Craton__Reply **out);
/* Server side. */
enum err call_receive(struct channel *channel, size_t size_max, deadline_ms idle, int64_t rest_ms,
                      Craton__Request **out);
enum err call_answer(struct channel *channel, const Craton__Reply *reply, deadline_ms deadline);
