#include "raft/acquaintances.h"
#include "tests/check.h"
#include "tests/unit/raft/scratch.h"

static const uint8_t key[32] = { 3 };
static struct scratch scratch;
static struct secret *secret;

static void begin(void)
{
	scratch_make(&scratch);
	secret = secret_create(key, sizeof key);
}

static void end(void)
{
	secret_destroy(secret);
	scratch_remove(&scratch);
}

static struct acquaintances *look(enum err expected)
{
	struct acquaintances *acquaintances = NULL;
	CU_ASSERT_EQUAL(acquaintances_open(scratch.path, secret, &acquaintances, NULL), expected);
	return acquaintances;
}

static void whoever_was_met_is_known_again_after_a_restart(void)
{
	begin();
	struct id one = id_random(), two = id_random();
	struct acquaintances *acquaintances = look(ERR_OK);
	CU_ASSERT(acquaintances_meet(acquaintances, 2, &one));
	CU_ASSERT(acquaintances_meet(acquaintances, 3, &two));
	acquaintances_close(acquaintances);
	acquaintances = look(ERR_OK);
	CU_ASSERT(acquaintances_meet(acquaintances, 2, &one));
	CU_ASSERT(acquaintances_meet(acquaintances, 3, &two));
	CU_ASSERT(!acquaintances_meet(acquaintances, 2, &two));
	acquaintances_close(acquaintances);
	end();
}

static void any_flipped_byte_is_refused(void)
{
	begin();
	struct id one = id_random();
	struct acquaintances *acquaintances = look(ERR_OK);
	CU_ASSERT(acquaintances_meet(acquaintances, 2, &one));
	acquaintances_close(acquaintances);
	char path[300];
	snprintf(path, sizeof path, "%s/acquaintances", scratch.path);
	struct bytes_of bytes = scratch_read(path);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 1;
		scratch_write(path, bytes.data, bytes.size);
		look(ERR_DAMAGED);
		bytes.data[i] ^= 1;
	}
	free(bytes.data);
	end();
}

TESTS("acquaintances", SAY(whoever_was_met_is_known_again_after_a_restart), SAY(any_flipped_byte_is_refused))
