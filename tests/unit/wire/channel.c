#include "tests/unit/wire/pair.h"
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct buf in;
static enum frame_kind kind;

static enum err receive(struct channel *channel)
{
	return channel_receive(channel, &kind, &in, FRAME_SIZE_MAX, deadline_in(10000), 10000);
}

/* A raw end that can send whatever it likes. */
static int raw_pair(struct channel **channel)
{
	int fds[2];
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(channel_accept(fds[0], NULL, deadline_in(5000), channel), ERR_OK);
	return fds[1];
}

static enum err receive_raw(const void *bytes, size_t size, size_t size_max, int64_t rest_ms)
{
	struct channel *channel;
	int fd = raw_pair(&channel);
	CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
	enum err err = channel_receive(channel, &kind, &in, size_max, deadline_in(10000), rest_ms);
	close(fd);
	channel_close(channel);
	return err;
}

static void there_is_a_buffer(void)
{
	buf_init(&in, FRAME_SIZE_MAX);
}

static void the_buffer_goes(void)
{
	buf_finish(&in);
}

static void frames_arrive_as_they_were_sent(struct pair *pair)
{
	static const struct { enum frame_kind kind; const char *text; } frames[] = {
		{ FRAME_REQUEST, "a question" }, { FRAME_HEARTBEAT, "" }, { FRAME_REPLY, "an answer" },
	};
	for (size_t i = 0; i < 3; i++) /* all three, so that they may arrive in one piece */
		CU_ASSERT_EQUAL(channel_send(pair->a, frames[i].kind, frames[i].text, strlen(frames[i].text), deadline_in(5000)), ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL_FATAL(receive(pair->b), ERR_OK);
		CU_ASSERT_EQUAL(kind, frames[i].kind);
		CU_ASSERT(in.size == strlen(frames[i].text) && !memcmp(in.data, frames[i].text, in.size));
	}
}

static void frames_arrive_over_a_unix_socket(void)
{
	struct pair pair;
	pair_open_unix(&pair);
	frames_arrive_as_they_were_sent(&pair);
	CU_ASSERT_EQUAL(channel_peer(pair.b)->kind, IDENTITY_LOCAL_USER);
	char me[32];
	snprintf(me, sizeof me, "uid:%u", geteuid());
	CU_ASSERT_STRING_EQUAL(channel_peer(pair.b)->name, me);
	pair_close(&pair);
}

static void frames_arrive_over_tls(void)
{
	struct pair pair;
	pair_open_tls(&pair);
	frames_arrive_as_they_were_sent(&pair);
	CU_ASSERT_STRING_EQUAL(channel_peer(pair.b)->name, "web");
	CU_ASSERT_EQUAL(channel_peer(pair.b)->kind, IDENTITY_CLIENT);
	CU_ASSERT_STRING_EQUAL(channel_peer(pair.a)->name, "a");
	pair_close(&pair);
}

struct sending {
	struct channel *channel;
	size_t size, count;
	enum err err;
};

/* Frames of one byte each, over and over: a mixture would show. */
static void *send_many(void *at)
{
	struct sending *sending = at;
	uint8_t *data = malloc(sending->size + 1);
	for (size_t i = 0; i < sending->count && sending->err == ERR_OK; i++) {
		memset(data, (int)i, sending->size);
		sending->err = channel_send(sending->channel, FRAME_REQUEST, data, sending->size, deadline_in(60000));
	}
	free(data);
	return NULL;
}

static bool is_uniform(const struct buf *buf)
{
	return buf->size < 2 || memcmp(buf->data, buf->data + 1, buf->size - 1) == 0;
}

static void large_frames_arrive_whole(struct pair *pair)
{
	static const size_t sizes[] = { 16374, 16379, 16380, 16384, 16385, 65536, 1000003, 20u << 20 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct sending sending = { .channel = pair->a, .size = sizes[i], .count = 1 };
		pthread_t thread;
		pthread_create(&thread, NULL, send_many, &sending);
		CU_ASSERT_EQUAL(receive(pair->b), ERR_OK);
		CU_ASSERT(in.size == sizes[i] && is_uniform(&in));
		pthread_join(thread, NULL);
		CU_ASSERT_EQUAL(sending.err, ERR_OK);
	}
}

static void large_frames_arrive_whole_over_a_unix_socket(void)
{
	struct pair pair;
	pair_open_unix(&pair);
	large_frames_arrive_whole(&pair);
	pair_close(&pair);
}

