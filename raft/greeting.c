#include "raft/greeting.h"
#include <stdio.h>
#include <string.h>

#define STALL_MS 5000
#define EARLY_FRAME_MAX (LINK_FRAME_OVERHEAD + LINK_PAYLOAD_EARLY_MAX)

/* In a confirmation: do we know you as the one you are? */
enum { WELCOME = 1, ANOTHER_INCARNATION = 2 };

struct confirmation {
	uint8_t verdict;
	struct id incarnation;
	struct address address;
};

static enum err send_confirmation(const struct greeter *greeter, struct greeted *with, uint8_t verdict,
                                  deadline_ms deadline)
{
	struct address address = greeter->address(greeter->context);
	struct buf payload, frame;
	buf_init(&payload, LINK_PAYLOAD_EARLY_MAX);
	buf_init(&frame, EARLY_FRAME_MAX);
	buf_add_u8(&payload, verdict);
	buf_add(&payload, greeter->incarnation.bytes, ID_SIZE);
	buf_add_u32(&payload, address.port);
	buf_add_block(&payload, address.host, strlen(address.host));
	struct bytes part = { payload.data, payload.size };
	enum err err = payload.failed ? ERR_NO_MEMORY : ERR_OK;
	if (err == ERR_OK)
		err = link_seal(&with->out, LINK_CONFIRM, &part, 1, clock_wall_ms(), &frame);
	if (err == ERR_OK)
		err = deadline_passed(deadline) ? ERR_TIMEOUT
		                                : stream_write_all(&with->stream, frame.data, frame.size, STALL_MS);
	buf_finish(&payload);
	buf_finish(&frame);
	return err;
}

static enum err parse_confirmation(const struct link_frame *frame, struct confirmation *out)
{
	struct cursor cursor = cursor_over(frame->payload, frame->size);
	*out = (struct confirmation){ .verdict = cursor_u8(&cursor) };
	const uint8_t *incarnation = cursor_bytes(&cursor, ID_SIZE);
	uint32_t port = cursor_u32(&cursor);
	size_t size;
	const uint8_t *host = cursor_block(&cursor, &size);
	if (frame->kind != LINK_CONFIRM || cursor.failed || port > UINT16_MAX || size >= sizeof out->address.host)
		return ERR_MALFORMED;
	memcpy(out->incarnation.bytes, incarnation, ID_SIZE);
	memcpy(out->address.host, host, size);
	out->address.port = (uint16_t)port;
	return ERR_OK;
}

/* Byte by byte is good enough for one small frame, and leaves what follows it unread. */
static enum err receive_confirmation(struct greeted *with, deadline_ms deadline, struct confirmation *out)
{
	uint8_t data[EARLY_FRAME_MAX];
	struct link_frame frame;
	size_t used = 0, have = 4;
	enum err err = stream_read_all(&with->stream, data, have, deadline);
	struct cursor cursor = cursor_over(data, 4);
	size_t rest = cursor_u32(&cursor);
	if (err == ERR_OK && rest > sizeof data - 4)
		err = ERR_TOO_BIG;
	if (err == ERR_OK)
		err = stream_read_all(&with->stream, data + have, rest, deadline);
	if (err == ERR_OK)
		err = link_open(&with->in, data, have + rest, clock_wall_ms(), &frame, &used);
	if (err == ERR_OK)
		err = used ? parse_confirmation(&frame, out) : ERR_MALFORMED;
	if (err == ERR_OK)
		with->address = out->address;
	return err;
}

static enum err send_hello(struct greeted *with, const struct link_hello *hello)
{
	uint8_t bytes[LINK_HELLO_SIZE];
	link_hello_write(hello, bytes);
	return stream_write_all(&with->stream, bytes, sizeof bytes, STALL_MS);
}

static enum err receive_hello(struct greeted *with, const struct greeter *greeter, deadline_ms deadline,
                              struct link_hello *hello)
{
	uint8_t bytes[LINK_HELLO_SIZE];
	enum err err = stream_read_all(&with->stream, bytes, sizeof bytes, deadline);
	if (err == ERR_OK)
		err = link_hello_read(bytes, hello);
	if (err == ERR_OK && (hello->to != greeter->self || !greeter->is_bound(greeter->context, hello->from, with->name)))
		err = ERR_REFUSED;
	with->id = err == ERR_OK ? hello->from : 0;
	return err;
}

