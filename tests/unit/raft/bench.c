/* How long a proposal takes, and how many there are in a second: three nodes in one process, real logs and TLS on the
 * loopback, 1 KiB entries. Not a test: it prints.
 *
 *	bench-raft [seconds for each line]
 *	bench-raft away ENTRIES SIZE    how long a follower takes that missed so many
 *	bench-raft restart              a thousand in a row, again and again, at first and after all have been started anew */
#include "base/log.h"
#include "tests/unit/raft/cluster.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZE 1024
#define SAMPLES_MAX 1000000

static struct cluster cluster;

struct load {
	struct node *node;
	int64_t until_us;
	int64_t *samples;        /* us, of all threads */
	_Atomic size_t count;
};

static void *propose_on(void *context)
{
	struct load *load = context;
	uint8_t data[SIZE] = { 0 };
	while (clock_us() < load->until_us) {
		struct id request = id_random();
		uint64_t index;
		int64_t start = clock_us();
		if (consensus_propose(load->node->consensus, &request, data, sizeof data, deadline_in(30000), &index) != ERR_OK)
			abort();
		size_t at = load->count++;
		if (at < SAMPLES_MAX)
			load->samples[at] = clock_us() - start;
	}
	return NULL;
}

static int compare(const void *one, const void *two)
{
	int64_t a = *(const int64_t *)one, b = *(const int64_t *)two;
	return a < b ? -1 : a > b;
}

static void run(const char *where, struct node *node, size_t threads, int64_t seconds)
{
	struct load load = { .node = node, .samples = calloc(SAMPLES_MAX, sizeof *load.samples) };
	pthread_t *all = calloc(threads, sizeof *all);
	if (!load.samples || !all)
		abort();
	uint64_t syncs = node_status(node).log_syncs;
	load.until_us = clock_us() + seconds * 1000000;
	for (size_t i = 0; i < threads; i++)
		pthread_create(&all[i], NULL, propose_on, &load);
	for (size_t i = 0; i < threads; i++)
		pthread_join(all[i], NULL);
	size_t count = load.count < SAMPLES_MAX ? load.count : SAMPLES_MAX;
	qsort(load.samples, count, sizeof *load.samples, compare);
	printf("%-8s outstanding=%-4zu per_second=%-7.0f p50_ms=%-7.3f p99_ms=%-7.3f max_ms=%-7.3f commits=%llu\n", where, threads,
	       (double)count / (double)seconds, (double)load.samples[count / 2] / 1e3,
	       (double)load.samples[count * 99 / 100] / 1e3, (double)load.samples[count - 1] / 1e3,
	       (unsigned long long)(node_status(node).log_syncs - syncs));
	free(load.samples);
	free(all);
}

/* ------------------------------------------------------------------ away */

struct batch {
	struct node *node;
	size_t size, count;
};

static void *propose_batch(void *context)
{
	struct batch *batch = context;
	uint8_t *data = calloc(1, batch->size);
	for (size_t i = 0; i < batch->count; i++) {
		struct id request = id_random();
		uint64_t index;
		if (consensus_propose(batch->node->consensus, &request, data, batch->size, deadline_in(60000), &index) != ERR_OK)
			abort();
	}
	free(data);
	return NULL;
}

static void away(size_t entries, size_t size)
{
	struct complaint complaint;
	pthread_t threads[64];
	struct node *leader = cluster_leader(&cluster), *gone = cluster_follower(&cluster);
	struct batch batch = { leader, size, entries / 64 + 1 };
	uint64_t index = 0;
	node_stop(gone);
	for (size_t i = 0; i < 64; i++)
		pthread_create(&threads[i], NULL, propose_batch, &batch);
	for (size_t i = 0; i < 64; i++)
		pthread_join(threads[i], NULL);
	index = consensus_applied(leader->consensus);
	int64_t start = clock_us();
	clock_t cpu = clock();
	if (node_start(gone, &complaint) != ERR_OK)
		abort();
	int64_t started = clock_us();
	node_catches_up(gone, index);
	int64_t done = clock_us();
	struct consensus_status status = node_status(gone);
	printf("away     entries=%llu size=%zu start_ms=%.0f caught_up_ms=%.0f cpu_ms=%.0f commits=%llu installed=%llu\n", (unsigned long long)index,
	       size, (double)(started - start) / 1e3, (double)(done - started) / 1e3, (double)(clock() - cpu) * 1e3 / CLOCKS_PER_SEC, (unsigned long long)status.log_syncs,
	       (unsigned long long)status.snapshots_installed);
}

/* ------------------------------------------------------------------ restart */

static void thousand(const char *when)
{
	int64_t start = clock_us();
	struct node *leader = cluster_leader(&cluster);
	int64_t elected = clock_us();
	uint64_t syncs = node_status(leader).log_syncs;
	struct batch batch = { leader, SIZE, 1 };
	propose_batch(&batch);
	int64_t first = clock_us();
	batch.count = 999;
	propose_batch(&batch);
	int64_t end = clock_us();
	printf("%-8s leader_ms=%-6.0f first_ms=%-6.1f rest_ms=%-6.0f commits=%llu\n", when, (double)(elected - start) / 1e3, (double)(first - elected) / 1e3,
	       (double)(end - first) / 1e3, (unsigned long long)(node_status(leader).log_syncs - syncs));
}

static void restart(void)
{
	for (int i = 0; i < 6; i++)
		thousand("new");
	for (size_t i = 0; i < cluster.count; i++)
		node_stop(&cluster.nodes[i]);
	cluster_start(&cluster);
	for (int i = 0; i < 6; i++)
		thousand("again");
}

static void throughput(int64_t seconds)
{
	static const size_t threads[] = { 1, 4, 64, 256 };
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		run("leader", cluster_leader(&cluster), threads[i], seconds);
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		run("follower", cluster_follower(&cluster), threads[i], seconds);
}

int main(int argc, char **argv)
{
	log_to_stderr(LOG_WARN_LINE);
	setvbuf(stdout, NULL, _IOLBF, 0);
	cluster_init(&cluster, 3, 0);
	cluster_is_busy(&cluster);
	cluster.snapshot_entries = 8192; /* a node's own presets */
	cluster.trailing_entries = 1024;
	cluster_start(&cluster);
	if (argc == 4 && strcmp(argv[1], "away") == 0)
		away(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	else if (argc == 2 && strcmp(argv[1], "restart") == 0)
		restart();
	else
		throughput(argc == 2 ? atoll(argv[1]) : 5);
	cluster_finish(&cluster);
	return 0;
}
