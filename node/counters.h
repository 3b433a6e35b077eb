/* What a node has done, counted since it started; shown by Status under these names. */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS(X)                                                                     \
	X(SIGN, "sign") X(VERIFY, "verify") X(ENCRYPT, "encrypt") X(DECRYPT, "decrypt") \
	X(GENERATE, "generate") X(CREATE, "create") X(CHANGE, "change")                 \
	X(COPY, "copy") X(WRAP, "wrap") X(UNWRAP, "unwrap") X(DERIVE, "derive")         \
	X(DESTROY, "destroy") X(FIND, "find") X(LOGIN, "login")                         \
	X(LOGIN_FAILED, "login_failed") X(RANDOM, "random") X(CALLS, "calls")           \
	X(CALLS_BEHIND, "calls_behind") X(CALLS_REFUSED, "calls_refused")               \
	X(CALLS_WITHOUT_MAJORITY, "calls_without_majority")                             \
	X(TOKEN_ERRORS, "token_errors") X(FRAMES_REFUSED, "frames_refused")             \
	X(CONNECTIONS, "connections") X(CONNECTIONS_OPEN, "connections_open")           \
	X(CONNECTIONS_DROPPED, "connections_dropped")                                   \
	X(CONNECTIONS_REFUSED, "connections_refused") X(CONNECTIONS_BUSY, "connections_busy") \
	X(CONNECTIONS_GAVE_WAY, "connections_gave_way")                                 \
	X(ACCEPTS_FAILED, "accepts_failed") X(HEARTBEATS, "heartbeats")

enum counter {
#define X(name, text) COUNTER_##name,
	COUNTERS(X)
#undef X
	COUNTER_COUNT
};

struct counters {
	_Atomic uint64_t values[COUNTER_COUNT];
};

const char *counter_name(enum counter counter);

static inline void count_one(struct counters *counters, enum counter counter)
{
	atomic_fetch_add_explicit(&counters->values[counter], 1, memory_order_relaxed);
}

static inline uint64_t counter_value(struct counters *counters, enum counter counter)
{
	return atomic_load_explicit(&counters->values[counter], memory_order_relaxed);
}
