#include "tests/sim/sim.h"
#include <stdlib.h>
#include <string.h>

struct image *image_copy(const struct image *image)
{
	struct image *copy = malloc(sizeof *copy);
	*copy = *image;
	copy->references = 1;
	return copy;
}

struct image *image_keep(struct image *image)
{
	image->references++;
	return image;
}

void image_drop(struct image *image)
{
	if (image && !--image->references)
		free(image);
}

size_t request_payload(uint64_t request, uint8_t payload[SIM_PAYLOAD_MAX])
{
	size_t size = 8 + mix(1, request) % (SIM_PAYLOAD_MAX - 8);
	memcpy(payload, &request, 8);
	for (size_t i = 8; i < size; i++)
		payload[i] = (uint8_t)(request * 31 + i);
	return size;
}

struct id request_id(uint64_t request)
{
	struct id id = { { 0 } };
	uint64_t words[2] = { mix(7, request), request };
	memcpy(id.bytes, words, sizeof words);
	return id;
}

uint64_t request_of(const struct id *id)
{
	uint64_t words[2];
	memcpy(words, id->bytes, sizeof words);
	return words[1];
}

void machine_init(struct machine *machine)
{
	memset(machine, 0, sizeof *machine);
	machine->durable = image_copy(&machine->now);
}

void machine_finish(struct machine *machine)
{
	image_drop(machine->durable);
}

void machine_become(struct machine *machine, const struct image *image)
{
	machine->now = *image;
	machine->flushed = image->index;
	image_drop(machine->durable);
	machine->durable = image_copy(image);
}

void machine_crashed(struct machine *machine, bool power)
{
	if (!power && machine->now.index == machine->flushed)
		return;
	machine->now = *machine->durable;
	machine->flushed = machine->now.index;
}

static uint64_t applied(void *context)
{
	const struct machine *machine = context;
	return machine->flushed;
}

static enum err apply(void *context, const struct committed *entry)
{
	struct machine *machine = context;
	uint8_t payload[SIM_PAYLOAD_MAX];
	uint64_t request = request_of(&entry->request);
	size_t size = request_payload(request, payload);
	if (entry->size != size || memcmp(entry->data, payload, size) != 0)
		violation("ALTERED: request %llu at %llu is not what was proposed", (unsigned long long)request,
		          (unsigned long long)entry->index);
	if (entry->index <= machine->now.index)
		violation("APPLIED AGAIN: index %llu after %llu", (unsigned long long)entry->index,
		          (unsigned long long)machine->now.index);
	machine->now.index = entry->index;
	if (machine->now.first[request])
		return ERR_OK;
	machine->now.first[request] = (uint32_t)entry->index;
	machine->now.count++;
	machine->now.hash = mix(mix(machine->now.hash, request), entry->index);
	return ERR_OK;
}

/* Every few batches reach the disk's surface. */
static enum err flush(void *context, uint64_t index)
{
	struct machine *machine = context;
	machine->now.index = index;
	machine->flushed = index;
	if (chance(150)) {
		image_drop(machine->durable);
		machine->durable = image_copy(&machine->now);
	}
	return ERR_OK;
}

const struct machine_ops sim_machine_ops = { .applied = applied, .apply = apply, .flush = flush };