static enum err make_links(const struct greeter *greeter, struct greeted *with, const struct link_hello *opener,
                           const struct link_hello *accepter, bool opened_by_us)
{
	enum err err = link_init(&with->out, greeter->secret, opener, accepter, opened_by_us, greeter->age_ms_max,
	                         greeter->payload_max);
	if (err == ERR_OK)
		err = link_init(&with->in, greeter->secret, opener, accepter, !opened_by_us, greeter->age_ms_max,
		                LINK_PAYLOAD_EARLY_MAX);
	return err;
}

static enum err begin_tls(const struct greeter *greeter, bool is_server, int fd, const char *name,
                          deadline_ms deadline, struct greeted *out)
{
	struct identity expected = { .kind = IDENTITY_NODE }, peer;
	*out = (struct greeted){ .stream = { NULL, fd } };
	snprintf(expected.name, sizeof expected.name, "%s", name);
	enum err err = tls_handshake(greeter->tls, is_server, fd, &expected, deadline, &out->stream.ssl, &peer);
	if (err == ERR_OK)
		snprintf(out->name, sizeof out->name, "%s", peer.name);
	return err;
}

static enum err end(struct greeted *with, const struct greeter *greeter, enum err err)
{
	if (err != ERR_OK)
		greeted_finish(with);
	else
		with->in.payload_max = greeter->payload_max;
	return err;
}

enum err greeting_open(const struct greeter *greeter, int fd, uint64_t to, const char *name,
                       deadline_ms deadline, struct greeted *out)
{
	struct link_hello ours = link_hello_make(greeter->self, to), theirs;
	struct confirmation confirmation;
	enum err err = begin_tls(greeter, false, fd, name, deadline, out);
	if (err == ERR_OK)
		err = send_hello(out, &ours);
	if (err == ERR_OK)
		err = receive_hello(out, greeter, deadline, &theirs);
	if (err == ERR_OK && theirs.from != to)
		err = ERR_REFUSED;
	if (err == ERR_OK)
		err = make_links(greeter, out, &ours, &theirs, true);
	if (err == ERR_OK)
		err = send_confirmation(greeter, out, WELCOME, deadline);
	if (err == ERR_OK)
		err = receive_confirmation(out, deadline, &confirmation);
	if (err == ERR_OK && confirmation.verdict != WELCOME) {
		out->is_forgetful = true;
		err = ERR_REFUSED;
	}
	if (err == ERR_OK && !greeter->is_remembered(greeter->context, out->id, &confirmation.incarnation))
		err = ERR_REFUSED;
	return end(out, greeter, err);
}

enum err greeting_accept(const struct greeter *greeter, int fd, deadline_ms deadline, struct greeted *out)
{
	struct link_hello ours, theirs;
	struct confirmation confirmation;
	enum err err = begin_tls(greeter, true, fd, "", deadline, out);
	if (err == ERR_OK)
		err = receive_hello(out, greeter, deadline, &theirs);
	if (err == ERR_OK) {
		ours = link_hello_make(greeter->self, out->id);
		err = send_hello(out, &ours);
	}
	if (err == ERR_OK)
		err = make_links(greeter, out, &theirs, &ours, false);
	if (err == ERR_OK)
		err = receive_confirmation(out, deadline, &confirmation);
	if (err == ERR_OK) {
		bool is_known = greeter->is_remembered(greeter->context, out->id, &confirmation.incarnation);
		err = send_confirmation(greeter, out, is_known ? WELCOME : ANOTHER_INCARNATION, deadline);
		if (err == ERR_OK && !is_known)
			err = ERR_REFUSED;
	}
	return end(out, greeter, err);
}

void greeted_finish(struct greeted *greeted)
{
	link_finish(&greeted->in);
	link_finish(&greeted->out);
	stream_close(&greeted->stream);
}
