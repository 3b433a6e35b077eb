/* Requests are remembered long enough, and not for ever: by count, and by age in the leader's time. */
#include "tests/check.h"
#include "store/parts.h"
#include "tests/unit/store/world.h"

static struct id request_id(unsigned number)
{
	return id_of(0x10000000u + number);
}

/* Entries that do nothing but be remembered. */
static void fill(struct world *world, unsigned from, unsigned to)
{
	Craton__Event nothing = CRATON__EVENT__INIT;
	for (unsigned i = from; i < to; i++) {
		struct id id = request_id(i);
		world_apply(world, &nothing, &id);
	}
	world_flush(world);
}

static bool is_known(struct world *world, unsigned number)
{
	struct request_record record;
	struct id id = request_id(number);
	return directory_request(world->directory, &id, &record) == ERR_OK;
}

static void old_requests_are_forgotten_once_there_are_enough_young_ones(void)
{
	struct world world;
	world_begin(&world);
	fill(&world, 0, 100);
	world.time_ms += 2 * REQUEST_AGE_MS;
	fill(&world, 100, REQUESTS_MIN);
	CU_ASSERT(is_known(&world, 0)); /* old, but one of few */
	fill(&world, REQUESTS_MIN, REQUESTS_MIN + 100);
	CU_ASSERT(!is_known(&world, 0));
	CU_ASSERT(!is_known(&world, 99));
	CU_ASSERT(is_known(&world, 100));
	fill(&world, REQUESTS_MIN + 100, REQUESTS_MIN + 1000);
	CU_ASSERT(is_known(&world, 100)); /* many, but young */
	world_reopen(&world);
	world_end(&world);
}

/* A leader's clock that leaps ahead ages everything, yet the last few thousand stay. */
static void a_clock_that_leaps_does_not_make_the_latest_requests_forgotten(void)
{
	struct world world;
	world_begin(&world);
	fill(&world, 0, REQUESTS_MIN + 10);
	world.time_ms = INT64_MAX - 1000;
	fill(&world, REQUESTS_MIN + 10, REQUESTS_MIN + 20);
	world.time_ms = 5; /* another leader, whose clock is right, or broken the other way */
	fill(&world, REQUESTS_MIN + 20, REQUESTS_MIN + 40);
	CU_ASSERT(!is_known(&world, 0));
	CU_ASSERT(is_known(&world, 41));
	CU_ASSERT(is_known(&world, REQUESTS_MIN + 39));
	world_reopen(&world);
	world_end(&world);
}

static void no_more_are_kept_than_the_limit(void)
{
	struct world world;
	world_begin(&world);
	fill(&world, 0, REQUESTS_MAX + 50);
	CU_ASSERT(!is_known(&world, 0));
	CU_ASSERT(!is_known(&world, 49));
	CU_ASSERT(is_known(&world, 50));
	world_end(&world);
}

static void what_is_forgotten_is_the_same_on_every_node(void)
{
	struct world worlds[2];
	for (size_t w = 0; w < 2; w++) {
		world_begin(&worlds[w]);
		fill(&worlds[w], 0, 50);
		worlds[w].time_ms += 2 * REQUEST_AGE_MS;
		for (unsigned i = 50; i < REQUESTS_MIN + 60; i += w ? 1000 : 333)
			fill(&worlds[w], i, i + (w ? 1000 : 333) < REQUESTS_MIN + 60 ? i + (w ? 1000 : 333) : REQUESTS_MIN + 60);
		if (w)
			world_reopen(&worlds[w]);
		fill(&worlds[w], REQUESTS_MIN + 60, REQUESTS_MIN + 70);
	}
	CU_ASSERT_STRING_EQUAL(world_digest(&worlds[0]).text, world_digest(&worlds[1]).text);
	world_end(&worlds[0]);
	world_end(&worlds[1]);
}

static void a_request_without_a_name_is_not_remembered(void)
{
	struct world world;
	struct id none = { { 0 } };
	struct request_record record;
	world_begin(&world);
	Craton__Event nothing = CRATON__EVENT__INIT;
	world_apply(&world, &nothing, &none);
	world_apply(&world, &nothing, &none);
	world_flush(&world);
	CU_ASSERT_EQUAL(directory_request(world.directory, &none, &record), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(directory_applied(world.directory), 2);
	world_end(&world);
}

TESTS("store: requests",
	SAY(old_requests_are_forgotten_once_there_are_enough_young_ones),
	SAY(a_clock_that_leaps_does_not_make_the_latest_requests_forgotten),
	SAY(no_more_are_kept_than_the_limit),
	SAY(what_is_forgotten_is_the_same_on_every_node),
	SAY(a_request_without_a_name_is_not_remembered))
