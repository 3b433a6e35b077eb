/* What entries do, whatever order they are batched in, and that they do it once. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <stdlib.h>
#include <string.h>

static void an_object_that_was_created_is_there(void)
{
	struct world world;
	struct id id = id_of(1);
	Craton__Object *object;
	uint64_t version;
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(world_create(&world, object_make(1, 1, "key", CKO_SECRET_KEY, true)), OUTCOME_DONE);
	CU_ASSERT_EQUAL(directory_object(world.directory, 1, &id, &object, &version), ERR_OK);
	CU_ASSERT_EQUAL(version, world.index);
	CU_ASSERT_EQUAL(object->n_attributes, 5);
	craton__object__free_unpacked(object, NULL);
	CU_ASSERT_EQUAL(directory_object(world.directory, 2, &id, &object, &version), ERR_NOT_FOUND);
	world_end(&world);
}

static void nothing_is_seen_before_the_batch_is_flushed(void)
{
	struct world world;
	struct id id = id_of(1), request = id_of(99);
	Craton__Object *made, *found;
	world_begin_with_slot(&world);
	made = object_make(1, 1, "key", CKO_SECRET_KEY, true);
	Craton__ObjectCreated change = CRATON__OBJECT_CREATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	change.n_objects = 1;
	change.objects = &made;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_CREATED;
	event.object_created = &change;
	uint64_t before = directory_applied(world.directory);
	world_apply(&world, &event, &request);
	CU_ASSERT_EQUAL(directory_object(world.directory, 1, &id, &found, NULL), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(directory_applied(world.directory), before);
	world_flush(&world);
	CU_ASSERT_EQUAL(directory_applied(world.directory), world.index);
	CU_ASSERT_EQUAL(directory_object(world.directory, 1, &id, &found, NULL), ERR_OK);
	craton__object__free_unpacked(found, NULL);
	craton__object__free_unpacked(made, NULL);
	world_end(&world);
}

static void a_request_that_comes_twice_is_done_once_and_its_first_outcome_stands(void)
{
	struct world world;
	struct id request = id_of(7), id = id_of(1);
	struct request_record first, second;
	Craton__Object *object = object_make(1, 1, "key", CKO_SECRET_KEY, true);
	world_begin_with_slot(&world);
	Craton__ObjectCreated change = CRATON__OBJECT_CREATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	change.n_objects = 1;
	change.objects = &object;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_CREATED;
	event.object_created = &change;
	CU_ASSERT_EQUAL(world_ask(&world, &event, &request, &first), OUTCOME_DONE);
	struct hash_text digest = world_digest(&world);
	CU_ASSERT_EQUAL(world_ask(&world, &event, &request, &second), OUTCOME_DONE);
	CU_ASSERT_EQUAL(second.index, first.index);
	CU_ASSERT_EQUAL(second.object_count, 1);
	CU_ASSERT(id_equal(&second.objects[0], &id));
	CU_ASSERT_STRING_EQUAL(world_digest(&world).text, digest.text);
	CU_ASSERT_EQUAL(world_count(&world), 1);
	/* Not even after it was destroyed does a late retry bring it back. */
	CU_ASSERT_EQUAL(world_destroy(&world, 1, 1), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_ask(&world, &event, &request, &second), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_count(&world), 0);
	craton__object__free_unpacked(object, NULL);
	world_end(&world);
}

static void another_request_with_a_known_id_conflicts(void)
{
	struct world world;
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(world_create(&world, object_make(1, 1, "one", CKO_DATA, false)), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_create(&world, object_make(1, 1, "two", CKO_DATA, false)), OUTCOME_CONFLICT);
	CU_ASSERT_EQUAL(world_find(&world, 1, "one", true), 1);
	CU_ASSERT_EQUAL(world_find(&world, 1, "two", true), 0);
	world_end(&world);
}

