/* A slot behind a fake node: enough of one to try the library on. Signatures are hashes, ciphers are real (AES under a
 * key made of the object's id), rules are few. One toy may stand behind several nodes: then they are a cluster. */
#pragma once
#include "base/buf.h"
#include "base/id.h"
#include "tests/support/fake_node.h"
#include "tests/support/toy_parts.h"
#include "wire/attributes.h"
#include <pthread.h>
#include <stdatomic.h>

#define TOY_PIN "1234"
#define TOY_SO_PIN "so-pin"
#define TOY_OBJECTS_MAX 4096
#define TOY_WRAPPED_SIZE (8 + 2 * ID_SIZE)

struct toy {
	pthread_mutex_t lock;
	Craton__Object *objects[TOY_OBJECTS_MAX]; /* token objects */
	size_t count;
	uint64_t index;
	uint8_t next_id;
	struct id last_deed;            /* the request id of the last deed, and what was answered: asked again it is not done again */
	struct buf last_answer;
	atomic_uint crypts, finds, reads, wraps, unknown; /* round trips of a kind; session keys that had to be shown */
	atomic_uint derived_from;       /* how many keys */
	atomic_uint leaves;             /* of stateful keys, each of which has signed once */
	pthread_mutex_t silence;        /* while a test holds it nothing is answered, */
	atomic_uint asked;              /* however much is asked */
	pthread_mutex_t afterthought;   /* while a test holds it deeds are done, and not answered, */
	atomic_uint done;               /* however many */
	atomic_int fault;               /* instead of an answer to anything but Hello */
	atomic_uint cut_at;             /* so manieth question from now: its connection breaks, and no answer comes to what was done */
	atomic_int cut_stage;           /* of the operation that it was about, if it was about one in parts */
	struct toy_parts parts;         /* operations in parts */
	char operation_pin[64];         /* that came with the last operation */
	const char *new_iv;             /* of 12 bytes: what is made of every GCM parameter's IV; NULL: nothing */
	bool forgets;                   /* every session key, at once */
	char pin[64];
	uint8_t generation;             /* of tickets */
};
void toy_init(struct toy *toy);
void toy_finish(struct toy *toy);
fake_answer toy_answer; /* its context is the toy */
