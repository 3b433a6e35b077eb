/* Settings: the last word counts, but for what the others rule out. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <string.h>

static void a_setting_is_what_was_said_last(void)
{
	struct world world;
	struct buf value;
	world_begin(&world);
	buf_init(&value, 100);
	CU_ASSERT_EQUAL(directory_setting(world.directory, "domain", &value), ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(world_setting(&world, "domain", "one"), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_setting(&world, "domain", "two"), OUTCOME_DONE);
	CU_ASSERT_EQUAL(world_setting(&world, "", "nothing"), OUTCOME_MALFORMED);
	CU_ASSERT_EQUAL(directory_setting(world.directory, "domain", &value), ERR_OK);
	CU_ASSERT(value.size == 3 && !memcmp(value.data, "two", 3));
	buf_finish(&value);
	world_reopen(&world);
	world_end(&world);
}

static enum outcome set_unless(struct world *world, const char *name, const char *value, const char *const *others, size_t count)
{
	Craton__SettingChanged change = CRATON__SETTING_CHANGED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	change.name = (char *)(uintptr_t)name;
	change.value = (ProtobufCBinaryData){ strlen(value), (uint8_t *)(uintptr_t)value };
	change.unless = (char **)(uintptr_t)others;
	change.n_unless = count;
	event.change_case = CRATON__EVENT__CHANGE_SETTING_CHANGED;
	event.setting_changed = &change;
	return world_do(world, &event, NULL);
}

static bool is_set_to(struct world *world, const char *name, const char *text)
{
	struct buf value;
	buf_init(&value, 100);
	bool is = directory_setting(world->directory, name, &value) == ERR_OK && value.size == strlen(text) &&
	          memcmp(value.data, text, value.size) == 0;
	buf_finish(&value);
	return is;
}

/* Whoever wrote the second did not know of the first. */
static void a_setting_is_ruled_out_by_the_others_as_they_are_when_it_is_applied(void)
{
	struct world world;
	world_begin(&world);
	CU_ASSERT_EQUAL(set_unless(&world, "duty.1", "draining", (const char *[]){ "duty.2", "duty.3" }, 2), OUTCOME_DONE);
	CU_ASSERT_EQUAL(set_unless(&world, "duty.2", "draining", (const char *[]){ "duty.1", "duty.3" }, 2), OUTCOME_DONE);
	struct hash_text before = world_digest(&world);
	CU_ASSERT_EQUAL(set_unless(&world, "duty.3", "draining", (const char *[]){ "duty.1", "duty.2" }, 2), OUTCOME_CONFLICT);
	CU_ASSERT_FALSE(is_set_to(&world, "duty.3", "draining"));
	CU_ASSERT_STRING_NOT_EQUAL(before.text, world_digest(&world).text); /* that it was asked for is remembered */
	CU_ASSERT_EQUAL(set_unless(&world, "duty.3", "standby", (const char *[]){ "duty.1", "duty.2" }, 2), OUTCOME_DONE);
	CU_ASSERT_EQUAL(set_unless(&world, "duty.1", "active", (const char *[]){ "duty.2", "duty.3" }, 2), OUTCOME_DONE);
	CU_ASSERT_EQUAL(set_unless(&world, "duty.3", "draining", (const char *[]){ "duty.1", "duty.2" }, 2), OUTCOME_DONE);
	CU_ASSERT_TRUE(is_set_to(&world, "duty.3", "draining"));
	world_reopen(&world);
	world_end(&world);
}

TESTS("store: settings",
	SAY(a_setting_is_what_was_said_last),
	SAY(a_setting_is_ruled_out_by_the_others_as_they_are_when_it_is_applied))