static enum outcome create_pair(struct world *world, unsigned first, unsigned second, uint64_t life)
{
	Craton__Object *objects[] = { object_make(1, first, "pair", CKO_PUBLIC_KEY, false),
	                              object_make(1, second, "pair", CKO_PRIVATE_KEY, true) };
	Craton__ObjectCreated change = CRATON__OBJECT_CREATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	change.n_objects = 2;
	change.objects = objects;
	change.life = life;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_CREATED;
	event.object_created = &change;
	enum outcome outcome = world_do(world, &event, NULL);
	craton__object__free_unpacked(objects[0], NULL);
	craton__object__free_unpacked(objects[1], NULL);
	return outcome;
}

static void objects_of_one_event_come_all_or_none(void)
{
	struct world world;
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(create_pair(&world, 1, 2, 0), OUTCOME_DONE);
	CU_ASSERT_EQUAL(create_pair(&world, 3, 2, 0), OUTCOME_CONFLICT);
	CU_ASSERT_EQUAL(create_pair(&world, 4, 4, 0), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(world_count(&world), 2);
	CU_ASSERT_EQUAL(world_find(&world, 1, "pair", true), 2);
	world_end(&world);
}

static void a_key_made_for_an_earlier_life_of_the_slot_is_stale(void)
{
	struct world world;
	world_begin_with_slot(&world);
	uint64_t life = world_slot_record(&world, 1).life;
	CU_ASSERT_EQUAL(create_pair(&world, 1, 2, life), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_init_token(&world, 1), OUTCOME_DONE);
	CU_ASSERT_EQUAL(create_pair(&world, 3, 4, life), OUTCOME_STALE);
	CU_ASSERT_EQUAL(create_pair(&world, 3, 4, world_slot_record(&world, 1).life), OUTCOME_DONE);
	world_end(&world);
}

static void an_update_needs_the_version_it_replaces(void)
{
	struct world world;
	world_begin_with_slot(&world);
	world_create(&world, object_make(1, 1, "old", CKO_DATA, false));
	uint64_t version = world.index;
	CU_ASSERT_EQUAL(world_update(&world, object_make(1, 1, "new", CKO_DATA, true), version), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_update(&world, object_make(1, 1, "late", CKO_DATA, false), version), OUTCOME_CONFLICT);
	CU_ASSERT_EQUAL(world_update(&world, object_make(1, 2, "none", CKO_DATA, false), version), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_find(&world, 1, "old", true), 0);
	CU_ASSERT_EQUAL(world_find(&world, 1, "new", true), 1);
	CU_ASSERT_EQUAL(world_find(&world, 1, "new", false), 0); /* it became private */
	world_reopen(&world);
	world_end(&world);
}

static void what_is_destroyed_is_gone_and_leaves_no_trace_in_the_digest(void)
{
	struct world world;
	world_begin_with_slot(&world);
	world_create(&world, object_make(1, 1, "key", CKO_SECRET_KEY, true));
	CU_ASSERT_EQUAL(world_destroy(&world, 1, 1), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_destroy(&world, 1, 1), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_find(&world, 1, NULL, true), 0);
	CU_ASSERT_EQUAL(world_count(&world), 0);
	world_reopen(&world); /* checks every row against the digest */
	world_end(&world);
}

/* The same entries, in batches of other sizes. */
static void the_digest_is_the_same_however_entries_are_batched(void)
{
	struct world worlds[3];
	for (size_t w = 0; w < 3; w++) {
		world_begin(&worlds[w]);
		for (unsigned i = 0; i < 40; i++) {
			struct id request = id_of(1000 + i);
			Craton__Object *object = object_make(1, i, "key", CKO_SECRET_KEY, i & 1);
			Craton__ObjectCreated created = CRATON__OBJECT_CREATED__INIT;
			Craton__Event event = CRATON__EVENT__INIT;
			Craton__PinVerifier pin = CRATON__PIN_VERIFIER__INIT;
			uint8_t bytes[32] = { 1 };
			Craton__SlotCreated slot = CRATON__SLOT_CREATED__INIT;
			pin.salt = (ProtobufCBinaryData){ 16, bytes };
			pin.mac = (ProtobufCBinaryData){ 32, bytes };
			slot.so_pin = &pin;
			created.n_objects = 1;
			created.objects = &object;
			event.change_case = i ? CRATON__EVENT__CHANGE_OBJECT_CREATED : CRATON__EVENT__CHANGE_SLOT_CREATED;
			if (i)
				event.object_created = &created;
			else
				event.slot_created = &slot;
			world_apply(&worlds[w], &event, &request);
			if (w == 0 || (w == 1 && i % 7 == 0))
				world_flush(&worlds[w]);
			craton__object__free_unpacked(object, NULL);
		}
		world_flush(&worlds[w]);
	}
	CU_ASSERT_EQUAL(world_count(&worlds[0]), 39);
	CU_ASSERT_STRING_EQUAL(world_digest(&worlds[0]).text, world_digest(&worlds[1]).text);
	CU_ASSERT_STRING_EQUAL(world_digest(&worlds[0]).text, world_digest(&worlds[2]).text);
	for (size_t w = 0; w < 3; w++)
		world_end(&worlds[w]);
}

/* It would not do what the others do, and nobody would see it. */
static void what_only_newer_software_knows_to_apply_stops_the_node(void)
{
	struct world world;
	struct request_record record;
	Craton__SettingChanged change = CRATON__SETTING_CHANGED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	uint8_t packed[64];
	world_begin(&world);
	change.name = (char *)(uintptr_t)"colour";
	event.change_case = CRATON__EVENT__CHANGE_SETTING_CHANGED;
	event.setting_changed = &change;
	event.level = EVENT_LEVEL + 1;
	struct committed entry = { .index = world.index + 1, .time_ms = world.time_ms, .request = id_of(700), .data = packed };
	entry.size = craton__event__pack(&event, packed);
	CU_ASSERT_NOT_EQUAL(directory_machine.apply(world.directory, &entry), ERR_OK);
	world_reopen(&world);
	CU_ASSERT_EQUAL(directory_request(world.directory, &entry.request, &record), ERR_NOT_FOUND);
	event.level = EVENT_LEVEL;
	entry.size = craton__event__pack(&event, packed); /* the same entry to newer software */
	CU_ASSERT_EQUAL(directory_machine.apply(world.directory, &entry), ERR_OK);
	world.index++;
	world_flush(&world);
	CU_ASSERT_EQUAL(directory_request(world.directory, &entry.request, &record), ERR_OK);
	CU_ASSERT_EQUAL(record.outcome, OUTCOME_DONE);
	world_end(&world);
}

static void an_event_that_makes_no_sense_changes_nothing_and_is_answered(void)
{
	struct world world;
	struct request_record record;
	world_begin_with_slot(&world);
	static const uint8_t garbage[][4] = { { 0xff, 0xff, 0xff, 0xff }, { 0x0a, 0x7f, 0, 0 }, { 0, 0, 0, 0 }, { 0xfa, 0x7f, 0, 0 } };
	for (size_t i = 0; i < 4; i++) {
		struct committed entry = { .index = ++world.index, .time_ms = world.time_ms, .request = id_of((unsigned)(500 + i)),
		                           .data = garbage[i], .size = i };
		CU_ASSERT_EQUAL(directory_machine.apply(world.directory, &entry), ERR_OK);
		world_flush(&world);
		CU_ASSERT_EQUAL(directory_request(world.directory, &entry.request, &record), ERR_OK);
		CU_ASSERT_EQUAL(record.outcome, OUTCOME_MALFORMED);
	}
	Craton__Object *no_slot = object_make(0, 1, "x", CKO_DATA, false), *no_such_slot = object_make(9, 1, "x", CKO_DATA, false);
	Craton__Object *unsorted = object_make(1, 1, "x", CKO_DATA, false), *short_id = object_make(1, 1, "x", CKO_DATA, false);
	Craton__Attribute *swap = unsorted->attributes[0];
	unsorted->attributes[0] = unsorted->attributes[1];
	unsorted->attributes[1] = swap;
	short_id->id.len = 15;
	CU_ASSERT_EQUAL(world_create(&world, no_slot), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(world_create(&world, no_such_slot), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_create(&world, unsorted), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(world_create(&world, short_id), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(world_count(&world), 0);
	world_reopen(&world);
	world_end(&world);
}

static void entries_that_are_told_again_after_a_restart_change_nothing(void)
{
	struct world world;
	world_begin_with_slot(&world);
	world_create(&world, object_make(1, 1, "key", CKO_DATA, false));
	uint64_t index = world.index;
	struct hash_text digest = world_digest(&world);
	world_reopen(&world);
	CU_ASSERT_EQUAL(directory_machine.applied(world.directory), index);
	world.index = index - 1;
	world_destroy(&world, 1, 1); /* comes with an index that is applied already */
	CU_ASSERT_STRING_EQUAL(world_digest(&world).text, digest.text);
	world_end(&world);
}

static void an_index_of_the_engines_own_moves_applied_on(void)
{
	struct world world;
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(directory_machine.flush(world.directory, 50), ERR_OK);
	CU_ASSERT_EQUAL(directory_applied(world.directory), 50);
	world_reopen(&world);
	CU_ASSERT_EQUAL(directory_applied(world.directory), 50);
	world_end(&world);
}

struct heard { unsigned gone, reset; struct id last; uint64_t seen; struct directory *directory; };
static void hear_gone(void *context, const struct id *id)
{
	struct heard *heard = context;
	heard->gone++;
	heard->last = *id;
	heard->seen = directory_applied(heard->directory);
}
static void hear_reset(void *context, uint32_t slot)
{
	((struct heard *)context)->reset += slot;
}

static void the_watch_hears_after_the_change_is_visible(void)
{
	struct world world;
	struct id id = id_of(1);
	world_begin_with_slot(&world);
	struct heard heard = { .directory = world.directory };
	directory_set_watch(world.directory, &(struct directory_watch){ .object_gone = hear_gone, .slot_reset = hear_reset, .context = &heard });
	world_create(&world, object_make(1, 1, "key", CKO_DATA, false));
	CU_ASSERT_EQUAL(heard.gone, 0);
	world_update(&world, object_make(1, 1, "new", CKO_DATA, false), world.index);
	CU_ASSERT_EQUAL(heard.gone, 1);
	CU_ASSERT_EQUAL(heard.seen, world.index);
	CU_ASSERT(id_equal(&heard.last, &id));
	world_destroy(&world, 1, 1);
	CU_ASSERT_EQUAL(heard.gone, 2);
	world_destroy(&world, 1, 1);
	CU_ASSERT_EQUAL(heard.gone, 2);
	world_init_token(&world, 1);
	CU_ASSERT_EQUAL(heard.reset, 1);
	world_end(&world);
}

TESTS("store: apply",
	SAY(an_object_that_was_created_is_there),
	SAY(nothing_is_seen_before_the_batch_is_flushed),
	SAY(a_request_that_comes_twice_is_done_once_and_its_first_outcome_stands),
	SAY(another_request_with_a_known_id_conflicts),
	SAY(objects_of_one_event_come_all_or_none),
	SAY(a_key_made_for_an_earlier_life_of_the_slot_is_stale),
	SAY(an_update_needs_the_version_it_replaces),
	SAY(what_is_destroyed_is_gone_and_leaves_no_trace_in_the_digest),
	SAY(the_digest_is_the_same_however_entries_are_batched),
	SAY(what_only_newer_software_knows_to_apply_stops_the_node),
	SAY(an_event_that_makes_no_sense_changes_nothing_and_is_answered),
	SAY(entries_that_are_told_again_after_a_restart_change_nothing),
	SAY(an_index_of_the_engines_own_moves_applied_on),
	SAY(the_watch_hears_after_the_change_is_visible))
