#include "ha/remote_pool.h"
#include "ha/descriptors.h"
#include <stdlib.h>

#define IDLE_MAX 64  /* connections kept open to one node while nobody uses them */
#define SPARE_MAX 4  /* so many may be those of probes: enough for when another member is lost, and not one more with every look */
#define OWING_MAX 16 /* and while it owes an answer that nobody waits for */

static void list_add(struct connection **list, struct connection *connection)
{
	connection->next = *list;
	connection->place = list;
	if (*list)
		(*list)->place = &connection->next;
	*list = connection;
}

static void list_remove(struct connection *connection)
{
	*connection->place = connection->next;
	if (connection->next)
		connection->next->place = connection->place;
}

static struct connection **list_end(struct connection **list)
{
	while (*list)
		list = &(*list)->next;
	return list;
}

static void connection_close(struct connection *connection)
{
	if (!connection)
		return;
	if (connection->channel)
		descriptor_closing(channel_fd(connection->channel));
	channel_close(connection->channel);
	buf_finish(&connection->request);
	free(connection);
}

void pool_return(struct remote *remote, struct connection *connection, enum line_end end)
{
	size_t idle_max = connection->stage == STAGE_GREETED ? SPARE_MAX : IDLE_MAX; /* nothing was asked on it yet */
	pthread_mutex_lock(&remote->lock);
	list_remove(connection);
	bool is_free = end == LINE_FREE && !remote->stopping && remote->idle_count < idle_max;
	bool is_owing = end == LINE_OWING && !remote->stopping && remote->owing_count < OWING_MAX;
	if (is_free) {
		list_add(&remote->idle, connection);
		remote->idle_count++;
	} else if (is_owing) {
		list_add(list_end(&remote->owing), connection);
		remote->owing_count++;
	}
	pthread_mutex_unlock(&remote->lock);
	if (!is_free && !is_owing)
		connection_close(connection);
}

static struct connection *borrow(struct remote *remote, struct connection **list, size_t *count)
{
	struct connection *connection;
	pthread_mutex_lock(&remote->lock);
	connection = remote->stopping ? NULL : *list;
	if (connection) {
		list_remove(connection);
		(*count)--;
		list_add(&remote->busy, connection);
	}
	pthread_mutex_unlock(&remote->lock);
	return connection;
}

struct connection *pool_borrow_idle(struct remote *remote)
{
	struct connection *connection;
	while ((connection = borrow(remote, &remote->idle, &remote->idle_count)) && !channel_is_idle(connection->channel))
		pool_return(remote, connection, LINE_BAD);
	return connection;
}

/* What it owes may have come. */
static enum err collect(struct connection *connection, enum heard *heard)
{
	Craton__Reply *reply = NULL;
	short events;
	enum err err = call_hear(connection->channel, FRAME_SIZE_MAX, heard, &reply, &events);
	reply_free(reply);
	return err;
}

static size_t owing_count(struct remote *remote)
{
	pthread_mutex_lock(&remote->lock);
	size_t count = remote->owing_count;
	pthread_mutex_unlock(&remote->lock);
	return count;
}

/* Each is looked at once. */
struct connection *pool_borrow_owing(struct remote *remote)
{
	struct connection *found = NULL;
	for (size_t left = owing_count(remote); left && !found; left--) {
		enum heard heard;
		struct connection *connection = borrow(remote, &remote->owing, &remote->owing_count);
		if (!connection)
			break;
		enum err err = collect(connection, &heard);
		if (err != ERR_OK)
			pool_return(remote, connection, LINE_BAD);
		else if (heard != HEARD_REPLY)
			pool_return(remote, connection, LINE_OWING); /* behind the others */
		else
			found = connection;
	}
	return found;
}

static void close_all(struct remote *remote, struct connection **list, size_t *count)
{
	struct connection *connection;
	while ((connection = borrow(remote, list, count)))
		pool_return(remote, connection, LINE_BAD);
}

void pool_close_unused(struct remote *remote)
{
	close_all(remote, &remote->idle, &remote->idle_count);
	close_all(remote, &remote->owing, &remote->owing_count);
}

enum err pool_add(struct remote *remote, struct connection *connection)
{
	pthread_mutex_lock(&remote->lock);
	bool stopping = remote->stopping;
	list_add(&remote->busy, connection);
	pthread_mutex_unlock(&remote->lock);
	return stopping ? ERR_CLOSED : ERR_OK;
}

enum err pool_dialled(struct remote *remote, struct connection *connection, struct channel *channel)
{
	pthread_mutex_lock(&remote->lock);
	bool stopping = remote->stopping;
	connection->channel = channel;
	pthread_mutex_unlock(&remote->lock);
	return stopping ? ERR_CLOSED : ERR_OK;
}

void pool_interrupt(struct remote *remote)
{
	pthread_mutex_lock(&remote->lock);
	remote->stopping = true;
	for (struct connection *c = remote->busy; c; c = c->next)
		if (c->channel)
			channel_interrupt(c->channel);
	pthread_mutex_unlock(&remote->lock);
}

static void free_all(struct connection **list)
{
	while (*list) {
		struct connection *connection = *list;
		list_remove(connection);
		connection_close(connection);
	}
}

void pool_finish(struct remote *remote)
{
	free_all(&remote->idle);
	free_all(&remote->owing);
}
