/* Requests are remembered long enough, and not for ever: by count, and by age in the leader's time. */
#include "tests/check.h"
#include "store/parts.h"
#include "tests/unit/store/world.h"
#include <stdlib.h>
#include <string.h>

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

static enum outcome change_setting_since(struct world *world, uint64_t since, unsigned number)
{
	Craton__SettingChanged change = CRATON__SETTING_CHANGED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	struct id id = request_id(number);
	change.name = (char *)(uintptr_t)"colour";
	event.change_case = CRATON__EVENT__CHANGE_SETTING_CHANGED;
	event.setting_changed = &change;
	event.since = since;
	return world_ask(world, &event, &id, NULL);
}

/* A node that was held up may come with a request that another has done meanwhile, and whose effect has been undone. */
static void what_may_have_been_done_already_is_not_done_again_when_that_is_forgotten(void)
{
	struct world worlds[2];
	for (size_t w = 0; w < 2; w++) {
		struct world *world = &worlds[w];
		world_begin(world);
		uint64_t early = world->index + 10;
		fill(world, 0, 100);
		uint64_t late = world->index;
		CU_ASSERT_EQUAL(change_setting_since(world, early, 1000000), OUTCOME_DONE); /* nothing has been forgotten */
		world->time_ms += 2 * REQUEST_AGE_MS;
		fill(world, 101, REQUESTS_MIN + 101); /* a hundred and one were older */
		CU_ASSERT(!is_known(world, 1000000));
		CU_ASSERT_EQUAL(change_setting_since(world, early, 1000000), OUTCOME_STALE);
		CU_ASSERT_EQUAL(change_setting_since(world, early, 1000000), OUTCOME_STALE); /* as it was answered before */
		CU_ASSERT_EQUAL(change_setting_since(world, late, 1000001), OUTCOME_STALE); /* the one after that is forgotten */
		CU_ASSERT_EQUAL(change_setting_since(world, late + 1, 1000002), OUTCOME_DONE);
		CU_ASSERT_EQUAL(change_setting_since(world, 0, 1000003), OUTCOME_DONE); /* of a node that does not say */
		if (w)
			world_reopen(world);
		fill(world, 2000000, 2000010);
	}
	CU_ASSERT_STRING_EQUAL(world_digest(&worlds[0]).text, world_digest(&worlds[1]).text);
	world_end(&worlds[0]);
	world_end(&worlds[1]);
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

/* A pair of which one half is the asker's. */
static enum outcome create_in(struct world *world, const struct id *request, uint32_t slot, unsigned number, Craton__Object *carried)
{
	Craton__ObjectCreated change = CRATON__OBJECT_CREATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	struct request_record record;
	Craton__Object *object = object_make(slot, number, "pair", CKO_PUBLIC_KEY, false);
	change.n_objects = 1;
	change.objects = &object;
	change.carried = carried;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_CREATED;
	event.object_created = &change;
	enum outcome outcome = world_ask(world, &event, request, &record);
	craton__object__free_unpacked(object, NULL);
	craton__object__free_unpacked(carried, NULL);
	return outcome;
}

static enum outcome create_with(struct world *world, const struct id *request, unsigned number, Craton__Object *carried)
{
	return create_in(world, request, 1, number, carried);
}

static void what_an_asker_keeps_is_remembered_with_its_request_and_is_no_object(void)
{
	struct world world;
	struct id first = request_id(1), second = request_id(2), other = request_id(3);
	Craton__Object *kept;
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(create_with(&world, &first, 1, object_make(1, 7, "mine", CKO_PRIVATE_KEY, true)), OUTCOME_DONE);
	CU_ASSERT_EQUAL(create_with(&world, &first, 2, object_make(1, 8, "too late", CKO_PRIVATE_KEY, true)), OUTCOME_DONE); /* of the first */
	CU_ASSERT_EQUAL(create_with(&world, &second, 3, NULL), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_count(&world), 2);
	CU_ASSERT_EQUAL(world_find(&world, 1, "mine", true), 0);
	world_reopen(&world);
	CU_ASSERT_EQUAL_FATAL(directory_carried(world.directory, &first, &kept), ERR_OK);
	struct id id = id_of(7);
	CU_ASSERT(kept->id.len == ID_SIZE && memcmp(kept->id.data, id.bytes, ID_SIZE) == 0);
	craton__object__free_unpacked(kept, NULL);
	CU_ASSERT_EQUAL(directory_carried(world.directory, &second, &kept), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(directory_carried(world.directory, &other, &kept), ERR_NOT_FOUND);
	world_end(&world);
}

static bool keeps(struct world *world, unsigned number)
{
	struct id id = request_id(number);
	Craton__Object *kept;
	enum err err = directory_carried(world->directory, &id, &kept);
	if (err == ERR_OK)
		craton__object__free_unpacked(kept, NULL);
	return err == ERR_OK;
}

static void make_for(struct world *world, unsigned number, uint32_t slot)
{
	struct id id = request_id(number);
	CU_ASSERT_EQUAL(create_in(world, &id, slot, number, object_make(slot, 1000 + number, "mine", CKO_PRIVATE_KEY, true)), OUTCOME_DONE);
}

/* The request itself stays known, and every row's hash and the digest are right: else the directory would not open again. */
static void what_an_asker_keeps_is_forgotten_when_nobody_asks_again(void)
{
	struct world world;
	world_begin_with_slot(&world);
	make_for(&world, 1, 1);
	make_for(&world, 2, 1);
	world.time_ms += CARRIED_AGE_MS - 2; /* each entry has taken one */
	make_for(&world, 3, 1);
	CU_ASSERT_TRUE(keeps(&world, 1) && keeps(&world, 2) && keeps(&world, 3));
	world.time_ms += 1;
	fill(&world, 10, 11);
	CU_ASSERT_FALSE(keeps(&world, 1) || keeps(&world, 2));
	CU_ASSERT_TRUE(keeps(&world, 3));
	CU_ASSERT_TRUE(is_known(&world, 1));
	world_reopen(&world);
	CU_ASSERT_TRUE(keeps(&world, 3));
	world_end(&world);
}

static void what_an_asker_keeps_ends_with_its_slots_objects(void)
{
	struct world world;
	world_begin_with_slot(&world);
	uint32_t other = world_slot(&world, "other");
	make_for(&world, 1, 1);
	make_for(&world, 2, other);
	make_for(&world, 3, 1);
	CU_ASSERT_EQUAL(world_init_token(&world, 1), OUTCOME_DONE);
	CU_ASSERT_FALSE(keeps(&world, 1) || keeps(&world, 3));
	CU_ASSERT_TRUE(keeps(&world, 2) && is_known(&world, 1));
	world_reopen(&world);
	CU_ASSERT_EQUAL(world_remove(&world, other), OUTCOME_DONE);
	CU_ASSERT_FALSE(keeps(&world, 2));
	world_reopen(&world);
	world_end(&world);
}

/* A slot as every node has it: of the same request. */
static void begin_alike(struct world *world)
{
	uint8_t salt[16] = { 1 }, mac[32] = { 2 };
	struct id id = request_id(99);
	Craton__PinVerifier pin = CRATON__PIN_VERIFIER__INIT;
	Craton__SlotCreated change = CRATON__SLOT_CREATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	pin.salt = (ProtobufCBinaryData){ sizeof salt, salt };
	pin.mac = (ProtobufCBinaryData){ sizeof mac, mac };
	change.so_pin = &pin;
	event.change_case = CRATON__EVENT__CHANGE_SLOT_CREATED;
	event.slot_created = &change;
	world_begin(world);
	CU_ASSERT_EQUAL_FATAL(world_ask(world, &event, &id, NULL), OUTCOME_DONE);
}

static void what_is_blanked_is_the_same_on_every_node(void)
{
	struct world worlds[2];
	for (size_t w = 0; w < 2; w++) {
		begin_alike(&worlds[w]);
		for (unsigned i = 0; i < 5; i++)
			make_for(&worlds[w], i, 1);
		worlds[w].time_ms += CARRIED_AGE_MS + 1;
		if (w)
			world_reopen(&worlds[w]);
		fill(&worlds[w], 10, 11);
		if (w)
			world_reopen(&worlds[w]);
		fill(&worlds[w], 11, 12);
	}
	CU_ASSERT_STRING_EQUAL(world_digest(&worlds[0]).text, world_digest(&worlds[1]).text);
	CU_ASSERT_TRUE(!keeps(&worlds[0], 3) && keeps(&worlds[0], 4)); /* two with each entry */
	world_end(&worlds[0]);
	world_end(&worlds[1]);
}

static void what_is_not_the_slots_or_too_much_is_not_kept(void)
{
	struct world world;
	struct id first = request_id(1), second = request_id(2);
	Craton__Object *big = object_make(1, 7, "big", CKO_PRIVATE_KEY, true);
	big->sealed = malloc(sizeof *big->sealed);
	craton__sealed__init(big->sealed);
	big->sealed->wrapped = (ProtobufCBinaryData){ CARRIED_SIZE_MAX, calloc(1, CARRIED_SIZE_MAX) };
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(create_with(&world, &first, 1, object_make(2, 7, "another's", CKO_PRIVATE_KEY, true)), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(create_with(&world, &second, 1, big), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(world_count(&world), 0);
	world_end(&world);
}

TESTS("store: requests",
	SAY(old_requests_are_forgotten_once_there_are_enough_young_ones),
	SAY(a_clock_that_leaps_does_not_make_the_latest_requests_forgotten),
	SAY(what_may_have_been_done_already_is_not_done_again_when_that_is_forgotten),
	SAY(no_more_are_kept_than_the_limit),
	SAY(what_is_forgotten_is_the_same_on_every_node),
	SAY(a_request_without_a_name_is_not_remembered),
	SAY(what_an_asker_keeps_is_remembered_with_its_request_and_is_no_object),
	SAY(what_an_asker_keeps_is_forgotten_when_nobody_asks_again),
	SAY(what_an_asker_keeps_ends_with_its_slots_objects),
	SAY(what_is_blanked_is_the_same_on_every_node),
	SAY(what_is_not_the_slots_or_too_much_is_not_kept))