static void large_frames_arrive_whole_over_tls(void)
{
	struct pair pair;
	pair_open_tls(&pair);
	large_frames_arrive_whole(&pair);
	pair_close(&pair);
}

/* Both ways at once, two senders on one side: frames stay whole, nobody waits for ever. */
static void crowd(struct pair *pair)
{
	struct sending sendings[3] = {
		{ .channel = pair->a, .size = 100, .count = 300 }, { .channel = pair->a, .size = 100000, .count = 30 },
		{ .channel = pair->b, .size = 50000, .count = 50 },
	};
	pthread_t threads[3];
	size_t wrong = 0;
	for (size_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, send_many, &sendings[i]);
	for (size_t i = 0; i < 330; i++)
		wrong += receive(pair->b) != ERR_OK || !is_uniform(&in);
	for (size_t i = 0; i < 50; i++)
		wrong += receive(pair->a) != ERR_OK || !is_uniform(&in);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		wrong += sendings[i].err != ERR_OK;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void two_senders_and_a_receiver_share_a_unix_socket(void)
{
	struct pair pair;
	pair_open_unix(&pair);
	crowd(&pair);
	pair_close(&pair);
}

static void two_senders_and_a_receiver_share_tls(void)
{
	struct pair pair;
	pair_open_tls(&pair);
	crowd(&pair);
	pair_close(&pair);
}

static void frames_come_in_whatever_pieces(void)
{
	struct channel *channel;
	int fd = raw_pair(&channel);
	static const uint8_t frames[] = { 0, 0, 0, 3, FRAME_REPLY, 'h', 'i', 0, 0, 0, 1, FRAME_HEARTBEAT };
	for (size_t i = 0; i < 4; i++) /* not even a header */
		CU_ASSERT_EQUAL(write(fd, frames + i, 1), 1);
	CU_ASSERT_EQUAL(channel_receive(channel, &kind, &in, 100, deadline_in(10000), 1), ERR_TIMEOUT);
	CU_ASSERT_EQUAL(write(fd, frames + 4, sizeof frames - 4), (ssize_t)sizeof frames - 4);
	CU_ASSERT_EQUAL(receive(channel), ERR_OK);
	CU_ASSERT(kind == FRAME_REPLY && in.size == 2 && !memcmp(in.data, "hi", 2));
	CU_ASSERT_EQUAL(receive(channel), ERR_OK);
	CU_ASSERT(kind == FRAME_HEARTBEAT && in.size == 0);
	close(fd);
	channel_close(channel);
}

static void what_is_no_frame_is_malformed(void)
{
	CU_ASSERT_EQUAL(receive_raw("\0\0\0\0\1", 5, 100, 1000), ERR_MALFORMED);
	CU_ASSERT_EQUAL(receive_raw("\0\0\0\2\0x", 6, 100, 1000), ERR_MALFORMED);
	CU_ASSERT_EQUAL(receive_raw("\0\0\0\2\4x", 6, 100, 1000), ERR_MALFORMED);
	CU_ASSERT_EQUAL(receive_raw("GET / HTTP/1.1\r\n", 16, FRAME_SIZE_MAX, 1000), ERR_MALFORMED);
}

static void a_frame_beyond_the_limit_is_too_big_before_memory_is_taken(void)
{
	size_t capacity = in.capacity;
	CU_ASSERT_EQUAL(receive_raw("\0\0\0\4\1abc", 8, 3, 1000), ERR_TOO_BIG);
	CU_ASSERT_EQUAL(receive_raw("\xff\xff\xff\xff\1abc", 8, FRAME_SIZE_MAX, 1000), ERR_TOO_BIG);
	CU_ASSERT(in.capacity <= capacity);
	CU_ASSERT_EQUAL(receive_raw("\0\0\0\4\1abc", 8, 4, 1000), ERR_OK);
}

/* Whoever announces much and sends little costs us little. */
static void memory_grows_with_what_came(void)
{
	buf_finish(&in);
	CU_ASSERT_EQUAL(receive_raw("\4\0\0\0\1abc", 8, FRAME_SIZE_MAX, 20), ERR_TIMEOUT);
	CU_ASSERT(in.capacity <= 64u << 10);
}

static void silence_and_half_a_frame_time_out(void)
{
	CU_ASSERT_EQUAL(receive_raw("\0\0\0\4\1ab", 7, 100, 20), ERR_TIMEOUT);
	struct channel *channel;
	int fd = raw_pair(&channel);
	CU_ASSERT_EQUAL(channel_receive(channel, &kind, &in, 100, deadline_in(20), 10000), ERR_TIMEOUT);
	close(fd);
	CU_ASSERT_EQUAL(receive(channel), ERR_CLOSED);
	channel_close(channel);
}

static void a_peer_that_does_not_read_times_out_and_one_that_left_is_closed(void)
{
	struct pair pair;
	uint8_t *much = calloc(1, 8 << 20);
	pair_open_unix(&pair);
	CU_ASSERT_EQUAL(channel_send(pair.a, FRAME_REPLY, much, 8 << 20, deadline_in(20)), ERR_TIMEOUT);
	channel_close(pair.b);
	pair.b = NULL;
	CU_ASSERT_EQUAL(channel_send(pair.a, FRAME_REPLY, much, 8 << 20, deadline_in(5000)), ERR_CLOSED); /* and no SIGPIPE */
	CU_ASSERT_EQUAL(receive(pair.a), ERR_CLOSED);
	pair_close(&pair);
	free(much);
}

static void too_much_is_not_sent(void)
{
	struct pair pair;
	pair_open_unix(&pair);
	CU_ASSERT_EQUAL(channel_send(pair.a, FRAME_REPLY, "x", FRAME_SIZE_MAX, deadline_in(20)), ERR_TOO_BIG);
	frames_arrive_as_they_were_sent(&pair); /* and no harm is done */
	pair_close(&pair);
}

static void *wait_for_a_frame(void *at)
{
	struct sending *sending = at;
	struct buf buf;
	enum frame_kind ignored;
	buf_init(&buf, 100);
	sending->err = channel_receive(sending->channel, &ignored, &buf, 100, DEADLINE_NEVER, 1000);
	buf_finish(&buf);
	return NULL;
}

static void whoever_waits_can_be_interrupted(void)
{
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		pthread_t thread;
		i ? pair_open_tls(&pair) : pair_open_unix(&pair);
		struct sending waiting = { .channel = pair.b };
		pthread_create(&thread, NULL, wait_for_a_frame, &waiting);
		channel_interrupt(pair.b);
		pthread_join(thread, NULL);
		CU_ASSERT_EQUAL(waiting.err, ERR_CLOSED);
		pair_close(&pair);
	}
}

