/* Two members and one question, the simplest group in which a failure is a stall. */
#pragma once
#include "tests/check.h"
#include "tests/unit/ha/fake_member.h"
#include "wire/cryptoki.h"

static struct fake a, b;

static inline void start(const struct say *of_a, unsigned length_a, const struct say *of_b, unsigned length_b)
{
	fake_init(&a, "a", of_a, length_a);
	fake_init(&b, "b", of_b, length_b);
}

/* The same, where both have been measured as quick. */
static inline void start_quick(const struct say *of_a, unsigned length_a, const struct say *of_b, unsigned length_b)
{
	start(of_a, length_a, of_b, length_b);
	a.member.latency_us = b.member.latency_us = a.member.usual_us = b.member.usual_us = 1000;
	a.member.latency_at_ms = b.member.latency_at_ms = clock_ms();
}

/* `a` is asked first. */
static inline struct group *group_of_two(const struct group_settings *settings)
{
	struct member *members[] = { &a.member, &b.member };
	return group_create(settings, members, 2);
}

/* ERR_BUSY: a fault is the answer; ERR_IO: an error of the token's. */
static inline enum err finish(enum err err, Craton__Reply *reply)
{
	if (err == ERR_OK && reply->fault != CRATON__FAULT__FAULT_NONE)
		err = ERR_BUSY;
	if (err == ERR_OK && reply->rv != CKR_OK)
		err = ERR_IO;
	reply_free(reply);
	return err;
}

static inline enum err read_once(struct group *group)
{
	Craton__Reply *reply = NULL;
	enum err err = ask_read(group, &reply);
	return finish(err, reply);
}

static inline enum err deed_once(struct group *group)
{
	Craton__Reply *reply = NULL;
	enum err err = ask_deed(group, &reply);
	return finish(err, reply);
}

/* A read in a thread of its own, under way until it is ended. */
static inline void *read_in_thread(void *group)
{
	return (void *)(uintptr_t)read_once(group);
}

static inline pthread_t read_begin(struct group *group)
{
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, read_in_thread, group), 0);
	return thread;
}

static inline enum err read_end(pthread_t thread)
{
	void *err;
	pthread_join(thread, &err);
	return (enum err)(uintptr_t)err;
}
