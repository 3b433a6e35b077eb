/* relay --listen ADDRESS:PORT: what comes in on a connection goes on to where it was bound for before nftables led it here
 * (SO_ORIGINAL_DST), and back, in the manner that was last ordered on the standard input:
 *
 *	clear           as it comes
 *	delay MS        each piece so much later, or up to half as much more
 *	stall           not at all; connections stand
 *	drip BYTES MS   so few bytes at a time, so long between
 *	cut BYTES       as it comes, until so many bytes have gone one way; then both ends are reset
 *
 * An order holds for the connections there are, too. "ready" on the standard output: it listens. Ends with its standard input. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RELAY_MARK 0x666c74          /* network.py has the same */
#define PAIRS_MAX 256
#define ROOM (256 * 1024)            /* what is held of one way; then the sender waits */
#define PIECES_MAX 512

enum manner { CLEAR, DELAY, STALL, DRIP, CUT };
static struct { enum manner manner; int64_t size, ms; unsigned number; } order;

struct piece { int64_t due_us; size_t size; };

/* One direction of a pair. */
struct way {
	uint8_t data[ROOM];
	size_t head, size;                /* a ring */
	struct piece pieces[PIECES_MAX];
	size_t piece_head, piece_count;
	int64_t not_before_us;            /* when the next drop may fall */
	int64_t gone;                     /* bytes, since the order */
	unsigned order_number;
	bool has_ended, is_full;          /* its sender closed; its receiver takes no more now */
};
struct pair {
	int fds[2];                       /* who connected, where it goes */
	struct way *ways;                 /* [0] from fds[0] to fds[1], [1] back */
	bool is_connected;
};
static struct pair pairs[PAIRS_MAX];
static size_t pair_count;

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void pair_close(struct pair *pair, bool as_reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	for (int i = 0; i < 2; i++) {
		if (as_reset)
			setsockopt(pair->fds[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(pair->fds[i]);
	}
	free(pair->ways);
	*pair = pairs[--pair_count];
}

static void pair_open(int listener)
{
	struct sockaddr_in target;
	socklen_t size = sizeof target;
	int yes = 1, mark = RELAY_MARK, in = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (in < 0)
		return;
	int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct way *ways = calloc(2, sizeof *ways);
	if (pair_count == PAIRS_MAX || out < 0 || !ways || getsockopt(in, SOL_IP, SO_ORIGINAL_DST, &target, &size) != 0 ||
	    setsockopt(out, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
		perror("relay");
		exit(1);
	}
	setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	pairs[pair_count++] = (struct pair){ .fds = { in, out }, .ways = ways };
	if (connect(out, (struct sockaddr *)&target, sizeof target) != 0 && errno != EINPROGRESS)
		pair_close(&pairs[pair_count - 1], true);
}

static bool way_has_room(const struct way *way)
{
	return !way->has_ended && way->size < ROOM && way->piece_count < PIECES_MAX;
}

/* False: the pair is over. */
static bool way_take(struct way *way, int from)
{
	size_t tail = (way->head + way->size) % ROOM;
	size_t room = tail < way->head ? way->head - tail : ROOM - tail;
	ssize_t size = recv(from, way->data + tail, room < ROOM - way->size ? room : ROOM - way->size, 0);
	if (size < 0)
		return errno == EAGAIN;
	way->has_ended = size == 0;
	if (size == 0)
		return true;
	int64_t delay_us = order.manner == DELAY ? order.ms * 1000 + random() % (order.ms * 500 + 1) : 0;
	way->pieces[(way->piece_head + way->piece_count++) % PIECES_MAX] = (struct piece){ now_us() + delay_us, (size_t)size };
	way->size += (size_t)size;
	return true;
}

static bool way_is_due(const struct way *way, int64_t now)
{
	return way->size && order.manner != STALL && way->pieces[way->piece_head].due_us <= now &&
	       (order.manner != DRIP || way->not_before_us <= now);
}

/* What may go now, of the first piece, without wrapping. */
static size_t way_portion(const struct way *way)
{
	size_t portion = way->pieces[way->piece_head].size;
	if (portion > ROOM - way->head)
		portion = ROOM - way->head;
	if (order.manner == DRIP && portion > (size_t)order.size)
		portion = (size_t)order.size;
	if (order.manner == CUT && portion > (size_t)(order.size - way->gone))
		portion = (size_t)(order.size - way->gone);
	return portion;
}

static void way_advance(struct way *way, size_t size)
{
	struct piece *piece = &way->pieces[way->piece_head];
	way->head = (way->head + size) % ROOM;
	way->size -= size;
	way->gone += (int64_t)size;
	piece->size -= size;
	if (piece->size == 0) {
		way->piece_head = (way->piece_head + 1) % PIECES_MAX;
		way->piece_count--;
	}
	if (order.manner == DRIP)
		way->not_before_us = now_us() + order.ms * 1000;
}

/* False: the pair is over. */
static bool way_give(struct way *way, int to)
{
	if (way->order_number != order.number) {
		way->order_number = order.number;
		way->gone = 0;
	}
	while (!way->is_full && way_is_due(way, now_us())) {
		ssize_t size = send(to, way->data + way->head, way_portion(way), MSG_NOSIGNAL);
		if (size < 0 && errno != EAGAIN)
			return false;
		way->is_full = size < 0;
		if (size > 0)
			way_advance(way, (size_t)size);
		if (order.manner == CUT && way->gone >= order.size)
			return false;
	}
	if (way->has_ended && way->size == 0)
		shutdown(to, SHUT_WR);
	return true;
}

/* False: the connection to where it goes has failed. */
static bool pair_is_sound(struct pair *pair, short out_events)
{
	int error = 0;
	socklen_t size = sizeof error;
	if (pair->is_connected || !(out_events & (POLLOUT | POLLERR | POLLHUP)))
		return true;
	pair->is_connected = getsockopt(pair->fds[1], SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
	return pair->is_connected;
}

static bool pair_turn(struct pair *pair, const short events[2])
{
	if (!pair_is_sound(pair, events[1]))
		return false;
	for (int i = 0; i < 2 && pair->is_connected; i++) {
		struct way *way = &pair->ways[i];
		if (events[1 - i] & POLLOUT)
			way->is_full = false;
		if ((events[i] & (POLLIN | POLLHUP | POLLERR)) && way_has_room(way) && !way_take(way, pair->fds[i]))
			return false;
		if (!way_give(way, pair->fds[1 - i]))
			return false;
	}
	return true;
}

static bool pair_is_done(const struct pair *pair)
{
	return pair->ways[0].has_ended && !pair->ways[0].size && pair->ways[1].has_ended && !pair->ways[1].size;
}

static short wanted(const struct pair *pair, int side)
{
	const struct way *in = &pair->ways[side], *out = &pair->ways[1 - side];
	if (!pair->is_connected)
		return side == 1 ? POLLOUT : 0;
	return (short)((way_has_room(in) ? POLLIN : 0) | (out->is_full ? POLLOUT : 0));
}

/* Of which nothing is wanted, that is not asked: it would only ever tell that it hangs up. */
static struct pollfd pollfd_of(const struct pair *pair, int side)
{
	short events = wanted(pair, side);
	return (struct pollfd){ .fd = events ? pair->fds[side] : -1, .events = events };
}

/* Milliseconds until some piece is due, for poll(2); -1: none waits for its time. */
static int time_to_next(void)
{
	int64_t next = INT64_MAX, now = now_us();
	for (size_t i = 0; i < 2 * pair_count && order.manner != STALL; i++) {
		const struct way *way = &pairs[i / 2].ways[i % 2];
		int64_t due = way->size ? way->pieces[way->piece_head].due_us : INT64_MAX;
		if (way->size && order.manner == DRIP && way->not_before_us > due)
			due = way->not_before_us;
		if (!way->is_full && pairs[i / 2].is_connected && due < next)
			next = due;
	}
	if (next == INT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now) / 1000) + 1;
}

/* False: there are no more orders. */
static bool take_order(void)
{
	static const char *const names[] = { "clear", "delay", "stall", "drip", "cut" };
	char line[64], name[16] = "";
	long first = 0, second = 0;
	ssize_t size = read(STDIN_FILENO, line, sizeof line - 1);
	if (size <= 0)
		return false;
	line[size] = '\0';
	char *last = memrchr(line, '\n', (size_t)size - 1); /* of several the last counts */
	sscanf(last ? last + 1 : line, "%15s %ld %ld", name, &first, &second);
	order.number++;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			order.manner = (enum manner)i;
	order.size = first > 0 ? first : 1;
	order.ms = order.manner == DELAY ? first : second;
	return true;
}

static int listen_at(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	char host[32];
	unsigned port;
	int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sscanf(text, "%31[0-9.]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return -1;
	address.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 128) == 0 ? fd : -1;
}

static void turn_all(const struct pollfd *fds)
{
	for (size_t i = pair_count; i-- > 0;) { /* a closed pair's place is taken by one that had its turn */
		short events[2] = { fds[2 * i].revents, fds[2 * i + 1].revents };
		bool goes_on = pair_turn(&pairs[i], events);
		if (!goes_on || pair_is_done(&pairs[i]))
			pair_close(&pairs[i], !goes_on);
	}
}

int main(int argc, char **argv)
{
	static struct pollfd fds[2 * PAIRS_MAX + 2];
	int listener = argc == 3 && strcmp(argv[1], "--listen") == 0 ? listen_at(argv[2]) : -1;
	if (listener < 0) {
		fprintf(stderr, "usage: relay --listen ADDRESS:PORT\n");
		return 2;
	}
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		size_t count = pair_count;
		for (size_t i = 0; i < 2 * count; i++)
			fds[i] = pollfd_of(&pairs[i / 2], (int)(i % 2));
		fds[2 * count] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
		fds[2 * count + 1] = (struct pollfd){ .fd = listener, .events = POLLIN };
		if (poll(fds, 2 * count + 2, time_to_next()) < 0 && errno != EINTR)
			return 1;
		if (fds[2 * count].revents && !take_order())
			return 0;
		turn_all(fds);
		if (fds[2 * count + 1].revents)
			pair_open(listener);
	}
}
