/* Members that do as they are told, behind the interface of the real ones. */
#pragma once
#include "ha/group_inside.h"
#include "wire/call.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SCRIPT_MAX 16

/* One answer: an error, or a reply with a fault, or a good one. */
struct say {
	enum err err;
	Craton__Fault fault;
	uint64_t index;
	bool is_late;    /* not before fake_speak */
	Craton__Duty duty;
};
/* What is under way: the descriptor becomes readable when there is something to hear. */
struct line {
	struct fake *fake;
	struct say say;
	int fd;
	bool is_probe;
	bool is_new;     /* greets first */
	bool asked;
	int64_t asked_ms;
	unsigned beaten;
	struct line *next;
};
struct fake {
	struct member member;
	struct say script[SCRIPT_MAX]; /* the last is said again and again */
	unsigned length;
	atomic_uint calls, probes, drops;
	atomic_uint lines, let_go_free, let_go_owing, let_go_bad; /* lines that were taken, and how they ended */
	atomic_uint beats;              /* heartbeats that are to be heard */
	atomic_int probe_err;
	bool swallows_probes;           /* until interrupted */
	bool greets;                    /* every line is a new connection */
	atomic_bool is_full;            /* and there is no room for one */
	Craton__Duty duty;
	uint8_t cluster[16];
	bool waits;                     /* for an interrupt */
	/* Its token takes so long, and every HEARTBEAT_FIRST_MS it says that it is at work. Nobody sleeps: who waits for it is told when to
	 * hear it again. */
	int64_t answers_after_ms;
	atomic_bool interrupted, speaks;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct line *open;
	/* what it was asked last */
	struct id request_ids[SCRIPT_MAX];
	uint64_t index_min;
	uint32_t timeout_ms;
	bool was_shown;
};

static inline bool fake_may_speak(struct fake *fake, const struct line *line)
{
	if (atomic_load(&fake->interrupted) || atomic_load(&fake->beats))
		return true;
	if (line->is_probe)
		return !fake->swallows_probes;
	return !fake->waits && (!line->say.is_late || atomic_load(&fake->speaks)) && clock_ms() >= line->asked_ms + fake->answers_after_ms;
}

/* When there is something to hear that no descriptor tells of. */
static inline deadline_ms fake_due(const struct line *line)
{
	int64_t after_ms = line->fake->answers_after_ms, beat_ms = (line->beaten + 1) * HEARTBEAT_FIRST_MS;
	if (line->is_new || !after_ms)
		return DEADLINE_NEVER;
	return line->asked_ms + (beat_ms < after_ms ? beat_ms : after_ms);
}

/* What it was told to say, or what a token that takes its time makes it say. */
static inline bool fake_beats(struct fake *fake, struct line *line)
{
	if (line->is_new)
		return false;
	if (clock_ms() >= fake_due(line) && fake_due(line) < line->asked_ms + fake->answers_after_ms)
		return ++line->beaten;
	if (!atomic_load(&fake->beats))
		return false;
	atomic_fetch_sub(&fake->beats, 1);
	return true;
}

static inline void fake_ring(struct line *line)
{
	eventfd_write(line->fd, 1);
}

/* Whatever is outstanding may have an answer now. */
static inline void fake_ring_all(struct fake *fake)
{
	pthread_mutex_lock(&fake->lock);
	for (struct line *line = fake->open; line; line = line->next)
		fake_ring(line);
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
}

static inline void fake_speak(struct fake *fake)
{
	atomic_store(&fake->speaks, true);
	fake_ring_all(fake);
}

static inline void fake_beat(struct fake *fake)
{
	atomic_fetch_add(&fake->beats, 1);
	fake_ring_all(fake);
}

static inline struct line *fake_line(struct fake *fake, bool is_probe)
{
	struct line *line = calloc(1, sizeof *line);
	line->fake = fake;
	line->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	line->is_probe = is_probe;
	line->is_new = is_probe || fake->greets;
	line->next = fake->open;
	fake->open = line;
	return line;
}

static inline void fake_close_locked(struct fake *fake, struct line *line)
{
	struct line **at = &fake->open;
	while (*at != line)
		at = &(*at)->next;
	*at = line->next;
	close(line->fd);
	free(line);
}

