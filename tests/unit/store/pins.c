/* A slot's life: its number, its being initialised anew, its PINs and the guesses at them. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <stdlib.h>

static void slots_are_numbered_from_one_and_never_again(void)
{
	struct world world;
	struct slot_record *slots;
	size_t count;
	world_begin(&world);
	CU_ASSERT_EQUAL(world_slot(&world, "first"), 1);
	CU_ASSERT_EQUAL(world_slot(&world, "second"), 2);
	world_reopen(&world);
	CU_ASSERT_EQUAL(world_slot(&world, "third"), 3);
	CU_ASSERT_EQUAL(world_slot(&world, "a label of more than 32 characters"), 0);
	CU_ASSERT_EQUAL(directory_slots(world.directory, &slots, &count), ERR_OK);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT_STRING_EQUAL(slots[1].label, "second");
	CU_ASSERT_STRING_EQUAL(slots[1].serial, "0123456789abcdef");
	CU_ASSERT(slots[2].so.is_set && slots[2].user.is_set);
	free(slots);
	world_end(&world);
}

static void initialising_a_token_destroys_its_objects_and_no_others(void)
{
	struct world world;
	world_begin_with_slot(&world);
	world_slot(&world, "other");
	for (unsigned i = 0; i < 20; i++)
		world_create(&world, object_make(1 + i % 2, i, "key", CKO_SECRET_KEY, true));
	uint64_t generation = world_slot_record(&world, 1).generation;
	CU_ASSERT_EQUAL(world_init_token(&world, 1), OUTCOME_DONE);
	struct slot_record slot = world_slot_record(&world, 1);
	CU_ASSERT_EQUAL(slot.generation, generation + 1);
	CU_ASSERT_STRING_EQUAL(slot.label, "anew");
	CU_ASSERT(!slot.user.is_set);
	CU_ASSERT(slot.so.is_set);
	CU_ASSERT_EQUAL(world_find(&world, 1, NULL, true), 0);
	CU_ASSERT_EQUAL(world_find(&world, 2, NULL, true), 10);
	CU_ASSERT_EQUAL(world_init_token(&world, 9), OUTCOME_NOT_FOUND);
	world_reopen(&world);
	world_end(&world);
}

static void failed_logins_lock_a_pin_and_only_the_so_unlocks_the_users(void)
{
	struct world world;
	world_begin_with_slot(&world);
	uint64_t generation = world_slot_record(&world, 1).generation;
	for (unsigned i = 0; i < LOGIN_FAILURES_MAX - 1; i++)
		CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, generation, false), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, generation, true), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_slot_record(&world, 1).user.failures, 0);
	for (unsigned i = 0; i < LOGIN_FAILURES_MAX; i++)
		CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, generation, false), OUTCOME_DONE);
	struct slot_record slot = world_slot_record(&world, 1);
	CU_ASSERT(PIN_LOCKED(&slot.user));
	CU_ASSERT(!PIN_LOCKED(&slot.so));
	/* A success that was under way comes too late. */
	CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, generation, true), OUTCOME_LOCKED);
	CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, generation, false), OUTCOME_LOCKED);
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, false, generation), OUTCOME_LOCKED);
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, true, generation), OUTCOME_DONE);
	slot = world_slot_record(&world, 1);
	CU_ASSERT(!PIN_LOCKED(&slot.user));
	CU_ASSERT_EQUAL(slot.generation, generation + 1);
	world_end(&world);
}

static void a_guess_at_a_pin_that_has_changed_counts_for_nothing(void)
{
	struct world world;
	world_begin_with_slot(&world);
	uint64_t generation = world_slot_record(&world, 1).generation;
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, false, generation), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, generation, false), OUTCOME_STALE);
	CU_ASSERT_EQUAL(world_slot_record(&world, 1).user.failures, 0);
	/* Nor does a second change that was based on the old PIN. */
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, false, generation), OUTCOME_STALE);
	world_end(&world);
}

static void a_user_pin_that_was_never_set_is_the_sos_to_set(void)
{
	struct world world;
	world_begin_with_slot(&world);
	world_init_token(&world, 1);
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, false, 0), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_login(&world, 1, CRATON__ROLE__ROLE_USER, 0, false), OUTCOME_NOT_FOUND);
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_USER, true, 0), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_pin(&world, 1, CRATON__ROLE__ROLE_NONE, true, 0), OUTCOME_MALFORMED);
	world_end(&world);
}

TESTS("store: pins",
	SAY(slots_are_numbered_from_one_and_never_again),
	SAY(initialising_a_token_destroys_its_objects_and_no_others),
	SAY(failed_logins_lock_a_pin_and_only_the_so_unlocks_the_users),
	SAY(a_guess_at_a_pin_that_has_changed_counts_for_nothing),
	SAY(a_user_pin_that_was_never_set_is_the_sos_to_set))
