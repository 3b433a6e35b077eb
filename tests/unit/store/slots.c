/* Several slots: who may see them, and their end. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <stdlib.h>
#include <string.h>

#define NAMES(...) (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

/* The list as one text, for comparing. */
static const char *access_text(struct world *world, uint32_t slot)
{
	static char text[8192];
	struct slot_access access;
	*text = '\0';
	if (directory_slot_access(world->directory, slot, &access) != ERR_OK)
		return "no such slot";
	for (size_t i = 0; i < access.count; i++)
		strcat(strcat(text, access.allowed[i]), " ");
	slot_access_finish(&access);
	return text;
}

/* It is a client's own word, and is printed for administrators. */
static void a_label_has_no_control_characters(void)
{
	static const char *const good[] = { "", "craton", "Zahlungen f\xc3\xbcr \xe2\x82\xac", "a label of thirty-two bytes, see", "\xc2\xa0" };
	static const char *const bad[] = { "\x1b[2J", "two\nlines", "\x7f", "\xc2\x9bq", "a label of thirty-three bytes see" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CU_ASSERT(slot_label_ok(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CU_ASSERT(!slot_label_ok(bad[i]));
}

static void a_slot_is_for_those_on_its_list(void)
{
	struct world world;
	struct slot_access access;
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(world_slot_for(&world, "payments", NAMES("user:bob", "client:b", "client:a", "client:b")), 2);
	CU_ASSERT_STRING_EQUAL(access_text(&world, 1), "");
	CU_ASSERT_STRING_EQUAL(access_text(&world, 2), "client:a client:b user:bob ");
	CU_ASSERT_EQUAL(directory_slot_access(world.directory, 2, &access), ERR_OK);
	CU_ASSERT(slot_access_has(&access, "client:b") && slot_access_has(&access, "user:bob"));
	CU_ASSERT(!slot_access_has(&access, "client:bob") && !slot_access_has(&access, "client:") && !slot_access_has(&access, ""));
	slot_access_finish(&access);
	world_reopen(&world);
	CU_ASSERT_STRING_EQUAL(access_text(&world, 2), "client:a client:b user:bob ");
	world_end(&world);
}

static void a_list_is_replaced_and_survives_every_other_change_of_the_slot(void)
{
	struct world world;
	world_begin_with_slot(&world);
	struct hash_text open = world_digest(&world);
	CU_ASSERT_EQUAL(world_access(&world, 1, NAMES("client:a")), OUTCOME_DONE);
	CU_ASSERT(strcmp(open.text, world_digest(&world).text) != 0);
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, true, 0), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, 0, false), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_init_token(&world, 1), OUTCOME_DONE);
	CU_ASSERT_STRING_EQUAL(access_text(&world, 1), "client:a ");
	CU_ASSERT_EQUAL(world_access(&world, 1, NAMES("client:c", "user:d")), OUTCOME_DONE);
	CU_ASSERT_STRING_EQUAL(access_text(&world, 1), "client:c user:d ");
	CU_ASSERT_EQUAL(world_access(&world, 1, NULL, 0), OUTCOME_DONE);
	CU_ASSERT_STRING_EQUAL(access_text(&world, 1), "");
	CU_ASSERT_EQUAL(world_access(&world, 7, NULL, 0), OUTCOME_NOT_FOUND);
	world_reopen(&world);
	world_end(&world);
}

static void a_name_that_is_none_changes_nothing(void)
{
	static const char *const bad[] = { "", "bob", "client:", "user:", "admin:a", "Client:a", "client:a b", "client:a\n", "user:*",
		"client:0123456789012345678901234567890123456789012345678901234567890123456789" };
	static const char *many[SLOT_ACCESS_MAX + 1];
	static char names[SLOT_ACCESS_MAX + 1][80];
	struct world world;
	world_begin_with_slot(&world);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CU_ASSERT_EQUAL(world_access(&world, 1, NAMES("client:good", bad[i])), OUTCOME_MALFORMED);
		CU_ASSERT_EQUAL(world_slot_for(&world, "bad", &bad[i], 1), 0);
	}
	CU_ASSERT_STRING_EQUAL(access_text(&world, 1), "");
	for (size_t i = 0; i <= SLOT_ACCESS_MAX; i++) {
		snprintf(names[i], sizeof names[i], "client:%064zu", i);
		many[i] = names[i];
	}
	CU_ASSERT_EQUAL(world_access(&world, 1, many, SLOT_ACCESS_MAX + 1), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(world_access(&world, 1, many, SLOT_ACCESS_MAX), OUTCOME_DONE);
	world_reopen(&world);
	world_end(&world);
}