static struct place place_of(int fd)
{
	struct place place = { .size = sizeof place.name };
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&place.name, &place.size), 0);
	return place;
}

/* The host's first address refuses; that is no reason to go on to the second. */
static void so_can_whoever_connects(void)
{
	struct address address = { .host = "127.0.0.1" };
	struct resolved where = { .count = 2 };
	struct channel *channel;
	struct pair pair;
	int refusing;
	short events;
	pair_open_tls(&pair);
	CU_ASSERT_EQUAL_FATAL(address_bind(&address, 0, &refusing, NULL), ERR_OK);
	where.places[0] = place_of(refusing);
	where.places[1] = place_of(pair.listening);
	CU_ASSERT_EQUAL_FATAL(channel_dial(&address, &where, pair.client, NULL, &channel), ERR_OK);
	channel_interrupt(channel);
	CU_ASSERT_EQUAL(channel_dial_on(channel, &events), ERR_CLOSED);
	channel_close(channel);
	close(refusing);
	pair_close(&pair);
}

static bool socket_is_readable(int fd)
{
	return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 10000) == 1;
}

static void idle_is_who_has_nothing_unread_and_is_still_there(void)
{
	for (int i = 0; i < 2; i++) {
		struct pair pair;
		i ? pair_open_tls(&pair) : pair_open_unix(&pair);
		CU_ASSERT(channel_is_idle(pair.a) && channel_is_idle(pair.b));
		channel_send(pair.a, FRAME_REPLY, "x", 1, deadline_in(1000));
		channel_send(pair.a, FRAME_REPLY, "y", 1, deadline_in(1000));
		CU_ASSERT_EQUAL(socket_is_readable(channel_fd(pair.b)), true);
		CU_ASSERT(!channel_is_idle(pair.b));
		receive(pair.b);
		CU_ASSERT(!channel_is_idle(pair.b)); /* the second lies in a buffer */
		receive(pair.b);
		CU_ASSERT(channel_is_idle(pair.b));
		channel_close(pair.a);
		pair.a = NULL;
		CU_ASSERT_EQUAL(socket_is_readable(channel_fd(pair.b)), true);
		CU_ASSERT(!channel_is_idle(pair.b));
		pair_close(&pair);
	}
}

