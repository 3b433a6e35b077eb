/* Members that do as they are told, behind the interface of the real ones. */
#pragma once
#include "ha/group.h"
#include "wire/call.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX 16

/* One answer: an error, or a reply with a fault, or a good one. */
struct line {
	enum err err;
	Craton__Fault fault;
	uint64_t index;
};
struct fake {
	struct member member;
	struct line script[SCRIPT_MAX]; /* the last line is said again and again */
	unsigned length;
	atomic_uint calls, probes, drops;
	atomic_uint lines, let_go_good, let_go_bad; /* lines that were taken, and how they ended */
	atomic_int probe_err;
	bool waits;                     /* for an interrupt */
	atomic_bool interrupted;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* what it was asked last */
	struct id request_ids[SCRIPT_MAX];
	uint64_t index_min;
	uint32_t timeout_ms;
	int64_t patience_ms;
	bool was_shown;
};

static inline enum err fake_call(struct member *member, const Craton__Request *request, int64_t patience_ms, Craton__Reply **reply)
{
	struct fake *fake = (struct fake *)member;
	pthread_mutex_lock(&fake->lock);
	unsigned n = atomic_fetch_add(&fake->calls, 1);
	struct line line = fake->script[n < fake->length ? n : fake->length - 1];
	id_from_bytes(&fake->request_ids[n % SCRIPT_MAX], request->request_id.data, request->request_id.len);
	fake->index_min = request->index_min;
	fake->timeout_ms = request->timeout_ms;
	fake->patience_ms = patience_ms;
	fake->was_shown = request->body_case == CRATON__REQUEST__BODY_CRYPT && request->crypt->key && request->crypt->key->carried;
	pthread_cond_broadcast(&fake->changed);
	while (fake->waits && !atomic_load(&fake->interrupted))
		pthread_cond_wait(&fake->changed, &fake->lock);
	if (fake->waits)
		line.err = ERR_CLOSED;
	pthread_mutex_unlock(&fake->lock);
	if (line.err != ERR_OK)
		return line.err;
	*reply = malloc(sizeof **reply);
	craton__reply__init(*reply);
	(*reply)->fault = line.fault;
	(*reply)->index = line.index;
	return ERR_OK;
}

static inline enum err fake_probe(struct member *member)
{
	struct fake *fake = (struct fake *)member;
	pthread_mutex_lock(&fake->lock);
	atomic_fetch_add(&fake->probes, 1);
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
	return (enum err)atomic_load(&fake->probe_err);
}

static inline void fake_drop(struct member *member)
{
	atomic_fetch_add(&((struct fake *)member)->drops, 1);
}

static inline void fake_interrupt(struct member *member)
{
	struct fake *fake = (struct fake *)member;
	pthread_mutex_lock(&fake->lock);
	atomic_store(&fake->interrupted, true);
	pthread_cond_broadcast(&fake->changed);
	pthread_mutex_unlock(&fake->lock);
}

static inline void fake_destroy(struct member *member)
{
	struct fake *fake = (struct fake *)member;
	pthread_mutex_destroy(&fake->lock);
	pthread_cond_destroy(&fake->changed);
}

static inline enum err fake_call_on(struct member *member, struct line **line, const Craton__Request *request, int64_t patience_ms,
                                    Craton__Reply **reply)
{
	struct fake *fake = (struct fake *)member;
	atomic_fetch_add(&fake->lines, !*line);
	enum err err = fake_call(member, request, patience_ms, reply);
	*line = err == ERR_OK ? (struct line *)fake : NULL;
	return err;
}

static inline void fake_let_go(struct member *member, struct line *line, bool is_good)
{
	struct fake *fake = (struct fake *)member;
	(void)line;
	atomic_fetch_add(is_good ? &fake->let_go_good : &fake->let_go_bad, 1);
}

static const struct member_ops fake_ops = {
	.call = fake_call, .call_on = fake_call_on, .let_go = fake_let_go, .probe = fake_probe, .drop = fake_drop,
	.interrupt = fake_interrupt, .destroy = fake_destroy,
};

/* Lives as long as the test's own memory. */
static inline struct member *fake_init(struct fake *fake, const char *name, const struct line *script, unsigned length)
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

/* Until it was asked or probed that often. */
static inline void fake_wait_calls(struct fake *fake, unsigned count)
{
	pthread_mutex_lock(&fake->lock);
	while (atomic_load(&fake->calls) < count)
		pthread_cond_wait(&fake->changed, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

static inline void fake_wait_probes(struct fake *fake, unsigned count)
{
	pthread_mutex_lock(&fake->lock);
	while (atomic_load(&fake->probes) < count)
		pthread_cond_wait(&fake->changed, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

#define SAYS(...) (const struct line[]){ __VA_ARGS__ }, sizeof((const struct line[]){ __VA_ARGS__ }) / sizeof(struct line)
#define GOOD { ERR_OK, CRATON__FAULT__FAULT_NONE, 1 }
#define FAULTY(name) { ERR_OK, CRATON__FAULT__FAULT_##name, 1 }
#define GONE { ERR_CLOSED, CRATON__FAULT__FAULT_NONE, 0 }

static const struct group_settings patient = {
	.slot = 1, .command_ms = 5000, .recovery_retries = -1, .recovery_interval_ms = 50, .may_start_threads = true,
};

/* The simplest of each kind: a read, a deed. */
static inline enum err ask_read(struct group *group, Craton__Reply **reply)
{
	struct question question = QUESTION_INIT;
	Craton__SlotInfoRequest body = CRATON__SLOT_INFO_REQUEST__INIT;
	question.request.body_case = CRATON__REQUEST__BODY_SLOT_INFO;
	question.request.slot_info = &body;
	return group_call(group, &question, reply);
}

static inline enum err ask_deed(struct group *group, Craton__Reply **reply)
{
	struct question question = QUESTION_INIT;
	Craton__DestroyObject body = CRATON__DESTROY_OBJECT__INIT;
	question.request.body_case = CRATON__REQUEST__BODY_DESTROY_OBJECT;
	question.request.destroy_object = &body;
	return group_call(group, &question, reply);
}
