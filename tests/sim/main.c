/* sim [--nodes N] [--seed FIRST] [--seeds COUNT] [--jobs N] [--trace] [--expect-violation] [--leader-stops]
 *
 * Runs COUNT seeds from FIRST on, each in a process of its own. Ends 0 if none found a violation; with
 * --expect-violation (for a build with a planted mistake) if one did. --leader-stops: of all that may go wrong, only the leader is
 * stopped, at each step of a proposal. */
#include "base/digest.h"
#include "tests/sim/sim.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED_SECONDS_MAX 300 /* of a seed that never ends */

struct options {
	const char *program;
	uint64_t first, count;
	unsigned nodes, jobs;
	bool trace, expect_violation, leader_stops;
};

static struct {
	uint64_t done, failed, acked, packets, crashes, snapshots, installs, changes, transfers, reads, refusals, settles, pauses, breaks, declines, handovers, stops,
		stop_ms, stop_ms_max;
} total;

struct job {
	pid_t pid;
	uint64_t seed;
	int from;
};

static void report(const struct options *options, uint64_t seed, int status)
{
	total.failed++;
	if (WIFSIGNALED(status))
		printf("died of signal %d\n", WTERMSIG(status));
	printf("seed %llu fails; to see it again: %s --nodes %u --seed %llu%s --trace\n", (unsigned long long)seed,
	       options->program, options->nodes, (unsigned long long)seed, options->leader_stops ? " --leader-stops" : "");
	fflush(stdout);
}

static void child(const struct options *options, uint64_t seed, struct job *jobs, int out)
{
	free(jobs);
	alarm(SEED_SECONDS_MAX);
	sim_run(seed, options->nodes, options->trace, options->leader_stops);
	if (write(out, &sim.count, sizeof sim.count) != (ssize_t)sizeof sim.count)
		_exit(4);
	close(out);
	digest_release();
	exit(0); /* past the leak checker, if there is one */
}

static void launch(const struct options *options, struct job *jobs, struct job *job, uint64_t seed)
{
	int ends[2];
	fflush(stdout);
	if (pipe(ends)) {
		perror("pipe");
		exit(2);
	}
	job->seed = seed;
	job->from = ends[0];
	job->pid = fork();
	if (job->pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!job->pid)
		child(options, seed, jobs, ends[1]);
	close(ends[1]);
}

static void add_up(int from)
{
	__typeof__(sim.count) count;
	if (read(from, &count, sizeof count) != (ssize_t)sizeof count)
		return;
	total.acked += count.acked;
	total.packets += count.packets;
	total.crashes += count.crashes;
	total.snapshots += count.snapshots;
	total.installs += count.installs;
	total.changes += count.changes;
	total.transfers += count.transfers;
	total.reads += count.reads;
	total.refusals += count.refusals;
	total.settles += count.settles;
	total.pauses += count.pauses;
	total.breaks += count.breaks;
	total.declines += count.declines;
	total.handovers += count.handovers;
	total.stops += count.stops;
	total.stop_ms += count.stop_ms;
	if (count.stop_ms_max > total.stop_ms_max)
		total.stop_ms_max = count.stop_ms_max;
}

static struct job *wait_one(struct job *jobs, unsigned count, int *status)
{
	pid_t pid = wait(status);
	for (unsigned i = 0; i < count; i++)
		if (jobs[i].pid == pid)
			return &jobs[i];
	return NULL;
}

static void run_all(const struct options *options)
{
	struct job *jobs = calloc(options->jobs, sizeof *jobs);
	uint64_t next = options->first, end = options->first + options->count, running = 0;
	while (running || next < end) {
		for (unsigned i = 0; i < options->jobs && next < end; i++)
			if (!jobs[i].pid) {
				launch(options, jobs, &jobs[i], next++);
				running++;
			}
		int status;
		struct job *job = wait_one(jobs, options->jobs, &status);
		if (!job)
			continue;
		total.done++;
		running--;
		if (status)
			report(options, job->seed, status);
		else
			add_up(job->from);
		close(job->from);
		job->pid = 0;
		if (options->expect_violation && total.failed)
			next = end;
	}
	free(jobs);
}

static void usage(const char *program)
{
	fprintf(stderr, "usage: %s [--nodes 1..7] [--seed FIRST] [--seeds COUNT] [--jobs N] [--trace] [--expect-violation] [--leader-stops]\n", program);
	exit(2);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "nodes", required_argument, NULL, 'n' }, { "seed", required_argument, NULL, 's' },
		{ "seeds", required_argument, NULL, 'c' }, { "jobs", required_argument, NULL, 'j' },
		{ "trace", no_argument, NULL, 't' }, { "expect-violation", no_argument, NULL, 'x' },
		{ "leader-stops", no_argument, NULL, 'l' }, { 0 },
	};
	for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (option) {
		case 'n': options->nodes = (unsigned)strtoul(optarg, NULL, 10); break;
		case 's': options->first = strtoull(optarg, NULL, 10); break;
		case 'c': options->count = strtoull(optarg, NULL, 10); break;
		case 'j': options->jobs = (unsigned)strtoul(optarg, NULL, 10); break;
		case 't': options->trace = true; break;
		case 'l': options->leader_stops = true; break;
		case 'x': options->expect_violation = true; break;
		default: usage(argv[0]);
		}
	}
	if (options->nodes < 1 || options->nodes > VOTERS_MAX || !options->jobs || !options->count || optind != argc)
		usage(argv[0]);
}

int main(int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct options options = { .program = argv[0], .first = 1, .count = 1, .nodes = 3,
	                           .jobs = processors > 0 ? (unsigned)processors : 1 };
	struct complaint complaint;
	parse(argc, argv, &options);
	if (driver_engine_check(&complaint) != ERR_OK) {
		fprintf(stderr, "%s\n", complaint.text);
		return 2;
	}
	digest_context(); /* once, for all the processes to come */
	run_all(&options);
	printf("%u nodes, %llu seeds: %llu failed; %llu requests acknowledged, %llu reads, %llu settled, %llu packets, "
	       "%llu crashes, %llu pauses, %llu connections broken, %llu tokens out, %llu times handed over by them, %llu snapshots sent, %llu restored, %llu changes, %llu transfers, "
	       "%llu damaged disks refused\n",
	       options.nodes, (unsigned long long)total.done, (unsigned long long)total.failed,
	       (unsigned long long)total.acked, (unsigned long long)total.reads, (unsigned long long)total.settles,
	       (unsigned long long)total.packets, (unsigned long long)total.crashes, (unsigned long long)total.pauses,
	       (unsigned long long)total.breaks, (unsigned long long)total.declines, (unsigned long long)total.handovers,
	       (unsigned long long)total.snapshots, (unsigned long long)total.installs, (unsigned long long)total.changes,
	       (unsigned long long)total.transfers, (unsigned long long)total.refusals);
	if (total.stops)
		printf("the leader was stopped %llu times; requests waited %llu ms on average, %llu ms at most\n",
		       (unsigned long long)total.stops, (unsigned long long)(total.stop_ms / total.stops),
		       (unsigned long long)total.stop_ms_max);
	return options.expect_violation ? !total.failed : total.failed != 0;
}
