#include "tests/sim/disk.h"
#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

void disk_init(struct disk *disk, uint64_t id)
{
	memset(disk, 0, sizeof *disk);
	disk->chain = chain_create(sim.secret, id);
	chain_anchor(disk->chain, 0, 0, disk->base_hash);
	memcpy(disk->head, disk->base_hash, CHAIN_SIZE);
	memcpy(disk->mark.head, disk->base_hash, CHAIN_SIZE);
	chain_seal(disk->chain, "vote", &disk->vote, sizeof disk->vote, disk->vote_seal);
}

static void row_free(struct log_row *row)
{
	free((void *)(uintptr_t)row->data);
}

void disk_finish(struct disk *disk)
{
	for (size_t i = 0; i < disk->count; i++)
		row_free(&disk->rows[i]);
	free(disk->rows);
	image_drop(disk->image);
	chain_destroy(disk->chain);
}

static uint64_t last(const struct disk *disk)
{
	return disk->base + disk->count;
}

static void head_is_last(struct disk *disk)
{
	memcpy(disk->head, disk->count ? disk->rows[disk->count - 1].hash : disk->base_hash, CHAIN_SIZE);
}

static void cut(struct disk *disk, uint64_t index)
{
	while (disk->count && last(disk) >= index)
		row_free(&disk->rows[--disk->count]);
	head_is_last(disk);
}

static void append(struct disk *disk, uint64_t index, const struct entry *entry)
{
	if (index != last(disk) + 1)
		violation("HOLE: a row %llu is written after %llu", (unsigned long long)index, (unsigned long long)last(disk));
	if (disk->count == disk->capacity) {
		disk->capacity = disk->capacity ? disk->capacity * 2 : 64;
		disk->rows = realloc(disk->rows, disk->capacity * sizeof *disk->rows);
	}
	uint8_t *data = malloc(entry->size + 1u);
	memcpy(data, entry->data, entry->size);
	struct log_row *row = &disk->rows[disk->count++];
	*row = (struct log_row){ .index = index, .term = entry->term, .type = (uint8_t)entry->type, .data = data, .size = entry->size };
	chain_append(disk->chain, disk->head, row);
}

static void trim(struct disk *disk, uint64_t index)
{
	size_t gone = 0;
	while (gone < disk->count && disk->rows[gone].index <= index)
		gone++;
	if (!gone)
		return;
	disk->base = disk->rows[gone - 1].index;
	disk->base_term = disk->rows[gone - 1].term;
	memcpy(disk->base_hash, disk->rows[gone - 1].hash, CHAIN_SIZE);
	for (size_t i = 0; i < gone; i++)
		row_free(&disk->rows[i]);
	disk->count -= gone;
	memmove(disk->rows, disk->rows + gone, disk->count * sizeof *disk->rows);
}

static void take_snapshot(struct disk *disk, struct log_job *job)
{
	disk->snapshot = job->meta;
	image_drop(disk->image);
	disk->image = job->file;
	job->file = NULL;
}

static void install(struct disk *disk, struct log_job *job)
{
	take_snapshot(disk, job);
	cut(disk, 0);
	disk->base = job->meta.index;
	disk->base_term = job->meta.term;
	chain_anchor(disk->chain, disk->base, disk->base_term, disk->base_hash);
	head_is_last(disk);
}

static void carry_out(struct disk *disk, struct log_job *job)
{
	if (job->kind == LOG_ENTRIES) {
		cut(disk, job->index);
		for (size_t i = 0; i < job->count; i++)
			append(disk, job->index + i, job->entries[i]);
	} else if (job->kind == LOG_INSTALL) {
		install(disk, job);
	} else if (job->meta.index > disk->snapshot.index) {
		take_snapshot(disk, job);
		trim(disk, job->trim_to);
		head_is_last(disk);
	}
	disk->generation++;
}

static void set_mark(struct disk *disk)
{
	disk->mark.generation = disk->generation;
	disk->mark.last = last(disk);
	disk->mark.vote = disk->vote;
	memcpy(disk->mark.head, disk->head, CHAIN_SIZE);
}

static int64_t latency(void)
{
	if (sim.profile.slow_disks && chance(60))
		return 50 + roll(900);
	return 1 + roll(chance(30) ? 150 : 8);
}

void disk_queue(struct disk *disk, struct log_job *job)
{
	job->next = NULL;
	if (job->kind == LOG_SNAPSHOT) {
		disk->snapshot_job = job;
		disk->snapshot_ms = sim.now + 2 + roll(chance(200) ? 800 : 60);
		return;
	}
	struct log_job **end = &disk->jobs;
	while (*end)
		end = &(*end)->next;
	if (end == &disk->jobs)
		disk->busy_ms = sim.now + latency();
	*end = job;
}

/* Queued jobs are done in one go, and told one by one when their time comes: `index` 0 marks them as done. */
static void do_all(struct disk *disk)
{
	for (struct log_job *job = disk->jobs; job; job = job->next)
		if (!job->trim_to) {
			carry_out(disk, job);
			job->trim_to = 1; /* of no use to these kinds */
		}
}