static inline enum err fake_ask(struct member *member, struct line **line, const Craton__Request *request)
{
	struct fake *fake = (struct fake *)member;
	pthread_mutex_lock(&fake->lock);
	atomic_fetch_add(&fake->lines, !*line && request);
	if (!*line)
		*line = fake_line(fake, !request);
	(*line)->asked = false;
	if (request) {
		unsigned n = atomic_fetch_add(&fake->calls, 1);
		(*line)->say = fake->script[n < fake->length ? n : fake->length - 1];
		id_from_bytes(&fake->request_ids[n % SCRIPT_MAX], request->request_id.data, request->request_id.len);
		fake->index_min = request->index_min;
		fake->timeout_ms = request->timeout_ms;
		fake->was_shown = request->body_case == CRATON__REQUEST__BODY_CRYPT && request->crypt->key && request->crypt->key->carried;
	} else {
		atomic_fetch_add(&fake->probes, 1);
	}
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
	return ERR_OK;
}

static inline Craton__Reply *fake_hello(struct fake *fake)
{
	Craton__Reply *reply = malloc(sizeof *reply);
	craton__reply__init(reply);
	reply->body_case = CRATON__REPLY__BODY_HELLO;
	reply->hello = malloc(sizeof *reply->hello);
	craton__hello_reply__init(reply->hello);
	reply->duty = fake->duty;
	reply->hello->cluster.data = malloc(sizeof fake->cluster);
	reply->hello->cluster.len = sizeof fake->cluster;
	memcpy(reply->hello->cluster.data, fake->cluster, sizeof fake->cluster);
	return reply;
}

static inline Craton__Reply *fake_refusal(void)
{
	Craton__Reply *reply = malloc(sizeof *reply);
	craton__reply__init(reply);
	reply->fault = CRATON__FAULT__FAULT_BUSY;
	return reply;
}

static inline Craton__Reply *fake_reply(const struct line *line)
{
	Craton__Reply *reply = malloc(sizeof *reply);
	craton__reply__init(reply);
	reply->fault = line->say.fault;
	reply->index = line->say.index;
	reply->duty = line->say.duty ? line->say.duty : line->fake->duty;
	return reply;
}

static inline enum err fake_say_locked(struct fake *fake, struct line *line, enum said *said, Craton__Reply **reply)
{
	if (line->is_probe && atomic_load(&fake->probe_err) != ERR_OK)
		return (enum err)atomic_load(&fake->probe_err);
	if (line->is_new && atomic_load(&fake->is_full)) {
		*said = SAID_FULL;
		*reply = fake_refusal();
		return ERR_OK;
	}
	if (line->is_new) {
		line->is_new = false;
		*said = SAID_HELLO;
		*reply = fake_hello(fake);
		return ERR_OK;
	}
	if (fake->waits)
		return ERR_CLOSED;
	*said = line->say.err == ERR_OK ? SAID_ANSWER : SAID_NOTHING;
	*reply = line->say.err == ERR_OK ? fake_reply(line) : NULL;
	return line->say.err;
}

static inline enum err fake_hear(struct member *member, struct line **at, enum said *said, Craton__Reply **reply, struct awaited *awaited)
{
	struct fake *fake = (struct fake *)member;
	struct line *line = *at;
	enum err err = ERR_OK;
	eventfd_t ignored;
	pthread_mutex_lock(&fake->lock);
	*said = SAID_NOTHING;
	*reply = NULL;
	eventfd_read(line->fd, &ignored);
	bool is_first = !line->asked && !line->is_new; /* the question goes out, and there is nothing yet to hear */
	line->asked |= !line->is_new;
	if (is_first)
		line->asked_ms = clock_ms();
	if (is_first && fake_may_speak(fake, line)) {
		fake_ring(line);
	} else if (!is_first && fake_beats(fake, line)) {
		*said = SAID_HEARTBEAT;
	} else if (!is_first && fake_may_speak(fake, line)) {
		err = fake_say_locked(fake, line, said, reply);
	}
	*awaited = (struct awaited){ line->fd, POLLIN, fake_due(line), line->asked };
	if (err != ERR_OK || *said == SAID_FULL) {
		fake_close_locked(fake, line);
		*at = NULL;
	}
	pthread_mutex_unlock(&fake->lock);
	return err;
}

