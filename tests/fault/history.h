/* What one client process asked and was told, one line a call, for the checker to judge:
 *
 *	invoke_us  return_us  process  thread  call  object  outcome  detail
 *
 * Separated by tabs; times are CLOCK_MONOTONIC in microseconds. A line is one write to a file opened for appending, so that a client
 * that is killed leaves whole lines. A call that changes something leaves a line when it begins, too, with return_us `-` and outcome
 * `invoked`: it may have been done though nobody lived to say so.
 *
 * object: LABEL/SIDE, several joined by `+` where one call makes several, `-` where it concerns none.
 * outcome: the name of the CK_RV. detail: words `name=value`; `wrong=…` says that the answer was false. */
#pragma once
#include "wire/cryptoki.h"
#include <stdbool.h>
#include <stdint.h>

#define HISTORY_OBJECT_SIZE 160

/* What a thread has seen; its own alone until it has ended. */
struct tally {
	char name[32]; /* KIND-NUMBER */
	uint64_t calls, errors, wrong;
	uint64_t longest_us;
	char longest_call[32];
};

struct record {
	struct tally *tally;
	const char *call;
	char object[HISTORY_OBJECT_SIZE];
	char value[64];        /* what it writes, or "" */
	uint64_t invoke_us, return_us;
	uint64_t call_longest_us; /* of several calls that one line tells of; 0: it tells of one */
};

/* False, and a line on stderr, if the file cannot be opened. `process` is kept. */
bool history_open(const char *file, const char *process);
uint64_t history_now_us(void);

/* The clock starts. */
void record_begin(struct record *record, struct tally *tally, const char *call, const char *object);
/* The same for a call that changes something: `value` is what the object will then say ("" for none). */
void record_begin_change(struct record *record, struct tally *tally, const char *call, const char *object, const char *value);
/* One of several calls took this long. */
void record_step(struct record *record, uint64_t since_us);
/* The call has returned; only needed where something takes time between it and record_end. */
void record_return(struct record *record);
/* `wrong`: what is false about the answer, one word; NULL if nothing is. `format`: further words of the detail, or NULL. */
void record_end(struct record *record, CK_RV rv, const char *wrong, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
