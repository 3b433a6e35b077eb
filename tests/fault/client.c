/* fault-client prepare|load|final --process NAME --history FILE --board FILE
 *              [--threads KIND=COUNT,...] [--pace-us N] [--seconds N] [--seed N]
 *
 * prepare: makes the keys that are always there. load: drives the slot until SIGTERM, or for so long. final: reads everything that any
 * process has tried to make. The module, slot and PIN come from the environment (bench/module.h).
 *
 * Ends with 0 whatever the calls gave (the history tells), with a summary on stdout; 1: it could not begin; 2: it was called wrongly. */
#include "tests/fault/client.h"
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORKERS_MAX 64

struct module module;
_Atomic bool is_stopping;
static int stop_event = -1; /* readable for ever once is_stopping */

static struct options {
	const char *what, *process, *history, *board, *threads;
	unsigned pace_us, seed;
	int seconds;
} options = { .threads = "sign=4,create=1", .pace_us = 10000, .seed = 1, .seconds = -1 };

struct thread {
	pthread_t thread;
	const struct load *load;
	struct worker worker;
};
static struct thread threads[WORKERS_MAX];
static size_t thread_count;

unsigned draw(struct worker *worker, unsigned below)
{
	return (unsigned)rand_r(&worker->seed) / 7 % below;
}

void pause_us(uint64_t us)
{
	struct timespec time = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
	ppoll(&(struct pollfd){ .fd = stop_event, .events = POLLIN }, 1, &time, NULL);
}

static void stop(int signal)
{
	ssize_t size;
	(void)signal;
	is_stopping = true;
	size = write(stop_event, &(uint64_t){ 1 }, 8);
	(void)size;
}

static struct worker *worker_begin(struct worker *worker, const char *kind, size_t kind_size, unsigned number)
{
	*worker = (struct worker){ .seed = options.seed * 7919 + number * 104729 + 1, .pace_us = options.pace_us, .process = options.process };
	snprintf(worker->tally.name, sizeof worker->tally.name, "%.*s-%u", (int)kind_size, kind, number);
	worker->session = module_session(&module);
	return worker;
}

static void *run(void *argument)
{
	struct thread *thread = argument;
	while (!is_stopping) {
		thread->load->round(&thread->worker);
		pause_us((uint64_t)thread->load->slowness * thread->worker.pace_us);
	}
	free(thread->worker.work.text);
	return NULL;
}

/* KIND=COUNT,KIND=COUNT */
static bool threads_plan(const char *text)
{
	while (*text) {
		size_t size = strcspn(text, "=");
		const struct load *load = load_named(text, size);
		char *end;
		unsigned long count = load && text[size] ? strtoul(text + size + 1, &end, 10) : 0;
		if (!count || count > WORKERS_MAX - thread_count || (*end && *end != ','))
			return false;
		for (unsigned i = 0; i < count; i++) {
			threads[thread_count].load = load;
			worker_begin(&threads[thread_count++].worker, load->name, strlen(load->name), i);
		}
		text = *end ? end + 1 : end;
	}
	return thread_count > 0;
}

static void tell(const struct tally *tally)
{
	printf("%s calls=%llu errors=%llu wrong=%llu longest_ms=%.1f (%s)\n", tally->name, (unsigned long long)tally->calls,
		(unsigned long long)tally->errors, (unsigned long long)tally->wrong, (double)tally->longest_us / 1000, tally->longest_call);
}

static int load(void)
{
	if (!threads_plan(options.threads)) {
		fprintf(stderr, "fault-client: --threads %s\n", options.threads);
		return 2;
	}
	for (size_t i = 0; i < thread_count; i++)
		if (pthread_create(&threads[i].thread, NULL, run, &threads[i]) != 0)
			return 1;
	if (options.seconds >= 0)
		pause_us((uint64_t)options.seconds * 1000000);
	else
		ppoll(&(struct pollfd){ .fd = stop_event, .events = POLLIN }, 1, NULL, NULL);
	stop(0);
	for (size_t i = 0; i < thread_count; i++) {
		pthread_join(threads[i].thread, NULL);
		tell(&threads[i].worker.tally);
	}
	return 0;
}

static int prepare(void)
{
	struct worker worker;
	CK_RV rv = load_prepare(worker_begin(&worker, "prepare", 7, 0));
	tell(&worker.tally);
	return rv == CKR_OK ? 0 : 1;
}

static int final(void)
{
	struct worker worker;
	load_final(worker_begin(&worker, "final", 5, 0));
	tell(&worker.tally);
	return 0;
}

/* One line for all that an application does first: from here on the process knows what anybody was told of before. */
static void open_noted(void)
{
	struct tally tally = { .name = "open-0" };
	struct record record;
	record_begin(&record, &tally, "C_Login", "");
	module_open(&module);
	record_end(&record, CKR_OK, NULL, NULL);
}

static bool options_read(int count, char **words)
{
	static const struct option known[] = { { "process", 1, NULL, 'p' }, { "history", 1, NULL, 'h' }, { "board", 1, NULL, 'b' },
		{ "threads", 1, NULL, 't' }, { "pace-us", 1, NULL, 'u' }, { "seconds", 1, NULL, 's' }, { "seed", 1, NULL, 'r' }, { 0 } };
	int option;
	while ((option = getopt_long(count, words, "", known, NULL)) != -1)
		switch (option) {
		case 'p': options.process = optarg; break;
		case 'h': options.history = optarg; break;
		case 'b': options.board = optarg; break;
		case 't': options.threads = optarg; break;
		case 'u': options.pace_us = (unsigned)atoi(optarg); break;
		case 's': options.seconds = atoi(optarg); break;
		case 'r': options.seed = (unsigned)atoi(optarg); break;
		default: return false;
		}
	options.what = optind + 1 == count ? words[optind] : NULL;
	return options.what && options.process && options.history && options.board;
}

int main(int count, char **words)
{
	static const struct { const char *name; int (*run)(void); } all[] = { { "prepare", prepare }, { "load", load }, { "final", final } };
	if (!options_read(count, words)) {
		fprintf(stderr, "usage: fault-client prepare|load|final --process NAME --history FILE --board FILE [--threads KIND=COUNT,...]"
			" [--pace-us N] [--seconds N] [--seed N]\n");
		return 2;
	}
	stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct sigaction action = { .sa_handler = stop };
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (stop_event < 0 || !history_open(options.history, options.process) || !board_open(options.board))
		return 1;
	open_noted();
	int status = 2;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i].name, options.what) == 0)
			status = all[i].run();
	module_close(&module);
	return status;
}
