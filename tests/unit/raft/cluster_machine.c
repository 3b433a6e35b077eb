#include "tests/unit/raft/cluster_machine.h"
#include "base/buf.h"
#include "base/file.h"
#include "tests/unit/raft/scratch.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static uint64_t machine_applied(void *context)
{
	struct machine *machine = context;
	pthread_mutex_lock(&machine->lock);
	uint64_t applied = machine->applied;
	pthread_mutex_unlock(&machine->lock);
	return applied;
}

static void add_locked(struct machine *machine, const struct id *request, uint64_t value)
{
	if (machine->count == machine->capacity) {
		machine->capacity = machine->capacity ? machine->capacity * 2 : 256;
		machine->items = realloc(machine->items, machine->capacity * sizeof *machine->items);
		if (!machine->items)
			abort();
	}
	machine->items[machine->count++] = (struct item){ *request, value };
}

/* Only the newest are looked at: a retry follows soon, and a benchmark shouldn't measure this. */
static bool has_request_locked(const struct machine *machine, const struct id *request)
{
	for (size_t i = machine->count, looked = 0; i > 0 && looked < 512; i--, looked++)
		if (id_equal(&machine->items[i - 1].request, request))
			return true;
	return false;
}

static enum err machine_apply(void *context, const struct committed *entry)
{
	struct machine *machine = context;
	struct cursor cursor = cursor_over(entry->data, entry->size);
	uint64_t value = cursor_u64(&cursor);
	pthread_mutex_lock(&machine->lock);
	if (entry->index <= machine->reached)
		abort(); /* an index is applied once */
	machine->reached = entry->index;
	if (has_request_locked(machine, &entry->request))
		machine->repeats++;
	else
		add_locked(machine, &entry->request, value);
	pthread_mutex_unlock(&machine->lock);
	return ERR_OK;
}

static enum err machine_flush(void *context, uint64_t index)
{
	struct machine *machine = context;
	pthread_mutex_lock(&machine->lock);
	machine->visible = machine->count;
	machine->applied = machine->reached = index;
	pthread_mutex_unlock(&machine->lock);
	return ERR_OK;
}

static enum err machine_snapshot(void *context, const char *path, uint64_t *index)
{
	struct machine *machine = context;
	struct buf bytes;
	buf_init(&bytes, 256u << 20);
	pthread_mutex_lock(&machine->lock);
	*index = machine->applied;
	buf_add_u64(&bytes, machine->visible);
	for (size_t i = 0; i < machine->visible; i++) {
		buf_add(&bytes, machine->items[i].request.bytes, ID_SIZE);
		buf_add_u64(&bytes, machine->items[i].value);
	}
	pthread_mutex_unlock(&machine->lock);
	uint8_t *ballast = buf_extend(&bytes, machine->ballast);
	if (bytes.failed)
		abort();
	for (size_t at = 0; at < machine->ballast; at += 256) /* random, so that it stays large */
		random_bytes(ballast + at, machine->ballast - at < 256 ? machine->ballast - at : 256);
	scratch_write(path, bytes.data, bytes.size);
	buf_finish(&bytes);
	return ERR_OK;
}

static enum err machine_restore(void *context, const char *path, uint64_t index)
{
	struct machine *machine = context;
	if (machine->dies_restoring)
		kill(getpid(), SIGKILL);
	struct bytes_of bytes = scratch_read(path);
	struct cursor cursor = cursor_over(bytes.data, bytes.size);
	pthread_mutex_lock(&machine->lock);
	machine->count = 0;
	for (uint64_t left = cursor_u64(&cursor); left > 0; left--) {
		struct id request;
		memcpy(request.bytes, cursor_bytes(&cursor, ID_SIZE), ID_SIZE);
		add_locked(machine, &request, cursor_u64(&cursor));
	}
	machine->visible = machine->count;
	machine->applied = machine->reached = index;
	pthread_mutex_unlock(&machine->lock);
	free(bytes.data);
	return ERR_OK;
}

const struct machine_ops cluster_machine_ops = {
	.applied = machine_applied,
	.apply = machine_apply,
	.flush = machine_flush,
	.snapshot = machine_snapshot,
	.restore = machine_restore,
};

bool machine_has(struct machine *machine, uint64_t value)
{
	bool has = false;
	pthread_mutex_lock(&machine->lock);
	for (size_t i = 0; i < machine->visible && !has; i++)
		has = machine->items[i].value == value;
	pthread_mutex_unlock(&machine->lock);
	return has;
}

size_t machine_count(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	size_t count = machine->visible;
	pthread_mutex_unlock(&machine->lock);
	return count;
}

bool machine_equal(struct machine *one, struct machine *two)
{
	if (one == two)
		return true;
	pthread_mutex_lock(&one->lock);
	pthread_mutex_lock(&two->lock);
	bool equal = one->visible == two->visible;
	for (size_t i = 0; equal && i < one->visible; i++)
		equal = one->items[i].value == two->items[i].value &&
		        id_equal(&one->items[i].request, &two->items[i].request);
	pthread_mutex_unlock(&two->lock);
	pthread_mutex_unlock(&one->lock);
	return equal;
}
