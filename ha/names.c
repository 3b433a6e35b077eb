#include "ha/names.h"
#include "ha/descriptors.h"
#include "ha/quiet_thread.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef NAMES_FRESH_MS        /* a test cannot wait so long */
#define NAMES_FRESH_MS 5000   /* so long nobody looks again: those who connect are few, and the lost are looked for every few seconds */
#endif

struct names {
	struct address address;
	bool may_start_threads;
	bool is_number;           /* there is nothing to look up */
	int wake[2];              /* two ends of a socket: readable, once opened, while nothing is being looked up */
	pthread_mutex_t lock;     /* guards all below */
	struct resolved known;    /* none: nothing is */
	enum err err;             /* of the last lookup */
	int64_t looked_up_ms;
	bool is_looking, stopping;
	unsigned holders;         /* whoever created it, and the thread while it looks */
};

struct names *names_create(const struct address *address, bool may_start_threads)
{
	struct names *names = calloc(1, sizeof *names);
	if (!names)
		return NULL;
	names->address = *address;
	names->may_start_threads = may_start_threads;
	names->is_number = socket_resolve_number(address, &names->known) == ERR_OK;
	names->wake[0] = names->wake[1] = -1;
	names->holders = 1;
	pthread_mutex_init(&names->lock, NULL);
	return names;
}

static bool open_wake_locked(struct names *names)
{
	if (names->wake[0] >= 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, names->wake) < 0)
		return false;
	descriptor_opened(names->wake[0]);
	descriptor_opened(names->wake[1]);
	return true;
}

/* Unlocks. */
static void leave(struct names *names)
{
	bool is_last = --names->holders == 0;
	pthread_mutex_unlock(&names->lock);
	if (!is_last)
		return;
	for (int i = 0; i < 2; i++) {
		descriptor_closing(names->wake[i]);
		if (names->wake[i] >= 0)
			close(names->wake[i]);
	}
	pthread_mutex_destroy(&names->lock);
	free(names);
}

void names_destroy(struct names *names)
{
	if (!names)
		return;
	pthread_mutex_lock(&names->lock);
	leave(names);
}

static void ring_locked(const struct names *names)
{
	send(names->wake[1], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void names_interrupt(struct names *names)
{
	pthread_mutex_lock(&names->lock);
	names->stopping = true;
	ring_locked(names);
	pthread_mutex_unlock(&names->lock);
}

/* Comes back with the lock held. */
static void look_up(struct names *names)
{
	struct resolved found;
	enum err err = socket_resolve(&names->address, &found);
	pthread_mutex_lock(&names->lock);
	names->err = err;
	if (err == ERR_OK)
		names->known = found;
	names->looked_up_ms = clock_ms();
	names->is_looking = false;
	ring_locked(names);
}

static void *look_up_in_thread(void *argument)
{
	struct names *names = argument;
	look_up(names);
	leave(names);
	return NULL;
}

static bool start_thread_locked(struct names *names)
{
	pthread_t thread;
	if (!names->may_start_threads || !quiet_thread_start(&thread, look_up_in_thread, names))
		return false;
	pthread_detach(thread);
	names->holders++;
	return true;
}

static void begin_locked(struct names *names)
{
	char rings[16];
	names->is_looking = open_wake_locked(names);
	names->err = names->is_looking ? ERR_OK : ERR_IO;
	if (!names->is_looking)
		return;
	while (recv(names->wake[0], rings, sizeof rings, MSG_DONTWAIT) > 0)
		;
	if (start_thread_locked(names))
		return;
	pthread_mutex_unlock(&names->lock);
	look_up(names);
}

static bool is_wanted(const struct names *names)
{
	bool is_fresh = names->known.count && clock_ms() < names->looked_up_ms + NAMES_FRESH_MS;
	return !names->is_number && !names->is_looking && !names->stopping && !is_fresh;
}

static enum err found_locked(const struct names *names, struct resolved *out)
{
	*out = names->known;
	if (names->stopping)
		return ERR_CLOSED;
	return names->known.count || names->is_looking ? ERR_OK : names->err;
}

enum err names_want(struct names *names, struct resolved *out)
{
	pthread_mutex_lock(&names->lock);
	if (is_wanted(names))
		begin_locked(names);
	enum err err = found_locked(names, out);
	pthread_mutex_unlock(&names->lock);
	return err;
}

enum err names_found(struct names *names, struct resolved *out)
{
	pthread_mutex_lock(&names->lock);
	enum err err = found_locked(names, out);
	pthread_mutex_unlock(&names->lock);
	return err;
}

int names_fd(const struct names *names)
{
	return names->wake[0];
}