static void hear_reset(void *context, uint32_t slot)
{
	*(uint32_t *)context = slot;
}

static void a_slot_that_is_removed_takes_its_objects_along_and_no_others(void)
{
	struct world world;
	struct slot_record *slots, record;
	size_t count;
	uint32_t heard = 0;
	world_begin_with_slot(&world);
	world_slot_for(&world, "doomed", NAMES("client:a"));
	for (unsigned i = 0; i < 20; i++)
		world_create(&world, object_make(1 + i % 2, i, "key", CKO_SECRET_KEY, true));
	directory_set_watch(world.directory, &(struct directory_watch){ .slot_reset = hear_reset, .context = &heard });
	CU_ASSERT_EQUAL(world_remove(&world, 2), OUTCOME_DONE);
	CU_ASSERT_EQUAL(heard, 2);
	CU_ASSERT_EQUAL(world_count(&world), 10);
	CU_ASSERT_EQUAL(world_find(&world, 1, NULL, true), 10);
	CU_ASSERT_EQUAL(world_find(&world, 2, NULL, true), 0);
	CU_ASSERT_EQUAL(directory_slot(world.directory, 2, &record), ERR_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(access_text(&world, 2), "no such slot");
	CU_ASSERT_EQUAL(directory_slots(world.directory, &slots, &count), ERR_OK);
	CU_ASSERT_EQUAL(count, 1);
	free(slots);
	world_reopen(&world);
	CU_ASSERT_EQUAL(directory_slot(world.directory, 2, &record), ERR_NOT_FOUND);
	world_end(&world);
}

static void nothing_happens_to_a_slot_that_was_removed(void)
{
	struct world world;
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL(world_remove(&world, 1), OUTCOME_DONE);
	struct slot_record *slots;
	size_t count;
	CU_ASSERT_EQUAL(directory_slots(world.directory, &slots, &count), ERR_OK);
	CU_ASSERT_EQUAL(count, 0);
	free(slots);
	CU_ASSERT_EQUAL(world_remove(&world, 1), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_remove(&world, 0), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_access(&world, 1, NAMES("client:a")), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_init_token(&world, 1), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, true, 0), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, 0, true), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_create(&world, object_make(1, 1, "key", CKO_DATA, false)), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_slot(&world, "after the last"), 2);
	world_reopen(&world);
	CU_ASSERT_EQUAL(world_remove(&world, 2), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_slot(&world, "never again 2"), 3);
	world_end(&world);
}

static void a_snapshot_carries_lists_and_removals(void)
{
	struct world here, there;
	char path[128];
	uint64_t index;
	struct slot_record record;
	world_begin_with_slot(&here);
	world_slot_for(&here, "payments", NAMES("client:a", "user:b"));
	world_slot(&here, "doomed");
	world_remove(&here, 3);
	CU_ASSERT_EQUAL(directory_machine.snapshot(here.directory, world_path(&here, "copy", path), &index), ERR_OK);
	world_begin(&there);
	CU_ASSERT_EQUAL(directory_machine.restore(there.directory, path, index), ERR_OK);
	there.index = index;
	CU_ASSERT_STRING_EQUAL(world_digest(&there).text, world_digest(&here).text);
	CU_ASSERT_STRING_EQUAL(access_text(&there, 2), "client:a user:b ");
	CU_ASSERT_EQUAL(directory_slot(there.directory, 3, &record), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(world_slot(&there, "next"), 4);
	world_end(&there);
	world_end(&here);
}

TESTS("slots",
	SAY(a_label_has_no_control_characters),
	SAY(a_slot_is_for_those_on_its_list),
	SAY(a_list_is_replaced_and_survives_every_other_change_of_the_slot),
	SAY(a_name_that_is_none_changes_nothing),
	SAY(a_slot_that_is_removed_takes_its_objects_along_and_no_others),
	SAY(nothing_happens_to_a_slot_that_was_removed),
	SAY(a_snapshot_carries_lists_and_removals))
