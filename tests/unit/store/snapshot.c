/* A copy is the directory as of one index, and becomes one again. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void fill(struct world *world, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		world_create(world, object_make(1, i, "key", CKO_SECRET_KEY, i & 1));
}

static void a_snapshot_restores_the_same_directory_elsewhere(void)
{
	struct world here, there;
	struct attribute_list all = { 0 };
	char path[128];
	uint64_t index;
	world_begin_with_slot(&here);
	fill(&here, 0, 100);
	world_setting(&here, "domain", "ours");
	CU_ASSERT_EQUAL(directory_machine.snapshot(here.directory, world_path(&here, "copy", path), &index), ERR_OK);
	CU_ASSERT_EQUAL(index, here.index);
	world_begin_with_slot(&there);
	fill(&there, 500, 520); /* all of which the snapshot knows nothing of */
	CU_ASSERT_EQUAL(world_find(&there, 1, NULL, true), 20);
	CU_ASSERT_EQUAL(directory_machine.restore(there.directory, path, index), ERR_OK);
	CU_ASSERT_EQUAL(directory_applied(there.directory), index);
	CU_ASSERT_STRING_EQUAL(world_digest(&there).text, world_digest(&here).text);
	CU_ASSERT_EQUAL(world_find(&there, 1, NULL, true), 100);
	there.index = index;
	world_reopen(&there);
	CU_ASSERT_EQUAL(directory_applied(there.directory), index);
	/* And life goes on alike. */
	here.time_ms = there.time_ms = 1800000000000;
	Craton__Event none = CRATON__EVENT__INIT;
	struct id request = id_of(77);
	world_ask(&here, &none, &request, NULL);
	world_ask(&there, &none, &request, NULL);
	CU_ASSERT_STRING_EQUAL(world_digest(&there).text, world_digest(&here).text);
	attribute_list_finish(&all);
	world_end(&there);
	world_end(&here);
}

static void hear_everything(void *context)
{
	++*(int *)context;
}

static void the_watch_hears_of_a_restored_snapshot(void)
{
	struct world world;
	char path[128];
	uint64_t index;
	int heard = 0;
	world_begin_with_slot(&world);
	directory_set_watch(world.directory, &(struct directory_watch){ .everything = hear_everything, .context = &heard });
	CU_ASSERT_EQUAL(directory_machine.snapshot(world.directory, world_path(&world, "copy", path), &index), ERR_OK);
	CU_ASSERT_EQUAL(directory_machine.restore(world.directory, path, index), ERR_OK);
	CU_ASSERT_EQUAL(heard, 1);
	world_end(&world);
}

/* Changes one letter of some object's label. */
static void alter(const char *path)
{
	static uint8_t bytes[1 << 20];
	int fd = open(path, O_RDWR);
	CU_ASSERT_FATAL(fd >= 0);
	ssize_t size = read(fd, bytes, sizeof bytes);
	uint8_t *label = memmem(bytes, (size_t)size, "\x12\x03key", 5);
	CU_ASSERT_PTR_NOT_NULL_FATAL(label);
	CU_ASSERT_EQUAL(pwrite(fd, "q", 1, label + 2 - bytes), 1);
	close(fd);
}

/* Nothing of what was there before is lost when the copy is no good. */
static void a_snapshot_that_was_altered_or_is_of_another_index_is_refused(void)
{
	struct world world;
	char path[128];
	uint64_t index;
	world_begin_with_slot(&world);
	fill(&world, 0, 50);
	CU_ASSERT_EQUAL(directory_machine.snapshot(world.directory, world_path(&world, "copy", path), &index), ERR_OK);
	world_destroy(&world, 1, 3);
	struct hash_text digest = world_digest(&world);
	CU_ASSERT_EQUAL(directory_machine.restore(world.directory, path, index + 1), ERR_DAMAGED);
	alter(path);
	CU_ASSERT_EQUAL(directory_machine.restore(world.directory, path, index), ERR_DAMAGED);
	CU_ASSERT_EQUAL(truncate(path, 4096 * 2), 0);
	CU_ASSERT_EQUAL(directory_machine.restore(world.directory, path, index), ERR_DAMAGED);
	unlink(path);
	CU_ASSERT_NOT_EQUAL(directory_machine.restore(world.directory, path, index), ERR_OK);
	CU_ASSERT_STRING_EQUAL(world_digest(&world).text, digest.text);
	world_end(&world);
}

static void a_snapshot_of_another_cluster_is_refused(void)
{
	struct world world, other;
	char path[128];
	uint64_t index;
	world_begin_with_slot(&world);
	world_begin_elsewhere(&other);
	CU_ASSERT_EQUAL(directory_machine.snapshot(world.directory, world_path(&world, "copy", path), &index), ERR_OK);
	CU_ASSERT_EQUAL(directory_machine.restore(other.directory, path, index), ERR_DAMAGED);
	world_end(&other);
	world_end(&world);
}

struct copier { struct world *world; atomic_bool stop; atomic_uint copies, wrong; };

static void *copy_all_along(void *argument)
{
	struct copier *copier = argument;
	char path[128];
	while (!copier->stop) {
		uint64_t index = 0;
		snprintf(path, sizeof path, "%s/directory.db.copy", copier->world->folder);
		unlink(path);
		if (directory_machine.snapshot(copier->world->directory, path, &index) != ERR_OK || index == 0)
			copier->wrong++;
		copier->copies++;
	}
	return NULL;
}

/* Each copy, taken while entries are applied, is one that restores: its index and contents belong together. */
static void a_snapshot_taken_while_entries_come_is_of_one_moment(void)
{
	struct world world, other;
	char path[128];
	pthread_t thread;
	struct copier copier = { .world = &world };
	world_begin_with_slot(&world);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, copy_all_along, &copier), 0);
	for (unsigned i = 0; i < 400 || copier.copies < 3; i++)
		world_create(&world, object_make(1, i, "key", CKO_SECRET_KEY, true));
	copier.stop = true;
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(copier.wrong, 0);
	world_begin(&other);
	uint64_t index = 0;
	for (uint64_t try = world.index; try > 0 && !index; try--)
		if (directory_machine.restore(other.directory, world_path(&world, "directory.db.copy", path), try) == ERR_OK)
			index = try;
	CU_ASSERT(index > 0);
	CU_ASSERT_EQUAL(world_count(&other), index - 1); /* one slot, then an object an entry */
	world_end(&other);
	world_end(&world);
}

TESTS("store: snapshot",
	SAY(a_snapshot_restores_the_same_directory_elsewhere),
	SAY(the_watch_hears_of_a_restored_snapshot),
	SAY(a_snapshot_that_was_altered_or_is_of_another_index_is_refused),
	SAY(a_snapshot_of_another_cluster_is_refused),
	SAY(a_snapshot_taken_while_entries_come_is_of_one_moment))
