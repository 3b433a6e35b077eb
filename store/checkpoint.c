#include "store/checkpoint.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES_MAX 2000  /* of 4 KiB: a WAL of about 8 MB */
#define PAGES_MANY 8000 /* the writer helps */

struct checkpoint {
	char *path;
	pthread_mutex_t lock;
	pthread_cond_t wanted_now;
	pthread_t thread;
	bool running, wanted, stopping;
	_Atomic int moved;     /* pages of the WAL, as of the last time */
};

struct checkpoint *checkpoint_create(const char *path)
{
	struct checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
	if (checkpoint && !(checkpoint->path = strdup(path))) {
		free(checkpoint);
		return NULL;
	}
	if (checkpoint) {
		pthread_mutex_init(&checkpoint->lock, NULL);
		pthread_cond_init(&checkpoint->wanted_now, NULL);
	}
	return checkpoint;
}

/* PASSIVE never waits for readers or the writer, and does what it can: nothing while another is at it. Failure is logged; a disk that is
 * really broken fails the writer too, which stops the node. */
static void move_with(struct checkpoint *checkpoint, struct database *database)
{
	int moved = 0;
	int rv = sqlite3_wal_checkpoint_v2(database->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, &moved);
	if (rv == SQLITE_OK)
		checkpoint->moved = moved;
	else if (rv != SQLITE_BUSY)
		database_failure(database, "checkpoint");
}

static void move(struct checkpoint *checkpoint)
{
	struct database database;
	if (database_open(&database, checkpoint->path, DATABASE_WRITE, NULL) == ERR_OK)
		move_with(checkpoint, &database);
	database_close(&database);
}

static void *checkpoint_main(void *argument)
{
	struct checkpoint *checkpoint = argument;
	pthread_mutex_lock(&checkpoint->lock);
	for (;;) {
		while (!checkpoint->wanted && !checkpoint->stopping)
			pthread_cond_wait(&checkpoint->wanted_now, &checkpoint->lock);
		if (checkpoint->stopping)
			break;
		checkpoint->wanted = false;
		pthread_mutex_unlock(&checkpoint->lock);
		move(checkpoint);
		pthread_mutex_lock(&checkpoint->lock);
	}
	pthread_mutex_unlock(&checkpoint->lock);
	return NULL;
}

void checkpoint_begin(struct checkpoint *checkpoint)
{
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->wanted = true;
	if (!checkpoint->running)
		checkpoint->running = pthread_create(&checkpoint->thread, NULL, checkpoint_main, checkpoint) == 0;
	bool running = checkpoint->running;
	pthread_cond_signal(&checkpoint->wanted_now);
	pthread_mutex_unlock(&checkpoint->lock);
	if (!running)
		move(checkpoint);
}

/* A quarter is little enough: so a WAL is never longer than four times what comes while the thread moves some. */
void checkpoint_consider(struct checkpoint *checkpoint, struct database *writer, int pages)
{
	if (pages >= PAGES_MANY && pages - checkpoint->moved < pages / 4)
		move_with(checkpoint, writer);
	else if (pages >= PAGES_MAX)
		checkpoint_begin(checkpoint);
}

/* A commit is in the WAL, or a checkpoint has moved it into the file and forced it there. */
enum err checkpoint_sync(struct checkpoint *checkpoint)
{
	char *wal = NULL;
	if (asprintf(&wal, "%s-wal", checkpoint->path) < 0)
		return ERR_NO_MEMORY;
	int fd = open(wal, O_RDONLY | O_CLOEXEC);
	enum err err = ERR_OK;
	if ((fd < 0 && errno != ENOENT) || (fd >= 0 && fsync(fd) != 0)) {
		log_error("store", "can't force the database to the disk file=%s reason=%s", wal, strerror(errno));
		err = ERR_IO;
	}
	if (fd >= 0)
		close(fd);
	free(wal);
	return err;
}

void checkpoint_destroy(struct checkpoint *checkpoint)
{
	if (!checkpoint)
		return;
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->stopping = true;
	pthread_cond_signal(&checkpoint->wanted_now);
	pthread_mutex_unlock(&checkpoint->lock);
	if (checkpoint->running)
		pthread_join(checkpoint->thread, NULL);
	pthread_cond_destroy(&checkpoint->wanted_now);
	pthread_mutex_destroy(&checkpoint->lock);
	free(checkpoint->path);
	free(checkpoint);
}
