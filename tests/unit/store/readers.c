/* Many read while one writes: each answer is of one moment, and never from before what was acknowledged. */
#include "tests/check.h"
#include "tests/unit/store/world.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define THREADS 24 /* more than there are connections */

struct scene { struct world world; atomic_bool stop; atomic_uint wrong; atomic_uint answers; atomic_uint created; };

/* Objects come in pairs that share a label: whoever finds one finds the other. */
static void *look(void *argument)
{
	struct scene *scene = argument;
	while (!scene->stop) {
		struct attribute_list wanted = { 0 };
		Craton__FindReply reply;
		unsigned before = scene->created;
		if (directory_find(scene->world.directory, 1, &wanted, true, NULL, 0, &reply) != ERR_OK) {
			scene->wrong++;
			break;
		}
		if (reply.n_list % 2 || reply.n_list < before)
			scene->wrong++;
		directory_find_release(&reply);
		scene->answers++;
	}
	return NULL;
}

static void create_pair(struct world *world, unsigned number)
{
	Craton__Object *objects[] = { object_make(1, 2 * number, "pair", CKO_PUBLIC_KEY, false),
	                              object_make(1, 2 * number + 1, "pair", CKO_PRIVATE_KEY, true) };
	Craton__ObjectCreated change = CRATON__OBJECT_CREATED__INIT;
	Craton__Event event = CRATON__EVENT__INIT;
	change.n_objects = 2;
	change.objects = objects;
	event.change_case = CRATON__EVENT__CHANGE_OBJECT_CREATED;
	event.object_created = &change;
	CU_ASSERT_EQUAL(world_do(world, &event, NULL), OUTCOME_DONE);
	craton__object__free_unpacked(objects[0], NULL);
	craton__object__free_unpacked(objects[1], NULL);
}

static void readers_see_whole_entries_and_all_that_was_acknowledged(void)
{
	struct scene scene = { .created = 0 };
	pthread_t threads[THREADS];
	world_begin_with_slot(&scene.world);
	for (size_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, look, &scene), 0);
	for (unsigned i = 0; i < 60; i++) {
		create_pair(&scene.world, i);
		scene.created = 2 * (i + 1);
	}
	while (scene.answers < 200 && !scene.wrong)
		sched_yield();
	scene.stop = true;
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(scene.wrong, 0);
	world_end(&scene.world);
}

/* While a snapshot replaces everything, a reader has the old or the new. */
static void readers_see_the_old_or_the_new_while_a_snapshot_is_restored(void)
{
	struct scene scene = { .created = 0 };
	pthread_t threads[4];
	char path[128];
	uint64_t index;
	world_begin_with_slot(&scene.world);
	for (unsigned i = 0; i < 20; i++)
		create_pair(&scene.world, i);
	CU_ASSERT_EQUAL(directory_machine.snapshot(scene.world.directory, world_path(&scene.world, "copy", path), &index), ERR_OK);
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, look, &scene), 0);
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(directory_machine.restore(scene.world.directory, path, index), ERR_OK);
	scene.stop = true;
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(scene.wrong, 0);
	CU_ASSERT_EQUAL(world_find(&scene.world, 1, NULL, true), 40);
	world_end(&scene.world);
}

/* Past the checkpoint's limit, so that its thread takes part. */
static void what_has_been_checkpointed_is_read_all_the_same(void)
{
	struct world world;
	static char big[40000];
	memset(big, 'x', sizeof big - 1);
	world_begin_with_slot(&world);
	for (unsigned i = 0; i < 400; i++)
		world_create(&world, object_make(1, i, big, CKO_DATA, false));
	CU_ASSERT_EQUAL(world_find(&world, 1, big, true), 400);
	world_reopen(&world);
	CU_ASSERT_EQUAL(world_find(&world, 1, big, true), 400);
	world_end(&world);
}

/* SQLite's way to the disk, from this program as well. The checkpoint's thread is held there until so many more commits were made; the
 * writer's own never are. */
#define COMMITS_MEANWHILE 5
static struct disk {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool is_slow;
	pthread_t writer;
	unsigned commits;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	pthread_mutex_lock(&disk.lock);
	unsigned until = disk.commits + COMMITS_MEANWHILE;
	while (disk.is_slow && !pthread_equal(disk.writer, pthread_self()) && disk.commits < until)
		pthread_cond_wait(&disk.moved, &disk.lock);
	pthread_mutex_unlock(&disk.lock);
	return fsync(fd);
}

static void disk_set(bool is_slow, unsigned commits)
{
	pthread_mutex_lock(&disk.lock);
	disk.is_slow = is_slow;
	disk.writer = pthread_self();
	disk.commits += commits;
	pthread_cond_broadcast(&disk.moved);
	pthread_mutex_unlock(&disk.lock);
}

/* "Checkpoint sequence number" of the WAL's header: another for each time it begins anew. */
static uint32_t wal_beginnings(const struct world *world)
{
	char path[128];
	uint8_t number[4] = { 0 };
	int fd = open(world_path(world, "directory.db-wal", path), O_RDONLY);
	CU_ASSERT_EQUAL(pread(fd, number, sizeof number, 12), sizeof number);
	close(fd);
	return (uint32_t)number[0] << 24 | (uint32_t)number[1] << 16 | (uint32_t)number[2] << 8 | number[3];
}

static void a_wal_begins_anew_though_commits_come_faster_than_the_disk(void)
{
	struct world world;
	static char big[200000];
	memset(big, 'x', sizeof big - 1);
	world_begin_with_slot(&world);
	uint32_t before = wal_beginnings(&world);
	disk_set(true, 0);
	for (unsigned i = 0; i < 1000 && wal_beginnings(&world) == before; i++) {
		world_create(&world, object_make(1, i, big, CKO_DATA, false));
		disk_set(true, 1);
	}
	disk_set(false, 0);
	CU_ASSERT_NOT_EQUAL(wal_beginnings(&world), before);
	world_end(&world);
}

TESTS("store: readers",
	SAY(readers_see_whole_entries_and_all_that_was_acknowledged),
	SAY(readers_see_the_old_or_the_new_while_a_snapshot_is_restored),
	SAY(what_has_been_checkpointed_is_read_all_the_same),
	SAY(a_wal_begins_anew_though_commits_come_faster_than_the_disk))
