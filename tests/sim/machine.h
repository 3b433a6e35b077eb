/* A directory, much simplified: which requests have been carried out, and at which index first. It recognises a request
 * that comes twice. What is durable of it may lag behind, as a database's does after a power cut. */
#pragma once
#include "base/err.h"
#include "raft/consensus.h"
#include <stdbool.h>
#include <stdint.h>

#define SIM_REQUESTS_MAX 4096

struct image {
	unsigned references;
	uint64_t index;          /* the state is as of this one */
	uint64_t hash;           /* of all requests carried out, in order */
	uint32_t count;
	uint32_t first[SIM_REQUESTS_MAX]; /* index at which request n was carried out; 0: never */
};
struct image *image_copy(const struct image *image);
struct image *image_keep(struct image *image);
void image_drop(struct image *image); /* accepts NULL */

struct machine {
	struct image now;        /* applied, perhaps not flushed */
	struct image *durable;   /* what a power cut leaves */
	uint64_t flushed;
};
extern const struct machine_ops sim_machine_ops;

void machine_init(struct machine *machine);
void machine_finish(struct machine *machine);
/* After a crash: of the process alone (all that was flushed is there) or of the power. */
void machine_crashed(struct machine *machine, bool power);
void machine_become(struct machine *machine, const struct image *image);

/* Request n as bytes, and its id. */
#define SIM_PAYLOAD_MAX 600
size_t request_payload(uint64_t request, uint8_t payload[SIM_PAYLOAD_MAX]);
struct id request_id(uint64_t request);
uint64_t request_of(const struct id *id);
