#include "tests/unit/raft/log_fixture.h"
#include "tests/check.h"
#include <pthread.h>

struct scratch live, copy;
static struct secret *secret;
struct chain *chain;
struct snapshots *snapshots;
struct log_store *store;
struct saved_state saved;
struct complaint complaint;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
size_t written, fatals;

static void on_written(void *context, struct log_job *jobs)
{
	(void)context;
	size_t count = 0;
	for (struct log_job *job = jobs; job; job = job->next)
		count++;
	log_jobs_release(jobs);
	pthread_mutex_lock(&lock);
	written += count;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void on_fatal(void *context)
{
	(void)context;
	pthread_mutex_lock(&lock);
	fatals++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void wait_written(size_t count)
{
	pthread_mutex_lock(&lock);
	while (written < count && !fatals)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

enum err open_at(const struct scratch *where)
{
	char folder[300];
	snprintf(folder, sizeof folder, "%s/snapshots", where->path);
	CU_ASSERT_EQUAL_FATAL(snapshots_open(folder, secret, &snapshots, &complaint), ERR_OK);
	struct log_store_config config = { .folder = where->path, .chain = chain, .snapshots = snapshots,
		                           .written = on_written, .fatal = on_fatal };
	written = fatals = 0;
	saved = (struct saved_state){ 0 };
	enum err err = log_store_open(&config, &store, &saved, &complaint);
	if (err != ERR_OK) {
		store = NULL;
		snapshots_close(snapshots);
	}
	return err;
}

void shut(void)
{
	log_store_close(store);
	store = NULL;
	saved_state_release(&saved);
	snapshots_close(snapshots);
}

void begin(void)
{
	static const uint8_t key[32] = { 3 };
	scratch_make(&live);
	scratch_make_in_memory(&copy);
	secret = secret_create(key, sizeof key);
	chain = chain_create(secret, 1);
	CU_ASSERT_EQUAL_FATAL(log_store_create(live.path, chain, &complaint), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(open_at(&live), ERR_OK);
}

void finish(void)
{
	if (store)
		shut();
	chain_destroy(chain);
	secret_destroy(secret);
	scratch_remove(&live);
	scratch_remove(&copy);
}

void write_entries(uint64_t index, uint64_t term, size_t count)
{
	struct log_job *job = calloc(1, sizeof *job);
	job->kind = LOG_ENTRIES;
	job->index = index;
	job->count = count;
	job->entries = calloc(count, sizeof *job->entries);
	for (size_t i = 0; i < count; i++) {
		char text[64];
		int size = snprintf(text, sizeof text, "entry %llu of term %llu", (unsigned long long)(index + i),
		                    (unsigned long long)term);
		job->entries[i] = entry_create(term, ENTRY_COMMAND, text, i % 5 ? (size_t)size : 0);
	}
	log_store_write(store, job);
}

void write_snapshot(enum log_job_kind kind, uint64_t index, uint64_t term, uint64_t trim_to)
{
	struct log_job *job = calloc(1, sizeof *job);
	char plain[300];
	job->kind = kind;
	job->trim_to = trim_to;
	job->meta = (struct snapshot_meta){ .index = index, .term = term, .configuration_index = 1 };
	job->meta.configuration.count = 1;
	job->meta.configuration.nodes[0] = (struct consensus_node){ .id = 1, .name = "a", .voter = true };
	snprintf(job->meta.configuration.nodes[0].address.host, 32, "127.0.0.1");
	job->meta.configuration.nodes[0].address.port = 7000;
	snprintf(plain, sizeof plain, "%s/plain", live.path);
	scratch_write(plain, "the machine", 11);
	job->file = snapshots_scratch(snapshots);
	CU_ASSERT_EQUAL(snapshots_wrap(snapshots, &job->meta, plain, job->file, &complaint), ERR_OK);
	log_store_write(store, job);
}

bool loaded_is(uint64_t first, uint64_t last, uint64_t last_term)
{
	if (saved.first_index != first || saved.count != last + 1 - first)
		return false;
	return !saved.count || saved.entries[saved.count - 1]->term == last_term;
}

void copy_file(const char *name)
{
	char from[600], to[600];
	snprintf(from, sizeof from, "%s/%s", live.path, name);
	snprintf(to, sizeof to, "%s/%s", copy.path, name);
	struct bytes_of bytes = scratch_read(from);
	unlink(to);
	if (bytes.exists)
		scratch_write(to, bytes.data, bytes.size);
	free(bytes.data);
}

void copy_log(void)
{
	copy_file("log.db");
	copy_file("log.db-wal");
}
