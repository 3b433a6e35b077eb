#include "store/checkpoint.h"
#include "base/log.h"
#include "store/database.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES_MAX 2000 /* of 4 KiB: a WAL of about 8 MB */

struct checkpoint {
	char *path;
	pthread_mutex_t lock;
	pthread_cond_t wanted_now;
	pthread_t thread;
	bool running, wanted, stopping;
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

/* PASSIVE never waits for readers or the writer, and does what it can. */
static void move(const char *path)
{
	struct database database;
	if (database_open(&database, path, DATABASE_WRITE, NULL) == ERR_OK
	    && sqlite3_wal_checkpoint_v2(database.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
		database_failure(&database, "checkpoint");
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
		/* Failure is logged; a disk that is really broken fails the writer too, which stops the node. */
		move(checkpoint->path);
		pthread_mutex_lock(&checkpoint->lock);
	}
	pthread_mutex_unlock(&checkpoint->lock);
	return NULL;
}

void checkpoint_consider(struct checkpoint *checkpoint, int pages)
{
	if (pages < PAGES_MAX)
		return;
	pthread_mutex_lock(&checkpoint->lock);
	checkpoint->wanted = true;
	if (!checkpoint->running)
		checkpoint->running = pthread_create(&checkpoint->thread, NULL, checkpoint_main, checkpoint) == 0;
	bool running = checkpoint->running;
	pthread_cond_signal(&checkpoint->wanted_now);
	pthread_mutex_unlock(&checkpoint->lock);
	if (!running)
		move(checkpoint->path);
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
