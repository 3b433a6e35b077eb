#include "raft/id_map.h"
#include "tests/check.h"
#include <string.h>

static int values[4000];

static struct id id_of(unsigned n, bool crowded)
{
	struct id id = { { 0 } };
	id.bytes[8] = (uint8_t)n;
	id.bytes[9] = (uint8_t)(n >> 8);
	if (!crowded) /* the first bytes are what an id is found by */
		memcpy(id.bytes, &n, sizeof n);
	return id;
}

static void fill(struct id_map *map, unsigned count, bool crowded)
{
	for (unsigned n = 0; n < count; n++) {
		struct id id = id_of(n, crowded);
		CU_ASSERT_EQUAL(id_map_put(map, &id, &values[n]), ERR_OK);
	}
}

/* Every other one is taken out; the rest must still be found. */
static void take_half(struct id_map *map, unsigned count, bool crowded)
{
	for (unsigned n = 0; n < count; n += 2) {
		struct id id = id_of(n, crowded);
		CU_ASSERT_PTR_EQUAL(id_map_take(map, &id), &values[n]);
		CU_ASSERT_PTR_NULL(id_map_take(map, &id));
	}
	for (unsigned n = 0; n < count; n++) {
		struct id id = id_of(n, crowded);
		CU_ASSERT_PTR_EQUAL(id_map_get(map, &id), n % 2 ? &values[n] : NULL);
	}
}

static void what_is_put_is_found_and_what_is_taken_is_not(void)
{
	struct id_map map = { 0 };
	fill(&map, 4000, false);
	CU_ASSERT_EQUAL(map.count, 4000);
	take_half(&map, 4000, false);
	CU_ASSERT_EQUAL(map.count, 2000);
	id_map_finish(&map);
}

static void ids_that_all_belong_in_one_place_are_kept_apart(void)
{
	struct id_map map = { 0 };
	fill(&map, 200, true);
	take_half(&map, 200, true);
	id_map_finish(&map);
}

static void an_empty_map_has_nothing(void)
{
	struct id_map map = { 0 };
	struct id id = id_of(1, false);
	CU_ASSERT_PTR_NULL(id_map_get(&map, &id));
	CU_ASSERT_PTR_NULL(id_map_take(&map, &id));
	id_map_finish(&map);
}

TESTS("raft id map", SAY(what_is_put_is_found_and_what_is_taken_is_not),
      SAY(ids_that_all_belong_in_one_place_are_kept_apart), SAY(an_empty_map_has_nothing))
