/* Two members and one question, the simplest group in which a failure is a stall. */
#pragma once
#include "tests/check.h"
#include "tests/unit/ha/fake_member.h"
#include "tests/unit/ha/questions.h"

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

static inline struct group *group_of_one(const struct group_settings *settings)
{
	struct member *members[] = { &a.member };
	return group_create(settings, members, 1);
}

/* `a` is asked first. */
static inline struct group *group_of_two(const struct group_settings *settings)
{
	struct member *members[] = { &a.member, &b.member };
	return group_create(settings, members, 2);
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