static inline void fake_drop(struct member *member)
{
	struct fake *fake = (struct fake *)member;
	pthread_mutex_lock(&fake->lock);
	atomic_fetch_add(&fake->drops, 1);
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
}

static inline void fake_interrupt(struct member *member)
{
	struct fake *fake = (struct fake *)member;
	atomic_store(&fake->interrupted, true);
	fake_ring_all(fake);
}

static inline void fake_destroy(struct member *member)
{
	struct fake *fake = (struct fake *)member;
	pthread_mutex_destroy(&fake->lock);
	pthread_cond_destroy(&fake->changed);
}

static inline void fake_let_go(struct member *member, struct line *line, enum line_end end)
{
	struct fake *fake = (struct fake *)member;
	if (!line->is_probe)
		atomic_fetch_add(end == LINE_FREE ? &fake->let_go_free : end == LINE_OWING ? &fake->let_go_owing : &fake->let_go_bad, 1);
	pthread_mutex_lock(&fake->lock);
	fake_close_locked(fake, line);
	pthread_mutex_unlock(&fake->lock);
}

static const struct member_ops fake_ops = {
	.ask = fake_ask, .hear = fake_hear, .let_go = fake_let_go, .drop = fake_drop,
	.interrupt = fake_interrupt, .destroy = fake_destroy,
};

/* Lives as long as the test's own memory. */
static inline struct member *fake_init(struct fake *fake, const char *name, const struct say *script, unsigned length)
{
	memset(fake, 0, sizeof *fake);
	fake->member = (struct member){ .ops = &fake_ops, .name = name };
	memcpy(fake->script, script, length * sizeof *script);
	fake->length = length;
	atomic_store(&fake->probe_err, ERR_CLOSED);
	pthread_mutex_init(&fake->lock, NULL);
	pthread_cond_init(&fake->changed, NULL);
	return &fake->member;
}

static inline void fake_wait(struct fake *fake, atomic_uint *number, unsigned count)
{
	pthread_mutex_lock(&fake->lock);
	while (atomic_load(number) < count)
		pthread_cond_wait(&fake->changed, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

/* Until it was asked, dropped or probed that often. */
static inline void fake_wait_calls(struct fake *fake, unsigned count)
{
	fake_wait(fake, &fake->calls, count);
}

static inline void fake_wait_drops(struct fake *fake, unsigned count)
{
	fake_wait(fake, &fake->drops, count);
}

static inline void fake_wait_probes(struct fake *fake, unsigned count)
{
	fake_wait(fake, &fake->probes, count);
}

static inline void wait_until_back(struct group *group, const struct member *member)
{
	pthread_mutex_lock(&group->lock);
	while (member->lost)
		group_wait_locked(group, DEADLINE_NEVER);
	pthread_mutex_unlock(&group->lock);
}

#define SAYS(...) (const struct say[]){ __VA_ARGS__ }, sizeof((const struct say[]){ __VA_ARGS__ }) / sizeof(struct say)
#define GOOD { .err = ERR_OK, .index = 1 }
#define LATE { .err = ERR_OK, .index = 1, .is_late = true }
#define FAULTY(name) { .err = ERR_OK, .fault = CRATON__FAULT__FAULT_##name, .index = 1 }
#define GONE { .err = ERR_CLOSED }
#define AT_INDEX(at) { .err = ERR_OK, .index = (at) }

#define LONG_MS 100000 /* longer than any story */

/* Nobody is asked because another is slow: on some machine at some time everybody is. */
static const struct group_settings patient = {
	.slot = 1, .command_ms = 60000, .recovery_retries = -1, .recovery_interval_ms = 50, .may_start_threads = true,
	.may_hedge = true, .hedge_least_ms = LONG_MS, .hedge_most_ms = LONG_MS,
};
/* Where silence is the story. */
static const struct group_settings watchful = {
	.slot = 1, .command_ms = 60000, .recovery_retries = -1, .recovery_interval_ms = 50, .may_start_threads = true,
	.may_hedge = true, .hedge_least_ms = 20, .hedge_most_ms = 200,
};
