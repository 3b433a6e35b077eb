#include "tests/fault/history.h"
#include "tests/conformance/suite.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 1024

static int history = -1;
static const char *process;

bool history_open(const char *file, const char *process_name)
{
	process = process_name;
	history = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (history < 0)
		perror(file);
	return history >= 0;
}

uint64_t history_now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* A history with a gap proves nothing: who cannot write it had better not go on. */
static void line_write(const char *line, int size)
{
	if (size < LINE_SIZE && write(history, line, (size_t)size) == size)
		return;
	fprintf(stderr, "fault-client: the history cannot be written\n");
	_exit(1);
}

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

void record_begin(struct record *record, struct tally *tally, const char *call, const char *object)
{
	*record = (struct record){ .tally = tally, .call = call };
	snprintf(record->object, sizeof record->object, "%s", object);
	record->invoke_us = history_now_us();
}

void record_begin_change(struct record *record, struct tally *tally, const char *call, const char *object, const char *value)
{
	char line[LINE_SIZE];
	record_begin(record, tally, call, object);
	snprintf(record->value, sizeof record->value, "%s", value);
	line_write(line, snprintf(line, sizeof line, "%llu\t-\t%s\t%s\t%s\t%s\tinvoked\t%s%s\n", (unsigned long long)record->invoke_us,
		process, tally->name, call, or_dash(object), *value ? "value=" : "-", value));
}

void record_step(struct record *record, uint64_t since_us)
{
	uint64_t took = history_now_us() - since_us;
	if (took > record->call_longest_us)
		record->call_longest_us = took;
}

void record_return(struct record *record)
{
	record->return_us = history_now_us();
}

static void tally_add(const struct record *record, uint64_t return_us, CK_RV rv, bool is_wrong)
{
	struct tally *tally = record->tally;
	uint64_t took = record->call_longest_us ? record->call_longest_us : return_us - record->invoke_us;
	tally->calls++;
	tally->errors += rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID && rv != CKR_KEY_HANDLE_INVALID;
	tally->wrong += is_wrong;
	if (took <= tally->longest_us)
		return;
	tally->longest_us = took;
	snprintf(tally->longest_call, sizeof tally->longest_call, "%s", record->call);
}

void record_end(struct record *record, CK_RV rv, const char *wrong, const char *format, ...)
{
	char line[LINE_SIZE], detail[400] = "";
	uint64_t now = record->return_us ? record->return_us : history_now_us();
	int size = 0;
	if (format) {
		va_list arguments;
		va_start(arguments, format);
		size = vsnprintf(detail, sizeof detail, format, arguments);
		va_end(arguments);
	}
	if (*record->value)
		size += snprintf(detail + size, sizeof detail - (size_t)size, "%svalue=%s", size ? " " : "", record->value);
	if (record->call_longest_us)
		size += snprintf(detail + size, sizeof detail - (size_t)size, "%slongest_us=%llu", size ? " " : "",
			(unsigned long long)record->call_longest_us);
	if (wrong)
		snprintf(detail + size, sizeof detail - (size_t)size, "%swrong=%s", size ? " " : "", wrong);
	line_write(line, snprintf(line, sizeof line, "%llu\t%llu\t%s\t%s\t%s\t%s\t%s\t%s\n", (unsigned long long)record->invoke_us,
		(unsigned long long)now, process, record->tally->name, record->call, or_dash(record->object), rv_text(rv), or_dash(detail)));
	tally_add(record, now, rv, wrong != NULL);
}