static void descriptors_close_on_exec_and_do_not_block(void)
{
	int fds[2];
	struct channel *channel;
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(channel_accept(fds[0], NULL, deadline_in(100), &channel), ERR_OK);
	CU_ASSERT(fcntl(channel_fd(channel), F_GETFD) & FD_CLOEXEC);
	CU_ASSERT(fcntl(channel_fd(channel), F_GETFL) & O_NONBLOCK);
	channel_close(channel);
	close(fds[1]);
	channel_close(NULL);
}

static void a_unix_socket_of_ours_is_trusted_and_none_there_is_closed(void)
{
	char folder[] = "/tmp/craton-test-XXXXXX";
	struct address address = { .is_unix = true };
	struct channel *channel;
	int listening;
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(address.host, sizeof address.host, "%s/s", folder);
	CU_ASSERT_EQUAL(channel_connect(&address, NULL, NULL, deadline_in(1000), &channel), ERR_CLOSED);
	CU_ASSERT_EQUAL_FATAL(address_listen(&address, 0600, &listening, NULL), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(channel_connect(&address, NULL, NULL, deadline_in(1000), &channel), ERR_OK);
	channel_close(channel);
	close(listening);
	unlink(address.host);
	rmdir(folder);
}

/* Listens as nobody in particular, in a folder of somebody else's; tells when it does. */
static void listen_as_another(const struct address *address, int tell, int until)
{
	int listening;
	char ignored;
	if (setuid(65534) == 0 && address_listen(address, 0666, &listening, NULL) == ERR_OK && write(tell, "x", 1) == 1)
		(void)!read(until, &ignored, 1);
	_exit(0);
}

/* Only root can be somebody else for a while; for anybody else this says nothing. */
static void a_socket_of_a_stranger_is_refused(void)
{
	char folder[] = "/tmp/craton-test-XXXXXX", ignored;
	struct address address = { .is_unix = true };
	struct channel *channel;
	int tell[2], until[2];
	if (geteuid() != 0)
		return;
	CU_ASSERT_FATAL(mkdtemp(folder) && chmod(folder, 0777) == 0 && pipe(tell) == 0 && pipe(until) == 0);
	snprintf(address.host, sizeof address.host, "%s/s", folder);
	pid_t child = fork();
	if (child == 0)
		listen_as_another(&address, tell[1], until[0]);
	CU_ASSERT_EQUAL(read(tell[0], &ignored, 1), 1);
	CU_ASSERT_EQUAL(channel_connect(&address, NULL, NULL, deadline_in(5000), &channel), ERR_REFUSED);
	CU_ASSERT_EQUAL(chown(folder, 65534, (gid_t)-1), 0); /* in a folder of its own it may well stand */
	CU_ASSERT_EQUAL_FATAL(channel_connect(&address, NULL, NULL, deadline_in(5000), &channel), ERR_OK);
	CU_ASSERT_STRING_EQUAL(channel_peer(channel)->name, "uid:65534");
	channel_close(channel);
	CU_ASSERT_EQUAL(write(until[1], "x", 1), 1);
	CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
	for (int i = 0; i < 2; i++) {
		close(tell[i]);
		close(until[i]);
	}
	unlink(address.host);
	rmdir(folder);
}

TESTS("wire/channel", SAY(there_is_a_buffer), SAY(frames_arrive_over_a_unix_socket), SAY(frames_arrive_over_tls),
      SAY(large_frames_arrive_whole_over_a_unix_socket), SAY(large_frames_arrive_whole_over_tls),
      SAY(two_senders_and_a_receiver_share_a_unix_socket), SAY(two_senders_and_a_receiver_share_tls),
      SAY(frames_come_in_whatever_pieces), SAY(what_is_no_frame_is_malformed),
      SAY(a_frame_beyond_the_limit_is_too_big_before_memory_is_taken), SAY(memory_grows_with_what_came),
      SAY(silence_and_half_a_frame_time_out), SAY(a_peer_that_does_not_read_times_out_and_one_that_left_is_closed),
      SAY(too_much_is_not_sent), SAY(whoever_waits_can_be_interrupted), SAY(so_can_whoever_connects), SAY(idle_is_who_has_nothing_unread_and_is_still_there),
      SAY(descriptors_close_on_exec_and_do_not_block), SAY(a_unix_socket_of_ours_is_trusted_and_none_there_is_closed),
      SAY(a_socket_of_a_stranger_is_refused), SAY(the_buffer_goes))
