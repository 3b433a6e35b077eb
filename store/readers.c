#include "store/readers.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct database database; /* first: what is borrowed */
	struct reader *next;      /* while idle */
};

struct readers {
	char *path;
	size_t count, count_max;  /* open, idle or not */
	pthread_mutex_t lock;
	pthread_cond_t came_back;
	struct reader *idle;
};

struct readers *readers_create(const char *path, size_t count_max)
{
	struct readers *readers = calloc(1, sizeof *readers);
	if (readers && !(readers->path = strdup(path))) {
		free(readers);
		return NULL;
	}
	if (readers) {
		readers->count_max = count_max;
		pthread_mutex_init(&readers->lock, NULL);
		pthread_cond_init(&readers->came_back, NULL);
	}
	return readers;
}

void readers_destroy(struct readers *readers)
{
	if (!readers)
		return;
	for (struct reader *next, *reader = readers->idle; reader; reader = next) {
		next = reader->next;
		database_close(&reader->database);
		free(reader);
	}
	pthread_cond_destroy(&readers->came_back);
	pthread_mutex_destroy(&readers->lock);
	free(readers->path);
	free(readers);
}

static void one_less(struct readers *readers)
{
	pthread_mutex_lock(&readers->lock);
	readers->count--;
	pthread_cond_signal(&readers->came_back);
	pthread_mutex_unlock(&readers->lock);
}

static enum err open_another(struct readers *readers, struct database **out)
{
	struct reader *reader = calloc(1, sizeof *reader);
	enum err err = reader ? database_open(&reader->database, readers->path, DATABASE_READ, NULL)
	                      : ERR_NO_MEMORY;
	if (err != ERR_OK) {
		free(reader);
		one_less(readers);
		return err;
	}
	*out = &reader->database;
	return ERR_OK;
}

enum err readers_borrow(struct readers *readers, struct database **out)
{
	pthread_mutex_lock(&readers->lock);
	while (!readers->idle && readers->count == readers->count_max)
		pthread_cond_wait(&readers->came_back, &readers->lock);
	struct reader *reader = readers->idle;
	if (reader)
		readers->idle = reader->next;
	else
		readers->count++;
	pthread_mutex_unlock(&readers->lock);
	if (!reader)
		return open_another(readers, out);
	*out = &reader->database;
	return ERR_OK;
}

void readers_return(struct readers *readers, struct database *database)
{
	struct reader *reader = (struct reader *)database;
	if (!reader)
		return;
	/* A statement left in the middle would hold its view of the database. */
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		if (reader->database.statements[i])
			sqlite3_reset(reader->database.statements[i]);
	if (!sqlite3_get_autocommit(reader->database.db))
		database_do(&reader->database, COMMIT);
	pthread_mutex_lock(&readers->lock);
	reader->next = readers->idle;
	readers->idle = reader;
	pthread_cond_signal(&readers->came_back);
	pthread_mutex_unlock(&readers->lock);
}
