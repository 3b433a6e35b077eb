/* What is committed and on our own disk is given to the machine, in order, in batches that become visible together. */
#include "raft/driver_internal.h"
#include "raft/envelope.h"
#include <stdlib.h>

static uint64_t apply_limit(const struct driver *d)
{
#ifdef PLANT_APPLY_BEFORE_COMMIT /* a mistake for the simulator to find */
	return d->stored;
#endif
	return d->guard.commit < d->stored ? d->guard.commit : d->stored;
}

uint64_t driver_applied(const struct driver *d)
{
	return d->applied > d->machine_floor ? d->applied : d->machine_floor;
}

bool driver_has_more_to_apply(const struct driver *d)
{
	return d->applied < apply_limit(d) && memory_log_get(&d->log, d->applied + 1);
}

static void tell(struct driver *d, const struct id *request, uint64_t index)
{
	if (d->told_count == d->told_capacity) {
		size_t capacity = d->told_capacity ? d->told_capacity * 2 : 64;
		struct applied_request *told = realloc(d->told, capacity * sizeof *told);
		if (!told) {
			driver_fail(d, ERR_NO_MEMORY, "no memory to tell who waits");
			return;
		}
		d->told = told;
		d->told_capacity = capacity;
	}
	d->told[d->told_count++] = (struct applied_request){ .request = *request, .index = index };
}

static void apply_command(struct driver *d, uint64_t index, const struct entry *entry)
{
	struct envelope envelope;
	enum err err = envelope_open(entry, &envelope);
	if (err != ERR_OK) {
		driver_fail(d, ERR_DAMAGED, "a committed entry is not what its checksum says");
		return;
	}
	if (index > d->machine_floor) {
		struct committed committed = {
			.index = index, .time_ms = envelope.time_ms, .request = envelope.request,
			.data = envelope.data, .size = envelope.size,
		};
		err = d->config.machine_ops->apply(d->config.machine, &committed);
		if (err != ERR_OK)
			driver_fail(d, err, "the state machine could not apply an entry");
	}
	tell(d, &envelope.request, index);
}

static void apply_configuration(struct driver *d, uint64_t index, const struct entry *entry)
{
	struct configuration *configuration = malloc(sizeof *configuration);
	if (!configuration)
		driver_fail(d, ERR_NO_MEMORY, "no memory for a configuration");
	else if (configuration_decode(entry->data, entry->size, configuration) != ERR_OK)
		driver_fail(d, ERR_DAMAGED, "a committed configuration does not parse");
	else if (driver_mark(d, index, configuration) != ERR_OK)
		driver_fail(d, ERR_NO_MEMORY, "no memory for a configuration");
	free(configuration);
}

static void apply_one(struct driver *d)
{
	uint64_t index = d->applied + 1;
	const struct entry *entry = memory_log_get(&d->log, index);
	if (entry->type == ENTRY_COMMAND)
		apply_command(d, index, entry);
	else if (entry->type == ENTRY_CONFIGURATION)
		apply_configuration(d, index, entry);
	d->bytes_applied += entry->size;
	d->applied = index;
}

static void publish(struct driver *d)
{
	if (d->applied > d->machine_floor) {
		enum err err = d->config.machine_ops->flush(d->config.machine, d->applied);
		if (err != ERR_OK) {
			driver_fail(d, err, "the state machine could not save a batch");
			return;
		}
	}
	for (size_t i = 0; i < d->told_count; i++)
		driver_proposal_applied(d, &d->told[i].request);
	d->config.world_ops->applied(d->config.world, driver_applied(d), d->told, d->told_count);
}

void driver_apply(struct driver *d)
{
	uint64_t before = d->applied;
	d->told_count = 0;
	for (unsigned n = 0; n < APPLY_ENTRIES_MAX && d->dead == ERR_OK && driver_has_more_to_apply(d); n++)
		apply_one(d);
	if (d->dead == ERR_OK && d->applied != before)
		publish(d);
}