void disk_vote(struct disk *disk, uint64_t term, uint64_t vote)
{
	do_all(disk);
	disk->vote = (struct disk_vote){ .term = term, .vote = vote };
	chain_seal(disk->chain, "vote", &disk->vote, sizeof disk->vote, disk->vote_seal);
	disk->generation++;
	set_mark(disk);
}

struct log_job *disk_done(struct disk *disk)
{
	struct log_job *job = NULL;
	if (disk->snapshot_job && disk->snapshot_ms <= sim.now) {
		job = disk->snapshot_job;
		disk->snapshot_job = NULL;
		carry_out(disk, job);
	} else if (disk->jobs && disk->busy_ms <= sim.now) {
		job = disk->jobs;
		disk->jobs = job->next;
		disk->busy_ms = sim.now + (chance(700) ? 0 : latency()); /* group commit: often several at once */
		if (!job->trim_to)
			carry_out(disk, job);
	}
	if (job)
		set_mark(disk);
	return job;
}

int64_t disk_next(const struct disk *disk)
{
	int64_t next = disk->jobs ? disk->busy_ms : INT64_MAX;
	return disk->snapshot_job && disk->snapshot_ms < next ? disk->snapshot_ms : next;
}

static void job_free(struct log_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		entry_drop(job->entries[i]);
	free(job->entries);
	image_drop(job->file);
	free(job);
}

void disk_crash(struct disk *disk)
{
	bool through = true;
	if (disk->snapshot_job && chance(300))
		carry_out(disk, disk->snapshot_job);
	if (disk->snapshot_job)
		job_free(disk->snapshot_job);
	disk->snapshot_job = NULL;
	while (disk->jobs) {
		struct log_job *job = disk->jobs;
		disk->jobs = job->next;
		through = through && (job->trim_to || chance(400));
		if (through && !job->trim_to)
			carry_out(disk, job);
		job_free(job);
	}
	if (chance(500))
		set_mark(disk); /* not fsynced: may be older than the log, never newer */
}

static void flip(struct disk *disk, struct log_row *row)
{
	uint8_t *data = (uint8_t *)(uintptr_t)row->data;
	(void)disk;
	if (chance(300) || !row->size)
		row->term ^= 1u + roll(7);
	else
		data[roll((unsigned)row->size)] ^= (uint8_t)(1 + roll(255));
}

static void lose_tail(struct disk *disk)
{
	uint64_t keep = last(disk) - roll((unsigned)(disk->count < 20 ? disk->count : 20)) - 1;
	cut(disk, keep + 1);
}

/* A transaction of which only the beginning reached the disk, its last row half. */
static void tear(struct disk *disk)
{
	struct entry *half = entry_create(disk->vote.term ? disk->vote.term : 1, ENTRY_COMMAND, "torn", 4);
	append(disk, last(disk) + 1, half);
	disk->rows[disk->count - 1].size = 2;
	entry_drop(half);
}

bool disk_damage(struct disk *disk)
{
	unsigned kind = roll(4);
	if (!disk->count)
		return false;
	if (kind == 0)
		flip(disk, &disk->rows[roll((unsigned)disk->count)]);
	else if (kind == 1 && disk->mark.generation == disk->generation)
		lose_tail(disk);
	else if (kind == 2)
		disk->vote.vote ^= 1 + roll(3);
	else
		tear(disk);
	return true;
}

static enum err check(const struct disk *disk)
{
	uint8_t head[CHAIN_SIZE];
	uint64_t bad;
	memcpy(head, disk->base_hash, CHAIN_SIZE);
	if (chain_verify(disk->chain, head, disk->base + 1, disk->rows, disk->count, &bad) != ERR_OK)
		return ERR_DAMAGED;
	if (!chain_seal_holds(disk->chain, "vote", &disk->vote, sizeof disk->vote, disk->vote_seal))
		return ERR_DAMAGED;
	if (disk->generation < disk->mark.generation)
		return ERR_DAMAGED;
	if (disk->generation == disk->mark.generation &&
	    (disk->mark.last != last(disk) || memcmp(disk->mark.head, head, CHAIN_SIZE) != 0 ||
	     disk->mark.vote.term != disk->vote.term || disk->mark.vote.vote != disk->vote.vote))
		return ERR_DAMAGED;
	return ERR_OK;
}

enum err disk_load(const struct disk *disk, struct saved_state *saved)
{
	memset(saved, 0, sizeof *saved);
	if (check(disk) != ERR_OK)
		return ERR_DAMAGED;
	saved->term = disk->vote.term;
	saved->vote = disk->vote.vote;
	saved->has_snapshot = disk->snapshot.index > 0;
	saved->snapshot = disk->snapshot;
	saved->first_index = disk->base + 1;
	saved->entries = calloc(disk->count + 1, sizeof(struct entry *));
	for (; saved->count < disk->count; saved->count++) {
		const struct log_row *row = &disk->rows[saved->count];
		saved->entries[saved->count] = entry_create(row->term, (enum entry_type)row->type, row->data, row->size);
	}
	return ERR_OK;
}

bool disk_holds(const struct disk *disk, uint64_t index, uint64_t term)
{
	if (index <= disk->base)
		return true;
	return index <= last(disk) && disk->rows[index - disk->base - 1].term == term;
}
